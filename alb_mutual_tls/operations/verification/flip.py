"""Whether a stack is ready for its listeners to trust the issuing authority alone.

This step of a rotation is the flip. Ready is who presents a chain that a listener would accept
then, which is computed, and that it accepts now, which was tried. Which bundle a partner has really
installed, nobody can know here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.entry import given_place
from alb_mutual_tls.operations.verification.cases import client_case
from alb_mutual_tls.stack.deployed import DeployedComponent
from alb_mutual_tls.verdict import Finding, Verdict, overall

if TYPE_CHECKING:
    from alb_mutual_tls.pki.forged import ClientCredential

NOTE: Final = (
    "'Ready' covers what this stack issued, not what the clients have installed: ask them, or look at the"
    " listener's access log."
)
NO_CLIENT: Final = "no client"


@dataclass(frozen=True)
class Bundle:
    """What a client presents, by its case, and whether that is ready for the flip."""

    case: str
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True)
class Flip:
    """A flip that is to come, from the trusted to the issuing authority.

    `component` is the name of the AlbMutualTls.
    """

    component: str
    trusted: str
    issuing: str
    bundles: tuple[Bundle, ...]

    @property
    def verdict(self) -> Verdict:
        """Held: ready. Without any bundle nothing was checked."""
        verdicts = {bundle.verdict for bundle in self.bundles}
        return Verdict.NOT_CHECKED if verdicts <= {Verdict.NOT_CHECKED} else overall(verdicts)


def flip(
    component: DeployedComponent,
    given: ClientCredential | None,
    tried: Sequence[tuple[str, Verdict]],
    now: datetime,
) -> Flip | None:
    """The flip that a component stands before; None where there is none to come.

    `given` (from --cert and --key) is looked at as well. `tried`: case and verdict of each
    connection to its listeners that are on. Raises UserError when a certificate cannot be read.
    """
    roots = {authority.name: authority.ca_certificate_pem for authority in component.authorities}
    issuing, root = component.issuing_authority, roots.get(component.issuing_authority)
    if root is None or root == component.ca_certificate_pem:
        return None
    presented = {client_case(client.name): client.chain_pem for client in component.clients}
    if given is not None:
        presented[client_case(given.name)] = given.certificate_pem
    bundles = []
    for case, chain in presented.items():
        finding = _before(chain, root, issuing, now) or _now(
            [verdict for name, verdict in tried if name == case]
        )
        bundles.append(Bundle(case, finding.verdict, finding.why))
    if not bundles:
        why = (
            f"this stack has issued no client certificate, and whether those of others lead to {issuing} is"
            " not known here"
        )
        bundles.append(Bundle(NO_CLIENT, Verdict.NOT_CHECKED, why))
    return Flip(component.name, component.trusted_authority, issuing, tuple(bundles))


def _before(chain: str, root: str, issuing: str, now: datetime) -> Finding | None:
    """Why a listener that trusts the issuing authority alone would refuse a chain.

    None where it would accept it.
    """
    from alb_mutual_tls.pki.certification_path import DEPTH_SEEN, against, deep, judge_pem

    judged = judge_pem(chain, root, now)
    if refusals := against(judged):
        remedy = (
            f"run pulumi up so that {issuing} issues it anew, and let the client install that before"
            " trustedAuthority changes"
        )
        return Finding(
            Verdict.FELL_SHORT,
            f"a listener that trusts {issuing} alone would refuse it: {'; '.join(refusals)}; {remedy}",
        )
    if doubt := deep(judged.depth_needed, beyond=DEPTH_SEEN):
        return Finding(
            Verdict.NOT_DECIDED,
            f"whether a listener that trusts {issuing} alone would accept it is not known:"
            f" {doubt}{given_place()}",
        )
    return None


def _now(tried: Sequence[Verdict]) -> Finding:
    if Verdict.FELL_SHORT in tried:
        return Finding(
            Verdict.FELL_SHORT,
            "it would be accepted after the flip, but a listener refuses it now: see its row",
        )
    if Verdict.NOT_DECIDED in tried:
        return Finding(
            Verdict.NOT_DECIDED,
            "it would be accepted after the flip, but whether it is now could not be decided: see its row",
        )
    return Finding(Verdict.HELD)
