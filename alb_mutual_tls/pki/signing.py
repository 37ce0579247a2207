"""Sign client and cross certificates by the profiles of `profile.py`.

Sources: RFC 5280 section 4, RFC 2986 (requests), CA/Browser Forum baseline requirements 7.1 (serial
numbers).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.authority_faults import certificate_faults, extension
from alb_mutual_tls.pki.constraints import forbidden_names
from alb_mutual_tls.pki.keys import (
    PrivateKey,
    PublicKey,
    load_private_key,
    same_key,
    signature_hash,
    weakness,
)
from alb_mutual_tls.pki.names import same_name, to_name
from alb_mutual_tls.pki.profile import BACKDATE, CA_PROFILE, CLIENT_PROFILE, Profile, Subject
from alb_mutual_tls.pki.renewal import to_text

_KEY_USAGES: Final = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}


@dataclass(frozen=True)
class Issuer:
    """A certificate authority that signs: its certificate and the private key of it."""

    certificate: x509.Certificate
    private_key: PrivateKey

    @classmethod
    def load(cls, certificate_pem: str, private_key_pem: str) -> Issuer:
        """Read an authority's certificate and private key from PEM.

        Raises `UserError` when either is unusable or they do not belong together.
        """
        return _load_issuer(certificate_pem, private_key_pem)


@lru_cache(maxsize=16)
def _load_issuer(certificate_pem: str, private_key_pem: str) -> Issuer:
    certificate = bundle.load_one(certificate_pem)
    private_key = load_private_key(private_key_pem)
    if not same_key(private_key.public_key(), certificate.public_key()):
        raise UserError(
            f"the private key is not the key of the authority {certificate.subject.rfc4514_string()}; give"
            " the two that belong together"
        )
    return Issuer(certificate, private_key)


def root_certificate(
    private_key_pem: str, *, subject: Subject, validity_days: int, now: datetime
) -> x509.Certificate:
    """Return the self-signed certificate of an authority.

    It is valid from 5 minutes before `now` for `validity_days` days from `now`. Raises `UserError`
    when the key is unusable.
    """
    private_key = load_private_key(private_key_pem)
    public_key = private_key.public_key()
    if fault := weakness(public_key):
        raise UserError(f"the authority {to_name(subject).rfc4514_string()} cannot be made: {fault}")
    name = to_name(subject)
    builder = profiled(
        CA_PROFILE, name=name, public_key=public_key, issuer_name=name, issuer_key_identifier=None
    )
    builder = builder.not_valid_before(now - BACKDATE).not_valid_after(now + timedelta(days=validity_days))
    return verified(builder.sign(private_key, signature_hash(public_key)))


def client_certificate(
    issuer: Issuer,
    public_key: PublicKey,
    *,
    subject: Subject,
    uris: Sequence[str],
    validity_days: int,
    now: datetime,
    authorities: Iterable[x509.Certificate] = (),
) -> x509.CertificateBuilder:
    """Build a client certificate, ready to be signed with `sign`.

    It is valid from 5 minutes before `now` for `validity_days` days from `now`. It is never valid
    longer than its issuer. `authorities` are those, beside the issuer, whose names it must not
    bear.

    Raises a `UserError` that says why it cannot be signed.
    """
    faults = certificate_faults(issuer.certificate, now)
    if faults:
        raise UserError(
            f"the authority {issuer.certificate.subject.rfc4514_string()} cannot sign: {'; '.join(faults)}"
        )
    for authority in (issuer.certificate, *authorities):
        sentence = named_like_authority(subject, authority)
        if sentence:
            raise UserError(sentence)
    if forbidden := forbidden_names(issuer.certificate, subject, uris):
        raise UserError(
            f"{forbidden[0]} is not allowed by the name constraints of"
            f" {issuer.certificate.subject.rfc4514_string()}; give the client names that they allow"
        )
    if same_key(public_key, issuer.certificate.public_key()):
        raise UserError(
            "the certificate signing request has the authority's own key; make a key for the client and a"
            " request with it"
        )
    not_after = min(now + timedelta(days=validity_days), issuer.certificate.not_valid_after_utc)
    builder = (
        below(issuer.certificate, CLIENT_PROFILE, to_name(subject), public_key)
        .not_valid_before(now - BACKDATE)
        .not_valid_after(not_after)
    )
    alternative_names = [*map(x509.UniformResourceIdentifier, uris), *_email_names(subject)]
    return (
        builder.add_extension(x509.SubjectAlternativeName(alternative_names), critical=False)
        if alternative_names
        else builder
    )


def named_like_authority(subject: Subject, authority: x509.Certificate) -> str | None:
    """A sentence when a client's subject is that of an authority, else None.

    OpenSSL takes its own issuer's name for self-signed (error 18).
    """
    if not same_name(to_name(subject), authority.subject):
        return None
    return (
        f"the client's subject is that of the authority {authority.subject.rfc4514_string()}; give the client"
        " another commonName"
    )


def _email_names(subject: Subject) -> list[x509.GeneralName]:
    """Return the alternative names for a subject's e-mail address.

    An e-mail address in the subject must be in the alternative names too (RFC 5280 section
    4.1.2.6).
    """
    return [x509.RFC822Name(subject["emailAddress"])] if "emailAddress" in subject else []


def profiled(
    profile: Profile,
    *,
    name: x509.Name,
    public_key: PublicKey,
    issuer_name: x509.Name,
    issuer_key_identifier: x509.SubjectKeyIdentifier | None,
    own_key_identifier: x509.SubjectKeyIdentifier | None = None,
) -> x509.CertificateBuilder:
    """Build a certificate with the extensions of a profile, but without validity.

    It has key identifiers and a new serial number. The authority key identifier is there below
    every issuer, also one of the same name. It is what tells the two apart (RFC 5280 section
    4.2.1.1). Only a root does without (None).

    The serial number has 159 random bits. That makes it positive and at most 20 octets long (RFC
    5280 section 4.1.2.2).
    """
    own = own_key_identifier or x509.SubjectKeyIdentifier.from_public_key(public_key)
    usages = {attribute: usage in profile.key_usage for usage, attribute in _KEY_USAGES.items()}
    builder = (
        x509.CertificateBuilder(public_key=public_key, subject_name=name, issuer_name=issuer_name)
        .serial_number(x509.random_serial_number())
        .add_extension(
            x509.BasicConstraints(ca=profile.authority, path_length=profile.path_length), critical=True
        )
        .add_extension(x509.KeyUsage(**usages), critical=True)
        .add_extension(own, critical=False)
    )
    if issuer_key_identifier is not None:
        above = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_identifier)
        builder = builder.add_extension(above, critical=False)
    if profile.extended_key_usage:
        purposes = x509.ExtendedKeyUsage(map(x509.ObjectIdentifier, profile.extended_key_usage))
        builder = builder.add_extension(purposes, critical=False)
    return builder


def below(
    issuer: x509.Certificate,
    profile: Profile,
    name: x509.Name,
    public_key: PublicKey,
    own_key_identifier: x509.SubjectKeyIdentifier | None = None,
) -> x509.CertificateBuilder:
    """Build a certificate of this profile that names this issuer.

    The issuer's name is kept as it is encoded there. The caller adds the validity.
    """
    return profiled(
        profile,
        name=name,
        public_key=public_key,
        issuer_name=issuer.subject,
        issuer_key_identifier=key_identifier(issuer),
        own_key_identifier=own_key_identifier,
    )


def key_identifier(certificate: x509.Certificate) -> x509.SubjectKeyIdentifier:
    """Return the subject key identifier of a certificate, or the SHA-1 of its key.

    The SHA-1 is for a certificate that bears none (RFC 5280 section 4.2.1.2, method 1).
    """
    identifier = extension(certificate, x509.SubjectKeyIdentifier)
    return (
        identifier
        if identifier is not None
        else x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    )


def sign(builder: x509.CertificateBuilder, issuer: Issuer) -> x509.Certificate:
    """Sign, and verify the signature (`verified`)."""
    return verified(
        builder.sign(issuer.private_key, signature_hash(issuer.private_key.public_key())), issuer.certificate
    )


def verified(certificate: x509.Certificate, issuer: x509.Certificate | None = None) -> x509.Certificate:
    """Return the certificate when its issuer has signed it.

    Without an issuer (None), the certificate itself must have signed it. What a damaged key signs
    must not be given away. Raises `UserError`, as a key could be computed from a wrong signature.
    """
    authority = issuer or certificate
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise UserError(
            f"the key of the authority {authority.subject.rfc4514_string()} gives wrong signatures"
            f" ({type(error).__name__}); give the key as it was generated"
        ) from None
    return certificate


def to_pem(certificate: x509.Certificate) -> str:
    """A certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def shortened(issuer_certificate: x509.Certificate, validity_days: int, now: datetime) -> str | None:
    """Return a sentence for a client certificate that ends early, or None.

    It ends earlier than asked for when its issuer does.
    """
    end = issuer_certificate.not_valid_after_utc
    if now + timedelta(days=validity_days) <= end:
        return None
    return (
        f"the certificate ends on {to_text(end)} with its authority, earlier than the {validity_days} days"
        " asked for; rotate to a new authority before then"
    )
