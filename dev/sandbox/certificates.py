"""Keys and certificates of the sandbox's own, all ECDSA P-256.

There is one CA for etcd, one for kube-apiserver, and whatever the listeners need.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

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
class KeyPair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def authority(cls, common_name: str) -> Self:
        """A new CA."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(common_name)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = (
            _builder(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, pki: Path, name: str) -> Self:
        """The pair `name`.

        Raises:
            OSError, ValueError, TypeError: it is not there, or is damaged.
        """
        key = serialization.load_pem_private_key((pki / f"{name}.key").read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{name}.key is not an ECDSA key")
        return cls(x509.load_pem_x509_certificate((pki / f"{name}.crt").read_bytes()), key)

    def issue(
        self,
        common_name: str,
        usages: Sequence[x509.ObjectIdentifier],
        *,
        organization: str | None = None,
        names: Sequence[x509.GeneralName] = (),
        until: datetime.datetime | None = None,
    ) -> KeyPair:
        """Make a new pair whose certificate this CA signs.

        It is valid for ten years, or until a time (aware).
        """
        key = ec.generate_private_key(ec.SECP256R1())
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = (
            _builder(_name(common_name, organization), self.certificate.subject, key.public_key(), until)
            .add_extension(identifier, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return KeyPair(builder.sign(self.key, hashes.SHA256()), key)

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return _key_pem(self.key)

    def write(self, pki: Path, name: str) -> None:
        """Write certificate and key, each file 0600."""
        write_atomically(pki / f"{name}.key", self.key_pem)
        write_atomically(pki / f"{name}.crt", self.certificate_pem)


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
_LOCAL: Final = (x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost"))


def are_fit(layout: Layout, now: datetime.datetime | None = None) -> bool:
    """Whether all keys and certificates are there, match and last another month.

    Args:
        now: for tests; aware.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    try:
        if (layout.pki / "generation").read_text(encoding="utf-8").strip() != _GENERATION:
            return False
        serialization.load_pem_private_key((layout.pki / f"{SERVICE_ACCOUNT_KEY}.key").read_bytes(), None)
        authorities = {name: KeyPair.load(layout.pki, name) for name in AUTHORITIES}
        issued = [(KeyPair.load(layout.pki, leaf.name), authorities[leaf.authority]) for leaf in LEAVES]
        for pair, authority in [*issued, *((one, one) for one in authorities.values())]:
            certificate = pair.certificate
            certificate.verify_directly_issued_by(authority.certificate)
            if certificate.public_key() != pair.key.public_key():
                return False
            if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - _REMAINDER:
                return False
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return True


def make(layout: Layout) -> None:
    """Make all keys and certificates anew, in `pki`, each file 0600."""
    (layout.pki / "generation").unlink(missing_ok=True)
    authorities = {name: KeyPair.authority(f"{NAME} {name}") for name in AUTHORITIES}
    for name, authority in authorities.items():
        authority.write(layout.pki, name)
    for leaf in LEAVES:
        names = _LOCAL if SERVER in leaf.usages else ()
        issuer = authorities[leaf.authority]
        pair = issuer.issue(leaf.common_name, leaf.usages, organization=leaf.organization, names=names)
        pair.write(layout.pki, leaf.name)
    service_account = ec.generate_private_key(ec.SECP256R1())
    write_atomically(layout.pki / f"{SERVICE_ACCOUNT_KEY}.key", _key_pem(service_account))
    public = service_account.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_atomically(layout.pki / f"{SERVICE_ACCOUNT_KEY}.pub", public.decode())
    # Last: who is interrupted before has no generation and starts over.
    write_atomically(layout.pki / "generation", f"{_GENERATION}\n")


def _name(common_name: str, organization: str | None = None) -> x509.Name:
    attributes = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes if value])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    until: datetime.datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(until or now + _VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
