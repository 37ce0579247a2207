"""What `cryptography` refuses and OpenSSL reads: each is put before `openssl` too, and the sentence
says which, why and what to do.
"""

from __future__ import annotations

import base64
import math
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.inspection import facts as description
from alb_mutual_tls.operations.inspection import pieces
from alb_mutual_tls.operations.inspection.explanation import explain
from alb_mutual_tls.operations.inspection.judgement import Anchor, Basis, Source
from alb_mutual_tls.operations.inspection.piece import Unreadable
from alb_mutual_tls.operations.inspection.pieces import read
from alb_mutual_tls.pki import bundle, der, extensions, unreadable
from alb_mutual_tls.pki.authority_faults import strength_faults
from alb_mutual_tls.pki.brought import BroughtAuthority
from alb_mutual_tls.pki.certification_path import against, judge
from alb_mutual_tls.pki.keys import key_fault, load_private_key, weakness
from alb_mutual_tls.pki.request import SigningRequest
from tests.unit.pki.material import DAY, NOW, authority, client, key, name_of, pem

DER = serialization.Encoding.DER
READ = "OpenSSL reads it, the reader of this program (Python's cryptography) does not"


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (length if len(content) < 128 else bytes([0x80 | len(length)]) + length) + content


def _oid(dotted: str) -> bytes:
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), b"")
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(extension, critical=False)
    made = builder.sign(key("client"), hashes.SHA256())
    found = (
        der.only(made.tbs_certrequest_bytes)
        .inside()[3]
        .inside()[0]
        .inside()[1]
        .inside()[0]
        .inside()[0]
        .inside()[0]
    )
    return found.encoded


NAME = name_of("device").public_bytes()
LATIN_1 = tlv(0x30, tlv(0x31, tlv(0x30, _oid("2.5.4.3"), tlv(0x14, "Müller".encode("latin-1")))))


def request(
    *, version: int = 0, name: bytes = NAME, attributes: bytes | None = b"", private_key: Any = None
) -> bytes:
    """A request as anybody may put it together, signed by its own key."""
    private_key = private_key or key("client")
    info = private_key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    listed = b"" if attributes is None else tlv(0xA0, attributes)
    body = tlv(0x30, tlv(0x02, bytes([version])), name, info, listed)
    if isinstance(private_key, rsa.RSAPrivateKey):
        algorithm, signature = (
            tlv(0x30, _oid("1.2.840.113549.1.1.11"), b"\x05\0"),
            private_key.sign(body, padding.PKCS1v15(), hashes.SHA256()),
        )
    else:
        algorithm, signature = (
            tlv(0x30, _oid("1.2.840.10045.4.3.2")),
            private_key.sign(body, ec.ECDSA(hashes.SHA256())),
        )
    return tlv(0x30, body, algorithm, tlv(0x03, b"\0", signature))


def asked(*listed: bytes) -> bytes:
    """The attribute that holds these extensions."""
    return tlv(0x30, _oid("1.2.840.113549.1.9.14"), tlv(0x31, tlv(0x30, *listed)))


def extension(dotted: str, value: bytes, critical: bytes = b"") -> bytes:
    return tlv(0x30, _oid(dotted), critical, tlv(0x04, value))


def attribute(dotted: str, *values: str) -> bytes:
    return tlv(0x30, _oid(dotted), tlv(0x31, *(tlv(0x0C, value.encode()) for value in values)))


def in_pem(data: bytes, label: str = "CERTIFICATE REQUEST") -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(data).decode()}-----END {label}-----\n"


