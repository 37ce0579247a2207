"""Read the extensions of certificates and requests one by one.

The attributes of requests are read too. All are called what OpenSSL calls them.

`cryptography` reads all extensions or none: one that it finds odd hides the others. OpenSSL reads
such an extension. Examples are a path length beside CA:FALSE, a FALSE that is written out, Latin-1
in a DNS name, and an extension that comes twice.

Sources: RFC 5280 section 4.2, RFC 2985 section 5.4, OpenSSL's crypto/x509/v3_san.c for how names
are printed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509

from alb_mutual_tls.pki import der
from alb_mutual_tls.pki.der import Element

BASIC_CONSTRAINTS: Final = "2.5.29.19"
KEY_USAGE: Final = "2.5.29.15"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
ALTERNATIVE_NAMES: Final = "2.5.29.17"
SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
CHALLENGE_PASSWORD: Final = "1.2.840.113549.1.9.7"  # noqa: S105  # its OID
_REQUESTED: Final = ("1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14")
"""The attributes that hold extensions: PKCS#9's, and Microsoft's of old."""
USAGES: Final = {
    "digitalSignature": "Digital Signature",
    "contentCommitment": "Non Repudiation",
    "keyEncipherment": "Key Encipherment",
    "dataEncipherment": "Data Encipherment",
    "keyAgreement": "Key Agreement",
    "keyCertSign": "Certificate Sign",
    "cRLSign": "CRL Sign",
    "encipherOnly": "Encipher Only",
    "decipherOnly": "Decipher Only",
}
"""Key usages in the order of their bits, as RFC 5280 and as OpenSSL call them."""
_OTHER_NAMES: Final = {
    "1.3.6.1.4.1.311.20.2.3": "UPN",
    "1.3.6.1.5.5.7.8.5": "XmppAddr",
    "1.3.6.1.5.5.7.8.7": "SRVName",
    "1.3.6.1.5.5.7.8.8": "NAIRealm",
    "1.3.6.1.5.5.7.8.9": "SmtpUTF8Mailbox",
}
_CALLED: Final = {
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.7": "challengePassword",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.2.840.113549.1.9.15": "S/MIME Capabilities",
}
_SHORT: Final = {
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "1.2.840.113549.1.9.1": "emailAddress",
}


@dataclass(frozen=True)
class Extension:
    """An extension as it stands in a certificate or a request.

    The readers below return None where its value is not of its kind.
    """

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True)
class Constraints:
    """The basic constraints of a certificate or a request.

    `path_length` may stand beside a false `authority`, where it says nothing.
    """

    authority: bool
    path_length: int | None


@dataclass(frozen=True)
class Name:
    """An alternative name: its GeneralName tag, its text, and how OpenSSL prints it."""

    tag: int
    text: str
    printed: str


@dataclass(frozen=True)
class Attribute:
    """An attribute of a request, and how many values it has."""

    oid: str
    values: int


def of_certificate(certificate: x509.Certificate) -> list[Extension]:
    """The extensions of a certificate, in their order."""
    return [
        extension
        for part in _body(certificate.tbs_certificate_bytes)
        if part.tag == 0xA3
        for extension in _extensions(part.content)
    ]


def of_request(request: x509.CertificateSigningRequest) -> list[Extension]:
    """The extensions that a request asks for, in their order."""
    values = [value for name, values in _attributes(request) if name in _REQUESTED for value in values]
    return [extension for value in values if value.tag == der.SEQUENCE for extension in _listed(value)]


def attributes(request: x509.CertificateSigningRequest) -> list[Attribute]:
    """The attributes of a request beside the extensions that it asks for."""
    return [Attribute(name, len(values)) for name, values in _attributes(request) if name not in _REQUESTED]


def public_key_info(signed: bytes) -> bytes:
    """Return the contents of the SubjectPublicKeyInfo of a certificate or a request.

    `signed` is what is signed of it. Raises `ValueError`.
    """
    parts = _body(signed)
    place = 5 + (parts[0].tag == 0xA0) if len(parts) > 4 else 2
    return parts[place].content


def _body(signed: bytes) -> list[Element]:
    return der.only(signed).inside()


def _attributes(request: x509.CertificateSigningRequest) -> Iterator[tuple[str, list[Element]]]:
    for part in _body(request.tbs_certrequest_bytes):
        for attribute in part.inside() if part.tag == 0xA0 else ():
            name, *values = attribute.inside()
            yield der.oid(name.content), [value for value_set in values for value in value_set.inside()]


def _extensions(content: bytes) -> Iterator[Extension]:
    yield from _listed(der.only(content))


def _listed(sequence: Element) -> Iterator[Extension]:
    try:
        for element in sequence.inside():
            name, *rest = element.inside()
            critical = len(rest) > 1 and rest[0].content != b"\0"
            yield Extension(der.oid(name.content), critical, rest[-1].content)
    except (ValueError, IndexError):
        return  # no list of extensions


