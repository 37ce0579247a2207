"""Certificates and requests in the form that Go's crypto/x509 gives them (version 3, order of
extensions, hashes, key identifiers).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dev.toolchain.plugins.tls.instants import NANOSECONDS_PER_HOUR, NANOSECONDS_PER_SECOND, rfc3339
from dev.toolchain.plugins.tls.pem import SigningKey, VerifyingKey
from dev.toolchain.plugins.tls.usages import extended_key_usage, key_usage

_SERIAL_NUMBER_BITS = 128


@dataclass(frozen=True)
class Form:
    """A certificate before it is signed; times are nanoseconds since 1970.

    `path_length` counts for a CA only.
    """

    subject: x509.Name
    not_before: int
    not_after: int
    uses: Sequence[str] = ()
    is_ca: bool = False
    path_length: int | None = None
    subject_key_id: bytes | None = None
    authority_key_id: bytes | None = None
    names: Sequence[x509.GeneralName] = ()
    serial_number: int = field(default_factory=lambda: secrets.randbelow(2**_SERIAL_NUMBER_BITS - 1) + 1)


def end_of_validity(start: int, hours: int) -> int:
    """`hours` after `start`, in nanoseconds since 1970."""
    return start + hours * NANOSECONDS_PER_HOUR


def sign(form: Form, issuer: x509.Name, public_key: VerifyingKey, key: SigningKey) -> x509.Certificate:
    """Sign a certificate with `key`, the issuer's private key."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(form.subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(form.serial_number)
        .not_valid_before(_moment(form.not_before))
        .not_valid_after(_moment(form.not_after))
    )
    for extension, critical in _extensions(form):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, _signature_hash(key))


def outputs(certificate: x509.Certificate, form: Form) -> dict[str, str]:
    """The outputs `id`, `certPem`, `validityStartTime` and `validityEndTime`."""
    return {
        "id": str(form.serial_number),
        "certPem": certificate.public_bytes(Encoding.PEM).decode(),
        "validityStartTime": rfc3339(form.not_before),
        "validityEndTime": rfc3339(form.not_after),
    }


def sign_request(
    subject: x509.Name, names: Sequence[x509.GeneralName], key: SigningKey
) -> x509.CertificateSigningRequest:
    """Make a certificate signing request for the public half of `key`."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, _signature_hash(key))


def key_identifier(key: VerifyingKey) -> bytes:
    """The subject key identifier as the provider computes it; for ED25519 over an OCTET STRING of
    the key, other than RFC 5280 proposes.
    """
    if isinstance(key, rsa.RSAPublicKey):
        octets = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        octets = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        octets = b"\x04\x20" + key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha1(octets, usedforsecurity=False).digest()


def _extensions(form: Form) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    if (usage := key_usage(form.uses)) is not None:
        found.append((usage, True))
    if (extended := extended_key_usage(form.uses)) is not None:
        found.append((extended, False))
    found.append(
        (x509.BasicConstraints(ca=form.is_ca, path_length=form.path_length if form.is_ca else None), True)
    )
    if form.subject_key_id is not None:
        found.append((x509.SubjectKeyIdentifier(form.subject_key_id), False))
    if form.authority_key_id is not None:
        found.append((x509.AuthorityKeyIdentifier(form.authority_key_id, None, None), False))
    if form.names:
        subject_is_empty = not list(form.subject)
        found.append((x509.SubjectAlternativeName(form.names), subject_is_empty))
    return found


def _signature_hash(key: SigningKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        match key.curve.key_size:
            case 384:
                return hashes.SHA384()
            case 521:
                return hashes.SHA512()
    return hashes.SHA256()


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS_PER_SECOND, UTC)
