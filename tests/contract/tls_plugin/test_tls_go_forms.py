"""Certificates and requests are what Go's crypto/x509 makes of the same input, byte for byte
(go_x509/main.go made the samples).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dev.toolchain.plugins.tls import alternative_names, names, pem
from dev.toolchain.plugins.tls.certificate import Form, end_of_validity, key_identifier, sign, sign_request

pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")

SAMPLES: dict[str, str] = json.loads(Path(__file__).with_name("go_x509.json").read_text())
NOW = 1_773_685_952_577_151_145
CURVES = {"P224": ec.SECP224R1(), "P256": ec.SECP256R1(), "P521": ec.SECP521R1()}
SUBJECT: dict[str, Any] = {
    "commonName": "root",
    "organization": "Example, Inc",
    "organizationalUnit": "R&D",
    "streetAddresses": ["5879 Cotton Link", "2nd floor"],
    "locality": "杭州",
    "province": "Zhejiang",
    "country": "china",
    "postalCode": "95559-1227",
    "serialNumber": "no_2",
    "emailAddress": "ca@example.com",
}


def sample(name: str) -> x509.Certificate:
    return pem.certificate(SAMPLES[name], name)


def public_key(certificate: x509.Certificate) -> pem.VerifyingKey:
    return cast(pem.VerifyingKey, certificate.public_key())


def test_a_root_with_every_field_and_a_path_length_is_what_go_makes() -> None:
    root = sample("root")
    identifier = key_identifier(public_key(root))
    form = Form(
        subject=names.of_subject(SUBJECT),
        not_before=NOW,
        not_after=end_of_validity(NOW, 87600),
        uses=["crl_signing", "cert_signing"],
        is_ca=True,
        path_length=2,
        subject_key_id=identifier,
        authority_key_id=identifier,
        serial_number=5 << 100,
    )
    made = sign(form, form.subject, public_key(root), rsa.generate_private_key(65537, 2048))
    assert made.tbs_certificate_bytes == root.tbs_certificate_bytes


def test_rare_usages_an_empty_subject_a_late_end_and_an_ed25519_key_identifier_are_what_go_makes() -> None:
    odd = sample("odd")
    form = Form(
        subject=names.of_subject(None),
        not_before=NOW,
        not_after=end_of_validity(NOW, 876000),
        uses=[
            "decipher_only",
            "server_auth",
            "digital_signature",
            "encipher_only",
            "client_auth",
            "any_extended",
            "microsoft_server_gated_crypto",
        ],
        subject_key_id=key_identifier(public_key(odd)),
        names=alternative_names.of_inputs(
            {
                "dnsNames": ["example.com", "*.example.net"],
                "ipAddresses": ["127.0.0.1", "::1", "::ffff:10.0.0.1"],
                "uris": ["spiffe://example/ca"],
            }
        ),
        serial_number=255,
    )
    made = sign(form, form.subject, public_key(odd), ed25519.Ed25519PrivateKey.generate())
    assert made.tbs_certificate_bytes == odd.tbs_certificate_bytes


@pytest.mark.parametrize("curve", CURVES)
def test_a_leaf_made_of_a_request_is_what_go_makes(curve: str) -> None:
    root, leaf = sample("root"), sample(f"leaf{curve}")
    request = pem.request(SAMPLES[f"request{curve}"], "request")
    form = Form(
        subject=names.of_request(request),
        not_before=NOW,
        not_after=end_of_validity(NOW, 2160),
        uses=["digital_signature", "client_auth"],
        authority_key_id=key_identifier(public_key(root)),
        names=alternative_names.of_request(request),
        serial_number=7,
    )
    made = sign(form, root.subject, public_key(leaf), rsa.generate_private_key(65537, 2048))
    assert made.tbs_certificate_bytes == leaf.tbs_certificate_bytes
    assert "ca@example.com" not in leaf.subject.rfc4514_string(), (
        "Go drops the e-mail address of a request's subject"
    )


@pytest.mark.parametrize("curve", CURVES)
def test_a_request_is_what_go_makes(curve: str) -> None:
    expected = pem.request(SAMPLES[f"request{curve}"], "request")
    made = sign_request(
        names.of_subject(SUBJECT),
        alternative_names.of_inputs(
            {"dnsNames": ["client.example.com"], "ipAddresses": ["10.0.0.1"], "uris": ["spiffe://example/ca"]}
        ),
        ec.generate_private_key(CURVES[curve]),
    )
    assert without_key(made) == without_key(expected)
    assert made.signature_algorithm_oid == expected.signature_algorithm_oid


@pytest.mark.parametrize("curve", CURVES)
def test_ids_of_keys_and_requests_are_what_the_provider_computes(curve: str) -> None:
    request = pem.request(SAMPLES[f"request{curve}"], "request")
    assert pem.identifier(request.public_bytes(Encoding.DER)) == SAMPLES[f"requestId{curve}"]
    assert (
        pem.identifier(pem.public_der(cast(pem.VerifyingKey, request.public_key())))
        == SAMPLES[f"keyId{curve}"]
    )


@pytest.mark.parametrize("end", [b"\n", b" \t", b"\xc2\xa0", b"\xe3\x80\x80\r\n", b"\xc2\x85"])
def test_an_id_leaves_out_white_space_at_the_ends_as_go_does(end: bytes) -> None:
    assert pem.identifier(b"0\x82abc" + end) == pem.identifier(b"0\x82abc")
    assert pem.identifier(b"0\x82abc\xa0") != pem.identifier(b"0\x82abc"), (
        "a lone continuation byte is no white space"
    )


def without_key(request: x509.CertificateSigningRequest) -> bytes:
    key = cast(ec.EllipticCurvePublicKey, request.public_key())
    return request.tbs_certrequest_bytes.replace(
        key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), b""
    )
