"""Split PEM bundles, and build the chains and PKCS#12 files of clients.

`cryptography` is imported only where it is needed. A program that wants a fingerprint does not pay
for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pem_blocks import blocks
from alb_mutual_tls.pki.renewal import to_text

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

_TRUSTED: Final = "TRUSTED CERTIFICATE"
_CERTIFICATES: Final = ("CERTIFICATE", "X509 CERTIFICATE", _TRUSTED)
_LABEL: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----")
_PASSWORD_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"  # noqa: S105  # without 0 O 1 l I, which are misread
_PASSWORD_LENGTH: Final = 24  # 57 ** 24 > 2 ** 139
# .NET refuses more unless told otherwise (Pkcs12LoaderLimits)
KEY_DERIVATION_ROUNDS: Final = 300_000
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17


def holds_private_key(pem: str) -> bool:
    """Return whether a text holds a private key in PEM, of any kind, encrypted or not."""
    return _PRIVATE_KEY.search(pem) is not None


def split(pem: str) -> list[str]:
    """The certificates of a PEM bundle in its order, each in the form of RFC 7468.

    Text between them is left out. Raises `UserError` as `ders` does.
    """
    return [_to_pem(der) for der in ders(pem)]


def ders(pem: str) -> list[bytes]:
    """The DER of every certificate of a PEM bundle, in its order.

    Raises `UserError` when a block is not base64, or one of those that openssl marks with what to
    trust them for.
    """
    certificates = list(blocks(pem, _CERTIFICATES))
    if any(label == _TRUSTED for label, _ in certificates):
        raise UserError(
            "the PEM is a TRUSTED CERTIFICATE, openssl's own form with trust settings; give what openssl x509"
            " -in FILE writes"
        )
    return [_decode(body) for _, body in certificates if body.strip()]


def without_certificate(pem: str) -> str:
    """A sentence for a text in which `split` finds no certificate."""
    labels = list(dict.fromkeys(_LABEL.findall(pem)))
    if "CERTIFICATE" in labels:
        return (
            "the certificate is cut off: there is no END CERTIFICATE line after its BEGIN line; give the"
            " whole PEM file"
        )
    what = f"there is {', '.join(labels)} and no certificate" if labels else "there is no certificate"
    return f"{what} between BEGIN CERTIFICATE and END CERTIFICATE lines; give a PEM certificate"


def _decode(body: str) -> bytes:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        raise UserError(
            "a certificate between its BEGIN and END lines is not base64; give the PEM file as it was issued"
        ) from None


def _to_pem(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def fingerprint(pem: str) -> str:
    """Return the SHA-256 of the first certificate's DER in lower-case hex.

    Raises `UserError` when there is no certificate.
    """
    first = next(blocks(pem, _CERTIFICATES), None)
    if first is None:
        raise UserError(without_certificate(pem))
    return _sha256(_decode(first[1]))


def not_after(pem: str) -> str:
    """Return when the first certificate ends (RFC 3339).

    Source: RFC 5280 section 4.1.2.5. Raises `UserError` when there is no certificate.
    """
    from alb_mutual_tls.pki import der

    try:
        signed = der.only(ders(pem)[0]).inside()[0].inside()
        # the version stands before serial number, algorithm, issuer and validity
        validity = signed[4 if signed[0].tag == _VERSION else 3]
        end = validity.inside()[1]
        text = end.content.decode("ascii")
        if end.tag == _UTC_TIME:
            text = f"{'19' if text[:2] >= '50' else '20'}{text}"
        moment = datetime.strptime(text, "%Y%m%d%H%M%SZ")
    except (ValueError, IndexError):
        return to_text(load(pem)[0].not_valid_after_utc)
    return to_text(moment)


def fingerprints(pem: str) -> list[str]:
    """Return the SHA-256 of every certificate's DER in lower-case hex.

    Raises `UserError` as `ders` does.
    """
    return [_sha256(der) for der in ders(pem)]


def _sha256(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def load(pem: str) -> list[x509.Certificate]:
    """Read the certificates of a PEM bundle in their order.

    Raises `UserError` when one is not an X.509 certificate.
    """
    return [_parse(block) for block in split(pem)]


@lru_cache(maxsize=4096)
def _parse(block: str) -> x509.Certificate:
    """Parse a certificate, once in a process for the same PEM."""
    from cryptography import x509

    try:
        with warnings.catch_warnings():
            # of a serial number that is 0, as old manuals make roots; OpenSSL takes it
            warnings.filterwarnings("ignore", message="Parsed a serial number which wasn't positive")
            certificate = x509.load_pem_x509_certificate(block.encode())
        # A certificate is parsed only as far as it is asked: a name that cannot be read would fail
        # anywhere later.
        (  # noqa: B018
            certificate.subject,
            certificate.issuer,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        )
    except (ValueError, TypeError, x509.InvalidVersion):
        from alb_mutual_tls.pki import unreadable

        if clause := unreadable.of_certificate(
            _decode(block.partition("-----\n")[2].partition("-----END")[0])
        ):
            raise UserError(f"the certificate {clause}") from None
        raise UserError(
            "what stands between BEGIN CERTIFICATE and END CERTIFICATE lines is not an X.509 certificate;"
            " give the PEM file as it was issued"
        ) from None
    return certificate


@lru_cache(maxsize=64)
def load_one(pem: str) -> x509.Certificate:
    """Read the one certificate of a PEM.

    Raises `UserError` when there is none, or several, or a private key beside it.
    """
    if holds_private_key(pem):
        raise UserError(
            "the PEM contains a private key, which must never leave its place; give the certificate alone"
        )
    certificates = load(pem)
    if len(certificates) != 1:
        raise UserError(
            f"the PEM holds {len(certificates)} certificates where one is needed; give the certificate alone"
        )
    return certificates[0]


def chain(leaf: str, *, cross: Sequence[str] = (), intermediates: Sequence[str] = ()) -> str:
    """Return the PEM chain that a client presents, without a root.

    The order is its certificate, cross certificates, intermediates, never a root (RFC 8446 section
    4.4.2). Every argument may be a bundle. A certificate that comes twice is kept once. Raises
    `UserError` when one is not a certificate.
    """
    above = list(dict.fromkeys(block for bundle in (*cross, *intermediates) for block in split(bundle)))
    kept = [block for block in above if not _is_root(block)]
    return "".join(dict.fromkeys([*split(leaf), *kept]))


def _is_root(pem: str) -> bool:
    certificate = load(pem)[0]
    # a cross certificate between two authorities of one name is self-issued, and yet no root
    return issued_by(certificate, certificate)


def issued_by(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Return whether `lower` names `upper` as its issuer and is signed with its key."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        lower.verify_directly_issued_by(upper)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def random_password() -> str:
    """A password for a PKCS#12 file, of letters and digits.

    Long, because the integrity check of the files that `cryptography` writes is derived with only
    2048 rounds, whatever is asked for.
    """
    return "".join(secrets.choice(_PASSWORD_ALPHABET) for _ in range(_PASSWORD_LENGTH))


def check_password(password: str, what: str) -> None:
    """Raise `UserError` for a PKCS#12 password that Java would call incorrect.

    Java opens no file whose password has characters beyond ASCII. `what` names the file in the
    message.
    """
    if not password:
        raise UserError(f"{what} needs a password; give one, or let one be generated")
    if not (password.isascii() and password.isprintable()):
        raise UserError(
            f"the password of {what} has characters beyond printable ASCII, with which Java cannot open it"
            " and others only in some locales; use letters, digits, spaces and signs of ASCII"
        )


def pkcs12(name: str, chain_pem: str, private_key_pem: str, password: str, *, legacy: bool = False) -> bytes:
    """Return a PKCS#12 file of a client's key and chain (leaf first).

    `name` is the friendly name in it. The file is encrypted with PBES2, PBKDF2-HMAC-SHA256 and
    AES-256-CBC (RFC 8018). `legacy` takes SHA-1 and 3DES (RFC 7292 appendix C), for readers older
    than about 2021.

    Raises `UserError` when the certificate is not the key's, or when one of them or the password is
    unusable.
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    from alb_mutual_tls.pki.keys import load_private_key, same_key

    check_password(password, f"the PKCS#12 file of {name}")
    certificates = load(chain_pem)
    if not certificates:
        raise UserError(
            f"there is no certificate for the PKCS#12 file of {name}; give the client's chain in PEM"
        )
    key = load_private_key(private_key_pem)
    if not same_key(key.public_key(), certificates[0].public_key()):
        raise UserError(
            f"the private key of {name} is not the key of its certificate; give the two that belong together"
        )
    encryption = _encryption(password, legacy=legacy)
    return pkcs12.serialize_key_and_certificates(
        name.encode(), key, certificates[0], certificates[1:] or None, encryption
    )


def java_truststore(authorities: Mapping[str, str], password: str) -> bytes:
    """Return a PKCS#12 file of CA certificates that Java trusts.

    `authorities` maps each alias to its PEM. Each entry has the attribute
    2.16.840.1.113894.746875.1.1, without which Java sees no entry at all. Raises `UserError` for an
    unusable password.
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    check_password(password, "the truststore")
    entries = [pkcs12.PKCS12Certificate(load_one(pem), alias.encode()) for alias, pem in authorities.items()]
    return pkcs12.serialize_java_truststore(entries, _encryption(password, legacy=False))


def _encryption(password: str, *, legacy: bool) -> KeySerializationEncryption:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(KEY_DERIVATION_ROUNDS)
        .key_cert_algorithm(
            pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC if legacy else pkcs12.PBES.PBESv2SHA256AndAES256CBC
        )
        .hmac_hash(hashes.SHA1() if legacy else hashes.SHA256())  # noqa: S303 (what old readers know)
        .build(password.encode())
    )
