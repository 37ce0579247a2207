"""Verifications of a laboratory's servers, and what they found."""

from __future__ import annotations

from pathlib import Path

from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import Check, VerificationReport
from alb_mutual_tls.operations.verification.verify import verify_stack
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.stack.deployed import DeployedClient, DeployedComponent, DeployedListener
from alb_mutual_tls.verdict import Verdict
from tests.contract.cli.laboratory import HOST, Laboratory, Ports

OFF = ""
TRUSTS_ANOTHER_CA = "ssl_client_certificate {folder}/other-ca.crt; ssl_verify_client on;"
ANSWERS_400 = "return 400;"


def component(
    laboratory: Laboratory, listener: DeployedListener, *, kubeconfig: Path | None = None, key: bool = True
) -> DeployedComponent:
    certificate, private_key = laboratory.client_ca.issue("alice")
    client = DeployedClient("alice", certificate, certificate, "2026-01-01T00:00:00Z", private_key)
    authority_key = laboratory.client_ca.key_pem if key else None
    return DeployedComponent(
        "mtls",
        (listener,),
        (client,),
        "root",
        laboratory.client_ca.pem,
        authority_key,
        kubeconfig=str(kubeconfig or laboratory.folder / "none"),
    )


def at(port: int, *, ca_enabled: bool = True, cluster: str | None = None) -> DeployedListener:
    return DeployedListener("https", "alb", 443, ca_enabled, f"127.0.0.1:{port}", HOST, "/", cluster)


def run(
    laboratory: Laboratory,
    *components: DeployedComponent,
    probe: Probe | None = None,
    given: ClientCredential | None = None,
    timeout: float = 5,
) -> VerificationReport:
    return verify_stack(
        components,
        directory=laboratory.folder,
        names=None,
        given=given,
        with_authority_key=True,
        probe=probe or Probe(laboratory.server_ca_file, timeout=timeout),
    )


WAYS_ROUND = ("wrong server name", "resumed session", "resumed session of another server name")


def front(report: VerificationReport) -> dict[tuple[str, str | None], Verdict]:
    """Case and version -> verdict, at the listener; without the ways around it."""
    found = {(check.case, check.version): check.verdict for check in all_checks(report) if check.version}
    return {key: verdict for key, verdict in found.items() if not key[0].startswith(WAYS_ROUND)}


def all_checks(report: VerificationReport) -> list[Check]:
    return [check for listener in report.listeners for check in listener.checks]


def beside(
    laboratory: Laboratory, ports: Ports, protocol: str, port: int, *, ca_enabled: bool = False
) -> DeployedComponent:
    """A listener at `ports.https` (443 moved) and another one of the AlbConfig at `port`, moved as
    far.
    """
    shift = ports.https - 443
    listeners = (
        {"port": 443, "protocol": "HTTPS", "caEnabled": True},
        {"port": port - shift, "protocol": protocol, "caEnabled": ca_enabled},
    )
    kubeconfig = laboratory.cluster(*listeners, listen_ports=[{"HTTPS": 443}, {protocol: port - shift}])
    return component(laboratory, at(ports.https), kubeconfig=kubeconfig)
