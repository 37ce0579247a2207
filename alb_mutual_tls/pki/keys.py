"""Keys: reading private ones, telling weak public ones, and the hash that goes with each (NIST SP 800-57 part 1, table 2)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeGuard

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from alb_mutual_tls.errors import UserError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

RSA_BITS: Final = range(2048, 8193)
_RSA_EXPONENT: Final = 65537
_CURVE_HASHES: Final[dict[str, SignatureHash]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_ACCEPTED: Final = "use RSA of 2048 to 8192 bits, ECDSA-P256 or ECDSA-P384"


@lru_cache(maxsize=16)
def load_private_key(pem: str) -> PrivateKey:
    """An unencrypted private key, RSA or ECDSA, from PEM (PKCS#8, PKCS#1 or SEC 1).

    RSA's own numbers are not checked, which takes 0.4 s for 4096 bits: whoever signs with the key verifies the signature.
    Raises `UserError` without a word of the key.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise UserError("the private key is encrypted; decrypt it, for instance with openssl pkey") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError("the private key is not PEM of an RSA or ECDSA key; give the key as it was generated") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise UserError(f"the private key is neither RSA nor ECDSA; {_ACCEPTED}")
    return key


def usable(key: object) -> TypeGuard[PublicKey]:
    """Whether `weakness` finds nothing wrong with a public key."""
    return weakness(key) is None


def weakness(key: object) -> str | None:
    """Why a public key is not to be trusted, as a clause with the remedy ("its key is ...; use ..."), or None."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS:
            return f"its key is RSA of {key.key_size} bits; {_ACCEPTED}"
        if key.public_numbers().e < _RSA_EXPONENT:
            return f"its RSA key has the public exponent {key.public_numbers().e}, less than {_RSA_EXPONENT}; {_ACCEPTED}"
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return None if key.curve.name in _CURVE_HASHES else f"its key is on the curve {key.curve.name}; {_ACCEPTED}"
    return f"its key is neither RSA nor ECDSA, and ALB documents no other; {_ACCEPTED}"


def signature_hash(key: PublicKey) -> SignatureHash:
    """The hash a key signs with: as strong as its curve, SHA-256 for RSA (RFC 5480 section 4, RFC 8446 section 4.2.3)."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVE_HASHES[key.curve.name]
    return hashes.SHA256()


def same_key(one: object, other: object) -> bool:
    """Whether two public keys are one."""
    return _encoded(one) == _encoded(other)


def _encoded(key: object) -> bytes:
    public_bytes = key.public_bytes  # type: ignore[attr-defined]  # every public key of cryptography has it, and they share no base class
    encoded: bytes = public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded
