"""The output that all reports share.

Machines get JSON; people get tables, findings and a verdict.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.text import printable
from alb_mutual_tls.verdict import EXIT_CODE, Finding, Verdict

if TYPE_CHECKING:
    from rich.console import Console

_STYLES: Final = {Verdict.HELD: "green", Verdict.FELL_SHORT: "red", Verdict.NOT_DECIDED: "yellow"}


@dataclass(frozen=True)
class Table:
    """A table, printed only where it has rows.

    `whole`: headings of columns that are not wrapped.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    whole: Collection[str] = ("ends", "days left", "verdict")


def dump(document: Mapping[str, Any]) -> str:
    """A JSON document."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def error_as_json(sentence: str, nothing: Mapping[str, Any]) -> str:
    """Return the --json document of a command that could do nothing.

    Every command prints this document.

    `nothing`: the fields that the command's document has besides, empty.
    """
    verdict = Verdict.NOT_DECIDED
    head = {"version": 1, "verdict": verdict, "exitCode": EXIT_CODE[verdict]}
    return dump({**head, "summary": f"{verdict}: {sentence}", "error": sentence, **nothing})


def style(verdict: Verdict) -> str:
    """How a verdict is printed, as Rich understands it."""
    return _STYLES.get(verdict, "dim")


def counted(count: int, noun: str) -> str:
    """A number of things, for instance `2 listeners`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_report(
    tables: Iterable[Table], findings: Iterable[Finding], verdict: Verdict, summary: str, console: Console
) -> None:
    """The tables, a line for each finding, and the verdict on one line."""
    from rich import table as rich_table
    from rich.text import Text

    for table in tables:
        if not table.rows:
            continue
        shown = rich_table.Table(title=table.title, title_justify="left")
        for heading in table.headings:
            shown.add_column(heading, overflow="fold", no_wrap=heading in table.whole)
        for row in table.rows:
            shown.add_row(*(Text(printable(str(cell))) for cell in row))
        console.print(shown)
    for finding in findings:
        label = "note" if finding.verdict is Verdict.HELD else finding.verdict
        console.print(
            Text.assemble((f"{label}: ", style(finding.verdict)), printable(finding.why)), soft_wrap=True
        )
    console.print(Text(summary, style=f"bold {style(verdict)}"), soft_wrap=True)
