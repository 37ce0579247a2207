"""Certificates, requests and keys in whatever a file holds: PEM in any order, DER, PKCS#7, PKCS#12.

Files come from anywhere, so everything here is bounded: size, number of certificates, rounds of key
derivation. Nothing raises because of what a file holds: what cannot be read is a piece too, which
says so.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from alb_mutual_tls.pki import unreadable

SIZE_LIMIT: Final = 1 << 20
"""Octets of a file: a thousand certificates would fit."""
CERTIFICATE_LIMIT: Final = 100
ROUND_LIMIT: Final = 5_000_000
"""Rounds of key derivation, as Java's limit: about two seconds. A file can ask for hours."""

Unlock = Callable[[], str | None]
"""Gives the password of a file, None when there is none to be had; called only where one is needed.
"""


@dataclass(frozen=True)
class Certificate:
    """An X.509 certificate."""

    certificate: x509.Certificate


@dataclass(frozen=True)
class CertificateRequest:
    """A certificate signing request (PKCS#10)."""

    request: x509.CertificateSigningRequest


@dataclass(frozen=True)
class Key:
    """A private key, of which only the public half is kept; that is None where the key stayed
    `locked` (why, as a clause).
    """

    public_key: Any
    encrypted: bool
    locked: str | None = None


@dataclass(frozen=True)
class Other:
    """Something that is known, and about which there is no more to say."""

    what: str


@dataclass(frozen=True)
class Unreadable:
    """Something that cannot be read: what, why, the remedy."""

    why: str


Piece = Certificate | CertificateRequest | Key | Other | Unreadable


@dataclass(frozen=True)
class Contents:
    """What a file is (its form) and the pieces in it, in its order."""

    form: str
    pieces: tuple[Piece, ...]


def read(data: bytes, unlock: Unlock) -> Contents:
    """The contents of a file; `data` beyond `SIZE_LIMIT` need not be given."""
    if len(data) > SIZE_LIMIT:
        return _nothing(
            f"it is larger than {SIZE_LIMIT} octets, and no certificate is; give the file that holds"
            " certificate or key alone"
        )
    if not data.strip():
        return _nothing("it is empty; give the file that holds certificate or key")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # cryptography warns of odd serial numbers and the like; they are shown as they are
        contents = _read(data, _once(unlock))
    certificates = sum(isinstance(piece, Certificate) for piece in contents.pieces)
    if certificates > CERTIFICATE_LIMIT:
        return _nothing(
            f"it holds {certificates} certificates, and at most {CERTIFICATE_LIMIT} are looked at; give the"
            " file that holds a client's chain or its CA"
        )
    return contents


def _read(data: bytes, unlock: Unlock) -> Contents:
    text = _text(data)
    if b"-----BEGIN " in text:
        pieces = tuple(_pem_pieces(text, unlock))
        return (
            Contents("PEM", pieces)
            if pieces
            else _nothing("its BEGIN line is none; give the file as it was issued")
        )
    found = _der(data, unlock)
    if found is not None:
        return found
    naked = _base64(text)
    if naked is not None:
        inside = _text(naked)
        found = (
            Contents("PEM", tuple(_pem_pieces(inside, unlock)))
            if b"-----BEGIN " in inside
            else _der(naked, unlock)
        )
    if found is None:
        return _nothing(
            "it is neither PEM, DER, PKCS#7 nor PKCS#12 of anything that is known here; give a certificate, a"
            " request or a key"
        )
    return Contents(
        f"{found.form} in base64, which is to be decoded before anybody else can read it", found.pieces
    )


def _nothing(why: str) -> Contents:
    return Contents("unknown", (Unreadable(why),))


def _once(unlock: Unlock) -> Unlock:
    asked: list[str | None] = []

    def ask() -> str | None:
        if not asked:
            asked.append(unlock())
        return asked[0]

    return ask


def _text(data: bytes) -> bytes:
    """The octets of a text without what Windows' editors add: byte order marks and two octets per
    character.
    """
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[2:].decode(encoding, errors="replace").encode("ascii", errors="replace")
    return data.removeprefix(b"\xef\xbb\xbf")


def _base64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return None


# --- PEM (RFC 7468)


def _pem_pieces(text: bytes, unlock: Unlock) -> Iterator[Piece]:
    """Every block, in one pass over the text however many BEGIN lines there are."""
    begin, place = b"-----BEGIN ", text.find(b"-----BEGIN ")
    while place >= 0:
        following = text.find(begin, place + len(begin))
        block = text[place : following if following >= 0 else len(text)]
        place = following
        head, dashes, rest = block.removeprefix(begin).partition(b"-----")
        if not dashes or len(head) > 64 or not head.strip().isascii() or b"\n" in head:
            continue
        label = head.decode("ascii")
        body, end, _ = rest.partition(f"-----END {label}-----".encode())
        if not end:
            yield Unreadable(f"its {_safe(label)} is cut off: there is no END line; give the whole file")
            continue
        yield from _pem_piece(label, body, block, unlock)


