"""The timeline: all ends and renewals of a component, and the cross-over of its rotation.

The axis ends with the last client; authorities that live longer have a bar with an arrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from alb_mutual_tls.operations.page.documents import Document
from alb_mutual_tls.operations.page.markup import Html, join, shortened, tag, width
from alb_mutual_tls.operations.page.words import Words

_ROWS: Final = 40
"""How many clients have a bar; those that end first."""
_ROW: Final = 44
_LEFT: Final = 2
_LETTER: Final = 8.0
"""About how wide a letter is, in units of the drawing."""


@dataclass(frozen=True)
class Bar:
    """A certificate's life from now on; `kind` is the class of its colour."""

    name: str
    kind: str
    end: datetime
    renewal: datetime | None = None
    note: str = ""


@dataclass(frozen=True)
class Axis:
    """Where a moment lies."""

    now: datetime
    last: datetime
    left: float
    right: float

    def at(self, moment: datetime) -> float:
        """Its place, inside of the axis."""
        share = (moment - self.now) / (self.last - self.now)
        return round(self.left + min(max(share, 0), 1) * (self.right - self.left), 1)

    def ticks(self) -> list[datetime]:
        """Three to six round distances from now."""
        days = (self.last - self.now) / timedelta(days=1)
        step = next(
            (step for step in (1, 2, 5, 10, 15, 30, 60, 90, 180, 365, 730, 1825) if days / step <= 5), 3650
        )
        return [self.now + timedelta(days=step * number) for number in range(1, int(days / step) + 1)]


def moment(text: str) -> datetime:
    """A moment of a document."""
    return datetime.fromisoformat(text)


def day(text: str | datetime) -> str:
    """Its day, in UTC."""
    return f"{moment(text) if isinstance(text, str) else text:%Y-%m-%d}"


def timelines(status: Document, words: Words, *, broad: int) -> Html:
    """One drawing for each component, in units so broad."""
    components = list(
        dict.fromkeys(one["component"] for key in ("authorities", "clients") for one in status[key])
    )
    return join(
        *(_timeline(status, component, words, broad, number) for number, component in enumerate(components))
    )


def bars(status: Document, component: str, words: Words) -> tuple[list[Bar], int]:
    """The bars of a component, and how many clients have none."""

    def own(key: str) -> list[Mapping[str, Any]]:
        return [one for one in status[key] if one["component"] == component]

    authorities = [
        Bar(
            f"{words('authority')} {one['name']}" + _roles(one, words),
            "bar-authority",
            moment(one["notAfter"]),
        )
        for one in own("authorities")
    ]
    removed = [
        Bar(
            f"{one['client']} ({words(one['reason'])}, {words('still')})",
            "bar-bad",
            moment(one["notAfter"]),
        )
        for one in sorted(own("outstanding"), key=lambda one: str(one["notAfter"]))
        if one["accepted"]
    ]
    clients = [
        Bar(
            one["name"],
            "bar-client",
            moment(one["notAfter"]),
            moment(one["renewal"]) if one.get("renewal") else None,
            _renewal(one, words),
        )
        for one in sorted(own("clients"), key=lambda one: (str(one["notAfter"]), str(one["name"])))
    ]
    left_out = max(0, len(clients) - _ROWS) + max(0, len(removed) - _ROWS)
    return [*authorities, *removed[:_ROWS], *clients[:_ROWS]], left_out


def cross_over(status: Document, component: str) -> tuple[str, str, datetime] | None:
    """The trusted and the issuing authority of a rotation, and when the first of them ends."""
    own = [one for one in status["authorities"] if one["component"] == component]
    trusted = next((one for one in own if one["trusted"]), None)
    issuing = next((one for one in own if one["issuing"]), None)
    if trusted is None or issuing is None or trusted is issuing or " (subordinate)" in issuing["name"]:
        return None
    return trusted["name"], issuing["name"], min(moment(trusted["notAfter"]), moment(issuing["notAfter"]))


def _roles(authority: Mapping[str, Any], words: Words) -> str:
    roles = [words(role) for role in ("trusted", "issuing") if authority[role]]
    return f" ({', '.join(roles)})" if roles else f" ({words('no-role')})"


def _renewal(client: Mapping[str, Any], words: Words) -> str:
    if client["due"]:
        return words("renewal-due")
    if client["endsWithAuthority"]:
        return words("renewal-none")
    return f"{words('renewal')} {day(client['renewal'])}" if client.get("renewal") else ""


