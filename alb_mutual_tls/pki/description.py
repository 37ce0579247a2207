"""What a certificate, a request or a key says of itself, as facts by name: never a private key, and never an exception for an odd one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from alb_mutual_tls.pki.certification_path import self_signed, text
from alb_mutual_tls.pki.renewal import days_left, to_text

Facts = dict[str, str | int | bool | list[str] | None]
"""Facts in the order in which people read them; None where a certificate does not say, or cannot be read."""

_CURVES: Final = {"secp256r1": "P256", "secp384r1": "P384", "secp521r1": "P521"}
_USAGES: Final = {
    "digital_signature": "digitalSignature",
    "content_commitment": "contentCommitment",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_NAMES: Final[dict[type, str]] = {
    x509.DNSName: "DNS",
    x509.RFC822Name: "email",
    x509.UniformResourceIdentifier: "URI",
    x509.IPAddress: "IP",
}
_ODD: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, AttributeError)


def of_certificate(certificate: x509.Certificate, now: datetime) -> Facts:
    """The facts of a certificate; `daysLeft` at the moment `now`."""
    return {
        "subject": text(certificate.subject),
        "issuer": text(certificate.issuer),
        "selfSigned": self_signed(certificate),
        "version": f"v{certificate.version.value + 1}",
        "serialNumber": f"{certificate.serial_number:x}",
        "sha256": hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest(),
        "notBefore": to_text(certificate.not_valid_before_utc),
        "notAfter": to_text(certificate.not_valid_after_utc),
        "daysLeft": days_left(now, certificate.not_valid_after_utc),
        **_of_public_key(certificate.public_key),
        "signatureAlgorithm": _called(certificate.signature_algorithm_oid),
        **_of_extensions(lambda: certificate.extensions),
    }


def of_request(request: x509.CertificateSigningRequest) -> Facts:
    """The facts of a certificate signing request: what it asks for."""
    return {
        "subject": text(request.subject),
        **_of_public_key(request.public_key),
        "signatureAlgorithm": _called(request.signature_algorithm_oid),
        **_of_extensions(lambda: request.extensions),
    }


def of_key(public_key: Any, encrypted: bool) -> Facts:
    """The facts of a private key, of which only its public half is known here."""
    return {**_of_public_key(lambda: public_key), "encrypted": encrypted}


def _of_public_key(read: Callable[[], Any]) -> Facts:
    try:
        key = read()
        encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    except _ODD:
        return {"keyAlgorithm": None, "publicKeySha256": None}
    return {"keyAlgorithm": _algorithm(key), "publicKeySha256": hashlib.sha256(encoded).hexdigest()}


def _algorithm(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA-{_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.removesuffix("PublicKey")


def _of_extensions(read: Callable[[], x509.Extensions]) -> Facts:
    try:
        extensions = list(read())
        return {
            "basicConstraints": _one(extensions, x509.BasicConstraints, _constraints),
            "keyUsage": _one(extensions, x509.KeyUsage, lambda usage: [word for field, word in _USAGES.items() if getattr(usage, field)]),
            "extendedKeyUsage": _one(extensions, x509.ExtendedKeyUsage, lambda purposes: list(map(_called, purposes))),
            "names": _one(extensions, x509.SubjectAlternativeName, lambda names: list(map(_name, names))),
            "subjectKeyIdentifier": _one(extensions, x509.SubjectKeyIdentifier, lambda identifier: identifier.digest.hex()),
            "authorityKeyIdentifier": _one(extensions, x509.AuthorityKeyIdentifier, lambda found: (found.key_identifier or b"").hex()),
            "otherExtensions": list(_others(extensions)),
        }
    except _ODD:
        return {"extensions": "cannot be read"}


_SHOWN: Final = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
)


def _one(extensions: list[x509.Extension[Any]], kind: type, show: Callable[[Any], Any]) -> Any:
    return next((show(one.value) for one in extensions if isinstance(one.value, kind)), None)


def _others(extensions: list[x509.Extension[Any]]) -> Iterator[str]:
    for one in extensions:
        if not isinstance(one.value, _SHOWN):
            yield _called(one.oid) + (" (critical)" if one.critical else "")


def _constraints(value: x509.BasicConstraints) -> str:
    return f"CA:{str(value.ca).upper()}" + ("" if value.path_length is None else f", path length {value.path_length}")


def _name(value: x509.GeneralName) -> str:
    shown = text(value.value) if isinstance(value, x509.DirectoryName) else str(value.value)
    return f"{_NAMES.get(type(value), type(value).__name__)}:{shown}"


def _called(oid: x509.ObjectIdentifier) -> str:
    known: str = oid._name  # the only place where the library keeps it
    return oid.dotted_string if known == "Unknown OID" else known
