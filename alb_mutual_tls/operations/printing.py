"""The output that all reports share.

Machines get JSON or YAML; people get the verdict first, then what deviates, then the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.entry import refusal
from alb_mutual_tls.pki.renewal import to_text
from alb_mutual_tls.text import printable
from alb_mutual_tls.verdict import Finding, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console
    from rich.text import Text

_STYLES: Final = {Verdict.HELD: "green", Verdict.FELL_SHORT: "red", Verdict.NOT_DECIDED: "yellow"}
_ORDER: Final = (Verdict.FELL_SHORT, Verdict.NOT_DECIDED, Verdict.HELD)
_GAP: Final = "  "
_WHOLE: Final = 28
"""Words up to this length are never broken; longer ones are where a terminal is too narrow."""
_SHORT: Final = 12
_MOST: Final = 20

Cell = str | Verdict | tuple[str, Verdict]
"""A verdict, and a text with a verdict, are coloured; a colour never says more than the words."""


@dataclass(frozen=True)
class Table:
    """A table, printed only where it has rows."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Screen:
    """Where a report is shown to people, and how much of it.

    `wide`: everything, with whole identifiers; `quiet`: the verdict alone.
    """

    console: Console
    wide: bool = False
    quiet: bool = False

    def identifier(self, text: str) -> str:
        """The beginning of an identifier, or all of it.

        It is for people only: two that differ may begin alike, so nothing is compared by it.
        """
        return text if self.wide else text[:_SHORT]

    def moment(self, moment: datetime) -> str:
        """A moment in UTC; its day, where that is enough."""
        return to_text(moment) if self.wide else f"{moment:%Y-%m-%d}"

    def line(self, text: str | Text, style: str = "") -> None:
        """A line, wrapped between words where a terminal is narrow, and indented as it begins."""
        from rich.text import Text

        shown = Text(text) if isinstance(text, str) else text
        shown.stylize_before(style)
        margin = len(shown.plain) - len(shown.plain.lstrip(" "))
        for part in _wrapped(shown[margin:], self.console.width - margin, self.console):
            self.console.print(Text(" " * margin).append_text(part), soft_wrap=True)


def dump(document: Mapping[str, Any]) -> str:
    """A JSON document."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def error_as_json(sentence: str, nothing: Mapping[str, Any]) -> str:
    """Return the --json document of a command that could do nothing.

    Every command prints this document.

    `nothing`: the fields that the command's document has besides, empty.
    """
    return dump({**refusal(sentence), **nothing})


def style(verdict: Verdict) -> str:
    """How a verdict is printed, as Rich understands it."""
    return _STYLES.get(verdict, "dim")


def counted(count: int, noun: str) -> str:
    """A number of things, for instance `2 listeners`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_report(
    tables: Iterable[Table], findings: Iterable[Finding], verdict: Verdict, summary: str, screen: Screen
) -> None:
    """The verdict on one line, what deviates, the tables, and what is merely to be known."""
    print_verdict(verdict, summary, screen)
    if screen.quiet:
        return
    ordered = sorted(findings, key=lambda finding: _ORDER.index(finding.verdict))
    notes = [finding for finding in ordered if finding.verdict is Verdict.HELD]
    for finding in ordered[: len(ordered) - len(notes)]:
        print_sentence(finding.verdict, finding.why, screen)
    for table in tables:
        print_table(table, screen)
    if notes:
        screen.line("")
    for note in notes:
        print_sentence(note.verdict, note.why, screen)


def print_verdict(verdict: Verdict, summary: str, screen: Screen) -> None:
    """The first line of every report."""
    screen.line(printable(summary), f"bold {style(verdict)}")


def print_sentence(verdict: Verdict, why: str, screen: Screen) -> None:
    """A finding on a line of its own."""
    from rich.text import Text

    label = "note" if verdict is Verdict.HELD else verdict
    screen.line(Text.assemble((f"{label}: ", style(verdict)), printable(why)))


def print_table(table: Table, screen: Screen) -> None:
    """A title and a line for each row, without boxes and without trailing blanks.

    A terminal wraps cells between words. Long tables are cut unless all is wanted.
    """
    rows = table.rows if screen.wide else table.rows[:_MOST]
    if not rows:
        return
    screen.line("")
    if table.title:
        screen.line(table.title, "bold")
    room = screen.console.width - len(_GAP) * (len(table.headings) - 1)
    columns = list(zip(table.headings, *rows, strict=True))
    widths = _fitting([_needed(column) for column in columns], room)
    if widths is None:
        _print_records(table.headings, rows, screen)
    else:
        _print_row([(heading, Verdict.NOT_CHECKED) for heading in table.headings], widths, screen)
        for row in rows:
            _print_row(row, widths, screen)
    if len(rows) < len(table.rows):
        screen.line(f"... and {len(table.rows) - len(rows)} more: --output wide shows all", "dim")


def _needed(cells: Sequence[Cell]) -> tuple[int, int]:
    """The columns that cells take at least, without breaking words of usual length, and at most."""
    from rich.cells import cell_len

    texts = [_plain(cell) for cell in cells]
    longest = max(cell_len(word) for text in texts for word in text.split() or [""])
    return min(longest, _WHOLE), max(map(cell_len, texts))


def _fitting(needed: Sequence[tuple[int, int]], room: int) -> list[int] | None:
    """The widths of columns: the widest give way first; None where there is too little room."""
    if sum(least for least, _ in needed) > room:
        return None
    widths = [most for _, most in needed]
    while sum(widths) > room:
        at = max(range(len(widths)), key=lambda at: (widths[at] > needed[at][0], widths[at]))
        widths[at] -= 1
    return widths


def _print_row(row: Sequence[Cell], widths: Sequence[int], screen: Screen) -> None:
    from itertools import zip_longest

    from rich.text import Text

    columns = [_wrapped(_text(cell), width, screen.console) for cell, width in zip(row, widths, strict=True)]
    for parts in zip_longest(*columns, fillvalue=Text()):
        line = Text()
        for part, width in zip(parts, widths, strict=True):
            line.append_text(part)
            line.append(" " * (width - part.cell_len) + _GAP)
        line.rstrip()
        screen.console.print(line, soft_wrap=True)


def _wrapped(text: Text, width: int, console: Console) -> list[Text]:
    lines = list(text.wrap(console, max(width, 1)))
    for line in lines:
        line.rstrip()
    return lines


def _print_records(headings: Sequence[str], rows: Sequence[Sequence[Cell]], screen: Screen) -> None:
    """Print a line for each cell, where a terminal is too narrow for columns."""
    from rich.text import Text

    for row in rows:
        for at, (heading, cell) in enumerate(zip(headings, row, strict=True)):
            screen.line(Text.assemble("  " if at else "", (f"{heading}: ", "dim"), _text(cell)))


def _plain(cell: Cell) -> str:
    return printable(cell[0] if isinstance(cell, tuple) else str(cell))


def _text(cell: Cell) -> Text:
    from rich.text import Text

    if isinstance(cell, tuple):
        return Text(_plain(cell), style=style(cell[1]))
    return Text(_plain(cell), style=style(cell) if isinstance(cell, Verdict) else "")
