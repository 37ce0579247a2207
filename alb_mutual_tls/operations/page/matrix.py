"""The handshake matrix: each case, what was sent, and what was answered in each TLS version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from alb_mutual_tls.operations.page.documents import Document
from alb_mutual_tls.operations.page.markup import Html, html, join, tag, value
from alb_mutual_tls.operations.page.words import Words
from alb_mutual_tls.verdict import Verdict

VERSIONS: Final = ("TLS 1.2", "TLS 1.3")
SIGNS: Final[Mapping[str, str]] = {
    Verdict.HELD: "✓",
    Verdict.FELL_SHORT: "✗",
    Verdict.NOT_DECIDED: "?",
    Verdict.NOT_OFFERED: "–",
    Verdict.NOT_CHECKED: "–",
}
CLASSES: Final[Mapping[str, str]] = {Verdict.HELD: "good", Verdict.FELL_SHORT: "bad"}
"""Green and red; everything else is grey."""
_OPPOSITE: Final = {"let in": "rejected", "rejected": "let in", "redirected to HTTPS": "let in"}
_FOLDED: Final = 4
"""From how many clients on those of the same result stand in one row."""

Check = Mapping[str, Any]


@dataclass
class Row:
    """A case at one place, or several cases that came to the same.

    `cells`: the check of each TLS version; under None that without TLS, or one that was not made.
    """

    cases: list[str]
    place: tuple[Any, ...]
    cells: dict[str | None, Check] = field(default_factory=dict)

    @property
    def first(self) -> Check:
        return next(iter(self.cells.values()))

    @property
    def result(self) -> tuple[Any, ...]:
        """What is the same in rows that are told together."""
        return (
            self.place,
            self.first.get("id"),
            *((version, *_result(check)) for version, check in self.cells.items()),
        )


def rows(checks: Sequence[Check]) -> list[Row]:
    """The rows of a listener's checks: what could not be made last, folded by its reason."""
    made: dict[tuple[Any, ...], Row] = {}
    missing: dict[str, Row] = {}
    for check in checks:
        place = tuple(check.get(key) for key in ("address", "port", "serverName", "path"))
        if check.get("address") is None and check["verdict"] == Verdict.NOT_CHECKED:
            row = missing.setdefault(check["why"], Row([], place, {None: check}))
            row.cases.append(check["case"])
            continue
        row = made.setdefault((check["case"], *place), Row([check["case"]], place))
        row.cells[check.get("tlsVersion")] = check
    return [*_folded(list(made.values())), *missing.values()]


def _folded(made: list[Row]) -> list[Row]:
    same: dict[tuple[Any, ...], list[Row]] = {}
    for row in made:
        if row.first.get("id") == "client":
            same.setdefault(row.result, []).append(row)
    gone: set[int] = set()
    for alike in same.values():
        if len(alike) >= _FOLDED:
            alike[0].cases = [row.cases[0] for row in alike]
            gone.update(id(row) for row in alike[1:])
    return [row for row in made if id(row) not in gone]


def matrices(verify: Document, words: Words) -> Html:
    """A table for each listener."""
    return join(*(_matrix(listener, words) for listener in verify["listeners"]))


def _matrix(listener: Mapping[str, Any], words: Words) -> Html:
    made = rows(listener["checks"])
    several = len({row.place for row in made if row.place[0] and row.first.get("id") == "client"}) > 1
    state = words("meant-on" if listener["caEnabled"] else "meant-off")
    caption = join(
        words("listener"),
        " ",
        value(listener["name"]),
        " (",
        value(f"{listener['albConfig']}:{listener['port']}"),
        ", ",
        state,
        ")",
    )
    head = tag(
        "thead",
        tag(
            "tr",
            tag("th", words("case"), scope="col", class_="wide"),
            *(tag("th", version, scope="col") for version in VERSIONS),
        ),
    )
    body = tag("tbody", *(_row(row, words, several=several) for row in made))
    return tag("table", tag("caption", caption), head, body, class_="matrix")


def _row(row: Row, words: Words, *, several: bool) -> Html:
    check = row.first
    lines = [_name(row, words)]
    sent = words.sent(check.get("id") or "")
    if sent and (len(row.cases) == 1 or check.get("id") == "client"):
        lines.append(_small(f"{words('sent')}: {sent}"))
    if expected := check.get("expected"):
        lines.append(_small(f"{words('expected')}: {_said(expected, words)}"))
    if several and row.place[0]:
        address, port, name, _ = row.place
        lines.append(_small(value(f"{name} · {address}:{port}")))
    head = tag("th", *lines, scope="row")
    if None in row.cells:
        return tag("tr", head, _cell(row.cells[None], words, colspan="2"))
    cells = [
        _cell(row.cells[version], words) if version in row.cells else tag("td", "–") for version in VERSIONS
    ]
    return tag("tr", head, *cells)


def _name(row: Row, words: Words) -> Html:
    if len(row.cases) == 1:
        return value(row.cases[0])
    names = join(*(tag("li", value(case)) for case in row.cases))
    if row.first.get("id") != "client" or None in row.cells:
        return tag("ul", names, class_="plain")
    many = words("many", number=len(row.cases))
    return tag("details", tag("summary", many), tag("ul", names, class_="plain"))


def _cell(check: Check, words: Words, colspan: str | None = None) -> Html:
    verdict = check["verdict"]
    sign = tag("span", SIGNS[verdict], class_="sign", aria_hidden="true")
    lines = [tag("strong", sign, " ", outcome(check, words))]
    if verdict == Verdict.FELL_SHORT:
        lines.append(_small(words("fell short")))
    if seen := answered(check.get("seen"), words):
        spoke = check["seen"]["kind"] in ("answered", "alert")
        lines.append(_small(f"{words('answered')}: {seen}" if spoke else seen))
    elif check.get("why"):
        lines.append(_small(english(check["why"], words)))
    if check.get("tlsVersion") is None and check.get("address") is not None:
        lines.append(_small(words("clear")))
    return tag("td", *lines, class_=CLASSES.get(verdict, "grey"), colspan=colspan)


def outcome(check: Check, words: Words) -> str:
    """Whether who was tried got in, in a word."""
    verdict, expected = check["verdict"], check.get("expected")
    if verdict == Verdict.HELD and expected:
        return _said(expected, words)
    if verdict == Verdict.FELL_SHORT and expected:
        return _said(_OPPOSITE.get(expected, ""), words)
    return words("held") if verdict == Verdict.HELD else _said(verdict, words)


def answered(seen: Mapping[str, Any] | None, words: Words) -> str:
    """What the listener answered."""
    if seen is None:
        return ""
    match seen["kind"]:
        case "answered":
            location = seen.get("location")
            return words("http-to" if location else "http", status=seen["status"], location=location)
        case "alert":
            return words("alert", alert=seen["alert"])
        case kind:
            reason = seen.get("reason")
            return _said(kind, words) + (f": {reason}" if reason else "")


def english(sentence: str, words: Words) -> Html:
    """A sentence of the tool, which speaks English."""
    return value(sentence, lang=None if words.language == "en" else "en", dir="ltr")


def _said(word: str, words: Words) -> str:
    from alb_mutual_tls.operations.page.words import WORDS

    return words(word) if word in WORDS else word


def _small(content: str) -> Html:
    return tag("span", html(content), class_="small")


def _result(check: Check) -> tuple[Any, ...]:
    seen = check.get("seen") or {}
    return (
        check["verdict"],
        check.get("expected"),
        check.get("why"),
        *sorted((k, str(v)) for k, v in seen.items()),
    )
