"""The cases of `mtls verify`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from alb_mutual_tls.operations.verification.cases import Case, Missing, cases
from alb_mutual_tls.operations.verification.judgement import Caller
from alb_mutual_tls.pki.forged import ClientCredential, probe
from alb_mutual_tls.pki.signing import Issuer
from alb_mutual_tls.stack.state import components_of
from tests.unit.conftest import secret

NOW = datetime.now(UTC)
SIGNED_BY_THE_CA = ["client of authority root", "expired", "serverAuth only", "not yet valid"]


def made(
    exported: dict[str, Any], *, given: ClientCredential | None = None, with_authority_key: bool = False
) -> dict[str, Case | Missing]:
    (component,) = components_of(exported, with_authority_key=with_authority_key)
    return {
        case.name: case for case in cases(component, given, with_authority_key=with_authority_key, now=NOW)
    }


def able(found: dict[str, Case | Missing]) -> dict[str, Caller]:
    return {name: case.role for name, case in found.items() if isinstance(case, Case)}


def missing(found: dict[str, Case | Missing]) -> dict[str, str]:
    return {name: case.reason for name, case in found.items() if isinstance(case, Missing)}


def test_without_any_ca_key_there_are_the_clients_nobody_and_three_forged_credentials(
    exported: dict[str, Any],
) -> None:
    found = made(exported)
    assert able(found) == {
        "client client": Caller.CLIENT,
        "no certificate": Caller.ANONYMOUS,
        "client client with 1 of 2 certificates": Caller.CUT,
        "foreign CA": Caller.FORGED,
        "self-signed with the CA's name": Caller.FORGED,
        "tampered signature": Caller.FORGED,
    }
    assert set(missing(found)) == {"client csr-client", *SIGNED_BY_THE_CA}


def test_a_client_that_brought_a_csr_is_not_checked_and_says_how_it_could_be(
    exported: dict[str, Any],
) -> None:
    assert (
        "its private key is not in the stack: give it with --cert and --key"
        in missing(made(exported))["client csr-client"]
    )


def test_of_a_group_one_client_is_tried_and_stands_for_the_others(
    exported: dict[str, Any], credentials: dict[str, tuple[str, str]]
) -> None:
    certificate, key = credentials["client"]
    outputs = exported["deployment"]["resources"][-1]["outputs"]
    issued = {"certificatePem": certificate, "notAfter": "2026-03-01T00:00:00Z"}
    outputs["group:fleet"] = dict.fromkeys("abc", issued)
    outputs["privateKeys"] = secret({f"fleet/{name}": key for name in "abc"})
    found = made(exported)
    assert able(found)["client fleet/a"] is Caller.CLIENT
    assert "client fleet/b" not in found
    assert missing(found)["other clients of group fleet"] == "fleet/a stands for 2 more"


def test_a_client_presents_its_chain(exported: dict[str, Any]) -> None:
    client = made(exported)["client client"]
    assert isinstance(client, Case) and client.credential is not None
    resources = exported["deployment"]["resources"]
    own = resources[-1]["outputs"]["client:client"]["certificatePem"]
    (root,) = resources[2]["outputs"]["aboveClients"]
    assert client.credential.certificate_pem == own + root


def test_a_given_client_stands_in_for_all_of_the_stack(
    exported: dict[str, Any], credentials: dict[str, tuple[str, str]]
) -> None:
    found = made(exported, given=ClientCredential("of bob.crt", *credentials["client"]))
    assert [name for name, role in able(found).items() if role is Caller.CLIENT] == ["client of bob.crt"]
    assert "client csr-client" not in found


def test_what_a_clients_chain_gives_as_a_reason_to_refuse_it_is_known_beforehand(
    exported: dict[str, Any],
) -> None:
    (component,) = components_of(exported, with_authority_key=True)
    signer = component.authorities[0].signer
    assert signer is not None
    issuer = Issuer.load(signer.certificate_pem, signer.private_key_pem)
    for length, says in {
        1: "",
        2: "",
        3: "its chain has 4 certificates, 2 of them",
        12: "a verification depth of 11",
    }.items():
        case = made(exported, given=probe(issuer, length, NOW))[f"client chain of {length}"]
        assert isinstance(case, Case)
        assert says in case.refused_for and bool(says) == bool(case.refused_for)


def test_with_the_authoritys_key_the_real_ca_signs_what_must_be_refused(exported: dict[str, Any]) -> None:
    found = made(exported, with_authority_key=True)
    trusted = x509.load_pem_x509_certificate(
        exported["deployment"]["resources"][2]["outputs"]["caCertificatePem"].encode()
    )
    for name in SIGNED_BY_THE_CA:
        case = found[name]
        assert isinstance(case, Case) and case.credential is not None
        assert case.role is (Caller.CLIENT if name == "client of authority root" else Caller.FORGED)
        x509.load_pem_x509_certificate(case.credential.certificate_pem.encode()).verify_directly_issued_by(
            trusted
        )
    expired = found["expired"]
    assert isinstance(expired, Case) and expired.credential is not None
    assert (
        x509.load_pem_x509_certificate(expired.credential.certificate_pem.encode()).not_valid_after_utc < NOW
    )
    coming = found["not yet valid"]
    assert isinstance(coming, Case) and coming.credential is not None
    assert x509.load_pem_x509_certificate(
        coming.credential.certificate_pem.encode()
    ).not_valid_before_utc > NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (False, "--with-authority-key"),
        (True, "the private key of authority root is not in the stack's state"),
    ],
)
def test_what_only_the_ca_can_sign_is_not_checked_without_its_key(
    exported: dict[str, Any], asked: bool, reason: str
) -> None:
    resources = exported["deployment"]["resources"]
    resources[:] = [
        resource for resource in resources if not resource["urn"].endswith("::mtls-authority-root")
    ]
    reasons = missing(made(exported, with_authority_key=asked))
    assert all(reason in reasons[name] for name in SIGNED_BY_THE_CA)


def test_without_a_client_there_is_nothing_to_tamper_with(exported: dict[str, Any]) -> None:
    exported["deployment"]["resources"].pop()
    assert "no client with a private key" in missing(made(exported))["tampered signature"]
