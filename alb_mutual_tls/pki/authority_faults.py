"""Find what disqualifies a certificate as an authority for client certificates.

Every fault is one sentence. The rules are those of RFC 5280 (sections 4.2.1 and 6.1.4) and of the
verifiers that were tried (docs/pki.md). What OpenSSL refuses by default is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.keys import WEAK_HASHES, key_fault
from alb_mutual_tls.pki.renewal import to_text

UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.INHIBIT_ANY_POLICY,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.POLICY_MAPPINGS,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        x509.ObjectIdentifier("2.16.840.1.113730.1.1"),  # Netscape certificate type
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.7"),  # IP addresses (RFC 3779)
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.8"),  # numbers of autonomous systems (RFC 3779)
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14"),  # proxy certificates (RFC 3820)
        ExtensionOID.OCSP_NO_CHECK,
    }
)
"""What OpenSSL lets pass as critical (crypto/x509/v3_purp.c); key identifiers are not among it."""
_CANNOT_BE_READ: Final = (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
"""How the package cryptography refuses extensions, all of a certificate at once; OpenSSL may read
them.
"""
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def authority_faults(pem: str, now: datetime) -> list[str]:
    """Return why the PEM of a certificate authority cannot be used.

    Each fault is one sentence: what is wrong, the rule, the remedy. The result is empty when the
    authority can be used.
    """
    try:
        certificate = bundle.load_one(pem)
    except UserError as error:
        return [str(error)]
    return certificate_faults(certificate, now)


def certificate_faults(certificate: x509.Certificate, now: datetime) -> list[str]:
    """Return why a certificate cannot be a certificate authority at the moment `now`.

    Each fault is one sentence. The result is empty when the certificate can be one.
    """
    return [*_form_faults(certificate), *time_faults(certificate, now), *strength_faults(certificate)]


def lasting_faults(certificate: x509.Certificate) -> list[str]:
    """The faults that no moment mends: in form and strength, without validity."""
    return [*_form_faults(certificate), *strength_faults(certificate)]


def _form_faults(certificate: x509.Certificate) -> Iterator[str]:
    if certificate.version is not x509.Version.v3:
        yield (
            "it is an X.509 v1 certificate, which cannot say that it is an authority; make one of version 3"
            " (RFC 5280 section 4.1.2.1)"
        )
        return
    all_extensions = extensions(certificate)
    if all_extensions is None:
        yield "its extensions cannot be read here, whatever OpenSSL makes of them; make the certificate anew"
        return
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        yield (
            "it is not a certificate authority: basicConstraints lacks CA:TRUE (RFC 5280 section 4.2.1.9);"
            " make one with it"
        )
    usage = extension(certificate, x509.KeyUsage)
    if (
        usage is not None and not usage.key_cert_sign
    ):  # absent means unrestricted (RFC 5280 section 6.1.4, step n)
        yield "its key usage lacks keyCertSign (RFC 5280 section 4.2.1.3); make one with it"
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    if (
        purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes
    ):  # OpenSSL does not count anyExtendedKeyUsage here
        yield (
            "its extended key usage does not allow clientAuth, so OpenSSL refuses every client below it; make"
            " one without that extension"
        )
    for entry in all_extensions:
        if entry.critical and entry.oid not in UNDERSTOOD:
            yield (
                f"its extension {entry.oid.dotted_string} is critical, and OpenSSL refuses what it does not"
                " know; make one without it"
            )
    if not certificate.subject.rdns:
        yield "it has no name (its subject is empty, RFC 5280 section 4.1.2.6); make one with a commonName"


def time_faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    """Say, a sentence each, that a certificate has ended or has not begun yet."""
    if now > certificate.not_valid_after_utc:
        yield (
            f"it expired on {to_text(certificate.not_valid_after_utc)}; make a new authority and rotate to it"
        )
    if now < certificate.not_valid_before_utc:
        yield (
            f"it is not valid before {to_text(certificate.not_valid_before_utc)}; check the clock, or wait"
            " until then"
        )


def strength_faults(certificate: x509.Certificate) -> Iterator[str]:
    """Why a certificate's key or signature is not to be trusted, a sentence each."""
    weak = key_fault(certificate.tbs_certificate_bytes)
    if weak:
        yield weak
    hash_algorithm = _signature_hash(certificate)
    if isinstance(hash_algorithm, WEAK_HASHES):
        yield (
            f"its signature is made with {hash_algorithm.name.upper()}, which can be forged; make one with"
            " SHA-256"
        )
    elif (
        certificate.issuer == certificate.subject
        and not weak
        and not bundle.issued_by(certificate, certificate)
    ):
        yield (
            "its signature is not that of its own key, so the file was changed or damaged; give the"
            " certificate as it was issued"
        )


def _signature_hash(certificate: x509.Certificate) -> hashes.HashAlgorithm | None:
    try:
        return certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None


def extensions(certificate: x509.Certificate) -> x509.Extensions | None:
    """Return a certificate's extensions, or None when `cryptography` cannot read them.

    None says nothing about whether OpenSSL can read them.
    """
    try:
        return certificate.extensions
    except _CANNOT_BE_READ:
        return None


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """Return the value of one extension of a certificate, or None.

    None means that it has no such extension, or that its extensions cannot be read.
    """
    return next(
        (entry.value for entry in extensions(certificate) or () if isinstance(entry.value, kind)), None
    )
