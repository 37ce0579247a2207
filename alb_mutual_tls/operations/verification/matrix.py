"""The handshake matrix: one row for each case, or for many that came to the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from alb_mutual_tls.operations.verification import cases
from alb_mutual_tls.operations.verification.judgement import Expected
from alb_mutual_tls.operations.verification.outcome import TlsVersion
from alb_mutual_tls.operations.verification.result import Check
from alb_mutual_tls.verdict import Verdict, overall

_PLURALS: Final = {
    "client": "clients",
    "cut-chain": "chains cut short",
    "authority-client": "clients of authorities",
    "forged": "forged certificates",
    "resumed": "resumed sessions",
    "bypass": "bypasses",
}
_FAMILIES: Final = {
    "client NAME": "client",
    "client NAME with N of M certificates": "cut-chain",
    "client of authority NAME": "authority-client",
    cases.FOREIGN: "forged",
    cases.SELF_SIGNED: "forged",
    cases.TAMPERED: "forged",
    cases.EXPIRED: "forged",
    cases.SERVER_ONLY: "forged",
    cases.NOT_YET_VALID: "forged",
    cases.RESUMED: "resumed",
    cases.RESUMED_FROM_WRONG_NAME: "resumed",
    "resumed session of HTTPS PORT": "resumed",
    "bypass HTTP PORT": "bypass",
    "bypass HTTPS PORT": "bypass",
}
"""Cases that are told together where they came to the same."""
_Item = TypeVar("_Item")
_Key = TypeVar("_Key")
_NAMED: Final = re.compile(r"\b(NAME|PORT|N|M)\b")
_PATTERNS: Final = sorted(
    ((re.compile(_NAMED.sub("(.+)", case)), case) for case in cases.EVERY),
    key=lambda pair: -len(pair[1]),
)


@dataclass(frozen=True)
class Cell:
    """What came of a case in one TLS version, or in clear (None)."""

    version: TlsVersion | None
    seen: str
    verdict: Verdict


@dataclass(frozen=True)
class Row:
    """One case at one place, or several that came to the same.

    `where`: address and server name; empty for what went to all of them.
    """

    label: str
    where: str
    expected: Expected | None
    cells: tuple[Cell, ...]

    @property
    def verdict(self) -> Verdict:
        return overall(cell.verdict for cell in self.cells)


def case_id(case: str) -> str:
    """The stable identifier of a case, without the names in it, for instance `bypass-https`."""
    kind = _kind(case)
    words = re.findall(r"[a-z0-9]+", _NAMED.sub("", kind.replace("CA's", "CA")).lower())
    return "-".join(words)


def rows(
    checks: Sequence[Check], seen: Callable[[Check], str], where: Callable[[Check], str], *, every: bool
) -> list[Row]:
    """The rows of the checks that were made, in their order; with `every` nothing is folded."""
    made = [check for check in checks if check.destination is not None]
    single = [
        Row(case, place, found[0].expected, tuple(_cell(check, seen) for check in found))
        for (case, place), found in _grouped(made, lambda check: (check.case, where(check)))
    ]
    if every:
        return single
    at_once = [
        found[0] if len(found) == 1 else Row(label, "", found[0].expected, found[0].cells)
        for (label, _), found in _grouped(single, lambda row: (row.label, row.cells))
    ]
    return [row for _, found in _grouped(at_once, _same) for row in _folded(found)]


def _same(row: Row) -> tuple[object, ...]:
    return _FAMILIES.get(_kind(row.label), row.label), row.where, row.expected, row.cells


def _folded(found: Sequence[Row]) -> Iterator[Row]:
    first = found[0]
    if len(found) == 1:
        yield first
    else:
        label = f"{len(found)} {_PLURALS[_FAMILIES[_kind(first.label)]]}"
        yield Row(label, first.where, first.expected, first.cells)


def _cell(check: Check, seen: Callable[[Check], str]) -> Cell:
    return Cell(check.version, seen(check), check.verdict)


def _kind(case: str) -> str:
    return next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(case)), case)


def _grouped(items: Sequence[_Item], key: Callable[[_Item], _Key]) -> list[tuple[_Key, list[_Item]]]:
    """Items of equal keys together, in the order of the first of each."""
    found: dict[_Key, list[_Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return list(found.items())
