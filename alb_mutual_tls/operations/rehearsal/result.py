"""What came of a rehearsal, and what it says about the real listener. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from alb_mutual_tls.operations.verification.result import Check, ListenerReport
from alb_mutual_tls.stack.deployed import DeployedAuthority, DeployedListener
from alb_mutual_tls.verdict import EXIT_CODE, Verdict, overall


class Purpose(StrEnum):
    """What the rehearsed listener is to do; the verdict is about this."""

    ENABLING = "enabling client authentication"
    FLIP = "the change to another CA"
    AS_IT_IS = "client authentication as it is"


class Need(StrEnum):
    """Why a length of chains matters."""

    CLIENTS = "clients"
    ROTATION = "a rotation"
    NOTHING = "nothing yet"


@dataclass(frozen=True)
class Depth:
    """Chains of one length, and what became of them.

    `length`: the number of certificates below the CA. `need`: what such chains are needed for.
    """

    length: int
    need: Need
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """Held: accepted; fell short: rejected."""
        return overall(check.verdict for check in self.checks)


@dataclass
class RehearsalResult:
    """One rehearsal.

    `reason`: why it did not come to a verdict; `left`: what could not be taken away, a sentence
    each.
    """

    component: str
    listener: DeployedListener
    authority: DeployedAuthority
    purpose: Purpose = Purpose.ENABLING
    port: int | None = None
    report: ListenerReport | None = None
    depths: tuple[Depth, ...] = ()
    cleaned: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    reason: str = ""
    stood: float = 0.0
    """Seconds between the patch that added the temporary listener and the one that took it away."""

    @property
    def verdict(self) -> Verdict:
        """Whether the real listener would hold.

        Not decided when anything kept it from being tried, or was left behind.
        """
        if self.reason or self.left or self.report is None:
            return Verdict.NOT_DECIDED
        decisive = [depth.verdict for depth in self.depths if depth.need is not Need.NOTHING]
        return overall([self.report.verdict, *decisive])

    @property
    def exit_code(self) -> int:
        """0 would hold, 1 would not hold, 2 not decided."""
        return EXIT_CODE[self.verdict]
