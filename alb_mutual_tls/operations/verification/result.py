"""What `mtls verify` found, case by case."""

from __future__ import annotations

from dataclasses import dataclass

from alb_mutual_tls.operations.verification.flip import Flip
from alb_mutual_tls.operations.verification.judgement import Expected
from alb_mutual_tls.operations.verification.outcome import Destination, Outcome, TlsVersion
from alb_mutual_tls.stack.deployed import DeployedListener
from alb_mutual_tls.verdict import EXIT_CODE, Verdict, overall


@dataclass(frozen=True)
class Check:
    """One case at one destination.

    Destination, version and outcome are None where nothing could be tried. Version is None also for
    plain HTTP.
    """

    case: str
    verdict: Verdict
    why: str = ""
    expected: Expected | None = None
    destination: Destination | None = None
    version: TlsVersion | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True)
class ListenerReport:
    """All checks of one listener; `component` is the name of its AlbMutualTls."""

    component: str
    listener: DeployedListener
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        return overall(check.verdict for check in self.checks)


@dataclass(frozen=True)
class VerificationReport:
    """The reports of all listeners, and of the flips that are to come.

    `insecure`: server certificates were not verified. `notes`: what else is to be known.
    """

    listeners: tuple[ListenerReport, ...]
    insecure: bool = False
    flips: tuple[Flip, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return overall(
            [*(listener.verdict for listener in self.listeners), *(flip.verdict for flip in self.flips)]
        )

    @property
    def exit_code(self) -> int:
        return EXIT_CODE[self.verdict]
