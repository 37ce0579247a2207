"""Whether a stack's listeners are as desired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.listener.enforced import Absent, NotKnown, Shown, View, words
from alb_mutual_tls.verdict import Finding, Verdict, overall

if TYPE_CHECKING:
    from alb_mutual_tls.stack.deployed import DeployedListener

_REMEDIES: Final = {
    "the AlbConfig": "run pulumi preview to see what pulumi up would write, and find out who changed it",
    "ALB": "read the events of the AlbConfig (kubectl describe albconfig), then run pulumi up",
}


@dataclass(frozen=True)
class ListenerStatus:
    """A listener: what the last `pulumi up` wanted, what AlbConfig and ALB report.

    `authority`: the name of the one whose CA certificate it is to trust.
    """

    component: str
    desired: DeployedListener
    authority: str
    albconfig: View
    alb: View

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What does not hold, or is not known."""
        return tuple(_out_of_step(self))

    @property
    def verdict(self) -> Verdict:
        return overall([Verdict.HELD, *(finding.verdict for finding in self.findings)])


def in_step(desired: DeployedListener, shown: Shown | Absent, *, whole: bool) -> bool:
    """Whether AlbConfig or ALB shows what is desired.

    `whole`: also the CA certificates of a listener that is off, which the AlbConfig keeps.
    """
    if isinstance(shown, Absent):
        return not desired.ca_enabled
    if shown.ca_enabled != desired.ca_enabled:
        return False
    compared = desired.ca_certificate_id is not None and (desired.ca_enabled or whole)
    return not compared or shown.ca_certificate_ids == (desired.ca_certificate_id,)


def _out_of_step(listener: ListenerStatus) -> Iterator[Finding]:
    desired = listener.desired
    what = f"listener {desired.name} (AlbConfig {desired.alb_config} port {desired.port})"
    wanted = words(desired.ca_enabled, [desired.ca_certificate_id])
    for source, view in (("the AlbConfig", listener.albconfig), ("ALB", listener.alb)):
        if isinstance(view, NotKnown):
            yield Finding(Verdict.NOT_DECIDED, f"{what}: {source} was not seen: {view.why}")
        elif isinstance(view, Shown) and view.changing:
            yield Finding(Verdict.NOT_DECIDED, f"{what}: ALB is at work on it, so run this again in a moment")
        elif not in_step(desired, view, whole=source != "ALB"):
            has = (
                view.why
                if isinstance(view, Absent)
                else f"{source} has {words(view.ca_enabled, view.ca_certificate_ids)}"
            )
            remedy = (
                _REMEDIES[source]
                if source != "ALB" or view != listener.albconfig
                else "it does as the AlbConfig says"
            )
            yield Finding(Verdict.FELL_SHORT, f"{what}: desired is {wanted}, and {has}: {remedy}")
