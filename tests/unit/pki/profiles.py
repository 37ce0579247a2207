"""What makes a certificate a root's, a client's or a cross certificate, and nothing else (RFC 5280;
docs/pki.md).
"""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from tests.unit.pki.material import key_usage

_AUTHORITY: Final = frozenset(
    {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.SUBJECT_KEY_IDENTIFIER}
)
_CROSS: Final = _AUTHORITY | {ExtensionOID.AUTHORITY_KEY_IDENTIFIER}
_CLIENT: Final = _CROSS | {ExtensionOID.EXTENDED_KEY_USAGE}
_HASHES: Final = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}


def extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    return certificate.extensions.get_extension_for_class(kind)


def assert_is_root(certificate: x509.Certificate) -> None:
    assert {item.oid for item in certificate.extensions} == _AUTHORITY
    _assert_is_authority(certificate)
    _assert_is_issued(certificate, certificate)


def assert_is_cross_certificate(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    assert {item.oid for item in certificate.extensions} == _CROSS
    _assert_is_authority(certificate)
    _assert_is_issued(certificate, issuer)
    _assert_names_the_key_of(certificate, issuer)
    assert certificate.public_key() != issuer.public_key()


def assert_is_client_certificate(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    assert {item.oid for item in certificate.extensions} - {ExtensionOID.SUBJECT_ALTERNATIVE_NAME} == _CLIENT
    constraints = extension(certificate, x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=False, path_length=None)
    usage = extension(certificate, x509.KeyUsage)
    assert usage.critical
    assert usage.value == key_usage("digital_signature")
    assert list(extension(certificate, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    own = extension(certificate, x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    assert certificate.subject != issuer.subject
    _assert_is_issued(certificate, issuer)
    _assert_names_the_key_of(certificate, issuer)


def _assert_is_authority(certificate: x509.Certificate) -> None:
    constraints = extension(certificate, x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=None)
    usage = extension(certificate, x509.KeyUsage)
    assert usage.critical
    assert usage.value == key_usage("key_cert_sign", "crl_sign")


def _assert_is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    assert certificate.version is x509.Version.v3
    assert 0 < certificate.serial_number < 2**159
    assert certificate.issuer.public_bytes() == issuer.subject.public_bytes()
    assert certificate.not_valid_after_utc <= issuer.not_valid_after_utc
    signer = issuer.public_key()
    wanted = _HASHES[signer.curve.name] if isinstance(signer, ec.EllipticCurvePublicKey) else "sha256"
    assert certificate.signature_hash_algorithm is not None
    assert certificate.signature_hash_algorithm.name == wanted
    certificate.verify_directly_issued_by(issuer)


def _assert_names_the_key_of(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    issuers = extension(certificate, x509.AuthorityKeyIdentifier).value
    assert issuers.key_identifier == extension(issuer, x509.SubjectKeyIdentifier).value.digest
    assert (issuers.authority_cert_issuer, issuers.authority_cert_serial_number) == (None, None)
