"""What a client shows to an API server, and texts of a kubeconfig that make it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from alb_mutual_tls.errors import UserError


@dataclass(frozen=True)
class KubernetesCredential:
    """What the client shows to the API server.

    It is a bearer token, a client certificate with its key (PEM), a name and password, or nothing.
    """

    token: str | None = None
    certificate: bytes | None = None
    private_key: bytes | None = None
    password: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return "Credential(...)"


def shown_name(name: str) -> str:
    return name if name and name.isprintable() else repr(name)


def text_of(content: Mapping[str, Any], key: str, where: str, *, number: bool = False) -> str | None:
    """A field that is text, None where it is not set.

    Its value is never said, because it may be a secret.
    """
    value = content.get(key)
    if number and isinstance(value, int | float):
        return str(value)
    if value is not None and (not isinstance(value, str) or "\0" in value):
        raise UserError(f"{key} of {where} is not text: put it in quotes, or correct the kubeconfig")
    return value


def sendable(token: str | None, where: str) -> str | None:
    """Return a token that can stand in a header.

    A token that was pasted, or saved by an editor, often cannot.
    """
    if token is None or (token.isascii() and token.isprintable()):
        return token
    if BYTE_ORDER_MARK in token:
        what = "a byte order mark"
    elif "\n" in token or "\r" in token:
        what = "a line break"
    else:
        what = "a character that is not a visible one of ASCII"
    raise UserError(
        f"the token of {where} holds {what}, which no header can hold: write the token anew, in one line and"
        " in ASCII"
    )


BYTE_ORDER_MARK: Final = "\ufeff"