def _safe(label: str) -> str:
    return label if label.replace(" ", "").isalnum() else "block"


def _pem_piece(label: str, body: bytes, block: bytes, unlock: Unlock) -> Iterator[Piece]:
    if label.endswith("PRIVATE KEY"):
        yield _pem_key(label, block, unlock)
        return
    der = _base64(body)
    if der is None:
        yield Unreadable(f"its {_safe(label)} is not base64; give the file as it was issued")
    elif label in ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
        yield _certificate(_first_element(der) if label.startswith("TRUSTED") else der)
    elif label in ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"):
        yield _request(der)
    elif label in ("PKCS7", "CMS"):
        yield from _pkcs7(der)
    elif label == "PKCS12":
        yield from _pkcs12(der, unlock)
    elif label == "X509 CRL":
        yield Other("a certificate revocation list: ALB takes none")
    elif label in ("EC PARAMETERS", "DH PARAMETERS"):
        yield Other("parameters of a key: nobody needs them here")
    elif label.endswith("PUBLIC KEY"):
        yield Other("a public key")
    else:
        yield Unreadable(
            f"its {_safe(label)} is nothing that is known here; give a certificate, a request or a key"
        )


def _pem_key(label: str, block: bytes, unlock: Unlock) -> Piece:
    if label.startswith("OPENSSH"):
        return Unreadable(
            "its private key is in OpenSSH's own form, which TLS does not read; rewrite it with ssh-keygen -p"
            " -m PEM"
        )
    encrypted = label.startswith("ENCRYPTED") or b"ENCRYPTED" in block[:200]
    if encrypted and _too_many_rounds(_base64(block.split(b"-----")[2]) or b""):
        return Unreadable(_TOO_MANY_ROUNDS)
    return _key(
        lambda password: serialization.load_pem_private_key(
            block, password, unsafe_skip_rsa_key_validation=True
        ),
        encrypted,
        unlock,
    )


def _key(load: Callable[[bytes | None], Any], encrypted: bool, unlock: Unlock) -> Piece:
    password = unlock() if encrypted else None
    if encrypted and not password:
        return Key(None, True, "it is encrypted, and no password was given; give it with --password-file")
    try:
        return Key(load(password.encode() if password else None).public_key(), encrypted)
    except (ValueError, TypeError, UnsupportedAlgorithm, AttributeError):
        if encrypted:
            return Key(None, True, "the password is not its password, or it is damaged; try another password")
        return Unreadable("its private key cannot be read; give the file as it was generated")


def _certificate(der: bytes) -> Piece:
    try:
        certificate = x509.load_der_x509_certificate(der)
        # It is parsed only as far as it is asked, and without these nothing can be said of it.
        (  # noqa: B018
            certificate.subject,
            certificate.issuer,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        )
        return Certificate(certificate)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        clause = unreadable.of_certificate(der)
        return Unreadable(
            f"its certificate {clause or 'is no X.509 certificate; give the file as it was issued'}"
        )


def _request(der: bytes) -> Piece:
    try:
        request = x509.load_der_x509_csr(der)
        request.subject  # noqa: B018
        return CertificateRequest(request)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        clause = unreadable.of_request(der)
        return Unreadable(
            f"its certificate signing request {clause or 'is no PKCS#10; give what openssl req -new writes'}"
        )


# --- DER

_MAGIC: Final = {b"\xfe\xed\xfe\xed": "JKS", b"\xce\xce\xce\xce": "JCEKS"}
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")


def _der(data: bytes, unlock: Unlock) -> Contents | None:
    if data[:4] in _MAGIC:
        kind = _MAGIC[data[:4]]
        return _nothing(
            f"it is a Java keystore of the old kind {kind}; rewrite it with keytool -importkeystore"
            " -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12"
        )
    if data[:1] != b"\x30":
        return None
    for found in (_certificate(data), _request(data)):
        if not isinstance(found, Unreadable):
            return Contents("DER", (found,))
    if unreadable.of_certificate(data):
        return Contents("DER", (_certificate(data),))
    if unreadable.of_request(data):
        return Contents("DER", (_request(data),))
    if _is_pkcs12(data):
        return Contents("PKCS#12", tuple(_pkcs12(data, unlock)))
    if _SIGNED_DATA in data[:20]:
        return Contents("PKCS#7", tuple(_pkcs7(data)))
    return _der_key(data, unlock) or _der_crl(data)