def openssl(kind: str, data: bytes, *options: str) -> subprocess.CompletedProcess[str]:
    label = {"req": "CERTIFICATE REQUEST", "x509": "CERTIFICATE"}[kind]
    command = ["openssl", kind, "-noout", *options]
    return subprocess.run(
        command,
        input=in_pem(data, label),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def never() -> str | None:
    raise AssertionError("no password is needed")


# --- requests


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (
            request(attributes=None),
            "lacks the list of attributes, which may be empty and not be left out (RFC 2986 section 4.1)",
        ),
        (request(version=1), "says version 2, where PKCS#10 knows version 1 alone (RFC 2986 section 4.1)"),
        (request(version=2), "says version 3, where PKCS#10 knows version 1 alone (RFC 2986 section 4.1)"),
        (
            request(attributes=attribute("1.2.4", "x") + attribute("1.2.3", "x")),
            "has its attributes in another order than DER demands (X.690 section 11.6)",
        ),
        (request(name=LATIN_1), "has Latin-1 in the commonName of its subject, as a T61String"),
    ],
    ids=range(5),
)
def test_a_request_that_openssl_takes_and_our_reader_does_not_says_which_and_why(
    data: bytes, fault: str
) -> None:
    verified = openssl("req", data, "-verify", "-subject")
    assert "verify OK" in verified.stdout + verified.stderr
    with pytest.raises(UserError) as raised:
        SigningRequest.load(in_pem(data))
    assert str(raised.value).startswith(
        f"the certificate signing request {fault}: {READ}; make it anew with "
    )
    (piece,) = pieces.read(in_pem(data).encode(), never).pieces
    assert isinstance(piece, Unreadable)
    assert piece.why.startswith(f"its certificate signing request {fault}: {READ}; make it anew with ")
    assert pieces.read(data, never).pieces == (piece,)


def test_a_request_of_an_unknown_form_is_not_called_none_and_nothing_is_claimed_of_openssl() -> None:
    data = request(attributes=tlv(0x30, b"\x02\x01\x01"))
    with pytest.raises(UserError, match=r"look whether openssl req -in FILE -noout -text reads it"):
        SigningRequest.load(in_pem(data))


def test_a_request_of_an_sm2_key_says_so() -> None:
    info = tlv(
        0x30,
        tlv(0x30, _oid("1.2.840.10045.2.1"), _oid("1.2.156.10197.1.301")),
        tlv(0x03, b"\0\x04" + bytes(range(64))),
    )
    body = tlv(0x30, b"\x02\x01\0", NAME, info, tlv(0xA0))
    data = tlv(
        0x30,
        body,
        tlv(0x30, _oid("1.2.156.10197.1.501")),
        tlv(0x03, b"\0", tlv(0x30, b"\x02\x01\x01\x02\x01\x01")),
    )
    with pytest.raises(
        UserError,
        match=(
            r"is refused: its key is on the curve SM2, which OpenSSL reads and .* does not; use RSA or ECDSA,"
            r" and make"
        ),
    ):
        SigningRequest.load(in_pem(data))


UPN = tlv(0xA0, _oid("1.3.6.1.4.1.311.20.2.3"), tlv(0xA0, tlv(0x0C, b"user@corp.example")))
CASES: list[tuple[bytes, list[str]]] = [
    (attribute("1.2.840.113549.1.9.7", "one", "two"), ["a challenge password with 2 values"]),
    (attribute("1.2.840.113549.1.9.7"), ["a challenge password without a value"]),
    (attribute("1.2.840.113549.1.9.2", "one", "two"), ["attribute unstructuredName with 2 values"]),
    (attribute("1.2.3.4"), ["attribute 1.2.3.4 without a value"]),
    (attribute("1.2.3.4", "x"), ["attribute 1.2.3.4"]),
    (tlv(0x30, _oid("1.2.840.113549.1.9.14"), tlv(0x31)), []),
    (asked(extension("2.5.29.19", tlv(0x30, b"\x02\x01\0"))), []),
    (asked(extension("2.5.29.19", tlv(0x30, b"\x01\x01\0"))), []),
    (asked(extension("2.5.29.19", tlv(0x30), b"\x01\x01\0")), []),
    (
        asked(extension("2.5.29.19", b"x"), extension("2.5.29.19", b"x")),
        2 * ["extension basicConstraints, which cannot be read"],
    ),
    (asked(extension("2.5.29.35", tlv(0x30, tlv(0x82, b"\x07")))), ["extension authorityKeyIdentifier"]),
    (
        asked(extension("2.5.29.17", tlv(0x30, tlv(0x82, "bücher.example".encode("latin-1"))))),
        ["DNS name 'bücher.example'"],
    ),
    (
        asked(*2 * [extension("2.5.29.15", b"\x03\x02\x05\xe0")]),
        2 * ["key usage Non Repudiation", "key usage Key Encipherment"],
    ),
    (asked(extension("2.5.29.17", tlv(0x30, UPN))), ["name othername: UPN::user@corp.example"]),
    (
        asked(extension("2.5.29.17", tlv(0x30, tlv(0x88, _oid("1.2.3.4")[2:])))),
        ["name Registered ID:1.2.3.4"],
    ),
    (asked(extension("2.5.29.17", tlv(0x30, tlv(0xA3, b"")))), ["name X400Name:<unsupported>"]),
]