def _axis(now: datetime, drawn: Sequence[Bar], broad: int) -> Axis:
    of_clients = [bar.end for bar in drawn if bar.kind != "bar-authority"] or [bar.end for bar in drawn]
    last = max([now + timedelta(days=7), *of_clients])
    return Axis(now, last + (last - now) * 0.06, _LEFT, broad - _LEFT)


def _timeline(status: Document, component: str, words: Words, broad: int, number: int) -> Html:
    drawn, left_out = bars(status, component, words)
    axis = _axis(moment(status["checkedAt"]), drawn, broad)
    rotation = cross_over(status, component)
    top = 30
    bottom = top + _ROW * len(drawn)
    parts = [_tick(axis, at, top - 8, bottom, broad) for at in axis.ticks()]
    if rotation is not None:
        until = axis.at(rotation[2])
        parts.append(
            tag(
                "rect",
                x=axis.left,
                y=top - 6,
                width=until - axis.left,
                height=bottom - top + 6,
                class_="over",
            )
        )
    parts += [_bar(bar, axis, top + _ROW * row, broad, words) for row, bar in enumerate(drawn)]
    parts.append(tag("line", x1=axis.left, y1=top - 8, x2=axis.left, y2=bottom, class_="now"))
    parts.append(tag("text", words("today"), x=axis.left, y=14, class_="label"))
    described = [words("timeline-text", name=bar.name, when=day(bar.end)) for bar in drawn]
    name = f"timeline-{broad}-{number}"
    drawing = tag(
        "svg",
        tag("title", f"{words('timeline')}: {component}", id=f"{name}-title"),
        tag("desc", " ".join(described), id=f"{name}-desc"),
        *parts,
        viewBox=f"0 0 {broad} {bottom + 6}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        class_="broad" if broad > 500 else "narrow",
    )
    said = []
    if rotation is not None:
        trusted, issuing, until_then = rotation
        said.append(words("cross-over", trusted=trusted, issuing=issuing, when=day(until_then)))
    if left_out:
        said.append(words("more", number=left_out))
    return join(
        drawing, *(tag("p", one, class_="broad-text" if broad > 500 else "narrow-text") for one in said)
    )


def _tick(axis: Axis, at: datetime, top: float, bottom: float, broad: int) -> Html:
    place = axis.at(at)
    written = day(at) if broad > 500 else f"{at:%m-%d}" if at.year == axis.now.year else f"{at:%Y-%m}"
    anchor = "end" if place > broad - 40 else "middle"
    return join(
        tag("line", x1=place, y1=top, x2=place, y2=bottom, class_="tick"),
        tag("text", written, x=place, y=14, text_anchor=anchor, class_="label quiet"),
    )


def _bar(bar: Bar, axis: Axis, top: float, broad: int, words: Words) -> Html:
    end, beyond = axis.at(bar.end), bar.end > axis.last
    when = f"→ {day(bar.end)}" if beyond else day(bar.end)
    if bar.end <= axis.now:
        when = f"✗ {words('ended')} {day(bar.end)}"
    elif bar.kind == "bar-bad":
        when = f"! {when}"
    note = f" · {bar.note}" if bar.note and broad > 500 else ""
    room = int((broad - 2 * _LEFT) / _LETTER) - width(when) - 2
    said = shortened(bar.name, max(8, room - width(note))) + note
    length = max(3.0, end - axis.left)
    parts = [
        tag("title", f"{bar.name}: {when}{f', {bar.note}' if bar.note else ''}"),
        tag("text", said, x=axis.left + 6, y=top + 14, class_="label"),
        tag("text", when, x=broad - _LEFT, y=top + 14, text_anchor="end", class_="label"),
        tag("rect", x=axis.left, y=top + 22, width=length, height=9, rx=2, class_=bar.kind),
    ]
    if beyond:
        tip, middle = end, top + 26.5
        parts.append(
            tag(
                "path",
                d=f"M{tip - 9} {middle - 8} L{tip} {middle} L{tip - 9} {middle + 8} Z",
                class_=bar.kind,
            )
        )
    if bar.renewal is not None and bar.renewal < axis.last:
        x, y = axis.at(bar.renewal), top + 26.5
        shape = f"M{x} {y - 7} L{x + 7} {y} L{x} {y + 7} L{x - 7} {y} Z"
        parts.append(tag("path", d=shape, class_="diamond"))
    return tag("g", *parts)
