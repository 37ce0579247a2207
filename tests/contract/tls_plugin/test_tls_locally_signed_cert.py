"""LocallySignedCert: a chain that verifies, what is taken from the request, and what is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from alb_mutual_tls.wire import UNKNOWN
from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.locally_signed_cert import LocallySignedCert
from dev.toolchain.plugins.tls.self_signed_cert import SelfSignedCert

KeyPem = Callable[..., str]
CLIENT: dict[str, Any] = {"allowedUses": ["digital_signature", "client_auth"], "validityPeriodHours": 2160}


def certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def authority(driver: Any, key: str, **change: Any) -> dict[str, Any]:
    """The CA's inputs."""
    wanted = {
        "isCaCertificate": True,
        "allowedUses": ["cert_signing", "crl_signing"],
        "validityPeriodHours": 87600,
        "subject": {"commonName": "root", "emailAddress": "ca@example.com"},
    }
    return {
        "caPrivateKeyPem": key,
        "caCertPem": driver.create(SelfSignedCert, privateKeyPem=key, **(wanted | change))["certPem"],
    }


def request(driver: Any, key: str, **change: Any) -> str:
    wanted = {
        "subject": {"commonName": "client", "organization": "Example"},
        "uris": ["spiffe://example/client"],
    }
    return str(driver.create(CertRequest, privateKeyPem=key, **(wanted | change))["certRequestPem"])


@pytest.mark.parametrize(
    "key", [{"algorithm": "RSA"}, {"algorithm": "ECDSA", "ecdsaCurve": "P384"}, {"algorithm": "ED25519"}]
)
def test_the_chain_verifies(driver: Any, key_pem: KeyPem, tmp_path: Path, key: dict[str, Any]) -> None:
    ca = authority(driver, key_pem(**key))
    state = driver.create(LocallySignedCert, certRequestPem=request(driver, key_pem()), **ca, **CLIENT)
    root, leaf = certificate(ca["caCertPem"]), certificate(state["certPem"])
    leaf.verify_directly_issued_by(root)
    assert leaf.subject.rfc4514_string() == "CN=client,O=Example"
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example/client"]
    own = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own
    (tmp_path / "root.pem").write_text(ca["caCertPem"])
    (tmp_path / "leaf.pem").write_text(state["certPem"])
    command = [
        "openssl",
        "verify",
        "-purpose",
        "sslclient",
        "-no_check_time",
        "-CAfile",
        "root.pem",
        "leaf.pem",
    ]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert (state["caKeyAlgorithm"], state["id"]) == (key["algorithm"], str(leaf.serial_number))


def test_the_state_holds_inputs_defaults_and_outputs(driver: Any, key_pem: KeyPem) -> None:
    state = driver.create(
        LocallySignedCert,
        certRequestPem=request(driver, key_pem()),
        **authority(driver, key_pem("RSA")),
        **CLIENT,
    )
    assert set(state) == {
        *(
            "allowedUses",
            "caCertPem",
            "caKeyAlgorithm",
            "caPrivateKeyPem",
            "certPem",
            "certRequestPem",
            "earlyRenewalHours",
            "id",
        ),
        *(
            "isCaCertificate",
            "readyForRenewal",
            "setSubjectKeyId",
            "validityEndTime",
            "validityPeriodHours",
            "validityStartTime",
        ),
    }


def test_a_subject_of_the_same_name_gets_no_authority_key_identifier(driver: Any, key_pem: KeyPem) -> None:
    """As Go does it; which is why cross certificates are not made with this resource
    (facts/pulumi.md 2).
    """
    ca = authority(driver, key_pem("RSA"), subject={"commonName": "same"})
    asked = request(driver, key_pem(), subject={"commonName": "same"})
    leaf = certificate(driver.create(LocallySignedCert, certRequestPem=asked, **ca, **CLIENT)["certPem"])
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)


def test_a_subordinate_ca_has_a_key_identifier_of_its_own(driver: Any, key_pem: KeyPem) -> None:
    ca = authority(driver, key_pem("RSA"))
    wanted = {
        "isCaCertificate": True,
        "allowedUses": ["cert_signing"],
        "validityPeriodHours": 1,
        "maxPathLength": 0,
    }
    made = certificate(
        driver.create(LocallySignedCert, certRequestPem=request(driver, key_pem()), **ca, **wanted)["certPem"]
    )
    constraints = made.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    expected = x509.SubjectKeyIdentifier.from_public_key(made.public_key())
    assert made.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value == expected


def test_signing_with_a_certificate_that_is_no_ca_is_warned_about(driver: Any, key_pem: KeyPem) -> None:
    ca = authority(driver, key_pem("RSA"), isCaCertificate=False)
    driver.create(LocallySignedCert, certRequestPem=request(driver, key_pem()), **ca, **CLIENT)
    assert driver.warnings == ["caCertPem is no CA certificate: what it signs will fail validation"]


def test_a_key_of_another_ca_is_refused(driver: Any, key_pem: KeyPem) -> None:
    ca = authority(driver, key_pem("RSA")) | {"caPrivateKeyPem": key_pem("ED25519")}
    failures = driver.check(LocallySignedCert, certRequestPem=request(driver, key_pem()), **ca, **CLIENT)
    assert [failure.reason for failure in failures] == [
        "caPrivateKeyPem is not the key of the certificate in caCertPem: give the two that belong together"
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "caCertPem",
            "caCertPem begins with a PEM block of type EC PRIVATE KEY: the first block must be CERTIFICATE",
        ),
        (
            "certRequestPem",
            (
                "certRequestPem begins with a PEM block of type EC PRIVATE KEY: the first block must be"
                " CERTIFICATE REQUEST"
            ),
        ),
    ],
)
def test_a_key_in_the_wrong_place_is_refused_and_not_printed(
    driver: Any, key_pem: KeyPem, name: str, reason: str
) -> None:
    good = {"certRequestPem": request(driver, key_pem()), **authority(driver, key_pem("RSA")), **CLIENT}
    failures = driver.check(LocallySignedCert, **(good | {name: key_pem()}))
    assert [(failure.property, failure.reason) for failure in failures] == [("", reason)]


@pytest.mark.parametrize("name", ["caCertPem", "certRequestPem"])
def test_a_damaged_text_is_refused(driver: Any, key_pem: KeyPem, name: str) -> None:
    good = {"certRequestPem": request(driver, key_pem()), **authority(driver, key_pem("RSA")), **CLIENT}
    lines = good[name].splitlines()
    failures = driver.check(LocallySignedCert, **(good | {name: "\n".join([*lines[:2], *lines[3:]])}))
    assert len(failures) == 1
    assert "cannot be read" in failures[0].reason


def test_a_ca_made_of_a_request_without_a_name_is_refused(driver: Any, key_pem: KeyPem) -> None:
    asked = request(driver, key_pem(), subject=None)
    failures = driver.check(
        LocallySignedCert,
        certRequestPem=asked,
        **authority(driver, key_pem("RSA")),
        **(CLIENT | {"isCaCertificate": True}),
    )
    assert [failure.reason for failure in failures] == [
        "a CA must have a name: make the request with a subject (RFC 5280, 4.1.2.6)"
    ]


def test_a_preview_with_unknown_inputs_is_fine(driver: Any, key_pem: KeyPem) -> None:
    planned = driver.preview(
        LocallySignedCert, certRequestPem=UNKNOWN, caPrivateKeyPem=key_pem(), caCertPem=UNKNOWN, **CLIENT
    )
    assert planned["certPem"] is UNKNOWN
    assert planned["readyForRenewal"] is False