@pytest.mark.parametrize(("attributes", "left_out"), CASES, ids=[str(left_out) for _, left_out in CASES])
def test_what_openssl_verifies_is_signed_and_what_it_asks_for_is_named(
    attributes: bytes, left_out: list[str]
) -> None:
    data = request(attributes=attributes)
    verified = openssl("req", data, "-verify")
    assert "verify OK" in verified.stdout + verified.stderr
    assert SigningRequest.load(in_pem(data)).left_out({"commonName": "device"}, ()) == left_out


@pytest.mark.parametrize(
    "value", [tlv(0x30, b"\x01\x01\xff"), tlv(0x30, b"\x01\x01\x01", b"\x02\x01\0")], ids=["DER", "BER"]
)
def test_a_request_for_an_authority_is_refused_however_it_is_written(value: bytes) -> None:
    for attributes in (
        asked(extension("2.5.29.19", value)),
        asked(extension("2.5.29.19", tlv(0x30)), extension("2.5.29.19", value)),
    ):
        with pytest.raises(UserError, match="asks for a certificate authority"):
            SigningRequest.load(in_pem(request(attributes=attributes)))


def test_names_are_printed_as_openssl_prints_them() -> None:
    names = [
        tlv(0x82, b"a.example"),
        tlv(0x81, b"a@b.example"),
        tlv(0x86, b"urn:x"),
        tlv(0x87, b"\x0a\0\0\1"),
        tlv(0x88, _oid("1.2.3.4")[2:]),
        tlv(0xA4, name_of("dir", ORGANIZATION_NAME="x").public_bytes()),
        UPN,
        tlv(0xA0, _oid("1.3.6.1.5.5.7.8.7"), tlv(0xA0, tlv(0x16, b"_mail.example"))),
        tlv(0xA0, _oid("1.2.3.4"), tlv(0xA0, b"\x02\x01\x01")),
        tlv(0xA3, b""),
    ]
    data = request(attributes=asked(extension("2.5.29.17", tlv(0x30, *names))))
    facts = description.of_request(x509.load_der_x509_csr(data))
    printed = openssl("req", data, "-text").stdout
    assert isinstance(facts["names"], list)
    assert ", ".join(facts["names"][:-1]) in printed.replace("X400Name:<unsupported>", "")
    assert facts["names"][-1] == "X400Name:<unsupported>"
    assert "b'" not in str(facts["names"])


# --- certificates


def certificate(change: Callable[[list[bytes]], None]) -> bytes:
    """A root whose body was changed; the signature is not looked at."""
    body, *rest = der.only(authority().certificate.public_bytes(DER)).inside()
    parts = [part.encoded for part in body.inside()]
    change(parts)
    return tlv(0x30, tlv(0x30, *parts), *(one.encoded for one in rest))


def _subject(parts: list[bytes]) -> None:
    parts[5] = LATIN_1


