"""How the engine marks secret and unknown values in states and events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from alb_mutual_tls.errors import UserError

# The signature by which a deployment marks a secret value
# (https://www.pulumi.com/docs/iac/concepts/secrets/).
SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a marker)


def plain(value: Any) -> Any:
    """Return a value of an exported deployment with its secrets unwrapped.

    The deployment must be exported with --show-secrets; raises UserError on encrypted secrets.
    """
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            if "plaintext" not in value:
                raise UserError(
                    "the stack's secrets came encrypted: `pulumi stack export --show-secrets` of this version"
                    " cannot be read"
                )
            return plain(json.loads(value["plaintext"]))
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def without_secrets(value: Any) -> Any:
    """Return a value of an exported deployment with None for each secret.

    It reads a deployment that was exported without --show-secrets.
    """
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            return None
        return {key: without_secrets(item) for key, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that is only known after the update."""
Properties = dict[str, Any]
T = TypeVar("T")


class Unknown(Enum):
    """The type of `UNKNOWN`: an enumeration, so that mypy narrows `is UNKNOWN`."""

    UNKNOWN = UNKNOWN_TEXT

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false: compare it with `is UNKNOWN`")


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that the engine does not know yet, of a resource that is still to be made."""
UNKNOWN_TEXTS: Final = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


def known(value: T | Unknown) -> T:
    """A value that cannot be unknown any more."""
    assert not isinstance(value, Unknown), "the engine has not said what it is"
    return value


def has_unknown(value: object) -> bool:
    """Whether `value` is, or anywhere holds, a value that is not known yet."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False


@dataclass(frozen=True)
class CheckFailure:
    """An input that is not valid.

    `property`: its name. `reason`: one sentence with the rule and the remedy.
    """

    property: str
    reason: str
