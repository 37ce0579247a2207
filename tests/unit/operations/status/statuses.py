"""Stacks whose status is asked for, and what is told about them; the clock stands where
a test puts it.
"""

from __future__ import annotations

from typing import Any

from alb_mutual_tls.listener.enforced import (
    Shown,
    View,
)
from alb_mutual_tls.operations.status.observed import ObservedListener
from alb_mutual_tls.operations.status.report import print_for_people
from alb_mutual_tls.operations.status.status import StatusReport, report
from alb_mutual_tls.pki.issued import Outstanding, authority_identity
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
from alb_mutual_tls.stack.inventory import ClientCertificate, Inventory
from alb_mutual_tls.text import duration
from tests import screens
from tests.unit.pki.material import DAY, NOW, authority, client, pem

ROOT, OTHER = authority("root a"), authority("root b")
SHORT = authority("short", end=NOW + 40 * DAY)
HTTPS = DeployedListener("https", "alb", 443, True, ca_certificate_id="ca-1")
ON, OFF = Shown(True, ("ca-1",)), Shown(False, ("ca-1",))


def having(**clients: tuple[int, int]) -> Inventory:
    """A component with clients of a validity and a time of renewal, in days."""
    return Inventory(
        component=DeployedComponent("mtls", (HTTPS,), (), "root", pem(ROOT.certificate)),
        authorities={"root": pem(ROOT.certificate)},
        issuing_authority="root",
        clients=tuple(certificate(name, *days) for name, days in clients.items()),
        outstanding=(),
        provider={},
        secret_settings=(),
    )


def certificate(name: str, validity: int, before: int, issuer: Any = ROOT) -> ClientCertificate:
    issued = client(issuer, subject={"commonName": name}, validity_days=validity)
    return ClientCertificate(name, pem(issued), before, pem(issuer.certificate))


def left(name: str, days: int, *accepted_by: Any) -> Outstanding:
    return Outstanding(
        client=name,
        serialNumber="1f",
        notAfter=f"{NOW + days * DAY:%Y-%m-%dT%H:%M:%SZ}",
        fingerprint=f"{days:064x}",
        acceptedBy=[authority_identity(one.certificate) for one in accepted_by],
        reason="removed",
        since="2026-11-01T00:00:00Z",
    )


def judged(
    inventory: Inventory, albconfig: View = ON, alb: View = ON, *, day: float = 0, within: str | None = None
) -> StatusReport:
    listeners = [ObservedListener(listener, albconfig, alb) for listener in inventory.component.listeners]
    return report(
        [(inventory, listeners)],
        now=NOW + day * DAY,
        fail_within=None if within is None else duration(within),
    )


def told(made: StatusReport) -> list[str]:
    return [f"{one.verdict}: {one.why}" for one in made.findings]


def shown(made: StatusReport, *, columns: int = 10_000, wide: bool = False) -> str:
    return screens.shown(lambda screen: print_for_people(made, screen), columns=columns, wide=wide)
