"""SelfSignedCert and CertRequest: what they mean, and what is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from alb_mutual_tls.wire import UNKNOWN
from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.instants import parse
from dev.toolchain.plugins.tls.pem import identifier
from dev.toolchain.plugins.tls.self_signed_cert import SelfSignedCert

KEYS: list[dict[str, Any]] = [
    {"algorithm": "RSA"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P224"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P256"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P384"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P521"},
    {"algorithm": "ED25519"},
]
KEY_NAMES = [" ".join(inputs.values()) for inputs in KEYS]
CA: dict[str, Any] = {
    "isCaCertificate": True,
    "allowedUses": ["cert_signing", "crl_signing"],
    "validityPeriodHours": 87600,
    "subject": {"country": "CN", "commonName": "root", "emailAddress": "ca@example.com"},
}
KeyPem = Callable[..., str]
UNREADABLE = "-----BEGIN {0}-----\naHVudGVyMg==\n-----END {0}-----\n".format(
    "PRIVATE KEY"
)  # so that no file looks like one with a key


def certificate(state: dict[str, Any]) -> x509.Certificate:
    return x509.load_pem_x509_certificate(state["certPem"].encode())


@pytest.mark.parametrize("key", KEYS, ids=KEY_NAMES)
def test_a_root_ca_is_one_to_every_verifier(
    driver: Any, key_pem: KeyPem, tmp_path: Path, key: dict[str, Any]
) -> None:
    state = driver.create(SelfSignedCert, privateKeyPem=key_pem(**key), **CA)
    root = certificate(state)
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = root.extensions.get_extension_for_class(x509.KeyUsage)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, None)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (
        True,
        True,
        False,
    )
    assert root.version is x509.Version.v3
    assert root.issuer == root.subject
    root.verify_directly_issued_by(root)
    file = tmp_path / "root.pem"
    file.write_text(state["certPem"])
    subprocess.run(
        ["openssl", "verify", "-x509_strict", "-no_check_time", "-CAfile", file, file],
        capture_output=True,
        check=True,
    )
    assert state["keyAlgorithm"] == key["algorithm"]


def test_a_ca_has_a_subject_key_identifier_and_no_authority_key_identifier(
    driver: Any, key_pem: KeyPem
) -> None:
    root = certificate(driver.create(SelfSignedCert, privateKeyPem=key_pem(), **CA))
    assert [extension.oid._name for extension in root.extensions] == [
        "keyUsage",
        "basicConstraints",
        "subjectKeyIdentifier",
    ]


def test_an_authority_key_identifier_on_demand_is_the_subject_key_identifier(
    driver: Any, key_pem: KeyPem
) -> None:
    root = certificate(driver.create(SelfSignedCert, privateKeyPem=key_pem(), setAuthorityKeyId=True, **CA))
    own = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert root.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own


@pytest.mark.parametrize(("given", "written"), [(0, 0), (3, 3), (-1, None), (None, None)])
def test_a_path_length_is_written_when_given(
    driver: Any, key_pem: KeyPem, given: int | None, written: int | None
) -> None:
    state = driver.create(SelfSignedCert, privateKeyPem=key_pem(), maxPathLength=given, **CA)
    assert (
        certificate(state).extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        == written
    )
    assert state.get("maxPathLength") == given


def test_a_certificate_that_is_no_ca_says_so(driver: Any, key_pem: KeyPem) -> None:
    leaf = certificate(
        driver.create(
            SelfSignedCert,
            privateKeyPem=key_pem(),
            allowedUses=["server_auth", "client_auth"],
            validityPeriodHours=1,
        )
    )
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(extended.value) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not extended.critical
    assert [extension.oid._name for extension in leaf.extensions] == ["extendedKeyUsage", "basicConstraints"]


def test_id_and_times_are_those_of_the_certificate(driver: Any, key_pem: KeyPem) -> None:
    state = driver.create(SelfSignedCert, privateKeyPem=key_pem(), **CA)
    made = certificate(state)
    assert state["id"] == str(made.serial_number)
    assert 0 < made.serial_number < 2**128
    assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(hours=87600)
    assert made.not_valid_before_utc.isoformat() == "2026-03-16T18:32:32+00:00"
    assert parse(state["validityStartTime"]) == driver.now
    assert parse(state["validityEndTime"]) == driver.now + 87600 * 3600 * 10**9


def test_the_state_has_what_the_real_plugin_records(driver: Any, key_pem: KeyPem) -> None:
    """Compared with examples/testdata/recorded/TestProviderUpgrade/ts/5.0.0/stack.json of
    pulumi/pulumi-tls.
    """
    key = key_pem()
    state = driver.create(
        SelfSignedCert,
        allowedUses=["cert_signing"],
        privateKeyPem=key,
        subject={"commonName": "x"},
        validityPeriodHours=876000,
    )
    given = {name: state.pop(name) for name in ("id", "certPem", "validityStartTime", "validityEndTime")}
    assert all(isinstance(value, str) for value in given.values())
    assert state == {
        "allowedUses": ["cert_signing"],
        "earlyRenewalHours": 0,
        "isCaCertificate": False,
        "keyAlgorithm": "ECDSA",
        "privateKeyPem": key,
        "readyForRenewal": False,
        "setAuthorityKeyId": False,
        "setSubjectKeyId": False,
        "subject": {"commonName": "x"},
        "validityPeriodHours": 876000,
    }


def test_a_preview_knows_the_inputs_and_none_of_the_outputs(driver: Any) -> None:
    planned = driver.preview(SelfSignedCert, privateKeyPem=UNKNOWN, **CA)
    unknown = {name for name, value in planned.items() if value is UNKNOWN}
    assert unknown == {
        "id",
        "privateKeyPem",
        "certPem",
        "keyAlgorithm",
        "validityStartTime",
        "validityEndTime",
        "maxPathLength",
    }
    assert planned["subject"] == CA["subject"]
    assert planned["setAuthorityKeyId"] is False


@pytest.mark.parametrize("key", KEYS, ids=KEY_NAMES)
def test_a_request_asks_for_its_names_and_is_signed(
    driver: Any, key_pem: KeyPem, key: dict[str, Any]
) -> None:
    wanted = {"dnsNames": ["a.example"], "ipAddresses": ["192.0.2.1"], "uris": ["spiffe://example/client"]}
    state = driver.create(
        CertRequest, privateKeyPem=key_pem(**key), subject={"commonName": "client"}, **wanted
    )
    request = x509.load_pem_x509_csr(state["certRequestPem"].encode())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=client"
    asked = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in asked] == ["a.example", "192.0.2.1", "spiffe://example/client"]
    assert state["id"] == identifier(request.public_bytes(Encoding.DER))
    verified = subprocess.run(
        ["openssl", "req", "-verify", "-noout"],
        input=state["certRequestPem"],
        text=True,
        capture_output=True,
        check=True,
    )
    assert "self-signature verify OK" in verified.stdout + verified.stderr
    assert set(state) == {"id", "certRequestPem", "keyAlgorithm", "privateKeyPem", "subject", *wanted}


def test_a_request_without_names_has_no_extension(driver: Any, key_pem: KeyPem) -> None:
    state = driver.create(CertRequest, privateKeyPem=key_pem())
    request = x509.load_pem_x509_csr(state["certRequestPem"].encode())
    assert list(request.extensions) == []
    assert set(state) == {"id", "certRequestPem", "keyAlgorithm", "privateKeyPem"}


def test_a_write_only_key_is_used_and_never_in_the_state(driver: Any, key_pem: KeyPem) -> None:
    state = driver.create(SelfSignedCert, privateKeyPemWo=key_pem(), privateKeyPemWoVersion=1, **CA)
    assert state["keyAlgorithm"] == "ECDSA"
    assert state["privateKeyPemWoVersion"] == 1
    assert "PRIVATE KEY" not in str(state)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"allowedUses": None}, "allowedUses is missing: give a list of texts"),
        ({"allowedUses": "cert_signing"}, "allowedUses must be a list of texts"),
        (
            {"allowedUses": ["cert_sign"]},
            "allowedUses knows no 'cert_sign': take one of any_extended, cert_signing, client_auth,",
        ),
        ({"validityPeriodHours": None}, "validityPeriodHours is missing: give a whole number"),
        ({"validityPeriodHours": -1}, "validityPeriodHours is -1: give at least 0"),
        ({"validityPeriodHours": 3_000_000}, "validityPeriodHours is 3000000: give at most 2562047"),
        ({"earlyRenewalHours": -10}, "earlyRenewalHours is -10: give at least 0"),
        ({"isCaCertificate": "true"}, "isCaCertificate must be true or false"),
        ({"maxPathLength": -2}, "maxPathLength is -2: give at least -1"),
        ({"maxPathLength": 0, "isCaCertificate": False}, "maxPathLength is 0, but only a CA may have one:"),
        ({"subject": None}, "a CA must have a name: give at least one field of subject"),
        ({"subject": {}}, "a CA must have a name: give at least one field of subject"),
        ({"subject": {"CN": "root"}}, "a subject has no field CN: it has country, province,"),
        ({"subject": {"commonName": 1}}, "subject.commonName must be a text"),
        ({"subject": {"streetAddresses": "here"}}, "subject.streetAddresses must be a list of texts"),
        (
            {"subject": {"streetAddresses": ["here", "here"]}},
            "subject.streetAddresses names the same address twice:",
        ),
        (
            {"subject": {"emailAddress": "ca@杭州.example"}},
            "subject.emailAddress is 'ca@杭州.example', which is not ASCII:",
        ),
        ({"dnsNames": ["杭州.example"]}, "'杭州.example' is not ASCII: write it in its xn-- form"),
        ({"ipAddresses": ["10.0.0.256"]}, "'10.0.0.256' is not an IP address:"),
        ({"ipAddresses": ["fe80::1%eth0"]}, "'fe80::1%eth0' is not an IP address:"),
        ({"ipAddresses": [""]}, "ipAddresses holds an empty text: leave it out"),
        ({"uris": ["spiffe://a b"]}, "'spiffe://a b' is not a URI in printable ASCII:"),
        ({"uris": ["spiffe://a/%zz"]}, "'spiffe://a/%zz' is not a URI in printable ASCII:"),
        (
            {"setAuthorityKeyId": True, "isCaCertificate": False},
            "there is no key identifier to refer to: set setSubjectKeyId",
        ),
        (
            {"privateKeyPem": None},
            "none of privateKeyPem and privateKeyPemWo given: give exactly one of them",
        ),
        (
            {"privateKeyPemWo": "x", "privateKeyPemWoVersion": 1},
            "both of privateKeyPem and privateKeyPemWo given:",
        ),
        (
            {"privateKeyPem": None, "privateKeyPemWo": "x"},
            "privateKeyPemWo is given without privateKeyPemWoVersion:",
        ),
        (
            {"privateKeyPemWoVersion": 1},
            "privateKeyPemWoVersion is given without privateKeyPemWo: give both or none",
        ),
        (
            {"privateKeyPem": "hunter2"},
            "privateKeyPem is no PEM text: give one that begins with -----BEGIN RSA PRIVATE KEY-----",
        ),
        (
            {
                "privateKeyPem": (
                    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
                )
            },
            "privateKeyPem begins with a PEM block of type EC",
        ),
        (
            {"privateKeyPem": UNREADABLE},
            "privateKeyPem holds a private key that cannot be",
        ),
        ({"colour": "red"}, "SelfSignedCert has no input colour: it has allowedUses,"),
    ],
)
def test_a_wrong_input_is_refused_in_one_sentence(
    driver: Any, key_pem: KeyPem, change: dict[str, Any], reason: str
) -> None:
    failures = driver.check(SelfSignedCert, **(CA | {"privateKeyPem": key_pem()} | change))
    assert len(failures) == 1, failures
    assert failures[0].reason.startswith(reason)


def test_an_empty_common_name_is_none(driver: Any, key_pem: KeyPem) -> None:
    subject = {"commonName": "", "serialNumber": "", "organization": "Example"}
    state = driver.create(SelfSignedCert, **(CA | {"subject": subject}), privateKeyPem=key_pem())
    assert certificate(state).subject.rfc4514_string() == "O=Example"
    assert state["subject"] == subject


def test_everything_that_is_wrong_is_said_at_once(driver: Any) -> None:
    failures = driver.check(SelfSignedCert, allowedUses=["a", "b"], validityPeriodHours=-1)
    assert len(failures) == 3


@pytest.mark.parametrize("text", ["hunter2", ["hunter2"], UNREADABLE])
def test_a_failure_never_makes_the_engine_print_a_key(driver: Any, text: Any) -> None:
    """The engine prints the value of the property that a failure names, secrets included; seen on
    engine 3.259.
    """
    assert driver.check(SelfSignedCert, **CA, privateKeyPem=text)
    for failure in driver.check(SelfSignedCert, **CA, privateKeyPem=text):
        assert failure.property == ""
        assert "hunter2" not in failure.reason
        assert "aHVudGVyMg" not in failure.reason


def test_what_is_not_known_yet_is_not_refused(driver: Any) -> None:
    assert (
        driver.check(
            SelfSignedCert,
            **(CA | {"subject": {"commonName": UNKNOWN}, "privateKeyPem": UNKNOWN, "uris": [UNKNOWN]}),
        )
        == []
    )
    assert (
        driver.check(SelfSignedCert, **(CA | {"subject": UNKNOWN, "privateKeyPem": UNKNOWN, "uris": UNKNOWN}))
        == []
    )
    assert driver.check(CertRequest, privateKeyPem=UNKNOWN, dnsNames=UNKNOWN) == []
