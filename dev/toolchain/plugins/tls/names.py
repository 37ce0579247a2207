"""Subjects: the property `subject`, and distinguished names as Go's crypto/x509/pkix writes
them.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.x509.name import (
    _ASN1Type,
)  # the only way to choose a string type; cryptography itself writes UTF8String where Go does not
from cryptography.x509.oid import NameOID

from alb_mutual_tls.wire import UNKNOWN, CheckFailure

# In the order of pkix.Name.ToRDNSequence of Go 1.26.
_FIELDS = {
    "country": NameOID.COUNTRY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
_SINGLE = ("commonName", "serialNumber")
_EMAIL = "emailAddress"
_PRINTABLE = frozenset(string.ascii_letters + string.digits + "'()+,-./ :=?")

SUBJECT_FIELDS = (*_FIELDS, _EMAIL)


def of_subject(subject: Mapping[str, Any] | None) -> x509.Name:
    """The distinguished name of the property `subject`."""
    values = subject or {}
    fields = {
        name: list(values[name]) if name == "streetAddresses" else [values[name]]
        for name in _FIELDS
        if values.get(name) is not None
    }
    email = values.get(_EMAIL)
    extra = (
        []
        if email is None
        else [x509.NameAttribute(NameOID.EMAIL_ADDRESS, email, _ASN1Type.IA5String, _validate=False)]
    )
    return _name(fields, extra)


def of_request(request: x509.CertificateSigningRequest) -> x509.Name:
    """The distinguished name that Go makes of a request's subject: its known fields in Go's order,
    without e-mail and anything else.
    """
    fields: dict[str, list[str]] = {}
    for attribute in request.subject:
        for name, oid in _FIELDS.items():
            if attribute.oid == oid and isinstance(attribute.value, str):
                fields[name] = (
                    [attribute.value] if name in _SINGLE else [*fields.get(name, []), attribute.value]
                )
    return _name(fields, [])


def failures(subject: Mapping[str, Any]) -> list[CheckFailure]:
    """Everything that is wrong with the property `subject`."""
    found: list[CheckFailure] = []
    for name, value in subject.items():
        if name.startswith("__") or value is UNKNOWN or value is None:
            continue
        if name not in SUBJECT_FIELDS:
            found.append(
                CheckFailure("subject", f"a subject has no field {name}: it has {', '.join(SUBJECT_FIELDS)}")
            )
        elif name == "streetAddresses":
            if not isinstance(value, list) or not all(
                isinstance(item, str) or item is UNKNOWN for item in value
            ):
                found.append(CheckFailure("subject", "subject.streetAddresses must be a list of texts"))
            elif len(set(map(repr, value))) != len(value):
                found.append(
                    CheckFailure(
                        "subject", "subject.streetAddresses names the same address twice: name each once"
                    )
                )
        elif not isinstance(value, str):
            found.append(CheckFailure("subject", f"subject.{name} must be a text"))
        elif name == _EMAIL and not value.isascii():
            found.append(
                CheckFailure(
                    "subject",
                    f"subject.emailAddress is {value!r}, which is not ASCII: write the domain in its xn--"
                    " form",
                )
            )
    return found


def _name(fields: Mapping[str, Sequence[str]], extra: Sequence[x509.NameAttribute[str]]) -> x509.Name:
    sets = [
        x509.RelativeDistinguishedName([_attribute(oid, value) for value in fields[name]])
        for name, oid in _FIELDS.items()
        if fields.get(name) and not (name in _SINGLE and not fields[name][0])
    ]
    return x509.Name([*sets, *(x509.RelativeDistinguishedName([attribute]) for attribute in extra)])


def _attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    kind = _ASN1Type.PrintableString if _PRINTABLE.issuperset(value) else _ASN1Type.UTF8String
    return x509.NameAttribute(oid, value, kind, _validate=False)
