"""Make the forged credentials that a listener must refuse in `mtls verify`.

They are made in memory. Each differs from a good client's certificate in one point, so that a
refusal has one reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.keys import signature_hash
from alb_mutual_tls.pki.names import to_name
from alb_mutual_tls.pki.profile import BACKDATE, CA_PROFILE, CLIENT_PROFILE, SERVER_AUTHENTICATION, Profile
from alb_mutual_tls.pki.signing import Issuer, below, profiled, sign, to_pem

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_SUBJECT: Final = {"organizationName": "alb-mutual-tls", "commonName": "mtls verify"}
_URI: Final = x509.UniformResourceIdentifier("spiffe://verify.alb-mutual-tls/client/forged")
_SERVER_PROFILE: Final = Profile(
    authority=False,
    path_length=None,
    key_usage=CLIENT_PROFILE.key_usage,
    extended_key_usage=(SERVER_AUTHENTICATION,),
)


@dataclass(frozen=True)
class ClientCredential:
    """The certificate chain and the private key that a client presents.

    `certificate_pem` is the chain, leaf first. `private_key_pem` is the leaf's key. The repr does
    not show the key.
    """

    name: str
    certificate_pem: str
    private_key_pem: str

    def __repr__(self) -> str:
        return f"Credential(name={self.name!r})"


def foreign(now: datetime) -> ClientCredential:
    """Make a client certificate of an unknown authority, good in everything else.

    The authority's certificate is sent along.
    """
    issuer = _authority(
        to_name({"organizationName": "alb-mutual-tls", "commonName": "mtls verify, a foreign authority"}), now
    )
    return _client(
        "foreign CA", issuer, CLIENT_PROFILE, now - BACKDATE, now + _DAY, above=to_pem(issuer.certificate)
    )


def self_signed(authority_pem: str, now: datetime) -> ClientCredential:
    """Make a self-signed client certificate that bears the trusted CA's name.

    It names the CA's key as its issuer's. Only the CA's certificate is needed.
    """
    trusted = bundle.load(authority_pem)[0]
    key = ec.generate_private_key(ec.SECP256R1())
    builder = below(trusted, CLIENT_PROFILE, trusted.subject, key.public_key()).not_valid_before(
        now - BACKDATE
    )
    builder = builder.not_valid_after(now + _DAY).add_extension(
        x509.SubjectAlternativeName([_URI]), critical=False
    )
    certificate = builder.sign(key, signature_hash(key.public_key()))
    return ClientCredential("self-signed with the CA's name", to_pem(certificate), _key_pem(key))


def tampered(good: ClientCredential) -> ClientCredential:
    """Copy a good client's credential with one bit of its signature flipped.

    The bit is in the client's own certificate. The signature is a certificate's last field (RFC
    5280 section 4.1). Its last octet is part of a number in RSA and in ECDSA alike.
    """
    leaf, *above = bundle.load(good.certificate_pem)
    der = bytearray(leaf.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    chain = "".join(
        to_pem(certificate) for certificate in (x509.load_der_x509_certificate(bytes(der)), *above)
    )
    return ClientCredential("tampered signature", chain, good.private_key_pem)


def expired(issuer: Issuer, now: datetime, above: str = "") -> ClientCredential:
    """Signed by the real CA, and ended an hour ago.

    `above`: PEM of what else a good client presents (cross certificates).
    """
    return _client("expired", issuer, CLIENT_PROFILE, now - _DAY, now - _HOUR, above)


def server_only(issuer: Issuer, now: datetime, above: str = "") -> ClientCredential:
    """Make a certificate that the real CA signs for servers only.

    Its extended key usage is serverAuth (RFC 5280 section 4.2.1.12).
    """
    return _client("serverAuth only", issuer, _SERVER_PROFILE, now - BACKDATE, now + _HOUR, above)


def not_yet_valid(issuer: Issuer, now: datetime, above: str = "") -> ClientCredential:
    """Signed by the real CA, valid from tomorrow for an hour.

    It will be good then: only for the sandbox.
    """
    return _client("not yet valid", issuer, CLIENT_PROFILE, now + _DAY, now + _DAY + _HOUR, above)


def good(name: str, issuer: Issuer, now: datetime, above: str = "") -> ClientCredential:
    """Make a good client, not a forged one, that is valid for an hour.

    The real CA, or an authority below it, signs the certificate.
    """
    return _client(name, issuer, CLIENT_PROFILE, now - BACKDATE, now + _HOUR, above)


def probe(authority: Issuer, length: int, now: datetime) -> ClientCredential:
    """Make a good client whose chain has `length` certificates below the authority.

    It is valid for an hour. All keys are made here and live in memory only.
    """
    issuer, above = authority, ""
    for number in range(1, length):
        key = ec.generate_private_key(ec.SECP256R1())
        name = to_name(
            {"organizationName": "alb-mutual-tls", "commonName": f"mtls rehearse, intermediate {number}"}
        )
        builder = below(issuer.certificate, CA_PROFILE, name, key.public_key()).not_valid_before(
            now - BACKDATE
        )
        issuer = Issuer(sign(builder.not_valid_after(now + _HOUR), issuer), key)
        above = to_pem(issuer.certificate) + above
    return good(f"chain of {length}", issuer, now, above)


def throwaway_authority(common_name: str, now: datetime) -> str:
    """Return the PEM certificate of a CA that can sign nothing (`mtls doctor`).

    It is good for a day. It can sign nothing because nobody keeps its key.
    """
    return to_pem(
        _authority(
            to_name({"organizationName": "alb-mutual-tls", "commonName": common_name}), now
        ).certificate
    )


def _authority(name: x509.Name, now: datetime) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = profiled(
        CA_PROFILE, name=name, public_key=key.public_key(), issuer_name=name, issuer_key_identifier=own
    )
    builder = builder.not_valid_before(now - BACKDATE).not_valid_after(now + _DAY)
    return Issuer(builder.sign(key, signature_hash(key.public_key())), key)


def _client(
    name: str, issuer: Issuer, profile: Profile, not_before: datetime, not_after: datetime, above: str
) -> ClientCredential:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = below(issuer.certificate, profile, to_name(_SUBJECT), key.public_key()).not_valid_before(
        not_before
    )
    builder = builder.not_valid_after(not_after).add_extension(
        x509.SubjectAlternativeName([_URI]), critical=False
    )
    return ClientCredential(name, to_pem(sign(builder, issuer)) + above, _key_pem(key))


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
