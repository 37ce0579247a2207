"""What a certificate, a request or a key says of itself, as facts by name.

Facts never include a private key. Odd input never raises an exception.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from alb_mutual_tls.pki import extensions
from alb_mutual_tls.pki.extensions import Extension, called
from alb_mutual_tls.pki.keys import only_for_pss
from alb_mutual_tls.pki.names import text
from alb_mutual_tls.pki.openssl_path import self_signed
from alb_mutual_tls.pki.renewal import days_left, to_text

Facts = dict[str, str | int | bool | list[str] | None]
"""Facts in the order in which people read them; None where a certificate does not say, or cannot be
read.
"""

_CURVES: Final = {"secp256r1": "P256", "secp384r1": "P384", "secp521r1": "P521"}
_ODD: Final = (ValueError, TypeError, UnsupportedAlgorithm, AttributeError)


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
        **_of_public_key(certificate.public_key, certificate.tbs_certificate_bytes),
        "signatureAlgorithm": called(certificate.signature_algorithm_oid.dotted_string),
        **_of_extensions(extensions.of_certificate(certificate)),
    }


def of_request(request: x509.CertificateSigningRequest) -> Facts:
    """The facts of a certificate signing request: what it asks for."""
    return {
        "subject": text(request.subject),
        **_of_public_key(request.public_key, request.tbs_certrequest_bytes),
        "signatureAlgorithm": called(request.signature_algorithm_oid.dotted_string),
        **_of_extensions(extensions.of_request(request)),
    }


def of_key(public_key: Any, encrypted: bool) -> Facts:
    """The facts of a private key, of which only its public half is known here."""
    return {**_of_public_key(lambda: public_key), "encrypted": encrypted}


def _of_public_key(read: Callable[[], Any], signed: bytes = b"") -> Facts:
    try:
        key = read()
        encoded = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except _ODD:
        return {"keyAlgorithm": None, "publicKeySha256": None}
    return {
        "keyAlgorithm": _algorithm(key, limited=only_for_pss(signed)),
        "publicKeySha256": hashlib.sha256(encoded).hexdigest(),
    }


def _algorithm(key: object, *, limited: bool) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"{'RSASSA-PSS' if limited else 'RSA'}-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA-{_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.removesuffix("PublicKey")


def _of_extensions(found: list[Extension]) -> Facts:
    if extensions.unreadable(found):
        return {"extensions": "cannot be read"}
    return {
        "basicConstraints": _first(
            found,
            extensions.BASIC_CONSTRAINTS,
            lambda extension: _constraints(extensions.constraints(extension)),
        ),
        "keyUsage": _first(found, extensions.KEY_USAGE, extensions.usages),
        "extendedKeyUsage": _first(
            found,
            extensions.EXTENDED_KEY_USAGE,
            lambda extension: list(map(called, extensions.purposes(extension) or ())),
        ),
        "names": _first(
            found,
            extensions.ALTERNATIVE_NAMES,
            lambda extension: [name.printed for name in extensions.names(extension) or ()],
        ),
        "subjectKeyIdentifier": _first(found, extensions.SUBJECT_KEY_IDENTIFIER, _hex),
        "authorityKeyIdentifier": _first(found, extensions.AUTHORITY_KEY_IDENTIFIER, _hex),
        "otherExtensions": [
            called(extension.oid) + (" (critical)" if extension.critical else "")
            for extension in found
            if extension.oid not in _SHOWN
        ],
    }


_SHOWN: Final = (
    extensions.BASIC_CONSTRAINTS,
    extensions.KEY_USAGE,
    extensions.EXTENDED_KEY_USAGE,
    extensions.ALTERNATIVE_NAMES,
    extensions.SUBJECT_KEY_IDENTIFIER,
    extensions.AUTHORITY_KEY_IDENTIFIER,
)


def _first(values: list[Extension], identifier: str, show: Callable[[Extension], Any]) -> Any:
    extension = extensions.first(values, identifier)
    return None if extension is None else show(extension)


def _hex(value: Extension) -> str:
    return (extensions.key_identifier(value) or b"").hex()


def _constraints(value: extensions.Constraints | None) -> str | None:
    if value is None:
        return None
    return f"CA:{str(value.authority).upper()}" + (
        "" if value.path_length is None else f", path length {value.path_length}"
    )
