"""The colours of the page, for light and for dark screens.

Each says what it is for. A unit test holds the contrast that WCAG 2 asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LIGHT: Final[Mapping[str, str]] = {
    "paper": "#ffffff",
    "panel": "#f3f5f8",
    "ink": "#18202c",
    "quiet": "#4d5868",
    "line": "#7f8a9a",
    "rule": "#d5dae2",
    "link": "#1d4f9c",
    "good": "#0a6331",
    "good-back": "#e0f4e7",
    "bad": "#a3161c",
    "bad-back": "#fde8e8",
    "grey": "#4d5868",
    "grey-back": "#e9ecf1",
}
DARK: Final[Mapping[str, str]] = {
    "paper": "#12161d",
    "panel": "#1b212b",
    "ink": "#e8ecf2",
    "quiet": "#a9b4c4",
    "line": "#7c889a",
    "rule": "#343d4b",
    "link": "#8fb8ff",
    "good": "#7fdba0",
    "good-back": "#12351f",
    "bad": "#ff9d9d",
    "bad-back": "#461a1d",
    "grey": "#b3bdcb",
    "grey-back": "#29313d",
}
TEXT: Final = (
    ("ink", "paper"),
    ("ink", "panel"),
    ("quiet", "paper"),
    ("quiet", "panel"),
    ("link", "paper"),
    ("link", "panel"),
    ("good", "paper"),
    ("bad", "paper"),
    *((text, f"{back}-back") for back in ("good", "bad", "grey") for text in (back, "ink", "quiet")),
)
"""What is written in which colour on which."""
GRAPHICS: Final = (
    ("line", "paper"),
    ("line", "panel"),
    ("link", "paper"),
    ("good", "paper"),
    ("bad", "paper"),
)
"""Lines and bars that mean something."""


def css(colours: Mapping[str, str]) -> str:
    """As custom properties."""
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())
