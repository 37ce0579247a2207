"""Requests are what Go's crypto/x509 makes of the same input, byte for byte (go_x509/main.go made
the samples).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.generated_key import public_der
from dev.toolchain.plugins.tls.resource import identifier

SAMPLES: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("go_x509.json").read_text())
CURVES: dict[str, ec.EllipticCurve] = {"P256": ec.SECP256R1(), "P384": ec.SECP384R1(), "P521": ec.SECP521R1()}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_request_is_what_go_makes(name: str) -> None:
    sample, algorithm = SAMPLES[name], name.split()[0]
    key = (
        rsa.generate_private_key(65537, 2048)
        if algorithm == "RSA"
        else ec.generate_private_key(CURVES[algorithm])
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    text = CertRequest().make({"privateKeyPem": pem, "subject": {"commonName": sample["commonName"]}})
    made = x509.load_pem_x509_csr(text["certRequestPem"].encode())
    expected = x509.load_pem_x509_csr(sample["request"].encode())
    assert without_key(made) == without_key(expected)
    assert made.signature_algorithm_oid == expected.signature_algorithm_oid


@pytest.mark.parametrize("name", SAMPLES)
def test_ids_of_keys_and_requests_are_what_the_provider_computes(name: str) -> None:
    request = x509.load_pem_x509_csr(SAMPLES[name]["request"].encode())
    assert identifier(request.public_bytes(Encoding.DER)) == SAMPLES[name]["requestId"]
    assert identifier(public_der(request.public_key())) == SAMPLES[name]["keyId"]


@pytest.mark.parametrize("end", [b"\n", b" \t", b"\xc2\xa0", b"\xe3\x80\x80\r\n", b"\xc2\x85"])
def test_an_id_leaves_out_white_space_at_the_ends_as_go_does(end: bytes) -> None:
    assert identifier(b"0\x82abc" + end) == identifier(b"0\x82abc")
    assert identifier(b"0\x82abc\xa0") != identifier(b"0\x82abc"), (
        "a lone continuation byte is no white space"
    )


def without_key(request: x509.CertificateSigningRequest) -> bytes:
    return request.tbs_certrequest_bytes.replace(public_der(request.public_key()), b"")
