"""Chains of certificates, and how each is made with what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from alb_mutual_tls.pki.signing import Issuer
from tests.unit.pki.material import (
    DAY,
    authority,
    key,
    key_usage,
    name_of,
)

NOW: Final = datetime.now(UTC)
END: Final = NOW + 3000 * DAY
Extensions = Sequence[tuple[x509.ExtensionType, bool]]


def constraints(ca: bool, path_length: int | None = None) -> tuple[x509.ExtensionType, bool]:
    return x509.BasicConstraints(ca, path_length), True


def usage(*names: str) -> tuple[x509.ExtensionType, bool]:
    return key_usage(*names), True


def purposes(*oids: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(list(oids)), False


CA: Final = (constraints(True), usage("key_cert_sign", "crl_sign"))
CLIENT: Final = (constraints(False), usage("digital_signature"), purposes(Purpose.CLIENT_AUTH))


def issue(
    issuer: Issuer,
    name: str | x509.Name = "c",
    extensions: Extensions = CLIENT,
    *,
    private_key: Any = None,
    start: datetime = NOW - DAY,
    end: datetime = NOW + 30 * DAY,
    digest: Any = None,
    key_ids: bool = True,
    names_key: bytes | None = None,
) -> x509.Certificate:
    """A certificate by `issuer` with exactly these extensions, and key identifiers (`names_key`: a
    wrong one of the authority).
    """
    public_key = (private_key or key("client")).public_key()
    subject = name_of(name) if isinstance(name, str) else name
    builder = x509.CertificateBuilder(
        issuer.certificate.subject, subject, public_key, x509.random_serial_number(), start, end
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    if key_ids:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private_key.public_key())
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier(names_key, None, None) if names_key else own, False
        )
    return builder.sign(issuer.private_key, digest or hashes.SHA256())


def below(
    issuer: Issuer, name: str, extensions: Extensions = CA, private_key: Any = None, **more: Any
) -> Issuer:
    """A subordinate authority with exactly these extensions."""
    private_key = private_key or key(f"of {name}")
    return Issuer(issue(issuer, name, extensions, private_key=private_key, **more), private_key)


def root(name: str, private_key: Any = None, **more: Any) -> Issuer:
    return authority(name, private_key, **{"start": NOW - DAY, "end": END, **more})


ED25519 = ed25519.Ed25519PrivateKey.generate()
ROOT, NEXT = root("root"), root("next")
RSA_ROOT = root("root of RSA", key("RSA2048"))
FIRST_VERSION = root("version 1", key_identifier=None)
WITHOUT_CONSTRAINTS = root("version 3 without basicConstraints", constraints=None, usage=None)
SIGNS_ONLY = root("keyCertSign without basicConstraints", constraints=None)
NO_SIGNER = root("without keyCertSign", usage=key_usage("crl_sign"))
FOR_ANYTHING = root("for any purpose", more=[x509.ExtendedKeyUsage([Purpose.ANY_EXTENDED_KEY_USAGE])])
FOR_CLIENTS = root("for clients", more=[x509.ExtendedKeyUsage([Purpose.CLIENT_AUTH])])
ENDED = root("ended", start=NOW - 9 * DAY, end=NOW - DAY)
SHORT_KEY = root("short key", key("RSA1024"))
LIMITED = root("path length 0", constraints=x509.BasicConstraints(True, 0))
UNLIMITED_TWIN = root("path length 0", key("of path length 0"))
SUB = below(ROOT, "sub")
PLAIN: Final = x509.BasicConstraints(False, None)


@dataclass(frozen=True)
class Case:
    """Certificates of a file, the first of which is the client's, at a listener that trusts
    `anchor`.

    `says` is part of our reason, None: let in. `rule`: that is a rule of ours, and OpenSSL has
    nothing against it. `after`: how long after now it is judged, where that is not now.
    """

    says: str | None
    chain: tuple[x509.Certificate, ...]
    private_key: Any = field(default_factory=lambda: key("client"))
    anchor: x509.Certificate = ROOT.certificate
    rule: bool = False
    after: timedelta | None = None


def case(says: str | None, *chain: x509.Certificate, **more: Any) -> Case:
    return Case(says, chain, **more)


def with_key(says: str | None, private_key: Any) -> Case:
    return case(says, issue(ROOT, private_key=private_key), private_key=private_key, rule=says is not None)


def by(
    issuer: Issuer,
    says: str | None,
    *above: x509.Certificate,
    anchor: x509.Certificate | None = None,
    **more: Any,
) -> Case:
    """A good client of this issuer, which is the anchor unless another is given."""
    return case(says, issue(issuer), *above, anchor=anchor or issuer.certificate, **more)


def through(subordinate: Issuer, says: str | None, extensions: Extensions = CLIENT, **more: Any) -> Case:
    """A client, good unless other extensions are given, of an authority below the root."""
    return case(says, issue(subordinate, extensions=extensions), subordinate.certificate, **more)


def der(oid: str, value: str, critical: bool = False) -> tuple[x509.ExtensionType, bool]:
    """An extension with these octets, in hexadecimal."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(value)), critical


def named(*names: x509.GeneralName) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectAlternativeName(list(names)), False


def constrained(
    permitted: Sequence[x509.GeneralName] = (), excluded: Sequence[x509.GeneralName] = ()
) -> Issuer:
    """An authority below the root with name constraints."""
    limit = x509.NameConstraints(list(permitted) or None, list(excluded) or None)
    return below(ROOT, "limits", (*CA, (limit, True)))


def oddly_constrained(value: str) -> Issuer:
    """The same with name constraints of these octets."""
    return below(ROOT, "limits", (*CA, der("2.5.29.30", value, True)))


def tampered(certificate: x509.Certificate) -> x509.Certificate:
    """With the last bit of its signature flipped."""
    octets = bytearray(certificate.public_bytes(Encoding.DER))
    octets[-1] ^= 1
    return x509.load_der_x509_certificate(bytes(octets))


def chain_of(length: int) -> Case:
    """A client below `length` - 1 authorities, the root included."""
    issuer = ROOT
    above: list[x509.Certificate] = []
    for level in range(length - 2):
        issuer = below(issuer, f"level {level}")
        above.insert(0, issuer.certificate)
    return case(None, issue(issuer), *above)
