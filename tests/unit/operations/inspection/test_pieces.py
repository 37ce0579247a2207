"""What is found in files: in every form, damaged, huge, locked, and made to do harm."""

from __future__ import annotations

import base64
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs7, pkcs12
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.operations.inspection import der_pieces
from alb_mutual_tls.operations.inspection.der_pieces import encryptions
from alb_mutual_tls.operations.inspection.piece import (
    CERTIFICATE_LIMIT,
    SIZE_LIMIT,
    Certificate,
    CertificateRequest,
    Contents,
    Key,
    Other,
    Piece,
    Unreadable,
)
from alb_mutual_tls.operations.inspection.pieces import read
from tests.unit.pki.material import NOW, authority, client, key, key_pem, pem, request

ROOT = authority("root")
LEAF = client(ROOT)
BOTH = pem(LEAF) + pem(ROOT.certificate)
DER = serialization.Encoding.DER
PRIVATE = key("client")
QUICK = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(10)
    .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
)
P12 = pkcs12.serialize_key_and_certificates(
    b"x", PRIVATE, LEAF, [ROOT.certificate], QUICK.hmac_hash(hashes.SHA256()).build(b"sesame")
)
ENCRYPTED_KEY = PRIVATE.private_bytes(
    serialization.Encoding.PEM, PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"sesame")
)


def locked() -> str | None:
    return None


def sesame() -> str | None:
    return "sesame"


def never() -> str | None:
    raise AssertionError("no password is needed")


def the(piece: Piece) -> str:
    """A piece in words."""
    match piece:
        case Certificate(certificate):
            return certificate.subject.rfc4514_string()
        case Key(None, _, why):
            return f"locked: {why}"
        case Key(_, encrypted, _):
            return "encrypted key" if encrypted else "key"
        case CertificateRequest():
            return "request"
        case Other(what):
            return what
        case Unreadable(why):
            return f"unreadable: {why}"


def found(contents: Contents) -> list[str]:
    return [the(piece) for piece in contents.pieces]


LEAF_NAME, ROOT_NAME = LEAF.subject.rfc4514_string(), "CN=root"


@pytest.mark.parametrize(
    ("data", "form", "expected"),
    [
        (BOTH.encode(), "PEM", [LEAF_NAME, ROOT_NAME]),
        (BOTH.replace("\n", "\r\n").encode(), "PEM", [LEAF_NAME, ROOT_NAME]),
        (b"\xef\xbb\xbf" + BOTH.encode(), "PEM", [LEAF_NAME, ROOT_NAME]),
        (BOTH.encode("utf-16"), "PEM", [LEAF_NAME, ROOT_NAME]),
        (b"\xfe\xff" + BOTH.encode("utf-16-be"), "PEM", [LEAF_NAME, ROOT_NAME]),
        (f"Certificate:\n    Data: \x1b[31m\n{BOTH}trailing".encode(), "PEM", [LEAF_NAME, ROOT_NAME]),
        (BOTH.replace("CERTIFICATE", "X509 CERTIFICATE").encode(), "PEM", [LEAF_NAME, ROOT_NAME]),
        ((pem(LEAF) + key_pem(PRIVATE) + request()).encode(), "PEM", [LEAF_NAME, "key", "request"]),
        (
            request().replace("BEGIN C", "BEGIN NEW C").replace("END C", "END NEW C").encode(),
            "PEM",
            ["request"],
        ),
        (LEAF.public_bytes(DER), "DER", [LEAF_NAME]),
        (x509.load_pem_x509_csr(request().encode()).public_bytes(DER), "DER", ["request"]),
        (PRIVATE.private_bytes(DER, PrivateFormat.PKCS8, serialization.NoEncryption()), "DER", ["key"]),
        (
            PRIVATE.private_bytes(DER, PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()),
            "DER",
            ["key"],
        ),
        (pkcs7.serialize_certificates([LEAF, ROOT.certificate], DER), "PKCS#7", [LEAF_NAME, ROOT_NAME]),
        (
            pkcs7.serialize_certificates([LEAF, ROOT.certificate], serialization.Encoding.PEM),
            "PEM",
            [LEAF_NAME, ROOT_NAME],
        ),
        (
            base64.encodebytes(LEAF.public_bytes(DER)),
            "DER in base64, which is to be decoded before anybody else can read it",
            [LEAF_NAME],
        ),
        (
            base64.b64encode(pem(LEAF).encode()),
            "PEM in base64, which is to be decoded before anybody else can read it",
            [LEAF_NAME],
        ),
    ],
)
def test_certificates_requests_and_keys_are_found_in_every_form(
    data: bytes, form: str, expected: list[str]
) -> None:
    contents = read(data, never)
    assert (sorted(found(contents)), contents.form) == (sorted(expected), form)


