"""`tls:index/certRequest:CertRequest`: a certificate signing request (PKCS #10)."""

from __future__ import annotations

import re
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

# The only way to choose a string type; cryptography itself writes UTF8String where Go does not.
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.keys import load_private_key, signature_hash
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties
from dev.toolchain.plugins.tls.resource import Input, Resource, identifier

_PRINTABLE = re.compile(r"[A-Za-z0-9'()+,\-./ :=?]*")


class CertRequest(Resource):
    """A common name and the public half of a key, signed with the key."""

    token = "tls:index/certRequest:CertRequest"  # noqa: S105  # a type, not a password
    inputs = (Input("privateKeyPem", required=True, hidden=True), Input("subject", dict))
    computed = ("certRequestPem", "keyAlgorithm")
    secret_outputs = frozenset({"privateKeyPem"})

    def rules(self, inputs: Properties) -> list[CheckFailure]:
        """The key can be read and sign, and of a subject there is only the common name."""
        found = []
        if inputs["privateKeyPem"] is not UNKNOWN:
            try:
                signature_hash(load_private_key(inputs["privateKeyPem"]).public_key())
            except UserError as error:
                found.append(CheckFailure("", f"privateKeyPem cannot be used: {error}"))
            except KeyError as curve:
                found.append(
                    CheckFailure("", f"privateKeyPem is on the curve {curve}: give P256, P384, P521 or RSA")
                )
        subject: Any = inputs.get("subject", {})
        if subject is UNKNOWN:
            return found
        found += [
            CheckFailure("subject", f"the tls stand-in serves no {name} of a subject: it serves commonName")
            for name in subject
            if name != "commonName"
        ]
        name = subject.get("commonName")
        if name is not None and name is not UNKNOWN and not isinstance(name, str):
            found.append(CheckFailure("subject", "subject.commonName must be a text"))
        return found

    def make(self, inputs: Properties) -> Properties:
        """Sign the request."""
        key = load_private_key(inputs["privateKeyPem"])
        name = inputs.get("subject", {}).get("commonName")
        builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(name))
        made = builder.sign(key, signature_hash(key.public_key()))
        return {
            "id": identifier(made.public_bytes(Encoding.DER)),
            "certRequestPem": made.public_bytes(Encoding.PEM).decode(),
            "keyAlgorithm": "RSA" if isinstance(key, rsa.RSAPrivateKey) else "ECDSA",
        }


def _subject(common_name: str | None) -> x509.Name:
    """As Go writes it: an empty name is none, and of any length."""
    if not common_name:
        return x509.Name([])
    kind = _ASN1Type.PrintableString if _PRINTABLE.fullmatch(common_name) else _ASN1Type.UTF8String
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name, kind, _validate=False)])
