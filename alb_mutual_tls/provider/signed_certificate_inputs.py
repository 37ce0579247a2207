"""The inputs of a SignedCertificate, and what is wrong with them. Pure.

`cryptography` is imported only when a PEM is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NotRequired, TypedDict, TypeGuard

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import CLIENT_VALIDITY_DAYS, check_renewal, check_subject, check_uri
from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Unknown, has_unknown

SubjectInput = Mapping[str, str | Unknown] | Unknown


class _IssuerInputs(TypedDict):
    issuerCertificatePem: str | Unknown
    issuerPrivateKeyPem: str | Unknown


class ClientInputs(_IssuerInputs):
    """A client's certificate, from its CSR.

    `existingAuthorityPems`: chains that CAS has already, whose names it must not bear. Whoever
    deploys knows them too late for the configuration's check. They make no difference to a
    certificate that was issued.
    """

    kind: Literal["client"]
    csrPem: str | Unknown
    subject: SubjectInput
    uris: list[str | Unknown] | Unknown
    validityDays: int | Unknown
    renewBeforeDays: int | Unknown
    existingAuthorityPems: NotRequired[list[str | Unknown] | Unknown]


class CrossInputs(_IssuerInputs):
    """Another authority's certificate; without `sign` the one there is is kept."""

    kind: Literal["cross"]
    subjectCertificatePem: str | Unknown
    sign: NotRequired[bool | Unknown]


SignedInputs = ClientInputs | CrossInputs
ISSUER: Final = tuple(_IssuerInputs.__annotations__)
OTHERS: Final = "existingAuthorityPems"
PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {
    "client": ("kind", *ISSUER, "csrPem", "subject", "uris", "validityDays", "renewBeforeDays"),
    "cross": ("kind", *ISSUER, "subjectCertificatePem", "sign"),
}


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number, which `True` is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def known_subject(subject: object) -> dict[str, str] | None:
    """The fields of a subject; None while one of them is not known."""
    if not isinstance(subject, Mapping) or has_unknown(subject):
        return None
    return dict(subject)


def known_uris(uris: list[str | Unknown] | Unknown) -> list[str]:
    """The URI names; none while one of them is not known."""
    return [] if uris is UNKNOWN or has_unknown(uris) else [str(uri) for uri in uris]


def input_changes(state: Mapping[str, object], inputs: Mapping[str, object]) -> dict[str, Kind]:
    """The inputs in which the state and the desired ones differ."""
    names = set().union(*PROPERTIES.values())
    changes: dict[str, Kind] = {}
    for name in sorted(names & (state.keys() | inputs.keys())):
        if name not in state:
            changes[name] = Kind.ADD
        elif name not in inputs:
            changes[name] = Kind.DELETE
        elif not same(name, state[name], inputs[name]):
            changes[name] = Kind.UPDATE
    return changes


def same(name: str, old: object, new: object) -> bool:
    """Whether a property is what it was; in PEM, white space makes no difference."""
    if name.endswith("Pem") and isinstance(old, str) and isinstance(new, str):
        return old.split() == new.split()
    return old == new


def check_inputs(inputs: Mapping[str, object]) -> list[CheckFailure]:
    """Everything that is wrong with the inputs, a sentence each.

    What is not known yet is left for later.
    The engine prints the value of the property that a failure names, so a failure of a PEM names
    none: one may be a private key.
    """
    kind = inputs.get("kind")
    if kind is UNKNOWN:
        return []
    if not isinstance(kind, str) or kind not in PROPERTIES:
        return [
            CheckFailure("kind", f"unknown kind of certificate {kind!r}; give one of {', '.join(PROPERTIES)}")
        ]
    expected = PROPERTIES[kind]
    failures = [
        CheckFailure(
            "",
            f"unknown property {name} of a {kind} certificate; remove it, the properties are"
            f" {', '.join(expected)}",
        )
        for name in inputs
        if name not in expected and not (name == OTHERS and kind == "client")
    ]
    failures += [
        CheckFailure("", f"{name} is missing; give it, a {kind} certificate needs {', '.join(expected)}")
        for name in expected
        if name not in inputs
    ]
    return (
        failures
        or [*_text_failures(inputs), *_client_failures(inputs), *_cross_failures(inputs)]
        or _pem_failures(inputs)
    )


def _text_failures(inputs: Mapping[str, object]) -> list[CheckFailure]:
    return [
        CheckFailure("", f"{name} is not text; give it in PEM")
        for name, value in inputs.items()
        if name.endswith("Pem") and value is not UNKNOWN and not isinstance(value, str)
    ]


