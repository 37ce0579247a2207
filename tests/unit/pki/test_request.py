"""Certificate signing requests that clients bring: what is refused, and what is left out."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.request import SigningRequest
from tests.unit.pki.material import FIELDS, URIS, authority, key, key_pem, key_usage, name_of, pem, request


def _tampered(request_pem: str) -> str:
    der = bytearray(x509.load_pem_x509_csr(request_pem.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()


def _signed(private_key: Any, hash_algorithm: Any) -> str:
    builder = x509.CertificateSigningRequestBuilder(name_of("x"))
    return builder.sign(private_key, hash_algorithm).public_bytes(serialization.Encoding.PEM).decode()


def _with_sha1() -> str:
    """`cryptography` signs nothing with SHA-1 any more, openssl does."""
    command = [
        "openssl",
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "/dev/null",
    ]
    return subprocess.run(
        [*command, "-subj", "/CN=x", "-sha1"], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: _tampered(request()), "is not signed by its own key"),
        (
            lambda: request(key("RSA1024")),
            "its key is RSA of 1024 bits; use RSA of 2048 to 8192 bits, ECDSA-P256 or ECDSA-P384",
        ),
        (lambda: request(key("secp256k1")), "its key is on the curve secp256k1"),
        (lambda: _signed(ed25519.Ed25519PrivateKey.generate(), None), "neither RSA nor ECDSA"),
        (_with_sha1, "is signed with SHA1, which can be forged; make it anew with SHA-256"),
        (lambda: "not PEM", "not PEM of PKCS#10"),
        (lambda: "", "not PEM of PKCS#10"),
        (lambda: pem(authority().certificate), "not PEM of PKCS#10"),
        (lambda: request() + key_pem(key("client")), "comes with a private key"),
        (
            lambda: request() + request(key("another")),
            "is one of several in the same PEM; give each client its own",
        ),
        (lambda: request(more=[x509.BasicConstraints(True, None)]), "asks for a certificate authority"),
        (
            lambda: request(more=[key_usage("digital_signature", "key_cert_sign")]),
            "asks for a certificate authority",
        ),
        (lambda: request(more=[key_usage("crl_sign")]), "asks for a certificate authority"),
    ],
)
def test_a_bad_request_is_refused_in_a_sentence(make: Any, says: str) -> None:
    with pytest.raises(UserError, match=r"^the certificate signing request ") as caught:
        SigningRequest.load(make())
    assert says in str(caught.value)


@given(st.binary(max_size=200))
def test_no_request_gives_anything_but_a_key_or_a_sentence(body: bytes) -> None:
    text = (
        f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.b64encode(body).decode()}\n-----END CERTIFICATE"
        " REQUEST-----\n"
    )
    with pytest.raises(UserError):
        SigningRequest.load(text)


_REQUEST = x509.load_pem_x509_csr(request().encode())


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_request_with_any_octet_changed_is_refused(place: int, change: int) -> None:
    der = bytearray(_REQUEST.public_bytes(serialization.Encoding.DER))
    der[place % len(der)] ^= change
    try:
        found = x509.load_der_x509_csr(bytes(der))
    except (ValueError, x509.InvalidVersion):
        return  # no request any more
    # The octet that counts the unused bits of the signature is not signed and says nothing.
    if (found.tbs_certrequest_bytes, found.signature) != (_REQUEST.tbs_certrequest_bytes, _REQUEST.signature):
        with pytest.raises(UserError):
            SigningRequest.load(found.public_bytes(serialization.Encoding.PEM).decode())


def test_a_request_with_the_name_of_an_authority_says_so() -> None:
    asked = SigningRequest.load(request(common_name="ROOT  A"))
    assert (
        asked.named_like(authority().certificate)
        == "the certificate signing request has the subject of the authority CN=root a; make the request anew"
        " with the client's own name"
    )
    assert SigningRequest.load(request()).named_like(authority().certificate) is None


def _left_out(more: Sequence[x509.ExtensionType] = (), *, name: x509.Name | None = None) -> list[str]:
    builder = x509.CertificateSigningRequestBuilder(name or x509.Name([]))
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    asked = builder.sign(key("client"), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    return SigningRequest.load(asked).left_out({**FIELDS, "emailAddress": "one@example.com"}, URIS)


@pytest.mark.parametrize(
    ("asked", "left_out"),
    [
        (
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier(URIS[0]), x509.RFC822Name("one@example.com")]
            ),
            [],
        ),
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier("urn:x")]), ["URI name 'urn:x'"]),
        (
            x509.SubjectAlternativeName([x509.DNSName("example.com"), x509.RFC822Name("two@example.com")]),
            ["DNS name 'example.com'", "e-mail name 'two@example.com'"],
        ),
        (x509.SubjectAlternativeName([x509.DirectoryName(name_of("x"))]), ["directory name 'CN=x'"]),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), []),
        (
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("1.2.3.4")]),
            ["extended key usage serverAuth", "extended key usage 1.2.3.4"],
        ),
        (key_usage("digital_signature"), []),
        (key_usage("digital_signature", "key_encipherment"), ["key usage Key Encipherment"]),
        (x509.BasicConstraints(False, None), []),
        (x509.TLSFeature([x509.TLSFeatureType.status_request]), ["extension TLSFeature"]),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), ["extension 1.2.3.4"]),
    ],
)
def test_what_a_request_asks_for_beyond_the_configuration_is_named(
    asked: x509.ExtensionType, left_out: list[str]
) -> None:
    assert _left_out([asked]) == left_out


def test_names_in_the_subject_of_a_request_that_were_not_configured_are_named() -> None:
    assert _left_out(name=name_of("client  ONE", COUNTRY_NAME="CN")) == []
    assert _left_out(name=name_of("admin", ORGANIZATION_NAME="other", SERIAL_NUMBER="7")) == [
        "organizationName 'other' in the subject",
        "2.5.4.5 '7' in the subject",
        "commonName 'admin' in the subject",
    ]


def test_a_challenge_password_is_left_out_and_never_shown() -> None:
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client one")])
    )
    builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"hunter2")
    asked = SigningRequest.load(
        builder.sign(key("client"), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    )
    assert asked.left_out(FIELDS, URIS) == ["a challenge password"]


def test_what_openssl_makes_is_read(tmp_path: Path) -> None:
    command = [
        "openssl",
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(tmp_path / "k"),
        "-subj",
        "/C=CN/CN=client one",
    ]
    asked = SigningRequest.load(
        "text before\n" + subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    assert asked.left_out(FIELDS, URIS) == []