def _issuer(parts: list[bytes]) -> None:
    parts[3] = LATIN_1


def _from_year_0(parts: list[bytes]) -> None:
    parts[4] = tlv(0x30, tlv(0x18, b"00000101000000Z"), tlv(0x18, b"99991231235959Z"))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_subject, "has Latin-1 in the commonName of its subject, as a T61String"),
        (_issuer, "has Latin-1 in the commonName of its issuer, as a T61String"),
        (_from_year_0, "is valid from a moment in the year 0"),
    ],
)
def test_a_certificate_that_openssl_reads_and_our_reader_does_not_says_which_and_why(
    change: Callable[[list[bytes]], None], fault: str
) -> None:
    data = certificate(change)
    assert openssl("x509", data, "-subject").returncode == 0
    with pytest.raises(UserError) as raised:
        bundle.load_one(in_pem(data, "CERTIFICATE"))
    assert str(raised.value).startswith(f"the certificate {fault}: {READ}; have it made anew with ")
    (piece,) = pieces.read(data, never).pieces
    assert piece == Unreadable(str(raised.value).replace("the certificate", "its certificate", 1))


def test_an_odd_extension_hides_no_other() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), tlv(0x30, b"\x02\x01\0"))
    issuer = authority()
    builder = x509.CertificateBuilder(
        name_of("root a"), name_of("one"), key("client").public_key(), 7, NOW, NOW
    )
    builder = builder.add_extension(odd, critical=True).add_extension(
        x509.SubjectAlternativeName([x509.DNSName("a")]), critical=False
    )
    facts = description.of_certificate(builder.sign(issuer.private_key, hashes.SHA256()), NOW)
    assert (facts["basicConstraints"], facts["names"]) == ("CA:FALSE, path length 0", ["DNS:a"])


@given(st.binary(max_size=120))
def test_whatever_stands_in_an_extension_is_described(value: bytes) -> None:
    data = request(attributes=asked(*(extension(f"2.5.29.{arc}", value) for arc in (14, 15, 17, 19, 35, 37))))
    assert description.of_request(x509.load_der_x509_csr(data))
    try:
        SigningRequest.load(in_pem(data)).left_out({}, ())
    except UserError as error:
        assert "asks for a certificate authority" in str(error)


@given(st.binary(max_size=120))
def test_octets_that_are_no_certificate_and_no_request_are_called_none(data: bytes) -> None:
    assert unreadable.of_certificate(data) is None
    assert unreadable.of_request(data) is None


# --- keys: one rule