def _client_failures(inputs: Mapping[str, object]) -> list[CheckFailure]:
    if inputs["kind"] != "client":
        return []
    return [*subject_failures(inputs["subject"]), *_uri_failures(inputs["uris"]), *_time_failures(inputs)]


def _cross_failures(inputs: Mapping[str, object]) -> list[CheckFailure]:
    sign = inputs.get("sign", True)
    return [] if isinstance(sign, bool) else [CheckFailure("sign", f"sign is {sign!r}: give true or false")]


def subject_failures(subject: object) -> list[CheckFailure]:
    """What is wrong with the fields of a subject that are known."""
    if subject is UNKNOWN:
        return []
    if not isinstance(subject, Mapping):
        return [
            CheckFailure(
                "subject", "is not an object of subject fields; give for instance {commonName: name}"
            )
        ]
    if not subject:
        return [CheckFailure("subject", "has no field; give at least commonName")]
    known = {name: value for name, value in subject.items() if value is not UNKNOWN}
    return [CheckFailure("subject", sentence) for sentence in check_subject(known)]


def _uri_failures(uris: object) -> list[CheckFailure]:
    if uris is UNKNOWN:
        return []
    if not isinstance(uris, list):
        return [
            CheckFailure(
                "uris", "is not a list of URIs; give for instance [spiffe://example.com/client/name]"
            )
        ]
    known = [uri for uri in uris if uri is not UNKNOWN]
    failures = [CheckFailure("uris", sentence) for uri in known if (sentence := check_uri(uri))]
    doubled = sorted({uri for uri in known if known.count(uri) > 1}) if not failures else []
    return failures + [
        CheckFailure("uris", f"the URI {uri!r} stands there twice; remove one") for uri in doubled
    ]


def _time_failures(inputs: Mapping[str, object]) -> list[CheckFailure]:
    failures = [
        CheckFailure(name, f"{name} {inputs[name]!r} is not a whole number of days; give one")
        for name in ("validityDays", "renewBeforeDays")
        if inputs[name] is not UNKNOWN and not is_whole(inputs[name])
    ]
    validity, renew_before = inputs["validityDays"], inputs["renewBeforeDays"]
    if failures or not is_whole(validity):
        return failures
    if validity not in CLIENT_VALIDITY_DAYS:
        first, last = CLIENT_VALIDITY_DAYS[0], CLIENT_VALIDITY_DAYS[-1]
        return [
            CheckFailure(
                "validityDays",
                f"validityDays {validity} is outside {first} to {last}; give a number of days in that range",
            )
        ]
    sentence = check_renewal(validity, renew_before) if is_whole(renew_before) else None
    return [CheckFailure("renewBeforeDays", sentence)] if sentence else []


def _pem_failures(inputs: Mapping[str, object]) -> list[CheckFailure]:
    from alb_mutual_tls.pki import bundle, keys
    from alb_mutual_tls.pki.request import SigningRequest

    readers: dict[str, Callable[[str], object]] = {
        "issuerCertificatePem": bundle.load_one,
        "issuerPrivateKeyPem": keys.load_private_key,
        "csrPem": SigningRequest.load,
        "subjectCertificatePem": bundle.load_one,
    }
    failures = []
    for name, reader in readers.items():
        if isinstance(text := inputs.get(name), str):
            try:
                reader(text)
            except UserError as error:
                failures.append(CheckFailure("", f"{name}: {error}"))
    return failures or _issuer_failures(inputs)


def _issuer_failures(inputs: Mapping[str, object]) -> list[CheckFailure]:
    from alb_mutual_tls.pki import bundle, signing
    from alb_mutual_tls.pki.request import SigningRequest

    certificate, key, request = (inputs.get(name) for name in (*ISSUER, "csrPem"))
    failures = []
    if isinstance(certificate, str) and isinstance(key, str):
        try:
            signing.Issuer.load(certificate, key)
        except UserError as error:
            failures.append(CheckFailure("", f"issuerPrivateKeyPem: {error}"))
    if inputs["kind"] != "client" or not isinstance(certificate, str):
        return failures
    authority = bundle.load_one(certificate)
    subject = known_subject(inputs["subject"])
    if subject is not None and (sentence := signing.named_like_authority(subject, authority)):
        failures.append(CheckFailure("subject", sentence))
    if isinstance(request, str) and (sentence := SigningRequest.load(request).named_like(authority)):
        failures.append(CheckFailure("", f"csrPem: {sentence}"))
    return failures
