"""Convert distinguished names from and to a subject's fields, and compare them.

Source: RFC 5280 sections 4.1.2.4 and 7.1.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID

from alb_mutual_tls.pki.profile import SUBJECT_FIELDS, Subject, normalized


def to_name(subject: Subject) -> x509.Name:
    """Return the name with one RDN per field, in the order of `SUBJECT_FIELDS`.

    Values are UTF8String, but countries are PrintableString and e-mail addresses IA5String.
    """
    return x509.Name(
        x509.NameAttribute(x509.ObjectIdentifier(field.oid), subject[name])
        for name, field in SUBJECT_FIELDS.items()
        if name in subject
    )


def same_name(one: x509.Name, other: x509.Name) -> bool:
    """Return whether two names are the same to a person or to a verifier.

    Case, white space and string types are disregarded, as RFC 5280 section 7.1 has it, and the
    order of attributes too: tools differ in it, and a client named like an authority is a mistake
    in any order.
    """
    return _attributes(one) == _attributes(other)


def _attributes(name: x509.Name) -> list[tuple[str, str]]:
    return sorted(
        (
            attribute.oid.dotted_string,
            normalized(attribute.value) if isinstance(attribute.value, str) else attribute.value.hex(),
        )
        for attribute in name
    )


def comparable(distinguished: x509.Name) -> list[tuple[str, str]]:
    """Return a name in the form that verifiers compare (RFC 5280 section 7.1).

    Kinds of text, case and white space do not count.
    """
    return [
        (
            attribute.oid.dotted_string,
            normalized(attribute.value) if isinstance(attribute.value, str) else attribute.value.hex(),
        )
        for rdn in distinguished.rdns
        for attribute in rdn
    ]


def name(certificate: x509.Certificate) -> str:
    """A certificate's subject in words."""
    return text(certificate.subject)


def text(distinguished: x509.Name) -> str:
    """A distinguished name in words."""
    return distinguished.rfc4514_string({NameOID.EMAIL_ADDRESS: "emailAddress"}) or "somebody without a name"