# --- values; None where one cannot be read, which then OpenSSL cannot either


def constraints(extension: Extension) -> Constraints | None:
    """Basic constraints."""
    try:
        authority, length = False, None
        for part in der.only(extension.value).inside():
            if part.tag == der.BOOLEAN:
                authority = part.content != b"\0"
            elif part.tag == der.INTEGER:
                length = int.from_bytes(part.content, "big", signed=True)
            else:
                return None
        return Constraints(authority, length)
    except ValueError:
        return None


def usages(extension: Extension) -> list[str] | None:
    """Key usages, as RFC 5280 calls them."""
    try:
        bits = der.only(extension.value)
    except ValueError:
        return None
    if bits.tag != der.BIT_STRING or not bits.content or bits.content[0] > 7:
        return None
    number = int.from_bytes(bits.content[1:3].ljust(2, b"\0"), "big")
    return [usage for place, usage in enumerate(USAGES) if number >> (15 - place) & 1]


def purposes(extension: Extension) -> list[str] | None:
    """Extended key usages, as OIDs."""
    try:
        return [der.oid(purpose.content) for purpose in der.only(extension.value).inside()]
    except ValueError:
        return None


def key_identifier(extension: Extension) -> bytes | None:
    """Return the key identifier of the subject or of the issuer.

    It is empty where the issuer is named by its serial number alone.
    """
    try:
        element = der.only(extension.value)
        if element.tag != der.SEQUENCE:
            return element.content
        return next((part.content for part in element.inside() if part.tag == 0x80), b"")
    except ValueError:
        return None


def names(extension: Extension) -> list[Name] | None:
    """Alternative names."""
    try:
        return [_name(element) for element in der.only(extension.value).inside()]
    except (ValueError, IndexError):
        return None


EMAIL: Final = 0x81
URI: Final = 0x86
DNS: Final = 0x82
IP: Final = 0x87
DIRECTORY: Final = 0xA4


def _name(name: Element) -> Name:
    text, prefix = name.text(), {EMAIL: "email", DNS: "DNS", URI: "URI"}.get(name.tag)
    if prefix is not None:
        return Name(name.tag, text, f"{prefix}:{_visible(text)}")
    if name.tag == IP:
        text = str(ipaddress.ip_address(name.content)) if len(name.content) in (4, 16) else "<invalid>"
        return Name(name.tag, text, f"IP Address:{text}")
    if name.tag == 0x88:
        return Name(name.tag, der.oid(name.content), f"Registered ID:{der.oid(name.content)}")
    if name.tag == DIRECTORY:
        parts = [f"{kind}={value}" for kind, value in _directory(der.only(name.content))]
        return Name(name.tag, ",".join(reversed(parts)), "DirName:" + "".join(f"/{part}" for part in parts))
    if name.tag == 0xA0:
        return _other_name(name)
    kind = {0xA3: "X400Name", 0xA5: "EdiPartyName"}.get(name.tag, "unknown name")
    return Name(name.tag, "<unsupported>", f"{kind}:<unsupported>")


def _other_name(one: Element) -> Name:
    name, wrapped = one.inside()
    value, identifier = der.only(wrapped.content), der.oid(name.content)
    text = _visible(value.text()) if value.tag in der.STRINGS else "<unsupported>"
    return Name(one.tag, text, f"othername: {_OTHER_NAMES.get(identifier, identifier)}::{text}")


def _directory(name: Element) -> Iterator[tuple[str, str]]:
    for relative in name.inside():
        for attribute in relative.inside():
            kind, value = attribute.inside()
            identifier = der.oid(kind.content)
            yield _SHORT.get(identifier, identifier), _visible(value.text())


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\x{ord(character):02X}" for character in text)


def called(identifier: str) -> str:
    """An extension, attribute or purpose in words; its OID where there are none."""
    # the only place where the library keeps it
    known: str = x509.ObjectIdentifier(identifier)._name
    return _CALLED.get(identifier) or (identifier if known == "Unknown OID" else known)


def first(extensions: Sequence[Extension], identifier: str) -> Extension | None:
    """The first extension of a kind."""
    return next((extension for extension in extensions if extension.oid == identifier), None)


def unreadable(extensions: Sequence[Extension]) -> list[Extension]:
    """Return the extensions of known kinds whose value cannot be read."""
    readers: dict[str, Any] = {
        BASIC_CONSTRAINTS: constraints,
        KEY_USAGE: usages,
        EXTENDED_KEY_USAGE: purposes,
        ALTERNATIVE_NAMES: names,
        SUBJECT_KEY_IDENTIFIER: key_identifier,
        AUTHORITY_KEY_IDENTIFIER: key_identifier,
    }
    return [
        extension
        for extension in extensions
        if extension.oid in readers and readers[extension.oid](extension) is None
    ]
