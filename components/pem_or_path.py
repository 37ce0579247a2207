"""A value of the configuration that is PEM text, or the path of a file with it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alb_mutual_tls.pki.bundle import holds_private_key

_MOST_BYTES: Final = 100_000


def pem_text(value: str) -> str:
    """The PEM text.

    A path counts from the project's directory, in which the engine runs the program. Raises
    `ValueError` with a sentence when it is neither, or when a private key is in it: keys are never
    part of what is public.
    """
    text = _inline(value) if "-----BEGIN " in value else _read(value)
    if holds_private_key(text):
        raise ValueError(
            "contains a private key, which must never leave its place; give what is public alone"
        )
    return text


def _inline(text: str) -> str:
    if len(text) > _MOST_BYTES:
        raise ValueError(
            f"is a text of more than {_MOST_BYTES} characters and cannot be PEM of a certificate; give the"
            " right text"
        )
    return text


def _read(path: str) -> str:
    shown = repr(path if len(path) <= 60 else f"...{path[-57:]}")
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(
            f"{shown} is neither PEM text nor a file that can be read ({reason}); give the text, or a path"
            " from the project's directory"
        ) from None
    if len(content) > _MOST_BYTES:
        raise ValueError(
            f"{shown} is a file of more than {_MOST_BYTES} bytes and cannot be PEM of a certificate; give the"
            " right file"
        )
    # Tools and people write names and comments above PEM, in any encoding; PEM itself is ASCII.
    if b"-----BEGIN " not in content:
        raise ValueError(
            f"{shown} is a file without PEM text (a line -----BEGIN ... in ASCII or UTF-8); convert it with"
            " openssl, for instance with -outform PEM"
        )
    return content.decode("ascii", errors="replace")
