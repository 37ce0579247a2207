"""`mtls status`: what the state, the AlbConfig and ALB show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.enforced import (
    Absent,
    CaReference,
    ListenerState,
    NotKnown,
    Shown,
    declared,
    reported,
)
from alb_mutual_tls.operations.status.observed import observe
from alb_mutual_tls.stack.inventory import inventories
from tests.unit.operations.status.statuses import HTTPS, ON, ROOT, having, left


def test_the_albconfig_is_read_as_the_controller_reads_it() -> None:
    def document(*listeners: dict[str, Any]) -> dict[str, Any]:
        return {"metadata": {"name": "alb"}, "spec": {"listeners": list(listeners)}}

    ours = {
        "port": 443,
        "protocol": "HTTPS",
        "CaEnabled": True,
        "caCertificates": [{"CertificateId": "ca-1"}],
    }
    assert declared(document(ours), 443) == ON
    assert declared(document({"port": 443, "protocol": "HTTPS"}), 443) == Shown(False, ())
    assert isinstance(declared(document({"port": 80, "protocol": "HTTP"}), 443), Absent)
    assert isinstance(declared(document(ours, ours), 443), NotKnown)


def test_alb_is_at_work_while_the_listener_or_a_ca_certificate_is_on_its_way() -> None:
    def state(status: str, *references: CaReference) -> ListenerState:
        return ListenerState("lsn-1", "lb-1", 443, status, True, references)

    assert reported(state("Running", CaReference("ca-1", "Associated")), "lb-1", 443) == ON
    assert reported(state("Running", CaReference("ca-1", "")), "lb-1", 443) == ON
    for one in (
        state("Configuring", CaReference("ca-1", "Associated")),
        state("Running", CaReference("ca-1", "Associating")),
    ):
        assert reported(one, "lb-1", 443) == replace(ON, changing=True)
    assert reported(None, "lb-1", 443) == Absent("load balancer lb-1 has no HTTPS listener on port 443")


def test_a_cluster_that_cannot_be_reached_leaves_both_places_unknown(tmp_path: Path) -> None:
    inventory = replace(having(one=(90, 30)), provider={"kubeconfig": "nowhere"})
    (observed,) = observe(inventory, tmp_path, None)
    assert isinstance(observed.albconfig, NotKnown) and "nowhere" in observed.albconfig.why
    assert observed.alb == NotKnown("the AlbConfig alb, which names the load balancer, could not be read")


def test_settings_that_are_secret_are_needed_by_the_place_alone_that_they_are_of(
    pulumi: Callable[..., Path],
) -> None:
    """Access keys are nothing that the cluster needs; a kubeconfig that is secret and cannot be
    decrypted must not be taken for none.
    """
    project = pulumi(stderr="error: incorrect passphrase", code=255)
    inventory = replace(having(), component=replace(having().component, listeners=(HTTPS, HTTPS)))
    for observed in observe(replace(inventory, secret_settings=("kubeconfig", "secretKey")), project, None):
        assert isinstance(observed.albconfig, NotKnown)
        assert observed.albconfig.why.startswith(
            "the state has kubeconfig of the provider encrypted, and could not be decrypted: the"
            " passphrase in"
        )
    asked = project.parent / "bin/arguments"
    asked.unlink()
    for observed in observe(
        replace(inventory, secret_settings=("secretKey",), provider={"kubeconfig": "nowhere"}), project, None
    ):
        assert isinstance(observed.albconfig, NotKnown) and "nowhere" in observed.albconfig.why
    assert not asked.exists()


GONE = left("gone", 50, ROOT)


def with_register(exported: dict[str, Any], authority: tuple[str, str]) -> dict[str, Any]:
    """The state with what signs the clients and what is outstanding; its secrets encrypted."""
    register = exported["deployment"]["resources"][-1]
    register["inputs"] |= {"issuerCertificatePem": authority[0]}
    register["outputs"]["outstanding"] = [GONE]
    encrypted: dict[str, Any] = _encrypted(exported)
    return encrypted


def with_certificates(exported: dict[str, Any], authority: tuple[str, str]) -> dict[str, Any]:
    """The same of the version before, with a resource for each certificate."""
    resources = exported["deployment"]["resources"]
    parent, provider = resources[2]["urn"], resources[3]["provider"]
    inputs = {"kind": "client", "renewBeforeDays": 30.0, "issuerCertificatePem": authority[0]}
    record = {"outstanding": [GONE], "certificates": {}, "current": {}}
    for token, name, more in (
        ("albmtls:index:SignedCertificate", "mtls-client-client", {"inputs": inputs}),
        ("albmtls:index:SignedCertificate", "mtls-b-by-a", {"inputs": {"kind": "cross"}}),
        ("albmtls:index:IssuedCertificates", "mtls-issued", {"outputs": record}),
    ):
        urn = f"{parent}${token}::{name}"
        resources.append({"urn": urn, "type": token, "parent": parent, "provider": provider, **more})
    encrypted: dict[str, Any] = _encrypted(exported)
    return encrypted


def _encrypted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            ("ciphertext" if key == "plaintext" else key): _encrypted(item) for key, item in value.items()
        }
    return [_encrypted(item) for item in value] if isinstance(value, list) else value


def test_the_state_is_read_without_its_secrets(exported: dict[str, Any], authority: tuple[str, str]) -> None:
    (found,) = inventories(with_register(exported, authority), component=None)
    assert found.component.trusted_authority == found.issuing_authority == "root"
    assert found.authorities == {"root": authority[0]}
    assert [(one.client, one.renew_before_days, one.issuer_pem) for one in found.clients] == [
        ("client", 30, authority[0]),
        ("csr-client", 30, authority[0]),
    ]
    assert found.outstanding == (GONE,)
    assert found.secret_settings == ("secretKey",)
    assert all(one.private_key_pem is None for one in found.component.clients)


def test_a_state_of_the_version_before_is_read_without_its_secrets_too(
    exported_before: dict[str, Any], authority: tuple[str, str]
) -> None:
    (found,) = inventories(with_certificates(exported_before, authority), component=None)
    assert [(one.client, one.renew_before_days, one.issuer_pem) for one in found.clients] == [
        ("client", 30, authority[0]),
        ("csr-client", None, authority[0]),
    ]
    assert found.outstanding == (GONE,)


def test_a_component_is_chosen_by_name_and_a_state_of_before_has_no_record(
    exported: dict[str, Any], exported_before: dict[str, Any]
) -> None:
    (found,) = inventories(exported_before, component="mtls")
    assert found.outstanding is None
    with pytest.raises(UserError, match="the stack has no AlbMutualTls named 'other': it has mtls"):
        inventories(exported, component="other")
