"""Certificate signing requests that clients bring: what is refused, and what is left out of what they ask for.

Only the public key of a request is used. Names and extensions of a certificate come from the configuration and our profile.
Sources: RFC 2986 (PKCS#10), RFC 2985 section 5.4 (attributes), RFC 5280 section 4.2 (extensions).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AttributeOID

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.keys import PublicKey, usable, weakness
from alb_mutual_tls.pki.names import same_name
from alb_mutual_tls.pki.profile import CLIENT_AUTHENTICATION, SUBJECT_FIELDS, Subject, normalized

_BLOCK: Final = re.compile(r"-----BEGIN (NEW )?CERTIFICATE REQUEST-----")
_WEAK_HASHES: Final = (hashes.MD5, hashes.SHA1)
_FIELD_NAMES: Final = {field.oid: name for name, field in SUBJECT_FIELDS.items()}


@dataclass(frozen=True)
class SigningRequest:
    """A request whose signature has proved possession of the private key (RFC 2986 section 4.2)."""

    public_key: PublicKey
    request: x509.CertificateSigningRequest

    @classmethod
    def load(cls, pem: str) -> SigningRequest:
        """From PEM; raises `UserError` when the request cannot be read or is to be refused, whoever signs it."""
        request = _parse(pem)
        try:
            key, signature_hash = request.public_key(), request.signature_hash_algorithm
            signed = isinstance(signature_hash, _WEAK_HASHES) or request.is_signature_valid
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise UserError(_UNREADABLE) from None
        if not usable(key):
            raise UserError(f"the certificate signing request is refused: {weakness(key)}, and make the request anew")
        if isinstance(signature_hash, _WEAK_HASHES):
            raise UserError(
                f"the certificate signing request is signed with {signature_hash.name.upper()}, which can be forged; make it anew with SHA-256"
            )
        if not signed:
            raise UserError(
                "the certificate signing request is not signed by its own key, so the file was changed or damaged; make the request anew"
            )
        found = cls(key, request)
        if found._asks_for_authority():
            raise UserError(
                "the certificate signing request asks for a certificate authority (basicConstraints CA:TRUE or key usage keyCertSign), and only "
                "clients are signed here; make the request anew without that"
            )
        return found

    def named_like(self, authority: x509.Certificate) -> str | None:
        """A sentence when the request bears the name of an authority, else None: whoever made it has mistaken the one for the other."""
        if not same_name(self.request.subject, authority.subject):
            return None
        return (
            f"the certificate signing request has the subject of the authority {authority.subject.rfc4514_string()}; "
            "make the request anew with the client's own name"
        )

    def left_out(self, subject: Subject, uris: Sequence[str]) -> list[str]:
        """What the request asks for and the certificate will not have, in words; `subject` and `uris` are what was configured."""
        return [*self._names_left_out(subject), *self._extensions_left_out(subject, uris), *self._attributes_left_out()]

    def _names_left_out(self, subject: Subject) -> Iterator[str]:
        granted = {(SUBJECT_FIELDS[name].oid, normalized(value)) for name, value in subject.items()}
        for attribute in self.request.subject:
            text = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
            if (attribute.oid.dotted_string, normalized(text)) not in granted:
                yield f"{_FIELD_NAMES.get(attribute.oid.dotted_string, attribute.rfc4514_attribute_name)} {text!r} in the subject"

    def _extensions_left_out(self, subject: Subject, uris: Sequence[str]) -> Iterator[str]:
        for extension in self._extensions():
            value = extension.value
            if isinstance(value, x509.SubjectAlternativeName):
                yield from (text for name in value if (text := _name_left_out(name, subject, uris)))
            elif isinstance(value, x509.ExtendedKeyUsage):
                beyond = [purpose for purpose in value if purpose.dotted_string != CLIENT_AUTHENTICATION]
                yield from (f"extended key usage {_called(purpose)}" for purpose in beyond)
            elif isinstance(value, x509.KeyUsage):
                yield from (f"key usage {name}" for name in _usages(value) if name != "digital_signature")
            elif not isinstance(value, x509.BasicConstraints | x509.SubjectKeyIdentifier):
                yield f"extension {_called(extension.oid)}"

    def _attributes_left_out(self) -> Iterator[str]:
        for attribute in self.request.attributes:
            if attribute.oid == AttributeOID.CHALLENGE_PASSWORD:
                yield "a challenge password"  # never its value

    def _asks_for_authority(self) -> bool:
        values = [extension.value for extension in self._extensions()]
        return any(isinstance(value, x509.BasicConstraints) and value.ca for value in values) or any(
            isinstance(value, x509.KeyUsage) and (value.key_cert_sign or value.crl_sign) for value in values
        )

    def _extensions(self) -> x509.Extensions:
        try:
            return self.request.extensions
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
            raise UserError("the extensions of the certificate signing request cannot be read; make the request anew") from None


_UNREADABLE: Final = (
    "the certificate signing request is no PEM of PKCS#10; give what openssl req -new writes, from BEGIN to END CERTIFICATE REQUEST"
)


def _parse(pem: str) -> x509.CertificateSigningRequest:
    if bundle.holds_private_key(pem):
        raise UserError(
            "the certificate signing request comes with a private key, which must never leave its place; give the request alone"
        )
    if len(_BLOCK.findall(pem)) > 1:
        raise UserError("the certificate signing request is one of several in the same PEM; give each client its own")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        request.subject  # noqa: B018  # a name that cannot be read would fail anywhere later
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise UserError(_UNREADABLE) from None
    return request


def _name_left_out(name: x509.GeneralName, subject: Subject, uris: Sequence[str]) -> str | None:
    if isinstance(name, x509.UniformResourceIdentifier):
        return None if name.value in uris else f"URI name {name.value!r}"
    if isinstance(name, x509.RFC822Name):
        return None if name.value == subject.get("emailAddress") else f"e-mail name {name.value!r}"
    kind = {x509.DNSName: "DNS name", x509.IPAddress: "IP address", x509.DirectoryName: "directory name"}.get(type(name), "name")
    value = name.value.rfc4514_string() if isinstance(name, x509.DirectoryName) else str(name.value)
    return f"{kind} {value!r}"


def _usages(usage: x509.KeyUsage) -> list[str]:
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    return [name for name in names if getattr(usage, name)]


def _called(oid: x509.ObjectIdentifier) -> str:
    known: str = oid._name  # the only place where the library keeps it
    return oid.dotted_string if known == "Unknown OID" else known