def _limited_to_pss(private_key: rsa.RSAPrivateKey) -> bytes:
    """The key's info with the OID of RSASSA-PSS."""
    info = der.only(
        private_key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return tlv(0x30, tlv(0x30, _oid("1.2.840.113549.1.1.10")), info.inside()[1].encoded)


def test_a_key_limited_to_rsassa_pss_is_refused_everywhere_with_the_same_words() -> None:
    words = (
        "its key is limited to RSASSA-PSS signatures, which not every verifier takes; use an ordinary RSA"
        " key, or ECDSA"
    )
    info = _limited_to_pss(key("RSA2048"))

    def limited(parts: list[bytes]) -> None:
        parts[6] = info

    root = x509.load_der_x509_certificate(certificate(limited))
    assert words in list(strength_faults(root))
    body = tlv(0x30, b"\x02\x01\0", NAME, info, tlv(0xA0))
    assert key_fault(body) == words
    data = tlv(0x30, body, tlv(0x30, _oid("1.2.840.113549.1.1.11"), b"\x05\0"), tlv(0x03, b"\0" * 257))
    with pytest.raises(UserError) as raised:
        SigningRequest.load(in_pem(data))
    assert (
        str(raised.value) == f"the certificate signing request is refused: {words}, and make the request anew"
    )
    assert description.of_request(x509.load_der_x509_csr(data))["keyAlgorithm"] == "RSASSA-PSS-2048"


def test_a_private_key_limited_to_rsassa_pss_is_refused_too() -> None:
    private = key("RSA2048").private_bytes(
        DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    version, _, octets = der.only(private).inside()
    limited = tlv(0x30, version.encoded, tlv(0x30, _oid("1.2.840.113549.1.1.10")), octets.encoded)
    with pytest.raises(
        UserError,
        match=(
            "the private key is limited to RSASSA-PSS signatures, which not every verifier takes; use an"
            " ordinary RSA"
        ),
    ):
        load_private_key(in_pem(limited, "PRIVATE KEY"))
    assert load_private_key(in_pem(private, "PRIVATE KEY"))


def _rsa_key(p: int, q: int) -> rsa.RSAPrivateKey:
    e = 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q)
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


_SMALL_PRIMES = math.prod(
    number
    for number in range(3, 2000)
    if all(number % divisor for divisor in range(2, math.isqrt(number) + 1))
)


def _prime(start: int, step: int = 2) -> int:
    while (
        math.gcd(start, _SMALL_PRIMES) != 1
        or pow(2, start - 1, start) != 1
        or pow(3, start - 1, start) != 1
        or (start - 1) % 65537 == 0
    ):
        start += step
    return start


def _close_primes() -> rsa.RSAPrivateKey:
    first = key("RSA2048").private_numbers().p
    return _rsa_key(first, _prime(first + 2))


def _smart_card() -> rsa.RSAPrivateKey:
    """As the faulty library makes them: primes k * M + (65537 ** a mod M), M the product of the
    first primes.
    """
    product = 1
    for prime in (
        number for number in range(2, 702) if all(number % divisor for divisor in range(2, number))
    ):
        product *= prime
    bits = 1024 - product.bit_length()
    return _rsa_key(
        *(
            _prime((1 << bits) // 4 * part * product + pow(65537, power, product), product)
            for part, power in ((3, 5), (3, 9))
        )
    )


@pytest.mark.parametrize(
    ("make", "words"), [(_close_primes, "so close together"), (_smart_card, "ROCA, CVE-2017-15361")]
)
def test_a_key_that_anybody_can_compute_is_refused(make: Callable[[], rsa.RSAPrivateKey], words: str) -> None:
    weak = make()
    assert words in str(weakness(weak.public_key()))
    with pytest.raises(UserError, match=words) as raised:
        SigningRequest.load(in_pem(request(private_key=weak)))
    assert "; make another key, with openssl genpkey, and make the request anew" in str(raised.value)
    with pytest.raises(UserError, match=words):
        BroughtAuthority.load(pem(authority("weak", weak).certificate))
    issuer = authority()
    builder = x509.CertificateBuilder(
        issuer.certificate.subject, name_of("c"), weak.public_key(), 7, NOW - DAY, NOW + DAY
    )
    leaf = builder.sign(issuer.private_key, hashes.SHA256())
    (said,) = against(judge(leaf, [], issuer.certificate, NOW))
    assert words in said
    (reason,) = (
        explain(
            [Source("f", read(pem(leaf).encode(), lambda: None))], [Anchor("ca", issuer.certificate)], NOW
        )
        .judgements[0]
        .reasons
    )
    assert (reason.sentence, reason.basis) == (said, Basis.PROGRAM)


def test_ordinary_rsa_keys_are_none_of_them() -> None:
    assert weakness(key("RSA2048").public_key()) is None
    assert weakness(rsa.generate_private_key(65537, 2048).public_key()) is None


def test_the_readers_agree_with_cryptography_on_ordinary_certificates() -> None:
    for one in (authority().certificate, client(authority())):
        found = {extension.oid: extension for extension in extensions.of_certificate(one)}
        assert list(found) == [extension.oid.dotted_string for extension in one.extensions]
        assert extensions.key_identifier(found[extensions.SUBJECT_KEY_IDENTIFIER]) == (
            one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        )
