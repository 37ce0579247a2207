"""Define our certificates as data, and check what a user may ask of them.

Nothing here imports `cryptography`. Every preview reads these rules, and importing that package
takes 0.1 s.

Sources: RFC 5280 (the profile, and the upper bounds of its appendix A.1), RFC 3986 (URIs), the
SPIFFE ID specification.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

Subject = Mapping[str, str]
"""The fields of a subject by their names in `SUBJECT_FIELDS`."""


@dataclass(frozen=True)
class SubjectField:
    """An attribute type of a distinguished name: its OID and its upper bound.

    The bound is in characters (RFC 5280, appendix A.1).
    """

    oid: str
    limit: int


SUBJECT_FIELDS: Final[Mapping[str, SubjectField]] = {
    "countryName": SubjectField("2.5.4.6", 2),
    "stateOrProvinceName": SubjectField("2.5.4.8", 128),
    "localityName": SubjectField("2.5.4.7", 128),
    "organizationName": SubjectField("2.5.4.10", 64),
    "organizationalUnitName": SubjectField("2.5.4.11", 64),
    "commonName": SubjectField("2.5.4.3", 64),
    "emailAddress": SubjectField("1.2.840.113549.1.9.1", 255),
}
"""The fields that the documentation asks for, in the order in which they stand in a certificate."""


@dataclass(frozen=True)
class KeyAlgorithm:
    """How a private key is made; the parameters are those of pulumi-tls."""

    algorithm: Literal["RSA", "ECDSA"]
    rsa_bits: int | None = None
    ecdsa_curve: Literal["P256", "P384"] | None = None


KEY_ALGORITHMS: Final[Mapping[str, KeyAlgorithm]] = {
    "RSA-4096": KeyAlgorithm("RSA", rsa_bits=4096),
    "RSA-3072": KeyAlgorithm("RSA", rsa_bits=3072),
    "RSA-2048": KeyAlgorithm("RSA", rsa_bits=2048),
    "ECDSA-P256": KeyAlgorithm("ECDSA", ecdsa_curve="P256"),
    "ECDSA-P384": KeyAlgorithm("ECDSA", ecdsa_curve="P384"),
}
"""What a key may be. No Ed25519: ALB documents RSA and ECC only."""


@dataclass(frozen=True)
class Profile:
    """The extensions of a certificate.

    `path_length` None sets no limit; `key_usage` holds names of RFC 5280 section 4.2.1.3,
    `extended_key_usage` OIDs of 4.2.1.12.
    """

    authority: bool
    path_length: int | None
    key_usage: frozenset[str]
    extended_key_usage: tuple[str, ...] = ()


CLIENT_AUTHENTICATION: Final = "1.3.6.1.5.5.7.3.2"
SERVER_AUTHENTICATION: Final = "1.3.6.1.5.5.7.3.1"

# Without a path length: a rotation (cross certificate) and an intermediate together need depth, and
# a ten-year root cannot be mended later.
CA_PROFILE: Final = Profile(authority=True, path_length=None, key_usage=frozenset({"keyCertSign", "cRLSign"}))
CLIENT_PROFILE: Final = Profile(
    authority=False,
    path_length=None,
    key_usage=frozenset({"digitalSignature"}),
    extended_key_usage=(CLIENT_AUTHENTICATION,),
)

BACKDATE: Final = timedelta(minutes=5)
"""How long before its signing a certificate begins to be valid: a verifier's clock may be slow."""

CA_VALIDITY_DAYS: Final = range(1, 36501)
"""A root may last 1 day to 100 years; the documentation's lasts 3650 days."""
CLIENT_VALIDITY_DAYS: Final = range(1, 3651)
"""A client certificate may last 1 day to the ten years of the documentation: ALB knows no
revocation, so much less is better.
"""

_COUNTRY: Final = re.compile(r"[A-Z]{2}")
EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_URI: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)"
)
_SPIFFE: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+)*")
_URI_LIMIT: Final = 2048


