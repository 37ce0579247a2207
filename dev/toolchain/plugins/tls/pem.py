"""PEM texts (RFC 7468) as the provider takes them: the first block counts, and its label must be
right.
"""

from __future__ import annotations

import hashlib
import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from alb_mutual_tls.errors import UserError

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
VerifyingKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_BLOCK = re.compile(r"^-----BEGIN ([^\n-]+)-----[ \t\r]*\n(.*?)^-----END \1-----", re.MULTILINE | re.DOTALL)
_PRIVATE_KEY_LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")
_WHITE_SPACE = tuple(
    character.encode()
    for character in "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


class NotUsable(UserError):
    """A PEM text that is not what it should be; the sentence names the property, never the text."""


def private_key(text: str, name: str) -> SigningKey:
    """The private key in the property `name`; raises `NotUsable`."""
    block = _first(text, name, _PRIVATE_KEY_LABELS)
    try:
        key = load_pem_private_key(block.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NotUsable(
            f"{name} holds a private key that cannot be read: give an RSA, ECDSA or ED25519 key without a"
            " password"
        ) from None
    if not isinstance(key, SigningKey):
        raise NotUsable(
            f"{name} holds a key that cannot sign certificates: give an RSA, ECDSA or ED25519 key"
        )
    return key


def certificate(text: str, name: str) -> x509.Certificate:
    """The certificate in the property `name`; raises `NotUsable`."""
    block = _first(text, name, ("CERTIFICATE",))
    try:
        return x509.load_pem_x509_certificate(block.encode())
    except ValueError:
        raise NotUsable(
            f"{name} holds a certificate that cannot be read: give one X.509 certificate in PEM"
        ) from None


def request(text: str, name: str) -> x509.CertificateSigningRequest:
    """The certificate signing request in the property `name`; its signature is not checked, as the
    provider does not. Raises `NotUsable`.
    """
    block = _first(text, name, ("CERTIFICATE REQUEST",))
    try:
        found = x509.load_pem_x509_csr(block.encode())
        usable = isinstance(found.public_key(), VerifyingKey)
    except (ValueError, UnsupportedAlgorithm):
        raise NotUsable(
            f"{name} holds a request that cannot be read: give one PKCS #10 request in PEM"
        ) from None
    if not usable:
        raise NotUsable(
            f"{name} holds a request for a key that is neither RSA, ECDSA nor ED25519: make it with one of"
            " those"
        )
    return found


def key_algorithm(key: SigningKey) -> str:
    """RSA, ECDSA or ED25519."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def public_der(key: VerifyingKey) -> bytes:
    """SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def identifier(der: bytes) -> str:
    """The id of a key or request: SHA-1, in hex, of its DER, which Go's `strings.TrimSpace` has
    been over.
    """
    while der.startswith(_WHITE_SPACE):
        der = der[max(len(item) for item in _WHITE_SPACE if der.startswith(item)) :]
    while der.endswith(_WHITE_SPACE):
        der = der[: -max(len(item) for item in _WHITE_SPACE if der.endswith(item))]
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def _first(text: str, name: str, labels: tuple[str, ...]) -> str:
    found = _BLOCK.search(text)
    expected = " or ".join(labels)
    if found is None:
        raise NotUsable(f"{name} is no PEM text: give one that begins with -----BEGIN {labels[0]}-----")
    if found[1] not in labels:
        raise NotUsable(
            f"{name} begins with a PEM block of type {found[1]}: the first block must be {expected}"
        )
    return found[0] + "\n"
