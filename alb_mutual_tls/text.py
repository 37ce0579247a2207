"""Text from elsewhere: fit for a terminal, or read as a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from alb_mutual_tls.errors import UserError

_DURATION: Final = re.compile(r"([0-9]{1,6})([dh])", re.ASCII)


def printable(text: str) -> str:
    """Return the text on one line without control characters.

    What a server sends must not steer the terminal that shows it.
    """
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one is meant for, whatever its case."""
    import difflib

    folded = {other.casefold(): other for other in known}
    return next((folded[match] for match in difflib.get_close_matches(name.casefold(), folded, 1, 0.8)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What ends a sentence that has listed the known names.

    Empty when none is near, or when the one that there is has just been named.
    """
    names = set(known)
    other = near(name, names)
    return "" if other is None or len(names) == 1 else f"; did you mean {other}?"


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
