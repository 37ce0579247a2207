"""Text as HTML: whatever is put in is escaped, unless it is HTML already."""

from __future__ import annotations

import unicodedata
from html import escape
from typing import Final

from alb_mutual_tls.text import printable

_VOID: Final = frozenset({"meta", "line", "rect", "path", "circle"})
"""Elements that this page has without content."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | None
"""A value (escaped when it is put in), HTML, or nothing."""


def html(value: Content) -> Html:
    """A value as HTML, on one line and without control characters."""
    return value if isinstance(value, Html) else Html(escape(_clean(value or "")))


def tag(element: str, /, *content: Content, **attributes: str | float | None) -> Html:
    """An element.

    Attributes that are None are left out; `class_` stands for class, `aria_label` for aria-label.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_clean(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if element in _VOID and not content:
        return Html(f"<{element}{written}{'' if element == 'meta' else '/'}>")
    return Html(f"<{element}{written}>{join(*content)}</{element}>")


def join(*content: Content) -> Html:
    """One after the other."""
    return Html("".join(html(one) for one in content))


def value(text: str, **attributes: str | None) -> Html:
    """A value from elsewhere: its direction of writing does not spread to what is around it."""
    return tag("bdi", text, **attributes)


def width(text: str) -> int:
    """How wide a text is, in letters: Chinese and Japanese ones count twice."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def shortened(text: str, most: int) -> str:
    """A text that is at most so wide; what is left out is in its middle."""
    text = printable(text)
    if width(text) <= most:
        return text
    head, tail = text, text
    while width(head) > (most - 1 + 1) // 2:
        head = head[:-1]
    while width(tail) > (most - 1) // 2:
        tail = tail[1:]
    return f"{head}…{tail}"


def identifier(text: str | None) -> str:
    """The first twelve characters of a long identifier."""
    return (text or "")[:12]


def _clean(text: str) -> str:
    """Without control characters, such as those that turn the direction of writing."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