def test_a_trusted_certificate_of_openssl_is_one_without_what_openssl_adds() -> None:
    added = LEAF.public_bytes(DER) + bytes.fromhex("300c300a06082b06010505070302")
    block = (
        f"-----BEGIN TRUSTED CERTIFICATE-----\n{base64.b64encode(added).decode()}\n-----END TRUSTED"
        " CERTIFICATE-----\n"
    )
    assert found(read(block.encode(), never)) == [LEAF_NAME]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b" \n\t", "it is empty"),
        (b"\0" * (SIZE_LIMIT + 1), "it is larger than"),
        (b"\x30\x82\xff\xff garbage", "it is neither PEM, DER, PKCS#7 nor PKCS#12"),
        (bytes(range(256)), "it is neither PEM, DER, PKCS#7 nor PKCS#12"),
        (b"just text", "it is neither PEM"),
        (pem(LEAF)[:-30].encode(), "its CERTIFICATE is cut off: there is no END line"),
        (pem(LEAF).replace("M", "*", 1).encode(), "its CERTIFICATE is not base64"),
        (
            b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
            "its certificate is not an X.509 certificate",
        ),
        (
            b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----",
            "its certificate signing request is not PKCS#10",
        ),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----",
            "its private key cannot be read",
        ),
        (b"-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----", "its PKCS#7 cannot be read"),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
            "ssh-keygen -p -m PEM",
        ),
        (
            b"-----BEGIN PGP MESSAGE-----\nAAAA\n-----END PGP MESSAGE-----",
            "its PGP MESSAGE is nothing that is known here",
        ),
        (b"-----BEGIN \x1b[2J-----\nAAAA\n-----END \x1b[2J-----", "its block is nothing that is known here"),
        (b"-----BEGIN CERTIFICATE", "its BEGIN line is none"),
        (b"-----BEGIN CERTI\nFICATE-----", "its BEGIN line is none"),
        (
            b"\xfe\xed\xfe\xed\0\0\0\2",
            "a Java keystore of the old kind JKS; rewrite it with keytool -importkeystore",
        ),
        (P12[: len(P12) // 2], "it is neither PEM, DER"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_do(data: bytes, says: str) -> None:
    (piece,) = read(data, never).pieces
    assert isinstance(piece, Unreadable)
    assert says in piece.why
    assert ";" in piece.why


def test_what_can_be_read_is_read_beside_what_cannot() -> None:
    text = (
        pem(LEAF)[:200]
        + "\n"
        + pem(ROOT.certificate)
        + "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    )
    assert found(read(text.encode(), never)) == [
        "unreadable: its CERTIFICATE is cut off: there is no END line; give the whole file",
        ROOT_NAME,
        "parameters of a key: nobody needs them here",
    ]


def test_public_keys_and_revocation_lists_are_known() -> None:
    public = PRIVATE.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    builder = x509.CertificateRevocationListBuilder(ROOT.certificate.subject, NOW, NOW)
    revoked = builder.sign(ROOT.private_key, hashes.SHA256())
    assert found(read(public + revoked.public_bytes(serialization.Encoding.PEM), never)) == [
        "a public key",
        "a certificate revocation list: ALB takes none",
    ]
    assert found(read(revoked.public_bytes(DER), never)) == ["a certificate revocation list: ALB takes none"]


# --- passwords


def test_a_p12_opens_with_its_password_and_says_why_it_stays_locked() -> None:
    assert found(read(P12, sesame)) == [LEAF_NAME, ROOT_NAME, "encrypted key"]
    assert found(read(P12, locked)) == [
        "unreadable: it needs a password, and none was given; give it with --password-file"
    ]
    assert found(read(P12, lambda: "open sesame")) == [
        "unreadable: the password is not its password, or the file is damaged; try another password"
    ]
    assert encryptions(P12) == ["AES-256"]


def test_a_p12_without_a_password_opens_without_asking() -> None:
    """One with an empty password too, which only OpenSSL makes:
    tests/contract/cli/test_inspect.py.
    """
    data = pkcs12.serialize_key_and_certificates(b"x", PRIVATE, LEAF, None, serialization.NoEncryption())
    assert found(read(data, never)) == [LEAF_NAME, "key"]


def test_a_truststore_is_certificates_without_a_key() -> None:
    entries = [pkcs12.PKCS12Certificate(ROOT.certificate, b"root")]
    data = pkcs12.serialize_java_truststore(entries, QUICK.hmac_hash(hashes.SHA256()).build(b"sesame"))
    assert found(read(data, sesame)) == [ROOT_NAME]


def test_an_encrypted_key_opens_with_its_password_and_says_why_it_stays_locked() -> None:
    assert found(read(ENCRYPTED_KEY, sesame)) == ["encrypted key"]
    assert found(read(ENCRYPTED_KEY, locked)) == [
        "locked: it is encrypted, and no password was given; give it with --password-file"
    ]
    assert found(read(ENCRYPTED_KEY, lambda: "no")) == [
        "locked: the password is not its password, or it is damaged; try another password"
    ]
    traditional = PRIVATE.private_bytes(
        serialization.Encoding.PEM,
        PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(b"sesame"),
    )
    assert b"DEK-Info" in traditional
    assert found(read(traditional, sesame)) == ["encrypted key"]
    der = PRIVATE.private_bytes(DER, PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"sesame"))
    assert found(read(der, sesame)) == ["encrypted key"]
    assert found(read(der, locked)) == [
        "locked: it is encrypted, and no password was given; give it with --password-file"
    ]


def test_the_password_of_a_file_is_asked_for_once_however_many_keys_it_has() -> None:
    asked = []

    def ask() -> str | None:
        asked.append(1)
        return "sesame"

    assert found(read(ENCRYPTED_KEY * 3, ask)) == ["encrypted key"] * 3
    assert len(asked) == 1


# --- made to do harm


@pytest.mark.parametrize("data", [P12, ENCRYPTED_KEY], ids=["p12", "key"])
def test_a_file_that_asks_for_hours_of_key_derivation_is_not_opened(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(der_pieces, "ROUND_LIMIT", 9)
    assert "rounds of key derivation" in found(read(data, never))[0]


def test_the_rounds_of_the_integrity_check_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert P12.count(bytes.fromhex("02020800")) == 1, "2048 rounds stand nowhere else"
    monkeypatch.setattr(der_pieces, "ROUND_LIMIT", 2048)
    patched = P12.replace(bytes.fromhex("02020800"), bytes.fromhex("02020801"))
    assert "rounds of key derivation" in found(read(patched, never))[0]
    assert found(read(P12, sesame)) == [LEAF_NAME, ROOT_NAME, "encrypted key"]


@pytest.mark.parametrize(
    "data",
    [
        b"-----BEGIN CERTIFICATE-----\n" * 30_000,
        b"-----BEGIN " * 90_000,
        b"\x30\x00" * (SIZE_LIMIT // 2),
        bytes.fromhex("3084000ffffa") + b"\x04\x00" * 500_000,
        b"\x30\x80" * (SIZE_LIMIT // 2),
        b"A" * SIZE_LIMIT,
    ],
    ids=["BEGIN lines", "beginnings", "sequences", "octet strings", "depth", "base64"],
)
def test_a_file_of_the_largest_size_does_not_keep_anybody_busy(data: bytes) -> None:
    before = time.process_time()
    read(data, locked)
    assert time.process_time() - before < 5


def test_a_thousand_certificates_are_too_many() -> None:
    (piece,) = read(pem(ROOT.certificate).encode() * (CERTIFICATE_LIMIT + 1), never).pieces
    assert isinstance(piece, Unreadable)
    assert "it holds 101 certificates, and at most 100 are looked at" in piece.why


SEEDS = [
    BOTH.encode(),
    LEAF.public_bytes(DER),
    request().encode(),
    P12,
    ENCRYPTED_KEY,
    key_pem(PRIVATE).encode(),
]


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(str.encode),
        st.binary(max_size=60).map(lambda tail: b"\x30\x82" + tail),
    )
)
def test_no_octets_raise_anything(data: bytes) -> None:
    assert read(data, sesame).pieces


@given(st.sampled_from(SEEDS), st.data())
def test_no_damage_raises_anything(seed: bytes, data: st.DataObject) -> None:
    damaged = bytearray(seed)
    for place, octet in data.draw(
        st.lists(st.tuples(st.integers(0, len(seed) - 1), st.integers(0, 255)), min_size=1, max_size=4)
    ):
        damaged[place] = octet
    cut = data.draw(st.integers(0, len(seed)) | st.just(len(seed)))
    assert read(bytes(damaged[:cut]), sesame).pieces
