"""Whether a certificate was issued by another, as OpenSSL sees it. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa


@lru_cache(maxsize=20_000)
def signed(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Return whether the signature of `lower` is that of the key of `upper`.

    Weak signatures count, because they would be called forged otherwise.
    """
    try:
        key, algorithm = public_key(upper), lower.signature_hash_algorithm
        match key:
            case rsa.RSAPublicKey():
                parameters = lower.signature_algorithm_parameters
                scheme = parameters if isinstance(parameters, padding.PSS) else padding.PKCS1v15()
                key.verify(lower.signature, lower.tbs_certificate_bytes, scheme, algorithm or hashes.SHA256())
            case ec.EllipticCurvePublicKey():
                key.verify(
                    lower.signature, lower.tbs_certificate_bytes, ec.ECDSA(algorithm or hashes.SHA256())
                )
            case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
                key.verify(lower.signature, lower.tbs_certificate_bytes)
            case _:
                return False
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def public_key(issued: x509.Certificate | x509.CertificateSigningRequest) -> Any:
    """The public key; None when it cannot be read."""
    try:
        return issued.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