def check_subject(fields: Mapping[str, object]) -> list[str]:
    """Return everything that is wrong with a subject's fields.

    Each fault is one sentence: value, rule, remedy. Having no fields at all is not an error here.
    """
    problems = [
        f"{name} is not a subject field; the fields are {', '.join(SUBJECT_FIELDS)}"
        for name in fields
        if name not in SUBJECT_FIELDS
    ]
    for name in SUBJECT_FIELDS:
        if name in fields:
            problem = _check_field(name, fields[name])
            problems += [problem] if problem else []
    return problems


def _check_field(name: str, value: object) -> str | None:
    if not isinstance(value, str):
        return f"{name} {value!r} is not text; put it in quotes"
    if not value.strip():
        return f"{name} is empty; give a value, or remove the field"
    if value != value.strip():
        return f"{name} {value!r} begins or ends with white space; remove that"
    if any(unicodedata.category(character).startswith("C") for character in value):
        return f"{name} {value!r} holds a control character or one that cannot be seen; remove it"
    if name == "countryName":
        if not _COUNTRY.fullmatch(value):
            return (
                f"countryName {value!r} is not a country code of two capital letters (ISO 3166), for instance"
                " 'CN'; change it or remove the field"
            )
        return None
    # A bound of X.520 is in characters, but cryptography counts the bytes of a common name, and so
    # do other verifiers.
    unit, length = (
        ("bytes of UTF-8", len(value.encode())) if name == "commonName" else ("characters", len(value))
    )
    if length > SUBJECT_FIELDS[name].limit:
        return (
            f"{name} {value!r} is {length} {unit} long and may have {SUBJECT_FIELDS[name].limit}; shorten it"
        )
    if name == "emailAddress" and not EMAIL.fullmatch(value):
        return (
            f"emailAddress {value!r} is not an address of the form name@example.com; change it or remove the"
            " field"
        )
    return None


def check_uri(uri: object) -> str | None:
    """Return what is wrong with a URI name of a certificate, or None.

    The fault is one sentence. The URI must be absolute and in ASCII (RFC 5280 section 4.2.1.6).
    """
    if not isinstance(uri, str):
        return f"the URI {uri!r} is not text; put it in quotes"
    if len(uri) > _URI_LIMIT:
        return f"the URI {uri[:40]!r}... is {len(uri)} characters long and may have {_URI_LIMIT}; shorten it"
    match = _URI.fullmatch(uri)
    if not match or not match["rest"].strip("/?#"):
        return (
            f"the URI {uri!r} is not an absolute URI in ASCII, for instance spiffe://example.com/client/name;"
            " change it"
        )
    if match["scheme"].casefold() == "spiffe" and not _SPIFFE.fullmatch(uri):
        return (
            f"the URI {uri!r} is not a SPIFFE ID: spiffe://, a trust domain of a-z 0-9 . _ -, then segments"
            " of letters, digits . _ -; change it"
        )
    return None


def renewal_days(validity_days: int, renew_before_days: int | None) -> int:
    """Return how many days before its end a certificate is renewed, where nothing is said too."""
    if renew_before_days is not None:
        return renew_before_days
    return min(30, max(1, validity_days // 3), validity_days - 1)


def check_renewal(validity_days: int, renew_before_days: int) -> str | None:
    """Return what is wrong with the renewal time of a client certificate, or None.

    The fault is one sentence. Both arguments are in days.
    """
    if renew_before_days < 0:
        return f"renewBeforeDays {renew_before_days} is less than 0; give 0 to {validity_days - 1}"
    if renew_before_days >= validity_days:
        return (
            f"renewBeforeDays {renew_before_days} is not less than validityDays {validity_days}, so that the"
            f" certificate would be due at once; give at most {validity_days - 1}"
        )
    return None


def same_subject(subject: Subject, other: Subject) -> bool:
    """Return whether two subjects are one name to a verifier.

    Case and white space do not count (RFC 5280 section 7.1).
    """
    return {name: normalized(value) for name, value in subject.items()} == {
        name: normalized(value) for name, value in other.items()
    }


def normalized(value: str) -> str:
    """Return an attribute's value as verifiers compare it.

    Compatibility forms and case are folded, and white space is collapsed (RFC 5280 section 7.1).
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return " ".join(folded.split())
