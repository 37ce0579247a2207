"""Text from elsewhere, made fit for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line without control characters: what a server sends must not steer the
    terminal that shows it.
    """
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
