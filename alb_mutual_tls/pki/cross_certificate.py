"""Cross certificates: one authority certifies the name and key of another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.authority_faults import certificate_faults, extension
from alb_mutual_tls.pki.keys import same_key, usable
from alb_mutual_tls.pki.names import same_name
from alb_mutual_tls.pki.profile import BACKDATE, CA_PROFILE
from alb_mutual_tls.pki.signing import Issuer, below, key_identifier

_LIMITS: Final[dict[type[x509.ExtensionType], str]] = {
    x509.ExtendedKeyUsage: "extended key usage",
    x509.CertificatePolicies: "certificate policies",
    x509.NameConstraints: "name constraints",
}
"""What, beside its path length, limits whom an authority vouches for."""


def cross_certificate(
    issuer: Issuer, subject_certificate: x509.Certificate, *, now: datetime
) -> x509.CertificateBuilder:
    """Build a cross certificate of another authority's name and key.

    It is ready to be signed with `sign` (RFC 5280 section 3.2). Clients below that authority are
    accepted with it where only the issuer is trusted.

    It is valid until the earlier end of the two. It keeps the limits of the other, so that nobody
    gets in through it whom that one does not allow. The limits are path length (no longer than the
    issuer's allows), extended key usage, certificate policies and name constraints.

    Raises `UserError` when either is unfit, or the issuer's path length is 0.
    """
    for certificate in (issuer.certificate, subject_certificate):
        faults = certificate_faults(certificate, now)
        if faults:
            raise UserError(
                f"the authority {certificate.subject.rfc4514_string()} cannot be cross-certified:"
                f" {'; '.join(faults)}"
            )
    allowed = _path_length(issuer.certificate)
    if allowed == 0:
        raise UserError(
            f"the authority {issuer.certificate.subject.rfc4514_string()} has path length 0 and cannot"
            " certify another authority; rotate by giving the clients certificates of both"
        )
    public_key = subject_certificate.public_key()
    if not usable(public_key) or _same_authority(issuer.certificate, subject_certificate):
        raise UserError(
            f"the authority {issuer.certificate.subject.rfc4514_string()} cannot be cross-certified by"
            " itself; give the certificate of another"
        )
    not_after = min(issuer.certificate.not_valid_after_utc, subject_certificate.not_valid_after_utc)
    lengths = [
        length
        for length in (None if allowed is None else allowed - 1, _path_length(subject_certificate))
        if length is not None
    ]
    profile = replace(CA_PROFILE, path_length=min(lengths, default=None))
    builder = below(
        issuer.certificate,
        profile,
        subject_certificate.subject,
        public_key,
        key_identifier(subject_certificate),
    )
    builder = builder.not_valid_before(now - BACKDATE).not_valid_after(not_after)
    for kind in _LIMITS:
        limit = extension(subject_certificate, kind)
        if limit is not None:
            builder = builder.add_extension(limit, critical=kind is x509.NameConstraints)
    return builder


def lost_limits(cross: x509.Certificate, subject_certificate: x509.Certificate) -> list[str]:
    """Return the limits of an authority that its cross certificate lacks.

    Earlier versions signed such cross certificates. More clients get in through one than the
    authority allows.
    """
    lost = [
        words
        for kind, words in _LIMITS.items()
        if extension(subject_certificate, kind) not in (None, extension(cross, kind))
    ]
    own, crossed = _path_length(subject_certificate), _path_length(cross)
    return lost if own is None or (crossed is not None and crossed <= own) else ["path length", *lost]


def _path_length(certificate: x509.Certificate) -> int | None:
    constraints = extension(certificate, x509.BasicConstraints)
    return None if constraints is None else constraints.path_length


def _same_authority(certificate: x509.Certificate, other: x509.Certificate) -> bool:
    return same_name(certificate.subject, other.subject) and same_key(
        certificate.public_key(), other.public_key()
    )
