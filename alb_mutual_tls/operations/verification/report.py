"""The report of `mtls verify`: a table for people, JSON for machines.

The JSON document (stable; `version` counts up when a field changes its meaning or goes away, never
when one is added):
    version       1
    verdict       "held", "fell short" or "not decided"
    exitCode      0, 1 or 2, in that order
    summary       one line for people
    note          what the verdict does not cover
    notes         list of what else is to be known, a sentence each: that the configuration has
                  changed since the last deployment
    error         only when nothing could be tried at all: why, one sentence
    listeners     list of {component, name, albConfig, port, caEnabled, verdict, checks}
    flips         list of {component, trusted, issuing, verdict, note, bundles}: one for each
                  component in a rotation whose listeners do not trust
                  the issuing authority yet; verdict "held" (ready), "fell short", "not decided", or
                  "not checked" where there is no bundle
    bundles       list of {case, verdict, why}: what the stack has issued to each client, and
                  whether that is ready for the flip
    checks        list of {case, id, verdict, why, expected, tlsVersion, address, port, serverName,
                  path, seen}; id: of the kind of case, without names;
                  verdict also "not offered" (the listener does not speak this TLS version) and
                  "not checked" (the case could not be made here); why is "" where it held;
                  expected "let in", "rejected", "redirected to HTTPS" or null;
                  tlsVersion "TLS 1.2", "TLS 1.3" or null (plain HTTP);
                  address to path null where nothing was tried
    seen          null, or {kind, status, location, alert, reason}: kind "answered" (status,
                  location), "alert" (alert, as in RFC 8446
                  section 6), "version not offered", "server certificate invalid" (reason),
                  "connection failed" (reason), "no session" (reason: there was no TLS session to
                  resume); others null
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.operations.printing import (
    Cell,
    Table,
    counted,
    dump,
    print_sentence,
    print_table,
    print_verdict,
    style,
)
from alb_mutual_tls.operations.verification import flip as flips
from alb_mutual_tls.operations.verification.flip import Flip
from alb_mutual_tls.operations.verification.matrix import Row, case_id, rows
from alb_mutual_tls.operations.verification.outcome import (
    Alert,
    Answered,
    ConnectionFailed,
    NoSession,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
    VersionNotOffered,
)
from alb_mutual_tls.operations.verification.result import Check, ListenerReport, VerificationReport
from alb_mutual_tls.verdict import Verdict, overall

if TYPE_CHECKING:
    from alb_mutual_tls.operations.printing import Screen

NOTE: Final = (
    "This is what the data plane does now at these addresses; other addresses of the same ALB and later"
    " changes are not covered."
)
INSECURE_NOTE: Final = (
    " The server's certificate was not verified (--insecure), so something else may have answered."
)
SNIPPET_LENGTH: Final = 40
_MATRICES: Final = 3
"""Matrices of listeners where all held that are shown beside each other."""
_NAMED: Final = 10
"""Cases that are named one by one for one reason."""


NOTHING: Final[Mapping[str, Any]] = {"note": NOTE, "notes": [], "listeners": [], "flips": []}
"""What the JSON document holds where nothing could be tried."""


def note(report: VerificationReport) -> str:
    """What the verdict does not cover."""
    return NOTE + (INSECURE_NOTE if report.insecure else "")


def summary(report: VerificationReport) -> str:
    """One line: the verdict and how many checks came to which."""
    checks = [check for listener in report.listeners for check in listener.checks]
    counts = {verdict: sum(check.verdict is verdict for check in checks) for verdict in Verdict}
    rest = ", ".join(
        f"{count} {verdict}" for verdict, count in counts.items() if count and verdict is not Verdict.HELD
    )
    held, listeners = counted(counts[Verdict.HELD], "check"), counted(len(report.listeners), "listener")
    flips = "".join(f"; {_readiness(flip)}" for flip in report.flips)
    return f"{report.verdict}: {held} held at {listeners}" + (f", {rest}" if rest else "") + flips


def _readiness(flip: Flip) -> str:
    """Whether a stack is ready for a flip, in words."""
    how = {Verdict.HELD: "ready", Verdict.FELL_SHORT: "not ready"}.get(flip.verdict, "not known to be ready")
    return f"{flip.component} is {how} for the flip to {flip.issuing}"


def as_json(report: VerificationReport) -> str:
    """The report as the JSON document described above."""
    return dump(
        {
            "version": 1,
            "verdict": report.verdict,
            "exitCode": report.exit_code,
            "summary": summary(report),
            "note": note(report),
            "notes": list(report.notes),
            "listeners": [_listener(listener) for listener in report.listeners],
            "flips": [_flip(flip) for flip in report.flips],
        }
    )


def print_for_people(report: VerificationReport, screen: Screen) -> None:
    """The verdict, then each listener: what deviates, and its matrix.

    Listeners where all held are told together where there are many.
    """
    print_verdict(report.verdict, summary(report), screen)
    if screen.quiet:
        return
    short = [listener for listener in report.listeners if listener.verdict is not Verdict.HELD]
    held = [listener for listener in report.listeners if listener.verdict is Verdict.HELD]
    together = len(held) > _MATRICES and not screen.wide
    for listener in [*short, *([] if together else held)]:
        print_listener(listener, screen)
    if together:
        named = ", ".join(listener.listener.name for listener in held)
        screen.line("")
        print_sentence(
            Verdict.HELD, f"all held at {len(held)} listeners (--wide shows each): {named}", screen
        )
    for flip in report.flips:
        _print_flip(flip, screen)
    screen.line("")
    for said in report.notes:
        print_sentence(Verdict.HELD, said, screen)
    screen.line(note(report), "dim")


def print_listener(report: ListenerReport, screen: Screen) -> None:
    """What deviates at a listener, what was not checked, and the matrix."""
    screen.line("")
    screen.line(_heading(report), "bold")
    explained = _explanations(report.checks)
    for verdict, why, cases in explained:
        if verdict is not Verdict.NOT_CHECKED:
            print_sentence(verdict, f"{', '.join(cases)}: {why}", screen)
    drawn = rows(
        report.checks,
        lambda check: seen_text(check.outcome) if screen.wide else _brief(check),
        _where if _several(report) else (lambda _: ""),
        every=screen.wide,
    )
    versions: list[TlsVersion | None] = [
        version
        for version in (*TlsVersion, None)
        if any(cell.version is version for row in drawn for cell in row.cells)
    ]
    places = _several(report)
    headings = ["case", *(["at"] if places else []), "expected", *(version or "HTTP" for version in versions)]
    print_table(
        Table(
            "",
            [*headings, "verdict"],
            [
                [
                    row.label,
                    *([row.where or "all"] if places else []),
                    row.expected or "",
                    *(_cell(row, version) for version in versions),
                    row.verdict,
                ]
                for row in drawn
            ],
        ),
        screen,
    )
    for verdict, why, cases in explained:
        if verdict is Verdict.NOT_CHECKED:
            screen.line(f"{verdict}: {', '.join(cases)}: {why}", "dim")


def _cell(row: Row, version: TlsVersion | None) -> Cell:
    """What came of a case in one version; several answers where places differ in nothing else."""
    found = [cell for cell in row.cells if cell.version is version]
    seen = ", ".join(dict.fromkeys(cell.seen for cell in found))
    return (seen, overall(cell.verdict for cell in found)) if found else "-"


def _print_flip(flip: Flip, screen: Screen) -> None:
    screen.line("")
    screen.line(f"flip of {flip.component} from authority {flip.trusted} to {flip.issuing}", "bold")
    grouped: dict[tuple[Verdict, str], list[str]] = {}
    for bundle in flip.bundles:
        grouped.setdefault((bundle.verdict, bundle.why), []).append(bundle.case)
    for (verdict, why), cases in grouped.items():
        many = len(cases) > _NAMED and not screen.wide
        named = f"{len(cases)} clients" if many else ", ".join(cases)
        ready = f"{named}: ready for the flip to {flip.issuing}: {verdict}"
        screen.line(ready + (f": {why}" if why else ""), style(verdict))
    screen.line(flips.NOTE, "dim")


def seen_text(outcome: Outcome | None) -> str:
    """What came of an attempt, in a few words."""
    match outcome:
        case Answered(status, location, body):
            detail = f"to {location}" if location else _snippet(body)
            return f"HTTP {status} {detail}".strip()
        case Alert(name):
            return f"TLS alert {name}"
        case VersionNotOffered():
            return "TLS version not offered"
        case ServerCertificateInvalid(reason):
            return f"server certificate invalid: {reason}"
        case ConnectionFailed(reason) | NoSession(reason):
            return reason
        case None:
            return ""


def _brief(check: Check) -> str:
    """What came of an attempt, without what a server says beyond its status."""
    match check.outcome:
        case Answered(status):
            return f"HTTP {status}"
        case ServerCertificateInvalid():
            return "not proven"
        case NoSession():
            return "no session"
        case VersionNotOffered():
            return Verdict.NOT_OFFERED
    return seen_text(check.outcome)


def _where(check: Check) -> str:
    to = check.destination
    if to is None or to.any_name:
        return ""
    return f"{to.server_name} at {_address(check)}"


def _several(report: ListenerReport) -> bool:
    """Whether checks went to several IP addresses or names.

    Ports, and a name that nobody has, are told by the case.
    """
    destinations = [
        check.destination for check in report.checks if check.destination and not check.destination.any_name
    ]
    return len({(to.address, to.server_name) for to in destinations}) > 1


def _heading(report: ListenerReport) -> str:
    listener = report.listener
    state = "on" if listener.ca_enabled else "off"
    first = next((check for check in report.checks if check.destination), None)
    where = (
        f"; {first.destination.server_name} at {_address(first)}"
        if first and first.destination and not _several(report)
        else ""
    )
    return (
        f"listener {listener.name}: AlbConfig {listener.alb_config} port {listener.port}, client"
        f" authentication {state}{where}"
    )


def _address(check: Check) -> str:
    to = check.destination
    if to is None:
        return ""
    return f"[{to.address}]:{to.port}" if ":" in to.address else f"{to.address}:{to.port}"


def _explanations(checks: Sequence[Check]) -> list[tuple[Verdict, str, list[str]]]:
    """Each reason once, with the cases that it is given for."""
    grouped: dict[tuple[Verdict, str], list[str]] = {}
    for check in checks:
        if check.why:
            cases = grouped.setdefault((check.verdict, check.why), [])
            if check.case not in cases:
                cases.append(check.case)
    order = [Verdict.FELL_SHORT, Verdict.NOT_DECIDED, Verdict.NOT_CHECKED]
    return [
        (verdict, why, cases)
        for (verdict, why), cases in sorted(grouped.items(), key=lambda item: order.index(item[0][0]))
    ]


def _snippet(body: str) -> str:
    """The title of a page, else the start of a text."""
    title = re.search(r"<title>(.*?)</title>", body, re.IGNORECASE)
    text = " ".join(re.sub(r"<[^>]*>", " ", title.group(1) if title else body).split())
    text = text if len(text) <= SNIPPET_LENGTH else text[: SNIPPET_LENGTH - 1] + "…"
    return f'"{text}"' if text else ""


def _listener(report: ListenerReport) -> dict[str, Any]:
    return {
        "component": report.component,
        "name": report.listener.name,
        "albConfig": report.listener.alb_config,
        "port": report.listener.port,
        "caEnabled": report.listener.ca_enabled,
        "verdict": report.verdict,
        "checks": [_check(check) for check in report.checks],
    }


def _check(check: Check) -> dict[str, Any]:
    to = check.destination
    return {
        "case": check.case,
        "id": case_id(check.case),
        "verdict": check.verdict,
        "why": check.why,
        "expected": check.expected,
        "tlsVersion": check.version,
        "address": to and to.address,
        "port": to and to.port,
        "serverName": to and to.server_name,
        "path": to and to.path,
        "seen": _seen(check.outcome),
    }


def _seen(outcome: Outcome | None) -> dict[str, Any] | None:
    seen: dict[str, Any] = {"kind": "", "status": None, "location": None, "alert": None, "reason": None}
    match outcome:
        case None:
            return None
        case Answered(status, location, _):
            return {**seen, "kind": "answered", "status": status, "location": location or None}
        case Alert(name):
            return {**seen, "kind": "alert", "alert": name}
        case VersionNotOffered():
            return {**seen, "kind": "version not offered"}
        case ServerCertificateInvalid(reason):
            return {**seen, "kind": "server certificate invalid", "reason": reason}
        case ConnectionFailed(reason):
            return {**seen, "kind": "connection failed", "reason": reason}
        case NoSession(reason):
            return {**seen, "kind": "no session", "reason": reason}


def _flip(flip: Flip) -> dict[str, Any]:
    return {
        "component": flip.component,
        "trusted": flip.trusted,
        "issuing": flip.issuing,
        "verdict": flip.verdict,
        "note": flips.NOTE,
        "bundles": [
            {"case": bundle.case, "verdict": bundle.verdict, "why": bundle.why} for bundle in flip.bundles
        ],
    }
