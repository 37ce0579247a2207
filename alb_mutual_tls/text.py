"""Text from elsewhere: fit for a terminal, or read as a time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from alb_mutual_tls.errors import UserError

_DURATION: Final = re.compile(r"([0-9]{1,6})([dh])", re.ASCII)


def printable(text: str) -> str:
    """Return the text on one line without control characters.

    What a server sends must not steer the terminal that shows it.
    """
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def duration(text: str) -> timedelta:
    """Parse a number of days or hours, for instance 14d or 36h.

    Raises `UserError` for anything else.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UserError(
            f"--fail-within {text!r} is not a time: give a whole number of days or hours, for instance 14d"
            " or 36h"
        )
    number = int(match[1])
    return timedelta(days=number) if match[2] == "d" else timedelta(hours=number)
