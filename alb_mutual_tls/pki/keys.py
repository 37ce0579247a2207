"""Read private keys, detect weak public keys, and choose the hash for each.

Source: NIST SP 800-57 part 1, table 2.
"""

from __future__ import annotations

import base64
import math
from functools import cache, lru_cache
from typing import Final, TypeGuard

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pem_blocks import blocks
from alb_mutual_tls.pki import der
from alb_mutual_tls.pki.extensions import public_key_info
from alb_mutual_tls.pki.profile import KEY_ALGORITHMS

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

WEAK_HASHES: Final = (hashes.MD5, hashes.SHA1)
RSA_BITS: Final = range(2048, 8193)
_RSA_EXPONENT: Final = 65537
_CURVE_HASHES: Final[dict[str, SignatureHash]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_CURVES: Final[dict[str | None, ec.EllipticCurve]] = {"P256": ec.SECP256R1(), "P384": ec.SECP384R1()}
_FERMAT_ROUNDS: Final = 100
_ROCA_PRIMES: Final = tuple(
    number for number in range(3, 168) if all(number % divisor for divisor in range(2, number))
)
_RSASSA_PSS: Final = "1.2.840.113549.1.1.10"
_ELLIPTIC_CURVE: Final = "1.2.840.10045.2.1"
UNREADABLE: Final = "its key is of a kind that cannot be read; use RSA or ECDSA"
_ORDINARY: Final = "use an ordinary RSA key, or ECDSA"
_ACCEPTED: Final = "use RSA of 2048 to 8192 bits, ECDSA-P256 or ECDSA-P384"


@lru_cache(maxsize=16)
def load_private_key(pem: str) -> PrivateKey:
    """An unencrypted private key, RSA or ECDSA, from PEM (PKCS#8, PKCS#1 or SEC 1).

    RSA's own numbers are not checked, which takes 0.4 s for 4096 bits: whoever signs with the key
    verifies the signature. Raises `UserError` without a word of the key.
    """
    try:
        key = serialization.load_pem_private_key(
            pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
    except TypeError:
        raise UserError("the private key is encrypted; decrypt it, for instance with openssl pkey") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(
            "the private key is not PEM of an RSA or ECDSA key; give the key as it was generated"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise UserError(f"the private key is neither RSA nor ECDSA; {_ACCEPTED}")
    if _private_only_for_pss(pem):
        raise UserError(
            "the private key is limited to RSASSA-PSS signatures, which not every verifier takes;"
            f" {_ORDINARY}"
        )
    return key


@lru_cache(maxsize=4096)
def load_public_key(pem: str) -> PublicKey:
    """A public key, RSA or ECDSA, from PEM (SubjectPublicKeyInfo).

    Raises `UserError` when it cannot be read or is weak.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(
            "the public key is not PEM of an RSA or ECDSA key; give the key as it was generated"
        ) from None
    if fault := weakness(key):
        raise UserError(f"the public key cannot be certified: {fault}")
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)  # else it is weak
    return key


def make_private_key(algorithm: str) -> PrivateKey:
    """Make a private key of one of `KEY_ALGORITHMS`."""
    parameters = KEY_ALGORITHMS[algorithm]
    if parameters.rsa_bits is not None:
        return rsa.generate_private_key(_RSA_EXPONENT, parameters.rsa_bits)
    return ec.generate_private_key(_CURVES[parameters.ecdsa_curve])


def private_key_pem(key: PrivateKey) -> str:
    """An unencrypted private key in PEM (PKCS#8), for states alone, which encrypt it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _private_only_for_pss(pem: str) -> bool:
    """PKCS#8 says so (RFC 5958 section 2), and `cryptography` forgets it."""
    try:
        _, body = next(blocks(pem, ["PRIVATE KEY"]), ("", ""))
        _, algorithm, *_ = der.only(base64.b64decode("".join(body.split()))).inside()
        return der.oid(algorithm.inside()[0].content) == _RSASSA_PSS
    except (ValueError, IndexError):
        return False


def key_fault(signed: bytes) -> str | None:
    """Return what is wrong with the public key of a certificate or a request, or None.

    The fault is a clause with the remedy. This is the one rule for authorities, requests and
    clients. `signed` is what is signed of it in DER (`tbs_certificate_bytes`,
    `tbs_certrequest_bytes`). A key alone no longer says what it is limited to.
    """
    try:
        info = public_key_info(signed)
        algorithm, *_ = der.elements(info)
        kind, *parameters = algorithm.inside()
        identifier = der.oid(kind.content)
        if identifier == _ELLIPTIC_CURVE and parameters[0].tag == der.SEQUENCE:
            return (
                "its key writes its curve out instead of naming it, which OpenSSL refuses; use a named curve,"
                " ECDSA-P256 or ECDSA-P384"
            )
        if identifier == _RSASSA_PSS:
            return f"its key is limited to RSASSA-PSS signatures, which not every verifier takes; {_ORDINARY}"
    except (ValueError, IndexError):
        return UNREADABLE
    try:
        return weakness(serialization.load_der_public_key(_sequence(info)))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return UNREADABLE


def curve(signed: bytes) -> str | None:
    """Return the OID of the curve of a certificate's or a request's key, or None.

    `signed` is as for `key_fault`.
    """
    try:
        kind, parameters = der.elements(public_key_info(signed))[0].inside()
        return (
            der.oid(parameters.content)
            if der.oid(kind.content) == _ELLIPTIC_CURVE and parameters.tag == der.OBJECT_IDENTIFIER
            else None
        )
    except (ValueError, IndexError):
        return None


def only_for_pss(signed: bytes) -> bool:
    """Return whether an RSA key is for RSASSA-PSS signatures alone.

    The key is that of a certificate or a request. `signed` is as for `key_fault`.
    """
    try:
        return der.oid(der.elements(public_key_info(signed))[0].inside()[0].content) == _RSASSA_PSS
    except (ValueError, IndexError):
        return False


def _sequence(content: bytes) -> bytes:
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1, "big")
    return b"\x30" + (length if len(content) < 128 else bytes([0x80 | len(length)]) + length) + content


def usable(key: object) -> TypeGuard[PublicKey]:
    """Return whether `weakness` finds nothing wrong with a public key."""
    return weakness(key) is None


def weakness(key: object) -> str | None:
    """Return why a public key is not to be trusted, or None.

    The reason is a clause with the remedy ("its key is ...; use ...").
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS:
            return f"its key is RSA of {key.key_size} bits; {_ACCEPTED}"
        if key.public_numbers().e < _RSA_EXPONENT:
            return (
                f"its RSA key has the public exponent {key.public_numbers().e}, less than {_RSA_EXPONENT};"
                f" {_ACCEPTED}"
            )
        return factorable(key.public_numbers().n)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return (
            None
            if key.curve.name in _CURVE_HASHES
            else f"its key is on the curve {key.curve.name}; {_ACCEPTED}"
        )
    return f"its key is neither RSA nor ECDSA, and ALB documents no other; {_ACCEPTED}"


@lru_cache(maxsize=64)
def factorable(modulus: int) -> str | None:
    """Return why anybody can compute the private key of an RSA key, or None.

    Source: CA/Browser Forum baseline requirements 6.1.1.3.

    Close primes are found by Fermat's method, in as many rounds as the requirements ask for. ROCA
    (CVE-2017-15361) is found by the fingerprint of its finders. One key in about 200 million has
    that fingerprint by chance.
    """
    root = math.isqrt(modulus)
    for middle in range(root + (root * root < modulus), root + _FERMAT_ROUNDS):
        rest = middle * middle - modulus
        if math.isqrt(rest) ** 2 == rest:
            return (
                "the two primes of its RSA key are so close together that anybody can compute the private"
                " key; make another key, with openssl genpkey"
            )
    if all(modulus % prime in _powers(prime) for prime in _ROCA_PRIMES):
        return (
            "its RSA key is of the kind that faulty smart cards and TPMs make (ROCA, CVE-2017-15361), from"
            " which the private key can be computed; make another key, with openssl genpkey"
        )
    return None


@cache
def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(_RSA_EXPONENT, exponent, prime) for exponent in range(prime - 1))


def signature_hash(key: PublicKey) -> SignatureHash:
    """Return the hash that a key signs with.

    It is as strong as the key's curve, and SHA-256 for RSA (RFC 5480 section 4, RFC 8446 section
    4.2.3).
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVE_HASHES[key.curve.name]
    return hashes.SHA256()


def same_key(key: object, other: object) -> bool:
    """Return whether two public keys are one."""
    return _encoded(key) == _encoded(other)


def _encoded(key: object) -> bytes:
    public_bytes = key.public_bytes  # type: ignore[attr-defined]  # every public key of cryptography has it, and they share no base class
    encoded: bytes = public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded
