"""`mtls verify` within a pipeline: its verdict, and why in a few lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from alb_mutual_tls.alibaba.polling import Wait
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.printing import error_as_json
from alb_mutual_tls.operations.verification import report as reports
from alb_mutual_tls.operations.verification.cases import given_credential
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import Check, VerificationReport
from alb_mutual_tls.operations.verification.verify import verify_stack
from alb_mutual_tls.stack.state import read_components
from alb_mutual_tls.verdict import Verdict


@dataclass(frozen=True)
class Verification:
    """The verdict, `mtls verify`'s last line, and what did not hold, a line each.

    Without any listener nothing is checked. `document`: what `mtls verify --json` prints; empty
    where nothing was checked.
    """

    verdict: Verdict
    summary: str
    reasons: tuple[str, ...] = ()
    document: str = field(default="", repr=False)

    @property
    def good(self) -> bool:
        """Whether nothing speaks against what is there."""
        return self.verdict in (Verdict.HELD, Verdict.NOT_CHECKED)


def verify(directory: Path, stack: str, probe: Probe) -> Verification:
    """Try every case at every listener that the stack's last update declared.

    The verdict is "not decided" when something keeps the cases from being tried.
    """
    try:
        components = read_components(directory, stack=stack, component=None)
        if not any(component.listeners for component in components):
            return Verification(Verdict.NOT_CHECKED, "no listener is declared, so there is nothing to verify")
        report = verify_stack(
            components,
            directory=directory,
            names=None,
            given=given_credential(probe.cert, probe.key),
            with_authority_key=False,
            probe=probe,
        )
    except UserError as error:
        document = error_as_json(str(error), reports.NOTHING)
        return Verification(Verdict.NOT_DECIDED, f"{Verdict.NOT_DECIDED}: {error}", document=document)
    return Verification(
        report.verdict, reports.summary(report), tuple(_reasons(report)), reports.as_json(report)
    )


def verify_within(directory: Path, stack: str, probe: Probe, seconds: float) -> Verification:
    """Verify again until the result is good or the time is over.

    The data plane may lag behind what ALB reports.
    """
    wait = Wait(seconds, time.sleep, time.monotonic)
    while not (verification := verify(directory, stack, probe)).good and not wait.over:
        wait.pause()
    return verification


def _reasons(report: VerificationReport) -> Iterator[str]:
    for listener in report.listeners:
        grouped: dict[tuple[Verdict, str], list[str]] = {}
        for check in listener.checks:
            if check.verdict in (Verdict.FELL_SHORT, Verdict.NOT_DECIDED):
                cases = grouped.setdefault((check.verdict, _why(check)), [])
                cases += [] if check.case in cases else [check.case]
        for (verdict, why), cases in sorted(
            grouped.items(), key=lambda item: item[0][0] is not Verdict.FELL_SHORT
        ):
            yield f"{verdict}: listener {listener.listener.name}: {', '.join(cases)}: {why}"
    for flip in report.flips:
        for bundle in flip.bundles:
            if bundle.verdict in (Verdict.FELL_SHORT, Verdict.NOT_DECIDED):
                yield (
                    f"{bundle.verdict}: {bundle.case}: not ready for the flip to {flip.issuing}: {bundle.why}"
                )


def _why(check: Check) -> str:
    return check.why or f"expected {check.expected}, seen {reports.seen_text(check.outcome)}"