def _der_key(data: bytes, unlock: Unlock) -> Contents | None:
    def load(password: bytes | None) -> Any:
        return serialization.load_der_private_key(data, password, unsafe_skip_rsa_key_validation=True)

    try:
        return Contents("DER", (Key(load(None).public_key(), False),))
    except TypeError:
        if _too_many_rounds(data):
            return Contents("DER", (Unreadable(_TOO_MANY_ROUNDS),))
        return Contents("DER", (_key(load, True, unlock),))
    except (ValueError, UnsupportedAlgorithm, AttributeError):
        return None


def _der_crl(data: bytes) -> Contents | None:
    try:
        x509.load_der_x509_crl(data)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        return None
    return Contents("DER", (Other("a certificate revocation list: ALB takes none"),))


def _pkcs7(der: bytes) -> Iterator[Piece]:
    try:
        found = pkcs7.load_der_pkcs7_certificates(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        yield Unreadable("its PKCS#7 cannot be read; give the certificates in PEM")
        return
    if not found:
        yield Unreadable("its PKCS#7 holds no certificate; give the certificates in PEM")
    for certificate in found:
        yield _certificate(certificate.public_bytes(serialization.Encoding.DER))


# --- PKCS#12 (RFC 7292)

_TOO_MANY_ROUNDS: Final = (
    f"it asks for more than {ROUND_LIMIT} rounds of key derivation, to keep whoever opens it busy; do not"
    " use it"
)
_ENCRYPTIONS: Final = {
    "AES-256": bytes.fromhex("060960864801650304012a"),
    "AES-128": bytes.fromhex("0609608648016503040102"),
    "3DES with SHA-1 (old)": bytes.fromhex("060a2a864886f70d010c0103"),
    "RC2 with 40 bits (broken)": bytes.fromhex("060a2a864886f70d010c0106"),
}


def encryptions(data: bytes) -> list[str]:
    """How a PKCS#12 file is encrypted, by the algorithms that it names in the open."""
    return [name for name, identifier in _ENCRYPTIONS.items() if identifier in data]


def _is_pkcs12(data: bytes) -> bool:
    inside = _inside(data)
    return inside is not None and inside[:4] == bytes.fromhex("02010330")


def _pkcs12(data: bytes, unlock: Unlock) -> Iterator[Piece]:
    if _too_many_rounds(data):
        yield Unreadable(_TOO_MANY_ROUNDS)
        return
    loaded, encrypted = _open(data, None) or _open(data, b""), False
    if loaded is None:
        password = unlock()
        if not password:
            yield Unreadable("it needs a password, and none was given; give it with --password-file")
            return
        loaded, encrypted = _open(data, password.encode()), True
    if loaded is None:
        yield Unreadable("the password is not its password, or the file is damaged; try another password")
        return
    if loaded.cert is not None:
        yield _certificate(loaded.cert.certificate.public_bytes(serialization.Encoding.DER))
    for one in loaded.additional_certs:
        yield _certificate(one.certificate.public_bytes(serialization.Encoding.DER))
    if loaded.key is not None:
        yield Key(loaded.key.public_key(), encrypted)
    if loaded.key is None and loaded.cert is None and not loaded.additional_certs:
        yield Unreadable("it holds neither a certificate nor a private key; give another file")


def _open(data: bytes, password: bytes | None) -> pkcs12.PKCS12KeyAndCertificates | None:
    try:
        return pkcs12.load_pkcs12(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


# --- as much of DER as is needed (X.690)

_INTEGER: Final = 0x02
_OCTET_STRING: Final = 0x04
_CONSTRUCTED: Final = 0x20


def _element(data: bytes | memoryview) -> tuple[int, int, int] | None:
    """Tag, start and end of the contents of the first element; None where it is none, or of
    indefinite length.
    """
    if len(data) < 2 or data[1] == 0x80:
        return None
    start = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    end = start + (int.from_bytes(data[2:start], "big") if data[1] & 0x80 else data[1])
    return (data[0], start, end) if start <= len(data) and end <= len(data) else None


def _first_element(data: bytes) -> bytes:
    found = _element(data)
    return data[: found[2]] if found else data


def _inside(data: bytes) -> bytes | None:
    found = _element(data)
    return data[found[1] : found[2]] if found else None


def _too_many_rounds(data: bytes | memoryview, depth: int = 12) -> bool:
    """Whether an octet string (the salt) with a too large number (the rounds) after it stands
    anywhere, also in DER inside octet strings.
    """
    rest, before = memoryview(data), 0
    while depth and (found := _element(rest)):
        tag, start, end = found
        inside, rest = rest[start:end], rest[end:]
        if before == _OCTET_STRING and tag == _INTEGER and int.from_bytes(inside[:64], "big") > ROUND_LIMIT:
            return True
        if (tag & _CONSTRUCTED or tag == _OCTET_STRING) and _too_many_rounds(inside, depth - 1):
            return True
        before = tag
    return False
