"""The report of `mtls inspect`: paragraphs for people, JSON for machines.

Neither ever holds a private key.

The JSON document (stable; `version` counts up when a field changes its meaning or goes away, never
when one is added):
    version       1
    verdict       "nothing against it", "would be refused" or "not decided"
    exitCode      0, 1 or 2, in that order
    summary       one line for people
    note          what the verdict does not cover
    error         only when nothing could be looked at: why, one sentence
    files         list of {name, form, items, notes}
    items         list of {what, facts, reasons, notes, undecided}; facts: see
                  alb_mutual_tls/operations/inspection/facts.py, null where it does not say
    reasons       list of {sentence, basis}: why it would be refused; basis "rule of this program",
                  "OpenSSL refuses it", "seen on the
                  sandbox", "documented by Alibaba Cloud" or "no client can use it"
    fit           how the pieces belong together, a sentence each
    against       list of {client, ca, verdict, reasons, undecided, notes}: whether a listener that
                  trusts the CA lets the client in
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.entry import ExitCode
from alb_mutual_tls.operations.inspection.judgement import (
    InspectedFile,
    InspectionReport,
    InspectionVerdict,
    Item,
    Judgement,
    Refusal,
)
from alb_mutual_tls.operations.printing import counted
from alb_mutual_tls.text import printable

if TYPE_CHECKING:
    from alb_mutual_tls.operations.printing import Screen

NOTE: Final = (
    'No real ALB was asked: "OpenSSL refuses it" is the verdict of OpenSSL as TLS servers ask for it, "seen'
    ' on the sandbox" what nginx with OpenSSL 3.0 refuses beyond that, "rule of this program" what `pulumi'
    " up` refuses. ALB knows no revocation, and what the server itself must present is not looked at."
)
_LONGEST: Final = 4000
_STYLES: Final = {
    "nothing against it": "bold green",
    "would be refused": "bold red",
    "not decided": "bold yellow",
}
_REST: Final = frozenset(
    {
        "selfSigned",
        "version",
        "serialNumber",
        "publicKeySha256",
        "signatureAlgorithm",
        "basicConstraints",
        "subjectKeyIdentifier",
        "authorityKeyIdentifier",
        "notBefore",
        "notAfter",
        "daysLeft",
    }
)
"""What is shown of a certificate only where everything is wanted."""
_LABELS: Final = {
    "sha256": "SHA-256",
    "publicKeySha256": "public key SHA-256",
    "notBefore": "valid from",
    "notAfter": "valid until",
    "keyAlgorithm": "key",
    "signatureAlgorithm": "signature",
}


EXIT_CODE: Final = {
    InspectionVerdict.NOTHING: ExitCode.GOOD,
    InspectionVerdict.REFUSED: ExitCode.BAD,
    InspectionVerdict.NOT_DECIDED: ExitCode.UNDECIDED,
}


NOTHING: Final[Mapping[str, Any]] = {"note": NOTE, "files": [], "fit": [], "against": []}
"""What the JSON document holds where nothing could be looked at."""


def summary(report: InspectionReport) -> str:
    """One line: the verdict, and how much speaks for it."""
    items = [item for file in report.files for item in file.items]
    reasons = sum(len(item.reasons) for item in items) + sum(
        len(judgement.reasons) for judgement in report.judgements
    )
    pieces = f"{counted(len(items), 'piece')} in {counted(len(report.files), 'file')}"
    return f"{report.verdict}: {pieces}" + (f", {counted(reasons, 'reason')}" if reasons else "")


def as_json(report: InspectionReport) -> str:
    """The document described above."""
    return _dump(
        {
            "version": 1,
            "verdict": report.verdict,
            "exitCode": EXIT_CODE[report.verdict],
            "summary": summary(report),
            "note": NOTE,
            "files": [_file(file) for file in report.files],
            "fit": list(report.fit),
            "against": [_judgement(judgement) for judgement in report.judgements],
        }
    )


def print_for_people(report: InspectionReport, screen: Screen) -> None:
    """The verdict, then each piece in a few lines; all of its facts where they are wanted."""
    for at, line in enumerate([_shown(summary(report))] if screen.quiet else _lines(report, screen.wide)):
        screen.line(line, _STYLES[report.verdict] if at == 0 else "")


def _lines(report: InspectionReport, wide: bool) -> Iterator[str]:
    yield _shown(summary(report))
    for file in report.files:
        yield f"{_shown(file.name)}: {file.form}"
        yield from _sentences("note", file.notes, "  ")
        for number, item in enumerate(file.items, 1):
            yield f"  {f'{number}. ' if len(file.items) > 1 else ''}{_shown(item.what)}"
            yield from _item(item, wide)
    if report.fit:
        yield "how they belong together"
        yield from (f"  {_shown(sentence)}" for sentence in report.fit)
    for judgement in report.judgements:
        says = "let in" if judgement.verdict is InspectionVerdict.NOTHING else judgement.verdict
        yield f"{_shown(judgement.client)} at a listener that trusts {_shown(judgement.anchor)}: {says}"
        yield from _sentences("would be refused", map(_reason_text, judgement.reasons), "  ")
        yield from _sentences("not decided", judgement.undecided, "  ")
        yield from _sentences("note", judgement.notes, "  ")
    if wide or report.verdict is not InspectionVerdict.NOTHING:
        yield NOTE


def _item(item: Item, wide: bool) -> Iterator[str]:
    facts = {key: value for key, value in item.facts.items() if value is not None and value != []}
    shown = {_label(key): _value(value) for key, value in facts.items() if wide or key not in _REST}
    if not wide and "notAfter" in facts:
        shown["valid"] = f"{facts['notBefore']} to {facts['notAfter']}, {facts['daysLeft']} days left"
    width = max(map(len, shown), default=0)
    yield from _sentences("would be refused", map(_reason_text, item.reasons), "     ")
    yield from _sentences("not decided", item.undecided, "     ")
    for label, value in shown.items():
        yield f"     {label:{width}}  {_shown(value)}"
    yield from _sentences("note", item.notes, "     ")


def _sentences(label: str, sentences: Sequence[str] | Iterator[str], margin: str) -> Iterator[str]:
    return (f"{margin}{label}: {_shown(sentence)}" for sentence in sentences)


def _reason_text(reason: Refusal) -> str:
    return f"{reason.sentence} [{reason.basis}]"


def _label(key: str) -> str:
    return _LABELS.get(key) or re.sub(r"([A-Z])", lambda capital: f" {capital[1].lower()}", key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shown(text: str) -> str:
    """Return a name on one line, printable and cut to a bounded length.

    Names come from anywhere and may hold control characters.
    """
    line = printable(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}… ({len(line)} characters)"


def _file(file: InspectedFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "form": file.form,
        "items": [_item_json(item) for item in file.items],
        "notes": list(file.notes),
    }


def _item_json(item: Item) -> dict[str, Any]:
    return {
        "what": item.what,
        "facts": item.facts,
        "reasons": [_reason(reason) for reason in item.reasons],
        "notes": list(item.notes),
        "undecided": list(item.undecided),
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "client": judgement.client,
        "ca": judgement.anchor,
        "verdict": judgement.verdict,
        "reasons": [_reason(reason) for reason in judgement.reasons],
        "undecided": list(judgement.undecided),
        "notes": list(judgement.notes),
    }


def _reason(reason: Refusal) -> dict[str, str]:
    return {"sentence": reason.sentence, "basis": reason.basis}


def _dump(document: dict[str, Any]) -> str:
    # in ASCII: a terminal may show it, and names hold anything
    return json.dumps(document, indent=2)
