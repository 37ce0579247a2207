"""What a DER file holds: a certificate, request, key, CRL, PKCS #7 or PKCS #12."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from alb_mutual_tls.operations.inspection.piece import (
    ROUND_LIMIT,
    Contents,
    Key,
    Other,
    Piece,
    Unlock,
    Unreadable,
    certificate_piece,
    key_piece,
    nothing,
    request_piece,
)
from alb_mutual_tls.pki import unreadable

_MAGIC: Final = {b"\xfe\xed\xfe\xed": "JKS", b"\xce\xce\xce\xce": "JCEKS"}


_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")


def der_pieces(data: bytes, unlock: Unlock) -> Contents | None:
    if data[:4] in _MAGIC:
        kind = _MAGIC[data[:4]]
        return nothing(
            f"it is a Java keystore of the old kind {kind}; rewrite it with keytool -importkeystore"
            " -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12"
        )
    if data[:1] != b"\x30":
        return None
    for piece in (certificate_piece(data), request_piece(data)):
        if not isinstance(piece, Unreadable):
            return Contents("DER", (piece,))
    if unreadable.of_certificate(data):
        return Contents("DER", (certificate_piece(data),))
    if unreadable.of_request(data):
        return Contents("DER", (request_piece(data),))
    if _is_pkcs12(data):
        return Contents("PKCS#12", tuple(pkcs12_pieces(data, unlock)))
    if _SIGNED_DATA in data[:20]:
        return Contents("PKCS#7", tuple(pkcs7_pieces(data)))
    return _der_key(data, unlock) or _der_crl(data)


def _der_key(data: bytes, unlock: Unlock) -> Contents | None:
    def load(password: bytes | None) -> Any:
        return serialization.load_der_private_key(data, password, unsafe_skip_rsa_key_validation=True)

    try:
        return Contents("DER", (Key(load(None).public_key(), False),))
    except TypeError:
        if too_many_rounds(data):
            return Contents("DER", (Unreadable(TOO_MANY_ROUNDS),))
        return Contents("DER", (key_piece(load, True, unlock),))
    except (ValueError, UnsupportedAlgorithm, AttributeError):
        return None


def _der_crl(data: bytes) -> Contents | None:
    try:
        x509.load_der_x509_crl(data)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        return None
    return Contents("DER", (Other("a certificate revocation list: ALB takes none"),))


def pkcs7_pieces(der: bytes) -> Iterator[Piece]:
    try:
        certificates = pkcs7.load_der_pkcs7_certificates(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        yield Unreadable("its PKCS#7 cannot be read; give the certificates in PEM")
        return
    if not certificates:
        yield Unreadable("its PKCS#7 holds no certificate; give the certificates in PEM")
    for certificate in certificates:
        yield certificate_piece(certificate.public_bytes(serialization.Encoding.DER))


TOO_MANY_ROUNDS: Final = (
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


def pkcs12_pieces(data: bytes, unlock: Unlock) -> Iterator[Piece]:
    if too_many_rounds(data):
        yield Unreadable(TOO_MANY_ROUNDS)
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
        yield certificate_piece(loaded.cert.certificate.public_bytes(serialization.Encoding.DER))
    for additional_certificate in loaded.additional_certs:
        yield certificate_piece(additional_certificate.certificate.public_bytes(serialization.Encoding.DER))
    if loaded.key is not None:
        yield Key(loaded.key.public_key(), encrypted)
    if loaded.key is None and loaded.cert is None and not loaded.additional_certs:
        yield Unreadable("it holds neither a certificate nor a private key; give another file")


def _open(data: bytes, password: bytes | None) -> pkcs12.PKCS12KeyAndCertificates | None:
    try:
        return pkcs12.load_pkcs12(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


_INTEGER: Final = 0x02


_OCTET_STRING: Final = 0x04


_CONSTRUCTED: Final = 0x20


def _element(data: bytes | memoryview) -> tuple[int, int, int] | None:
    """Return tag, start and end of the contents of the first element.

    None where the data holds none, or one of indefinite length.
    """
    if len(data) < 2 or data[1] == 0x80:
        return None
    start = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    end = start + (int.from_bytes(data[2:start], "big") if data[1] & 0x80 else data[1])
    return (data[0], start, end) if start <= len(data) and end <= len(data) else None


def first_element(data: bytes) -> bytes:
    element = _element(data)
    return data[: element[2]] if element else data


def _inside(data: bytes) -> bytes | None:
    element = _element(data)
    return data[element[1] : element[2]] if element else None


def too_many_rounds(data: bytes | memoryview, depth: int = 12) -> bool:
    """Whether the data asks for too many rounds of key derivation.

    It looks for an octet string (the salt) followed by a number (the rounds) over the limit. It
    also looks in DER inside octet strings.
    """
    rest, before = memoryview(data), 0
    while depth and (element := _element(rest)):
        tag, start, end = element
        inside, rest = rest[start:end], rest[end:]
        if before == _OCTET_STRING and tag == _INTEGER and int.from_bytes(inside[:64], "big") > ROUND_LIMIT:
            return True
        if (tag & _CONSTRUCTED or tag == _OCTET_STRING) and too_many_rounds(inside, depth - 1):
            return True
        before = tag
    return False
