"""The section "Certificates x verifiers" of docs/pki.md, written from the data that the tests run:
python -m tests.contract.pki.table
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.contract.pki.certificates import KINDS, Kind
from tests.contract.pki.issued import AUTHORITIES, CLIENTS, GENERATED
from tests.contract.pki.matrix import ACCEPTED, NOT_ASKED, REFUSED, Row
from tests.contract.pki.verifiers import SERVERS, VERIFIERS

PAGE: Final = Path(__file__).parents[3] / "docs/pki.md"
HEADING: Final = "## Certificates x verifiers"
_SECTION: Final = re.compile(rf"^{re.escape(HEADING)}$.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)


class _Notes:
    """Explanations, numbered in the order in which they are first needed."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        if text not in self._texts:
            self._texts.append(text)
        return f" [{self._texts.index(text) + 1}]"

    def lines(self) -> list[str]:
        return [_sentences(f"{number}. ", text) for number, text in enumerate(self._texts, 1)]


def section() -> str:
    """The section, from its heading to its last line."""
    notes = _Notes()
    lines = [
        HEADING,
        "",
        (
            "Written by `python -m tests.contract.pki.table` from what the tests run: each cell is one of"
            " their assertions, in every mix of key algorithms."
        ),
        (
            f"CAs have keys of {_list(GENERATED)}, brought ones also of"
            f" {_list(AUTHORITIES[len(GENERATED) :])}."
        ),
        (
            "Clients have keys of the same kinds, and those that bring a request also of"
            f" {_list(CLIENTS[len(AUTHORITIES) :])}."
        ),
        "Any other key, such as Ed25519, is refused before anything is signed.",
        f"{_list(SERVERS)} are asked in handshakes, with TLS 1.2 and with TLS 1.3.",
        "Every answer that one would not wish for has a note.",
        "",
        "Each certificate by itself, linted alone and with its issuer, and held against the profile above:",
        "",
        *_table(
            ["certificate", "number", "pkilint", "profile"], [_certificate(kind, notes) for kind in KINDS]
        ),
        "",
        "Good chains.",
        (
            "A rotation is under way where clients present a cross certificate; where the new root is"
            " trusted, the flip has been made:"
        ),
        "",
        *_table(
            ["a client presents", "and trusted is", "chains", *VERIFIERS],
            [_chain(row, notes) for row in ACCEPTED],
        ),
        "",
        (
            "What nobody should be let in with, and why it is refused, which is asserted too where the"
            " verifier says it:"
        ),
        "",
        *_table(
            ["a client presents", "and trusted is", "chains", "reason", *VERIFIERS],
            [_chain(row, notes) for row in REFUSED],
        ),
        "",
        *notes.lines(),
    ]
    return "\n".join(lines) + "\n"


def _sentences(mark: str, text: str) -> str:
    """An item of a list, one sentence a line."""
    return mark + re.sub(r"(?<=\.) (?=[A-Z`])", "\n" + " " * len(mark), text)


def _certificate(kind: Kind, notes: _Notes) -> list[str]:
    found = ", ".join(f"`{code}`{notes.mark(why)}" for code, why in kind.findings.items())
    return [kind.name, str(len(kind.mixes)), found or "nothing", "fits"]


def _chain(row: Row, notes: _Notes) -> list[str]:
    reason = [row.refused.words] if row.refused is not None else []
    return [
        row.presented,
        row.trusted,
        str(len(row.mixes)),
        *reason,
        *(_cell(row, verifier, notes) for verifier in VERIFIERS),
    ]


def _cell(row: Row, verifier: str, notes: _Notes) -> str:
    if verifier not in row.asked:
        return "-" + notes.mark(NOT_ASKED)
    note = (
        notes.mark(row.otherwise.words)
        if row.otherwise is not None and row.decides_otherwise(verifier)
        else ""
    )
    return ("accepts" if row.accepted(verifier) else "refuses") + note


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def rewritten(page: str) -> str:
    """The page with the section as it should be, in the place where it is, or at the end."""
    kept = page if _SECTION.search(page) else f"{page.rstrip()}\n\n{HEADING}\n"
    following = _SECTION.search(kept)
    assert following is not None
    gap = "\n" if kept[following.end() :] else ""
    return kept[: following.start()] + section() + gap + kept[following.end() :]


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
