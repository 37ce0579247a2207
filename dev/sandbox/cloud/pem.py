"""Certificates as CAS looks at them when they are uploaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from dev.sandbox.cloud.errors import ApiError, invalid

PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_BLOCK: Final = re.compile(r"-----BEGIN CERTIFICATE-----\s.+?\s-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Certificate:
    """An uploaded certificate with the chain that came with it.

    It holds what the actions of CAS tell about it.
    """

    chain: tuple[x509.Certificate, ...]
    pem: str

    @property
    def leaf(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def is_ca(self) -> bool:
        """Whether the certificate is a CA by its basicConstraints.

        A self-issued certificate of version 1 counts as one. The documentation's openssl commands
        make such certificates.
        """
        return is_ca(self.leaf)

    @property
    def fingerprint(self) -> str:
        """SHA-1, lower-case hex."""
        return self.leaf.fingerprint(hashes.SHA1()).hex()  # noqa: S303 -- CAS documents this one

    def describe(self) -> dict[str, Any]:
        """The fields that ListCert tells about the content."""
        leaf = self.leaf
        key = leaf.public_key()
        algorithm = (
            "RSA"
            if isinstance(key, rsa.RSAPublicKey)
            else "ECC"
            if isinstance(key, ec.EllipticCurvePublicKey)
            else "UNKNOWN"
        )
        hashed = leaf.signature_hash_algorithm
        return {
            "CommonName": common_name(leaf.subject),
            "Issuer": common_name(leaf.issuer),
            "SerialNo": f"{leaf.serial_number:x}",
            "Algorithm": algorithm,
            "SignAlgorithm": f"{hashed.name.upper() if hashed else ''}With{algorithm}",
            "BeforeDate": int(leaf.not_valid_before_utc.timestamp() * 1000),
            "AfterDate": int(leaf.not_valid_after_utc.timestamp() * 1000),
            "Sans": ",".join(host_names(leaf)),
        }


def read(text: str) -> Certificate:
    """Parse an uploaded certificate and its chain.

    Args:
        text: PEM, the certificate first, then the issuer of each.
    Raises:
        ApiError: it is not PEM, not parseable, or a certificate was not issued by the next one.
    """
    blocks = _BLOCK.findall(text)
    if not blocks or _BLOCK.sub("", text).strip():
        raise invalid("Cert", "it is not a certificate in PEM, or there is something else in it")
    try:
        chain = tuple(x509.load_pem_x509_certificate(block.encode()) for block in blocks)
    except ValueError:
        raise invalid("Cert", "it is not a parseable X.509 certificate") from None
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise invalid("Cert", "its certificates are not in order, each issued by the next one") from None
    return Certificate(chain, "\n".join(blocks))


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether a certificate may issue others."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.version is x509.Version.v1 and certificate.subject == certificate.issuer


def common_name(name: x509.Name) -> str:
    """The common name, else the organization's name, else nothing."""
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(oid)
        if found:
            return str(found[0].value)
    return ""


def host_names(certificate: x509.Certificate) -> list[str]:
    """The DNS names that a certificate is for."""
    try:
        return certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        return []


def refuse_private_key(name: str, text: str) -> None:
    """The CA's private key has no business in any API request.

    Raises:
        ApiError: the parameter is or contains a private key.
    """
    if (name == "PrivateKey" and text) or PRIVATE_KEY.search(text):
        raise ApiError(
            400,
            "Sandbox.PrivateKeyRefused",
            f"The parameter {name} holds a private key; it is never needed and never to be sent.",
        )
