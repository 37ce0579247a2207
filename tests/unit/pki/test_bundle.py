"""PEM bundles, fingerprints, PKCS#12."""

from __future__ import annotations

import hashlib
from unittest import mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from tests.unit.pki.material import authority, client, cross, key, key_pem, pem

OLD, NEW = authority("root a"), authority("root b")
LEAF, CROSS = pem(client(NEW)), pem(cross(OLD, NEW))


@given(
    st.lists(st.sampled_from([LEAF, CROSS, pem(OLD.certificate)]), max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.text("ab #:\n", max_size=20),
)
def test_a_bundle_is_split_whatever_stands_between_its_certificates(
    blocks: list[str], line_end: str, noise: str
) -> None:
    text = noise.join(["", *blocks, ""]).replace("\n", line_end)
    assert bundle.split(text) == blocks


def test_a_fingerprint_is_the_sha256_of_the_der_of_the_first_certificate() -> None:
    der = OLD.certificate.public_bytes(serialization.Encoding.DER)
    assert (
        bundle.fingerprint(pem(OLD.certificate) + LEAF)
        == hashlib.sha256(der).hexdigest()
        == OLD.certificate.fingerprint(hashes.SHA256()).hex()
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no certificate between"),
        ("nothing here", "there is no certificate between"),
        ("-----BEGIN PKCS7-----\nAAAA", "there is PKCS7 and no certificate between"),
        ("-----BEGIN CERTIFICATE-----\nAAAA", "the certificate is cut off: there is no END CERTIFICATE line"),
    ],
)
def test_without_a_certificate_there_is_no_fingerprint(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=f"^{sentence}"):
        bundle.fingerprint(text)


def test_a_chain_is_leaf_then_cross_then_intermediates_without_any_root_and_without_doubles() -> None:
    between = pem(cross(OLD, authority("between")))
    found = bundle.chain(
        LEAF, cross=[CROSS, pem(OLD.certificate)], intermediates=[between + CROSS + pem(NEW.certificate)]
    )
    assert bundle.split(found) == [LEAF, CROSS, between]


def test_a_cross_certificate_between_authorities_of_one_name_is_no_root() -> None:
    """It is self-issued (RFC 5280 section 3.2), but not self-signed."""
    same_name = pem(cross(authority("root", key("root, old")), authority("root", key("root, new"))))
    assert bundle.split(bundle.chain(LEAF, cross=[same_name])) == [LEAF, same_name]


@pytest.mark.parametrize(
    "kind",
    ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"],
)
def test_a_private_key_is_seen_in_a_bundle(kind: str) -> None:
    assert bundle.holds_private_key(f"{LEAF}-----BEGIN {kind}-----\n")
    assert not bundle.holds_private_key(LEAF)


def test_a_pkcs12_file_is_encrypted_with_pbes2_and_aes_256_in_as_many_rounds_as_dotnet_reads() -> None:
    data = bundle.pkcs12("x", LEAF, key_pem(key("client")), "x" * 20)
    assert bytes.fromhex("06092a864886f70d01050d") in data  # PBES2
    assert bytes.fromhex("060960864801650304012a") in data  # AES-256-CBC
    assert bytes.fromhex("0203") + (300_000).to_bytes(3, "big") in data
    assert bytes.fromhex("060a2a864886f70d010c01") not in data  # PBES1


@pytest.mark.parametrize(
    ("chain", "private_key", "password", "says"),
    [
        (LEAF, key_pem(key("another")), "x" * 20, "the private key of x is not the key of its certificate"),
        ("", key_pem(key("client")), "x" * 20, "there is no certificate for the PKCS#12 file of x"),
        (LEAF, key_pem(key("client")), "", "needs a password"),
        (
            LEAF,
            key_pem(key("client")),
            "pässword",
            "the password of the PKCS#12 file of x has characters beyond printable ASCII",
        ),
        (
            LEAF,
            key_pem(key("client")),
            "pass\tword",
            "the password of the PKCS#12 file of x has characters beyond printable ASCII",
        ),
    ],
)
def test_a_pkcs12_file_that_nobody_could_use_is_not_made(
    chain: str, private_key: str, password: str, says: str
) -> None:
    with pytest.raises(UserError) as caught:
        bundle.pkcs12("x", chain, private_key, password)
    assert says in str(caught.value)


def test_a_legacy_pkcs12_file_is_encrypted_with_sha1_and_3des_only() -> None:
    data = bundle.pkcs12("x", LEAF, key_pem(key("client")), "x" * 20, legacy=True)
    # pbeWithSHAAnd3-KeyTripleDES-CBC
    assert data.count(bytes.fromhex("060a2a864886f70d010c0103")) >= 1
    assert bytes.fromhex("06052b0e03021a") in data  # SHA-1
    assert bytes.fromhex("06092a864886f70d01050d") not in data  # PBES2
    assert bytes.fromhex("0609608648016503040201") not in data  # SHA-256


def test_a_truststore_needs_a_password_that_java_takes() -> None:
    for password, says in (
        ("", "the truststore needs a password"),
        ("口令", "the password of the truststore has characters beyond"),
    ):
        with pytest.raises(UserError, match=says):
            bundle.java_truststore({"root": pem(OLD.certificate)}, password)


def test_passwords_are_long_and_never_the_same() -> None:
    passwords = {bundle.random_password() for _ in range(50)}
    assert len(passwords) == 50
    assert {len(password) for password in passwords} == {24}
    assert len(set("".join(passwords))) > 40


def test_a_certificate_is_parsed_once_through_however_many_hands_its_pem_goes() -> None:
    root = authority("parsed once")
    text = pem(root.certificate)
    with mock.patch.object(x509, "load_pem_x509_certificate", wraps=x509.load_pem_x509_certificate) as parser:
        assert bundle.load(text) == bundle.load(text + text)[1:] == [bundle.load_one(text)]
    assert parser.call_count == 1
