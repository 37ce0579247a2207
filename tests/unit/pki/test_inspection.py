"""Why a certificate is refused as an authority: each reason alone, in a sentence."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.authority_faults import authority_faults
from tests.unit.pki.material import (
    DAY,
    NOW,
    authority,
    client,
    first_version,
    key,
    key_pem,
    key_usage,
    name_of,
    pem,
    signed_with_sha1,
)


@pytest.mark.parametrize("kind", ["P256", "P384", "RSA2048"])
def test_a_root_as_the_stack_makes_it_has_no_fault(kind: str) -> None:
    assert authority_faults(pem(authority("fit", key(kind)).certificate), NOW) == []


def test_a_root_without_key_usage_has_no_fault_because_absent_means_unrestricted() -> None:
    """RFC 5280 section 6.1.4 (n); openssl req -x509 makes such roots."""
    assert authority_faults(pem(authority(usage=None).certificate), NOW) == []


def _purposes(*purposes: x509.ObjectIdentifier) -> str:
    return pem(authority(more=[x509.ExtendedKeyUsage(purposes)]).certificate)


def test_a_root_for_clients_has_no_fault() -> None:
    assert authority_faults(_purposes(ExtendedKeyUsageOID.CLIENT_AUTH), NOW) == []
    assert (
        authority_faults(_purposes(ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH), NOW)
        == []
    )


def _ed25519_root() -> str:
    private_key, name = ed25519.Ed25519PrivateKey.generate(), name_of("ed")
    builder = (
        x509.CertificateBuilder(name, name, private_key.public_key(), 1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    return pem(builder.sign(private_key, None))


def _tampered() -> str:
    der = bytearray(authority().certificate.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return pem(x509.load_der_x509_certificate(bytes(der)))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: pem(first_version(authority())), "it is an X.509 v1 certificate"),
        (
            lambda: pem(authority(constraints=None).certificate),
            "it is not a certificate authority: basicConstraints lacks CA:TRUE",
        ),
        (
            lambda: pem(authority(constraints=x509.BasicConstraints(False, None)).certificate),
            "it is not a certificate authority",
        ),
        (lambda: pem(client(authority())), "it is not a certificate authority"),
        (lambda: pem(authority(usage=key_usage("crl_sign")).certificate), "its key usage lacks keyCertSign"),
        (
            lambda: _purposes(ExtendedKeyUsageOID.SERVER_AUTH),
            "its extended key usage does not allow clientAuth",
        ),
        (
            lambda: _purposes(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),
            "its extended key usage does not allow clientAuth",
        ),
        (lambda: pem(authority(x509.Name([])).certificate), "it has no name (its subject is empty"),
        (
            lambda: pem(authority(end=NOW - timedelta(seconds=1)).certificate),
            "it expired on 2026-11-23T11:59:59Z",
        ),
        (
            lambda: pem(authority(start=NOW + timedelta(seconds=1)).certificate),
            "it is not valid before 2026-11-23T12:00:01Z",
        ),
        (lambda: pem(authority("weak", key("RSA1024")).certificate), "its key is RSA of 1024 bits"),
        (lambda: pem(authority("odd", key("secp256k1")).certificate), "its key is on the curve secp256k1"),
        (_ed25519_root, "its key is neither RSA nor ECDSA"),
        (lambda: pem(signed_with_sha1(authority())), "its signature is made with SHA1, which can be forged"),
        (_tampered, "its signature is not that of its own key"),
        (lambda: pem(authority().certificate) + key_pem(key()), "the PEM contains a private key"),
        (
            lambda: pem(authority("a").certificate) + pem(authority("b").certificate),
            "the PEM holds 2 certificates where one is needed",
        ),
        (lambda: "", "the PEM holds 0 certificates"),
        (lambda: "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "is not base64"),
        (
            lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "is not an X.509 certificate",
        ),
    ],
)
def test_each_fault_is_told_in_one_sentence(make: Any, says: str) -> None:
    found = [sentence for sentence in authority_faults(make(), NOW) if says in sentence]
    assert len(found) == 1, authority_faults(make(), NOW)
    assert ";" in found[0], "the remedy is missing"


def test_several_faults_are_told_at_once() -> None:
    bad = authority(
        "bad", key("RSA1024"), constraints=None, usage=key_usage("digital_signature"), end=NOW - DAY / 2
    )
    assert len(authority_faults(pem(bad.certificate), NOW)) == 4


@given(st.text("-BEGIN CERTIFICATE\nAz09+/=", max_size=200))
def test_no_text_gives_anything_but_sentences(text: str) -> None:
    assert authority_faults(text, NOW)


_ROOT = authority().certificate


# cryptography warns of much that is wrong with such a certificate
@pytest.mark.filterwarnings("ignore")
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_root_with_any_octet_changed_has_a_fault_or_is_no_root_any_more(place: int, change: int) -> None:
    der = bytearray(_ROOT.public_bytes(serialization.Encoding.DER))
    der[place % len(der)] ^= change
    text = (
        f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(bytes(der)).decode()}\n-----END CERTIFICATE-----\n"
    )
    if not authority_faults(text, NOW):
        found = bundle.load_one(text)
        # The octet that counts the unused bits of the signature is not signed and says nothing.
        unchanged = (found.tbs_certificate_bytes, found.signature) == (
            _ROOT.tbs_certificate_bytes,
            _ROOT.signature,
        )
        assert unchanged or found.issuer != found.subject
