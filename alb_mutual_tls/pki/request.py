"""Read the signing requests that clients bring, and list what is left out of them.

A request that breaks the rules is refused. Only the public key of a request is used. Names and
extensions of a certificate come from the configuration and our profile.

Sources: RFC 2986 (PKCS#10), RFC 2985 section 5.4 (attributes), RFC 5280 section 4.2 (extensions).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pem_blocks import blocks
from alb_mutual_tls.pki import bundle, extensions, unreadable
from alb_mutual_tls.pki.keys import UNREADABLE, WEAK_HASHES, PublicKey, curve, key_fault
from alb_mutual_tls.pki.names import same_name
from alb_mutual_tls.pki.profile import CLIENT_AUTHENTICATION, SUBJECT_FIELDS, Subject, normalized

_BLOCK: Final = re.compile(r"-----BEGIN (NEW )?CERTIFICATE REQUEST-----")
_SM2: Final = "1.2.156.10197.1.301"
_FIELD_NAMES: Final = {field.oid: name for name, field in SUBJECT_FIELDS.items()}


@dataclass(frozen=True)
class SigningRequest:
    """A request whose signature has proved possession of the private key.

    Source: RFC 2986 section 4.2.
    """

    public_key: PublicKey
    request: x509.CertificateSigningRequest

    @classmethod
    def load(cls, pem: str) -> SigningRequest:
        """Read a request from PEM.

        Raises `UserError` when it cannot be read, or is to be refused, whoever signs it.
        """
        request = _parse(pem)
        fault = key_fault(request.tbs_certrequest_bytes)
        if fault == UNREADABLE and curve(request.tbs_certrequest_bytes) == _SM2:
            fault = (
                "its key is on the curve SM2, which OpenSSL reads and the reader of this program (Python's"
                " cryptography) does not; use RSA or ECDSA"
            )
        if fault:
            raise UserError(f"the certificate signing request is refused: {fault}, and make the request anew")
        key = request.public_key()
        # else there would be a fault
        assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        try:
            signature_hash = request.signature_hash_algorithm
            signed = isinstance(signature_hash, WEAK_HASHES) or request.is_signature_valid
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise UserError(
                "the certificate signing request is signed by a method that the reader of this program"
                " (Python's cryptography) does not know; make it anew with SHA-256"
            ) from None
        if isinstance(signature_hash, WEAK_HASHES):
            raise UserError(
                f"the certificate signing request is signed with {signature_hash.name.upper()}, which can be"
                " forged; make it anew with SHA-256"
            )
        if not signed:
            raise UserError(
                "the certificate signing request is not signed by its own key, so the file was changed or"
                " damaged; make the request anew"
            )
        signing_request = cls(key, request)
        if signing_request._asks_for_authority():
            raise UserError(
                "the certificate signing request asks for a certificate authority (basicConstraints CA:TRUE"
                " or key usage keyCertSign), and only clients are signed here; make the request anew without"
                " that"
            )
        return signing_request

    def named_like(self, authority: x509.Certificate) -> str | None:
        """Return a sentence when the request bears the name of an authority, or None.

        Whoever made the request has mistaken the one for the other.
        """
        if not same_name(self.request.subject, authority.subject):
            return None
        return (
            "the certificate signing request has the subject of the authority"
            f" {authority.subject.rfc4514_string()}; make the request anew with the client's own name"
        )

    def left_out(self, subject: Subject, uris: Sequence[str]) -> list[str]:
        """Return what the request asks for and the certificate will not have, in words.

        `subject` and `uris` are what was configured.
        """
        return [
            *self._names_left_out(subject),
            *self._extensions_left_out(subject, uris),
            *self._attributes_left_out(),
        ]

    def _names_left_out(self, subject: Subject) -> Iterator[str]:
        granted = {(SUBJECT_FIELDS[name].oid, normalized(value)) for name, value in subject.items()}
        for attribute in self.request.subject:
            text = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
            if (attribute.oid.dotted_string, normalized(text)) not in granted:
                yield (
                    f"{_FIELD_NAMES.get(attribute.oid.dotted_string, attribute.rfc4514_attribute_name)}"
                    f" {text!r} in the subject"
                )

    def _extensions_left_out(self, subject: Subject, uris: Sequence[str]) -> Iterator[str]:
        for extension in extensions.of_request(self.request):
            kind = extensions.called(extension.oid)
            if extensions.unreadable([extension]):
                yield f"extension {kind}, which cannot be read"
            elif extension.oid == extensions.ALTERNATIVE_NAMES:
                yield from (
                    text
                    for name in extensions.names(extension) or ()
                    if (text := _name_left_out(name, subject, uris))
                )
            elif extension.oid == extensions.EXTENDED_KEY_USAGE:
                beyond = [
                    purpose
                    for purpose in extensions.purposes(extension) or ()
                    if purpose != CLIENT_AUTHENTICATION
                ]
                yield from (f"extended key usage {extensions.called(purpose)}" for purpose in beyond)
            elif extension.oid == extensions.KEY_USAGE:
                beyond = [
                    usage for usage in extensions.usages(extension) or () if usage != "digitalSignature"
                ]
                yield from (f"key usage {extensions.USAGES[usage]}" for usage in beyond)
            elif extension.oid not in (extensions.BASIC_CONSTRAINTS, extensions.SUBJECT_KEY_IDENTIFIER):
                yield f"extension {kind}"

    def _attributes_left_out(self) -> Iterator[str]:
        # never their values, which may be passwords
        for attribute in extensions.attributes(self.request):
            many = (
                ""
                if attribute.values == 1
                else f" with {attribute.values} values"
                if attribute.values
                else " without a value"
            )
            what = (
                "a challenge password"
                if attribute.oid == extensions.CHALLENGE_PASSWORD
                else f"attribute {extensions.called(attribute.oid)}"
            )
            yield f"{what}{many}"

    def _asks_for_authority(self) -> bool:
        asked = extensions.of_request(self.request)
        constraints = [
            extensions.constraints(extension)
            for extension in asked
            if extension.oid == extensions.BASIC_CONSTRAINTS
        ]
        usages = [
            extensions.usages(extension) or [] for extension in asked if extension.oid == extensions.KEY_USAGE
        ]
        return any(constraint is not None and constraint.authority for constraint in constraints) or any(
            "keyCertSign" in usage or "cRLSign" in usage for usage in usages
        )


_UNREADABLE: Final = (
    "the certificate signing request is not PEM of PKCS#10; give what openssl req -new writes, from BEGIN to"
    " END CERTIFICATE REQUEST"
)


def _parse(pem: str) -> x509.CertificateSigningRequest:
    if bundle.holds_private_key(pem):
        raise UserError(
            "the certificate signing request comes with a private key, which must never leave its place; give"
            " the request alone"
        )
    if len(_BLOCK.findall(pem)) > 1:
        raise UserError(
            "the certificate signing request is one of several in the same PEM; give each client its own"
        )
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        request.subject  # noqa: B018  # a name that cannot be read would fail anywhere later
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        clause = unreadable.of_request(_der(pem))
        raise UserError(f"the certificate signing request {clause}" if clause else _UNREADABLE) from None
    return request


def _der(pem: str) -> bytes:
    _, body = next(blocks(pem, ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]), ("", ""))
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        return b""


def _name_left_out(name: extensions.Name, subject: Subject, uris: Sequence[str]) -> str | None:
    if name.tag == extensions.URI:
        return None if name.text in uris else f"URI name {name.text!r}"
    if name.tag == extensions.EMAIL:
        return None if name.text == subject.get("emailAddress") else f"e-mail name {name.text!r}"
    kind = {
        extensions.DNS: "DNS name",
        extensions.IP: "IP address",
        extensions.DIRECTORY: "directory name",
    }.get(name.tag)
    return f"{kind} {name.text!r}" if kind else f"name {name.printed}"
