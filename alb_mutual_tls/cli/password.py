"""Reads the passwords of files from a file of their own.

They never come from the command line, where every user of the machine can read them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError

_LIMIT: Final = 4096


def first_line(file: Path) -> str:
    """Return the first line of a password file.

    Raises `UserError` when it cannot be read, is too long or is empty.
    """
    try:
        with file.open("rb") as content:
            line = content.readline(_LIMIT)
        text = line.removesuffix(b"\n").decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "its first line is not text"
        raise UserError(f"--password-file {file} cannot be read: {reason}; give a text file") from None
    if len(line) == _LIMIT:
        raise UserError(
            f"--password-file {file} has a first line of {_LIMIT} bytes or more: give a text file with a"
            " password"
        )
    password = text.rstrip("\r")
    if not password:
        raise UserError(f"--password-file {file} has an empty first line: put the password there")
    return password
