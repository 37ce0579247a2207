"""Keys and certificates that the sandbox's control plane uses itself: one CA for etcd, one for
kube-apiserver, ECDSA P-256.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dev.sandbox.layout import NAME, PROBE_USER, Layout, write_atomically

_VALIDITY: Final = datetime.timedelta(days=3650)
_REMAINDER: Final = datetime.timedelta(days=30)
_GENERATION: Final = "2"
"""Raise it when certificates are made otherwise than before: a sandbox with older ones then makes
new ones.
"""

SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True)
class Leaf:
    """A certificate for 127.0.0.1 and localhost, or for a user."""

    name: str
    authority: str
    usages: tuple[x509.ObjectIdentifier, ...]
    common_name: str
    organization: str | None = None


AUTHORITIES: Final = ("etcd-ca", "kube-ca")
LEAVES: Final = (
    Leaf("etcd", "etcd-ca", (SERVER, CLIENT), "etcd"),
    Leaf("etcd-client", "etcd-ca", (CLIENT,), "kube-apiserver"),
    Leaf("kube-apiserver", "kube-ca", (SERVER,), "kube-apiserver"),
    Leaf("probe", "kube-ca", (CLIENT,), PROBE_USER, "system:masters"),
    Leaf("admin", "kube-ca", (CLIENT,), NAME, "system:masters"),
    Leaf("controller", "kube-ca", (CLIENT,), "alb-ingress-controller", "system:masters"),
)
SERVICE_ACCOUNT_KEY: Final = "service-account"


def are_fit(layout: Layout, now: datetime.datetime | None = None) -> bool:
    """Whether all keys and certificates are there, belong together and last for another month.

    Args:
        now: for tests; aware.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    try:
        if (layout.pki / "generation").read_text(encoding="utf-8").strip() != _GENERATION:
            return False
        _key(layout.pki / f"{SERVICE_ACCOUNT_KEY}.key")
        _certificate(layout.pki / f"{AUTHORITIES[0]}.crt")
        pairs = [(name, name) for name in AUTHORITIES] + [(leaf.name, leaf.authority) for leaf in LEAVES]
        for name, authority in pairs:
            certificate = _certificate(layout.pki / f"{name}.crt")
            certificate.verify_directly_issued_by(_certificate(layout.pki / f"{authority}.crt"))
            if certificate.public_key() != _key(layout.pki / f"{name}.key").public_key():
                return False
            if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - _REMAINDER:
                return False
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return True


def make(layout: Layout) -> None:
    """Make all keys and certificates anew, in `pki`, each file 0600."""
    (layout.pki / "generation").unlink(missing_ok=True)
    authorities = {name: _make_authority(layout.pki, name) for name in AUTHORITIES}
    for leaf in LEAVES:
        _make_leaf(layout.pki, leaf, *authorities[leaf.authority])
    service_account = ec.generate_private_key(ec.SECP256R1())
    _write_key(layout.pki / f"{SERVICE_ACCOUNT_KEY}.key", service_account)
    write_atomically(
        layout.pki / f"{SERVICE_ACCOUNT_KEY}.pub",
        service_account.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    )
    # Last: who is interrupted before has no generation and starts over.
    write_atomically(layout.pki / "generation", f"{_GENERATION}\n")


def make_user(
    layout: Layout, common_name: str, organization: str, until: datetime.datetime
) -> tuple[bytes, bytes]:
    """A client certificate of kube-apiserver's CA and its key (PEM), which are kept nowhere.

    Args:
        until: when it ends; aware.
    Raises:
        OSError: the sandbox has no control plane yet.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(layout.pki / "kube-ca.crt")
    authority_key = _key(layout.pki / "kube-ca.key")
    leaf = Leaf("user", "kube-ca", (CLIENT,), common_name, organization)
    certificate = _leaf_builder(
        leaf, key.public_key(), authority.subject, authority_key.public_key(), until
    ).sign(authority_key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def _make_authority(pki: Path, name: str) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{NAME} {name}")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    until = datetime.datetime.now(datetime.UTC) + _VALIDITY
    builder = _builder(subject, subject, key.public_key(), key.public_key(), until)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    ).add_extension(usage, critical=True)
    _write(pki, name, key, builder.sign(key, hashes.SHA256()))
    return subject, key


def _make_leaf(pki: Path, leaf: Leaf, issuer: x509.Name, issuer_key: ec.EllipticCurvePrivateKey) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    until = datetime.datetime.now(datetime.UTC) + _VALIDITY
    builder = _leaf_builder(leaf, key.public_key(), issuer, issuer_key.public_key(), until)
    _write(pki, leaf.name, key, builder.sign(issuer_key, hashes.SHA256()))


def _leaf_builder(
    leaf: Leaf,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePublicKey,
    until: datetime.datetime,
) -> x509.CertificateBuilder:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)]
    if leaf.organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, leaf.organization))
    builder = _builder(x509.Name(attributes), issuer, key, issuer_key, until)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(leaf.usages), critical=False)
    if SERVER in leaf.usages:
        names: Sequence[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.DNSName("localhost"),
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    until: datetime.datetime,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _write(pki: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    _write_key(pki / f"{name}.key", key)
    write_atomically(pki / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM).decode())


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    write_atomically(file, _key_pem(key).decode())


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def _key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{file} is no ECDSA key")
    return key
