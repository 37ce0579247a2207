"""The report of `mtls doctor`, fit to paste into a bug report.

It holds no secret, no key and nothing of other people's; account ids are masked.

The JSON document (`version` counts up when a field changes its meaning or goes away):
    version, verdict, exitCode, summary
    settings      where they came from; cas, sts: hosts; kept: which half of CAS that is, in words;
                  protocol; credential: masked; account: masked;
                  name: of what was made
    findings      list of {case, verdict, found}
    calls         list of {action, parameters (names), seconds, result, requestId, status, code,
                  says, fields}; result "answered", "refused" or "no answer"
    fields        list of {path, type, value}; value null where it is not shown
    left          what could not be deleted, a sentence each
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.access.cloud import Cloud
from alb_mutual_tls.alibaba.answers import ApiError
from alb_mutual_tls.alibaba.endpoints import half_of_cas
from alb_mutual_tls.alibaba.recording import Call
from alb_mutual_tls.operations.doctor.examination import Examination
from alb_mutual_tls.operations.printing import Table, print_report
from alb_mutual_tls.pki.bundle import fingerprints
from alb_mutual_tls.verdict import EXIT_CODE, Finding, Verdict

if TYPE_CHECKING:
    from alb_mutual_tls.operations.printing import Screen

_ACCOUNT_ID: Final = re.compile(
    r"(?<!\d)(\d{4})\d{8}(\d{4})(?!\d)"
)  # the 16 digits of Alibaba Cloud's accounts; a long WhId has fewer
_HIDDEN: Final = re.compile(r"secret|token|password|private", re.IGNORECASE)
_PERSONS: Final = ("Arn", "UserId", "PrincipalId", "RoleId")
_LONGEST: Final = 80


NOTHING: Final[Mapping[str, Any]] = {"findings": [], "calls": [], "left": []}
"""What the JSON document holds where nothing was tried."""


@dataclass(frozen=True)
class Field:
    """One member of an answer; `value` is None where it is not shown."""

    path: str
    type: str
    value: str | None


@dataclass(frozen=True)
class DoctorReport:
    """What is reported of one run."""

    examination: Examination
    cloud: Cloud
    settings: str
    account: str

    @property
    def exit_code(self) -> int:
        """0 held, 1 fell short, 2 not decided."""
        return EXIT_CODE[self.examination.verdict]


def summary(report: DoctorReport) -> str:
    """One line: the verdict, what was found how often, and whether anything is left."""
    verdicts = [finding.verdict for finding in report.examination.findings]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts)
    left = len(report.examination.left)
    return f"{report.examination.verdict}: {counts}; {f'{left} not deleted' if left else 'nothing is left'}"


def as_json(report: DoctorReport) -> str:
    """The document described above."""
    examination, cloud = report.examination, report.cloud
    document = {
        "version": 1,
        "verdict": examination.verdict,
        "exitCode": report.exit_code,
        "summary": summary(report),
        "settings": {
            "from": report.settings,
            "cas": cloud.endpoints.cas,
            "kept": half_of_cas(cloud.endpoints.cas),
            "sts": cloud.endpoints.sts,
            "protocol": cloud.endpoints.protocol,
            "credential": masked(cloud.describe_credential()),
            "account": masked(report.account),
            "name": examination.name,
        },
        "findings": [
            {"case": finding.case, "verdict": finding.verdict, "found": masked(finding.found)}
            for finding in examination.findings
        ],
        "calls": [_call(call, examination.known | {examination.name}) for call in examination.calls],
        "left": [masked(sentence) for sentence in examination.left],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def print_for_people(report: DoctorReport, screen: Screen) -> None:
    """The verdict, what deviates, the findings, and what is left.

    With all that is wanted also the calls and the fields of the answers.
    """
    document = json.loads(as_json(report))
    short = [
        Finding(Verdict(found["verdict"]), f"{found['case']}: {found['found']}")
        for found in document["findings"]
        if found["verdict"] != Verdict.HELD
    ]
    left = [Finding(Verdict.FELL_SHORT, f"LEFT: {sentence}") for sentence in document["left"]]
    found = Table(
        "",
        ["case", "verdict", "found"],
        [[found["case"], Verdict(found["verdict"]), found["found"]] for found in document["findings"]],
    )
    rest = [_table("calls", _rows(document["calls"])), _table("answers", _answers(document["calls"]))]
    tables = [found, *(rest if screen.wide else [])]
    print_report(tables, [*left, *short], report.examination.verdict, document["summary"], screen)
    if screen.quiet:
        return
    settings = document["settings"]
    screen.line("")
    screen.line(
        f"CAS at {settings['protocol'].lower()}://{settings['cas']}, account {settings['account']},"
        f" {settings['credential']}; settings from {settings['from']}; made and deleted under the name"
        f" {settings['name']}",
        "dim",
    )
    screen.line(settings["kept"], "dim")


def _table(title: str, rows: list[dict[str, str]]) -> Table:
    return Table(title, list(rows[0]) if rows else [], [list(row.values()) for row in rows])


def fields(answer: Any, known: Collection[str]) -> Iterator[Field]:
    """The members of an answer.

    Values in lists are only shown of an item that bears something `known`, since others' stand
    there too.
    """
    return _fields(answer, "", known, shown=True)


def masked(text: str) -> str:
    """A text without account ids."""
    return _ACCOUNT_ID.sub(r"\1****\2", text)


def _fields(value: Any, path: str, known: Collection[str], *, shown: bool) -> Iterator[Field]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _fields(item, f"{path}.{key}" if path else str(key), known, shown=shown)
    elif isinstance(value, list):
        yield Field(path, "list", f"{len(value)} items")
        ours = [
            item
            for item in value
            if isinstance(item, dict) and any(str(member) in known for member in item.values())
        ]
        for item in (ours or value)[:1]:
            yield from _fields(item, f"{path}[]", known, shown=bool(ours))
    else:
        yield Field(
            path, _TYPES.get(type(value), type(value).__name__), _value(path, value) if shown else None
        )


_TYPES: Final = {str: "text", bool: "boolean", int: "integer", float: "decimal", type(None): "null"}


def _value(path: str, value: Any) -> str | None:
    name, text = path.rpartition(".")[2], str(value)
    if "PRIVATE KEY" in text or (_HIDDEN.search(name) and not isinstance(value, bool)):
        return None
    if "-----BEGIN CERTIFICATE" in text:
        digests = fingerprints(text)
        return f"PEM, {len(text)} characters, SHA-256 {', '.join(digests)}"
    if name in _PERSONS:
        return None
    line = masked(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}… ({len(text)} characters)"


def _call(call: Call, known: Collection[str]) -> dict[str, Any]:
    error = call.error if isinstance(call.error, ApiError) else None
    return {
        "action": call.action,
        "parameters": list(call.parameters),
        "seconds": round(call.seconds, 3),
        "result": "answered" if call.answer is not None else "refused" if error else "no answer",
        "requestId": str((call.answer or {}).get("RequestId") or "") or (error.request_id if error else ""),
        "status": 200 if call.answer is not None else error.status if error else None,
        "code": error.code if error else None,
        "says": masked(str(call.error)) if call.error else None,
        "fields": (
            [
                {"path": field.path, "type": field.type, "value": field.value}
                for field in fields(call.answer, known)
            ]
            if call.answer
            else []
        ),
    }


def _rows(calls: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            "no": str(number),
            "action": call["action"],
            "parameters": ", ".join(call["parameters"]),
            "seconds": f"{call['seconds']:.3f}",
            "result": f"{call['result']} {call['status'] or ''} {call['code'] or ''}".strip(),
            "request id": call["requestId"],
        }
        for number, call in enumerate(calls, 1)
    ]


def _answers(calls: list[dict[str, Any]]) -> list[dict[str, str]]:
    rows = []
    for number, call in enumerate(calls, 1):
        if call["says"]:
            rows.append({"no": str(number), "member": call["action"], "type": "error", "value": call["says"]})
        rows += [
            {
                "no": str(number),
                "member": field["path"],
                "type": field["type"],
                "value": "(not shown)" if field["value"] is None else field["value"],
            }
            for field in call["fields"]
            if field["path"] != "RequestId"
        ]
    return rows
