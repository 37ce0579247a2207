"""The report of `mtls rehearse`: a table for people, JSON for machines.

The JSON document (`version` counts up when a field changes its meaning or goes away, never when one
is added):
    version       1
    verdict       "would hold", "would not hold" or "not decided"
    exitCode      0, 1 or 2, in that order
    summary       one line for people
    listener      null, or {component, name, albConfig, port}: the real one
    rehearsed     null, or {purpose, authority, caCertificateId, port, seconds}: purpose "enabling
                  client authentication", "the change to another CA" or
                  "client authentication as it is"; port of the temporary listener, null where none
                  was added; seconds for which it stood
    checks        as in the report of `mtls verify`
    depths        list of {certificates, need, result, checks}: certificates below the CA; need
                  "clients", "a rotation" or "nothing yet"; result
                  "accepted", "rejected" or "unclear"
    notes         what else is to be known, a sentence each
    cleaned       what an earlier rehearsal had left behind and was taken away, a sentence each
    left          what could not be taken away, a sentence each
    error         why there is no verdict, one sentence, or null
With --clean: {version, exitCode (0 nothing is left, 2 something is), summary, notes, cleaned, left,
error}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.operations.printing import (
    Cell,
    Table,
    dump,
    print_sentence,
    print_table,
    print_verdict,
)
from alb_mutual_tls.operations.rehearsal.cleaning import Cleaning
from alb_mutual_tls.operations.rehearsal.result import Depth, Need, RehearsalResult
from alb_mutual_tls.operations.verification import report as verify_report
from alb_mutual_tls.operations.verification.outcome import TlsVersion
from alb_mutual_tls.operations.verification.report import seen_text
from alb_mutual_tls.operations.verification.result import ListenerReport, VerificationReport
from alb_mutual_tls.verdict import Verdict

if TYPE_CHECKING:
    from alb_mutual_tls.operations.printing import Screen

WORDS: Final = {
    Verdict.HELD: "would hold",
    Verdict.FELL_SHORT: "would not hold",
    Verdict.NOT_DECIDED: "not decided",
}
_ANSWERS: Final = {Verdict.HELD: "accepted", Verdict.FELL_SHORT: "rejected", Verdict.NOT_DECIDED: "unclear"}


NOTHING_CLEANED: Final[Mapping[str, Any]] = {"notes": [], "cleaned": [], "left": []}
"""What the JSON document of --clean holds where nothing could be looked at."""
NOTHING: Final[Mapping[str, Any]] = {
    "listener": None,
    "rehearsed": None,
    "checks": [],
    "depths": [],
    **NOTHING_CLEANED,
}
"""What the JSON document holds where there could be no rehearsal."""


def summary(result: RehearsalResult) -> str:
    """One line: the verdict, on what, and whether anything is left."""
    real = f"{result.listener.port}/HTTPS of AlbConfig {result.listener.alb_config}"
    what = f"{result.purpose} on listener {real} with authority {result.authority.name}"
    if result.left:
        after = f"{len(result.left)} NOT TAKEN AWAY"
    elif result.port is None:
        after = "nothing was added"
    else:
        after = f"the temporary listener {result.port}/HTTPS stood for {result.stood:.1f} s and is gone"
    return f"{WORDS[result.verdict]}: {what}; {after}"


def as_json(result: RehearsalResult) -> str:
    """The document described above."""
    return _document(
        verdict=WORDS[result.verdict],
        exitCode=result.exit_code,
        summary=summary(result),
        listener={
            "component": result.component,
            "name": result.listener.name,
            "albConfig": result.listener.alb_config,
            "port": result.listener.port,
        },
        rehearsed={
            "purpose": result.purpose,
            "authority": result.authority.name,
            "caCertificateId": result.authority.ca_certificate_id,
            "port": result.port,
            "seconds": round(result.stood, 1),
        },
        checks=_checks(result.report) if result.report else [],
        depths=[
            {
                "certificates": depth.length,
                "need": depth.need,
                "result": _ANSWERS[depth.verdict],
                "checks": _checks(ListenerReport(result.component, result.listener, depth.checks)),
            }
            for depth in result.depths
        ],
        notes=result.notes,
        cleaned=result.cleaned,
        left=result.left,
        error=result.reason or None,
    )


def print_for_people(result: RehearsalResult, screen: Screen) -> None:
    """The verdict, what is left, the cases, the chains, and what else is to be known."""
    print_verdict(result.verdict, summary(result), screen)
    if screen.quiet:
        return
    _print_left(result.left, screen)
    if result.reason:
        print_sentence(Verdict.NOT_DECIDED, result.reason, screen)
    if result.report is not None:
        verify_report.print_listener(result.report, screen)
    depths: list[list[Cell]] = [
        [
            chain(depth),
            depth.need if depth.need is not Need.NOTHING else "-",
            *(_seen(depth, version) for version in TlsVersion),
            (_ANSWERS[depth.verdict], depth.verdict),
        ]
        for depth in result.depths
    ]
    print_table(Table("chain depth", ["chain", "needed by", *TlsVersion, "result"], depths), screen)
    for sentence in result.notes:
        print_sentence(Verdict.HELD, sentence, screen)


def print_cleaning(cleaning: Cleaning, screen: Screen) -> None:
    """What `--clean` has taken away, and what is left."""
    verdict = Verdict.FELL_SHORT if cleaning.left else Verdict.HELD
    print_verdict(verdict, cleaning_summary(cleaning), screen)
    if screen.quiet:
        return
    _print_left(cleaning.left, screen)
    for sentence in cleaning.cleaned:
        screen.line(sentence)
    for sentence in cleaning.notes:
        print_sentence(Verdict.HELD, sentence, screen)


def _print_left(left: Sequence[str], screen: Screen) -> None:
    for sentence in left:
        screen.line(f"LEFT: {sentence}", "red")


def chain(depth: Depth) -> str:
    """A chain in words, for instance `CA > 1 intermediate > client`."""
    between = depth.length - 1
    return " > ".join(
        ["CA", *([f"{between} intermediate{'s' if between > 1 else ''}"] if between else []), "client"]
    )


def cleaning_summary(cleaning: Cleaning) -> str:
    """One line about `--clean`."""
    if cleaning.left:
        return f"{len(cleaning.cleaned)} taken away, {len(cleaning.left)} left"
    return (
        f"{len(cleaning.cleaned)} taken away, nothing is left"
        if cleaning.cleaned
        else "there is no temporary listener to take away"
    )


def cleaning_as_json(cleaning: Cleaning) -> str:
    """The document of `--clean`."""
    return _document(
        exitCode=cleaning.exit_code,
        summary=cleaning_summary(cleaning),
        notes=cleaning.notes,
        cleaned=cleaning.cleaned,
        left=cleaning.left,
        error=None,
    )


def _checks(report: ListenerReport) -> list[dict[str, Any]]:
    """Checks as `mtls verify` prints them."""
    checks: list[dict[str, Any]] = json.loads(verify_report.as_json(VerificationReport((report,))))[
        "listeners"
    ][0]["checks"]
    return checks


def _seen(depth: Depth, version: TlsVersion) -> str:
    """Return what came of a chain in a TLS version at all places.

    The bodies of answers are left out.
    """
    seen = [seen_text(check.outcome).partition(' "')[0] for check in depth.checks if check.version is version]
    return ", ".join(dict.fromkeys(seen))


def _document(**members: Any) -> str:
    return dump({"version": 1, **members})
