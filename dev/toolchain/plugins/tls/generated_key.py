"""A generated key in the forms that the real plugin writes."""

from __future__ import annotations

import base64
import hashlib
import textwrap

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from alb_mutual_tls.wire import Properties
from dev.toolchain.plugins.tls.resource import identifier

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P224": ec.SECP224R1,
    "P256": ec.SECP256R1,
    "P384": ec.SECP384R1,
    "P521": ec.SECP521R1,
}


def generate(inputs: Properties) -> Properties:
    """Generate the key; OpenSSH knows no curve P224, and its forms are empty then."""
    key = _generate(inputs)
    der = public_der(key.public_key())
    openssh = not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1))
    authorized = (
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() if openssh else ""
    )
    blob = base64.b64decode(authorized.split()[1]) if openssh else b""
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    # Go has no PEM form of its own for ED25519.
    own = (
        PrivateFormat.PKCS8
        if isinstance(key, ed25519.Ed25519PrivateKey)
        else PrivateFormat.TraditionalOpenSSL
    )
    return {
        "__meta": '{"schema_version":"1"}',
        "id": identifier(der),
        "privateKeyPem": _private(key, own),
        "privateKeyPemPkcs8": _private(key, PrivateFormat.PKCS8),
        "privateKeyOpenssh": _private(key, PrivateFormat.OpenSSH) if openssh else "",
        "publicKeyPem": (
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        ),
        "publicKeyOpenssh": f"{authorized}\n" if openssh else "",
        "publicKeyFingerprintMd5": ":".join(textwrap.wrap(md5, 2)) if openssh else "",
        "publicKeyFingerprintSha256": f"SHA256:{sha256}" if openssh else "",
    }


def _generate(inputs: Properties) -> SigningKey:
    match inputs["algorithm"]:
        case "RSA":
            return rsa.generate_private_key(public_exponent=65537, key_size=inputs["rsaBits"])
        case "ECDSA":
            return ec.generate_private_key(_CURVES[inputs["ecdsaCurve"]]())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def _private(key: SigningKey, form: PrivateFormat) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def public_der(key: PublicKeyTypes) -> bytes:
    """SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
