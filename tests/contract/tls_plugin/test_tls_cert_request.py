"""CertRequest: what it means, and what is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from alb_mutual_tls.wire import UNKNOWN
from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.resource import identifier

KEYS: list[dict[str, Any]] = [
    {"algorithm": "RSA"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P256"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P384"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P521"},
]
KEY_NAMES = [" ".join(inputs.values()) for inputs in KEYS]
SUBJECT: dict[str, Any] = {"subject": {"commonName": "client"}}
KeyPem = Callable[..., str]
UNREADABLE = "-----BEGIN {0}-----\naHVudGVyMg==\n-----END {0}-----\n".format(
    "PRIVATE KEY"
)  # so that no file looks like one with a key
NOT_A_KEY = "privateKeyPem cannot be used: the private key is not PEM of an RSA or ECDSA key"


@pytest.mark.parametrize("key", KEYS, ids=KEY_NAMES)
def test_a_request_asks_for_its_name_and_is_signed(driver: Any, key_pem: KeyPem, key: dict[str, Any]) -> None:
    state = driver.create(CertRequest, privateKeyPem=key_pem(**key), **SUBJECT)
    request = x509.load_pem_x509_csr(state["certRequestPem"].encode())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=client"
    assert list(request.extensions) == []
    assert state["id"] == identifier(request.public_bytes(Encoding.DER))
    verified = subprocess.run(
        ["openssl", "req", "-verify", "-noout"],
        input=state["certRequestPem"],
        text=True,
        capture_output=True,
        check=True,
    )
    assert "self-signature verify OK" in verified.stdout + verified.stderr
    assert set(state) == {"id", "certRequestPem", "keyAlgorithm", "privateKeyPem", "subject"}
    assert state["keyAlgorithm"] == key["algorithm"]


def test_a_request_without_a_name_has_none(driver: Any, key_pem: KeyPem) -> None:
    state = driver.create(CertRequest, privateKeyPem=key_pem())
    request = x509.load_pem_x509_csr(state["certRequestPem"].encode())
    assert list(request.subject) == []
    assert set(state) == {"id", "certRequestPem", "keyAlgorithm", "privateKeyPem"}


def test_a_preview_knows_the_inputs_and_none_of_the_outputs(driver: Any) -> None:
    planned = driver.preview(CertRequest, privateKeyPem=UNKNOWN, **SUBJECT)
    unknown = {name for name, value in planned.items() if value is UNKNOWN}
    assert unknown == {"id", "privateKeyPem", "certRequestPem", "keyAlgorithm"}
    assert planned["subject"] == SUBJECT["subject"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"subject": "client"}, "subject must be an object"),
        (
            {"subject": {"organization": "Example"}},
            "the tls stand-in serves no organization of a subject: it serves commonName",
        ),
        ({"subject": {"commonName": 1}}, "subject.commonName must be a text"),
        (
            {"dnsNames": ["a.example"]},
            "the tls stand-in serves no dnsNames of CertRequest: it serves privateKeyPem, subject",
        ),
        (
            {"ipAddresses": UNKNOWN},
            "the tls stand-in serves no ipAddresses of CertRequest: it serves privateKeyPem, subject",
        ),
        (
            {"privateKeyPemWo": "x", "privateKeyPem": "x"},
            "the tls stand-in serves no privateKeyPemWo of CertRequest: it serves privateKeyPem, subject",
        ),
        ({"privateKeyPem": None}, "privateKeyPem is missing: give a text"),
        ({"privateKeyPem": "hunter2"}, NOT_A_KEY),
        (
            {
                "privateKeyPem": (
                    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
                )
            },
            NOT_A_KEY,
        ),
        ({"privateKeyPem": UNREADABLE}, NOT_A_KEY),
        ({"colour": "red"}, "the tls stand-in serves no colour of CertRequest: it serves privateKeyPem,"),
    ],
)
def test_a_wrong_input_is_refused_in_one_sentence(
    driver: Any, key_pem: KeyPem, change: dict[str, Any], reason: str
) -> None:
    failures = driver.check(CertRequest, **(SUBJECT | {"privateKeyPem": key_pem()} | change))
    assert len(failures) == 1, failures
    assert failures[0].reason.startswith(reason)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (
            {"algorithm": "ED25519"},
            "privateKeyPem cannot be used: the private key is neither RSA nor ECDSA;",
        ),
        (
            {"algorithm": "ECDSA", "ecdsaCurve": "P224"},
            "privateKeyPem is on the curve 'secp224r1': give P256, P384, P521 or RSA",
        ),
    ],
    ids=["ED25519", "P224"],
)
def test_a_key_that_no_client_has_is_refused(
    driver: Any, key_pem: KeyPem, key: dict[str, Any], reason: str
) -> None:
    (failure,) = driver.check(CertRequest, privateKeyPem=key_pem(**key))
    assert failure.property == ""
    assert failure.reason.startswith(reason)


def test_an_empty_common_name_is_none(driver: Any, key_pem: KeyPem) -> None:
    state = driver.create(CertRequest, subject={"commonName": ""}, privateKeyPem=key_pem())
    request = x509.load_pem_x509_csr(state["certRequestPem"].encode())
    assert list(request.subject) == []
    assert state["subject"] == {"commonName": ""}


def test_everything_that_is_wrong_is_said_at_once(driver: Any) -> None:
    assert len(driver.check(CertRequest, subject=1, uris=["spiffe://x"])) == 3


@pytest.mark.parametrize("text", ["hunter2", ["hunter2"], UNREADABLE])
def test_a_failure_never_makes_the_engine_print_a_key(driver: Any, text: Any) -> None:
    """The engine prints the value of the property that a failure names, secrets included; seen on
    engine 3.259.
    """
    assert driver.check(CertRequest, **SUBJECT, privateKeyPem=text)
    for failure in driver.check(CertRequest, **SUBJECT, privateKeyPem=text):
        assert failure.property == ""
        assert "hunter2" not in failure.reason
        assert "aHVudGVyMg" not in failure.reason


def test_what_is_not_known_yet_is_not_refused(driver: Any) -> None:
    assert driver.check(CertRequest, subject={"commonName": UNKNOWN}, privateKeyPem=UNKNOWN) == []
    assert driver.check(CertRequest, subject=UNKNOWN, privateKeyPem=UNKNOWN) == []
    assert driver.check(CertRequest, privateKeyPem=UNKNOWN) == []
