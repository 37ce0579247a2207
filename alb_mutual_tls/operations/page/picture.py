"""The map: listener, trusted CA, authorities and clients of each component, and ways around."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alb_mutual_tls.operations.page.documents import Document, Documents
from alb_mutual_tls.operations.page.markup import Html, identifier, join, shortened, tag
from alb_mutual_tls.operations.page.matrix import CLASSES, SIGNS, outcome
from alb_mutual_tls.operations.page.timeline import cross_over, day
from alb_mutual_tls.operations.page.words import Words
from alb_mutual_tls.verdict import Verdict, overall

_CLIENTS: Final = 8
"""How many clients have a box of their own."""
_BOX: Final = 58
_GAP: Final = 16
_HEAD: Final = 26


@dataclass(frozen=True)
class Box:
    """Something on the map: its name, a line below it, and the class of its colour."""

    name: str
    line: str = ""
    kind: str = "plain-box"
    sign: str = ""


@dataclass(frozen=True)
class Column:
    """Boxes of one kind, and what they do to those on their right, or to the first of them."""

    heading: str
    boxes: tuple[Box, ...]
    verb: str = ""
    broken: bool = False
    to_first: bool = False


def maps(documents: Documents, words: Words, *, broad: int) -> Html:
    """One drawing for each component, in units so broad: from left to right, or downwards."""
    given = [one for one in (documents.status, documents.verify) if one is not None]
    components = list(dict.fromkeys(one["component"] for document in given for one in document["listeners"]))
    return join(
        *(_drawing(documents, component, words, broad, number) for number, component in enumerate(components))
    )


def columns(documents: Documents, component: str, words: Words) -> tuple[Column, ...]:
    """What the map shows of a component."""
    status, verify = documents.status, documents.verify
    listeners, sound = _listeners(documents, component, words)
    first = Column(words("listener"), listeners, words("trusts"), broken=not sound)
    last = Column(words("clients"), _clients(documents, component, words))
    around = Column(words("bypasses"), _bypasses(verify, component, words))
    if status is None:
        missing = Box(words("missing"), kind="plain-box")
        return (around, first, Column(words("authorities"), (missing,), words("signs")), last)
    authorities = [one for one in status["authorities"] if one["component"] == component]
    trusted = tuple(
        Box(one["name"], _identifiers(status, component, one), "link-box")
        for one in authorities
        if one["trusted"]
    )
    rotation = cross_over(status, component)
    second = Column(
        words("trusted-ca"),
        trusted or (Box(words("none")),),
        words("cross-signs") if rotation else "=",
        to_first=True,
    )
    third = Column(
        words("authorities"),
        tuple(
            Box(
                one["name"],
                ", ".join(words(role) for role in ("trusted", "issuing") if one[role]) or words("no-role"),
                "link-box" if one["issuing"] else "plain-box",
            )
            for one in sorted(authorities, key=lambda one: not one["issuing"])
        ),
        words("signs"),
    )
    return (around, first, second, third, last)


def _identifiers(status: Document, component: str, authority: Mapping[str, Any]) -> str:
    ids = [
        identifier(one)
        for listener in status["listeners"]
        if listener["component"] == component and listener["authority"] == authority["name"]
        for one in listener["wished"]["caCertificateIds"]
    ]
    return ", ".join(dict.fromkeys(ids)) or identifier(authority.get("fingerprint"))


def _listeners(documents: Documents, component: str, words: Words) -> tuple[tuple[Box, ...], bool]:
    """The listeners, and whether each leads to the CA that it is to trust."""
    verdicts = {
        (one["albConfig"], one["port"]): one["verdict"]
        for one in (documents.verify or {"listeners": []})["listeners"]
        if one["component"] == component
    }
    boxes, sound = [], True
    for one in (documents.status or documents.verify or {"listeners": []})["listeners"]:
        if one["component"] != component:
            continue
        given = [
            one["verdict"],
            *([verdicts[key]] if (key := (one["albConfig"], one["port"])) in verdicts else []),
        ]
        verdict = overall(Verdict(verdict) for verdict in given)
        state, leads = state_of(one, words)
        sound = sound and leads
        kind = (
            "bad"
            if verdict == Verdict.FELL_SHORT
            else "good"
            if verdict == Verdict.HELD and leads
            else "grey"
        )
        boxes.append(
            Box(f"{one['name']} ({one['albConfig']}:{one['port']})", state, f"{kind}-box", SIGNS[verdict])
        )
    return tuple(boxes), sound


def state_of(listener: Mapping[str, Any], words: Words) -> tuple[str, bool]:
    """What a listener does now, and whether it demands certificates of the CA that it should."""
    if "wished" not in listener:
        return words("demands" if listener["caEnabled"] else "off"), bool(listener["caEnabled"])
    alb, wished = listener["alb"], listener["wished"]
    if alb["caEnabled"] is None:
        return words("unseen"), False
    if not alb["caEnabled"]:
        return words("off"), False
    if alb["caCertificateIds"] != wished["caCertificateIds"]:
        return words("other-ca"), False
    return words("demands"), True


def _clients(documents: Documents, component: str, words: Words) -> tuple[Box, ...]:
    tried = _tried(documents.verify, component)
    ends = {
        one["name"]: day(one["notAfter"])
        for one in (documents.status or {"clients": []})["clients"]
        if one["component"] == component
    }
    names = list(ends) or list(tried)
    # what deviates first, so that it has a box of its own
    names.sort(key=lambda name: _verdict(tried.get(name, [])) != Verdict.FELL_SHORT)
    boxes = []
    for name in names[:_CLIENTS]:
        checks = tried.get(name, [])
        verdict = _verdict(checks)
        said = (
            outcome(next(check for check in checks if check["verdict"] == verdict), words) if checks else ""
        )
        until = f"≤ {ends[name]}" if name in ends else ""
        line = " · ".join(one for one in (said, until) if one)
        kind = f"{CLASSES.get(verdict, 'grey')}-box" if checks else "plain-box"
        boxes.append(Box(name, line, kind, SIGNS[verdict] if checks else ""))
    if len(names) > _CLIENTS:
        boxes.append(Box(words("more", number=len(names) - _CLIENTS)))
    removed = [
        one
        for one in (documents.status or {"outstanding": []})["outstanding"]
        if one["component"] == component and one["accepted"]
    ]
    boxes += [
        Box(one["client"], f"{words(one['reason'])}, {words('still')}", "bad-box", "!") for one in removed[:3]
    ]
    if len(removed) > 3:
        boxes.append(Box(words("more", number=len(removed) - 3), words("still"), "bad-box", "!"))
    return tuple(boxes) or (Box(words("none")),)


def _tried(verify: Document | None, component: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for check in _checks(verify, component):
        if check.get("id") == "client":
            found.setdefault(check["case"].removeprefix("client "), []).append(check)
    return found


def _bypasses(verify: Document | None, component: str, words: Words) -> tuple[Box, ...]:
    if verify is None:
        return (Box(words("missing")),)
    tried: dict[str, list[Mapping[str, Any]]] = {}
    for check in _checks(verify, component):
        if (check.get("id") or "").startswith("bypass-"):
            tried.setdefault(check["case"], []).append(check)
    boxes = []
    for case, checks in sorted(tried.items(), key=lambda pair: _verdict(pair[1]) != Verdict.FELL_SHORT):
        verdict = _verdict(checks)
        said = outcome(next(check for check in checks if check["verdict"] == verdict), words)
        kind = f"{CLASSES.get(verdict, 'grey')}-box"
        boxes.append(Box(case.removeprefix("bypass "), said, kind, SIGNS[verdict]))
    if len(boxes) > _CLIENTS:
        boxes = [*boxes[:_CLIENTS], Box(words("more", number=len(boxes) - _CLIENTS))]
    return tuple(boxes) or (Box(words("no-bypass")),)


def _checks(verify: Document | None, component: str) -> list[Mapping[str, Any]]:
    return [
        check
        for listener in (verify or {"listeners": []})["listeners"]
        if listener["component"] == component
        for check in listener["checks"]
    ]


def _verdict(checks: Sequence[Mapping[str, Any]]) -> str:
    """That of several checks: the one that weighs most."""
    order = (
        Verdict.FELL_SHORT,
        Verdict.NOT_DECIDED,
        Verdict.HELD,
        Verdict.NOT_CHECKED,
        Verdict.NOT_OFFERED,
    )
    found = {check["verdict"] for check in checks}
    return next((verdict for verdict in order if verdict in found), Verdict.NOT_CHECKED)


# --- drawing


def _drawing(documents: Documents, component: str, words: Words, broad: int, number: int) -> Html:
    shown = columns(documents, component, words)
    across = broad > 500
    parts, deep = _across(shown, broad) if across else _down(shown, broad)
    name = f"map-{broad}-{number}"
    said = [
        f"{column.heading}: "
        + "; ".join(", ".join(one for one in (box.name, box.line) if one) for box in column.boxes)
        + "."
        for column in shown
    ]
    return tag(
        "svg",
        tag("title", f"{words('map')}: {component}", id=f"{name}-title"),
        tag("desc", " ".join(said), id=f"{name}-desc"),
        *parts,
        viewBox=f"0 0 {broad} {deep}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        class_="broad" if across else "narrow",
    )


def _across(shown: Sequence[Column], broad: int) -> tuple[list[Html], int]:
    """Columns side by side; ways around stand below the listeners, in the first one."""
    around, *chain = shown
    gap = 92
    wide = (broad - gap * (len(chain) - 1) - 2) // len(chain)
    parts: list[Html] = []
    deep = 0
    middles: list[list[int]] = []
    for place, column in enumerate(chain):
        left = 1 + place * (wide + gap)
        parts.append(tag("text", column.heading, x=left, y=16, class_="heading"))
        tops = [_HEAD + row * (_BOX + _GAP) for row in range(len(column.boxes))]
        parts += [_box(box, left, top, wide) for box, top in zip(column.boxes, tops, strict=True)]
        middles.append([top + _BOX // 2 for top in tops])
        deep = max(deep, tops[-1] + _BOX if tops else 0)
    for place, column in enumerate(chain[:-1]):
        start = 1 + place * (wide + gap) + wide
        ends = middles[place + 1][: 1 if column.to_first else None]
        parts += _edges(column, middles[place], ends, start, gap)
    below = _HEAD + len(chain[0].boxes) * (_BOX + _GAP) + 22
    parts.append(tag("text", around.heading, x=1, y=below, class_="heading"))
    tops = [below + 10 + row * (_BOX + _GAP) for row in range(len(around.boxes))]
    parts += [_box(box, 1, top, wide, dashed=True) for box, top in zip(around.boxes, tops, strict=True)]
    return parts, max(deep, tops[-1] + _BOX) + 2


def _edges(column: Column, starts: Sequence[int], ends: Sequence[int], left: int, gap: int) -> list[Html]:
    """Lines to the right: of each box where it stands for itself, else of the first."""
    kind = "edge broken" if column.broken else "edge"
    trunk = left + gap // 2
    parts: list[Html] = []
    used = starts if column.verb != "" and len(ends) == 1 else starts[:1]
    for start in used:
        parts.append(tag("path", d=f"M{left} {start} H{trunk} V{ends[0]}", class_=kind))
    for end in ends:
        parts.append(tag("path", d=f"M{trunk} {starts[0]} V{end} H{left + gap - 7}", class_=kind))
        parts.append(
            tag(
                "path",
                d=f"M{left + gap - 8} {end - 5} L{left + gap} {end} L{left + gap - 8} {end + 5} Z",
                class_="tip",
            )
        )
    written = f"✗ {column.verb}" if column.broken else column.verb
    parts.append(tag("text", written, x=trunk, y=starts[0] - 8, text_anchor="middle", class_="verb"))
    return parts


def _down(shown: Sequence[Column], broad: int) -> tuple[list[Html], int]:
    """One column below the other; ways around come last."""
    around, *chain = shown
    parts: list[Html] = []
    top = 0
    for place, column in enumerate([*chain, around]):
        last = place >= len(chain) - 1
        parts.append(tag("text", column.heading, x=1, y=top + 16, class_="heading"))
        top += _HEAD
        for box in column.boxes:
            parts.append(_box(box, 1, top, broad - 2, dashed=column is around))
            top += _BOX + 8
        if not last:
            kind = "edge broken" if column.broken else "edge"
            written = f"✗ {column.verb}" if column.broken else column.verb
            parts.append(tag("path", d=f"M24 {top - 8} V{top + 19}", class_=kind))
            parts.append(tag("path", d=f"M19 {top + 18} L24 {top + 26} L29 {top + 18} Z", class_="tip"))
            parts.append(tag("text", written, x=38, y=top + 12, class_="verb"))
            top += 28
        else:
            top += 14
    return parts, top


def _box(box: Box, left: int, top: int, wide: int, *, dashed: bool = False) -> Html:
    room = int((wide - 20) / 10)
    name = f"{box.sign} {shortened(box.name, room - 2)}" if box.sign else shortened(box.name, room)
    line = shortened(box.line, int((wide - 20) / 7.2))
    return tag(
        "g",
        tag("title", ": ".join(one for one in (box.name, box.line) if one)),
        tag(
            "rect",
            x=left,
            y=top,
            width=wide,
            height=_BOX,
            rx=6,
            class_=f"box {box.kind}{' dashed' if dashed else ''}",
        ),
        tag("text", name, x=left + 10, y=top + 24, class_=f"name {box.kind}"),
        tag("text", line, x=left + 10, y=top + 44, class_="label quiet"),
    )
