"""The inputs of IssuedCertificates, and what is wrong with them. Pure.

`cryptography` is imported only when a PEM is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NotRequired, TypedDict

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import (
    CLIENT_VALIDITY_DAYS,
    KEY_ALGORITHMS,
    check_renewal,
    check_subject,
    check_uri,
)
from alb_mutual_tls.pki.register import member
from alb_mutual_tls.provider.certificate_inputs import (
    ISSUER,
    SubjectInput,
    is_whole,
    issuer_failures,
    subject_faults,
)
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Unknown, has_unknown


class ClientWish(TypedDict):
    """What a client's certificate is to be.

    Of `csrPem`, `publicKeyPem` and `keyAlgorithm` there is one. The last is a member's, whose key
    the register makes.
    """

    csrPem: NotRequired[str | Unknown]
    publicKeyPem: NotRequired[str | Unknown]
    keyAlgorithm: NotRequired[str]
    subject: SubjectInput
    uris: list[str | Unknown] | Unknown
    validityDays: int | Unknown
    renewBeforeDays: int | Unknown


class GroupWish(TypedDict):
    """What the certificates of a group's members are to be.

    `subject` has no common name, which is a member's own; `uriPrefix`: what stands before the name
    in its URI name.
    """

    names: list[str]
    keyAlgorithm: str
    subject: dict[str, str]
    uriPrefix: str | Unknown
    validityDays: int
    renewBeforeDays: int


class RegisterInputs(TypedDict):
    """What the clients of a component are to have.

    `issuer...`: what signs, missing where there are no clients; `existingAuthorityPems`: chains
    that CAS has already, whose names no client may bear, and which make no difference to a
    certificate that was issued; `rootCertificatePems`: the roots that accept what clients present;
    `listeners`: ALBCONFIG:PORT -> whether it demands certificates of them. A change of `listeners`
    alone is not a difference: no provider is asked in a preview about a listener that is taken out
    of the configuration, so the register says what that means.
    """

    issuerCertificatePem: NotRequired[str | Unknown]
    issuerPrivateKeyPem: NotRequired[str | Unknown]
    clients: Mapping[str, ClientWish]
    groups: NotRequired[Mapping[str, GroupWish]]
    existingAuthorityPems: NotRequired[list[str | Unknown] | Unknown]
    rootCertificatePems: list[str | Unknown] | Unknown
    listeners: NotRequired[Mapping[str, bool]]


INPUTS: Final = tuple(RegisterInputs.__annotations__)
STEERING: Final = "renewBeforeDays"
"""Kept in state, but no part of a certificate."""
KEY_OF: Final = ("csrPem", "publicKeyPem", "keyAlgorithm")
_COMMON: Final = ("subject", "uris", "validityDays", STEERING)
_NEEDED: Final = ("clients", "rootCertificatePems")
_OF_GROUP: Final = tuple(GroupWish.__annotations__)


def wishes(inputs: Mapping[str, Any]) -> dict[str, ClientWish]:
    """Return what each client is to have, members of groups by their full names."""
    wanted: dict[str, ClientWish] = dict(inputs.get("clients") or {})
    for group, wish in (inputs.get("groups") or {}).items():
        prefix = wish["uriPrefix"]
        for name in wish["names"]:
            wanted[member(group, name)] = {
                "keyAlgorithm": wish["keyAlgorithm"],
                "subject": {"commonName": name, **wish["subject"]},
                "uris": [prefix if prefix is UNKNOWN else f"{prefix}{name}"],
                "validityDays": wish["validityDays"],
                "renewBeforeDays": wish["renewBeforeDays"],
            }
    return wanted


def known_uris(uris: list[str | Unknown] | Unknown) -> list[str]:
    """The URI names; none while one of them is not known."""
    return [] if uris is UNKNOWN or has_unknown(uris) else [str(uri) for uri in uris]


def check_inputs(inputs: Mapping[str, Any], old: Mapping[str, Any]) -> list[CheckFailure]:
    """Everything that is wrong with the inputs, a sentence each.

    What is not known yet is left for later, and clients that have not changed have passed. The
    engine prints the value of the property that a failure names, so those of clients name none.
    """
    failures = unexpected("IssuedCertificates", inputs, INPUTS)
    for name, holds, sentence in (
        ("clients", _is_object, "clients is not an object: give what each client's certificate is to be"),
        ("groups", _is_object, "groups is not an object: give what the certificates of each group are to be"),
        (
            "listeners",
            _are_switches,
            "listeners is not an object of true and false: give whether each demands certificates",
        ),
        (
            "rootCertificatePems",
            _are_texts,
            "rootCertificatePems is not a list of texts: give root certificates in PEM",
        ),
        (
            "existingAuthorityPems",
            _are_texts,
            "existingAuthorityPems is not a list of texts: give certificate chains in PEM",
        ),
    ):
        if (name in inputs or name in _NEEDED) and not holds(inputs.get(name)):
            failures.append(CheckFailure(name, sentence))
    if failures:
        return failures
    groups = inputs.get("groups", {})
    sentences = [
        *_each("client", inputs["clients"], old.get("clients") or {}, _client_faults),
        *_each("group", groups, old.get("groups") or {}, _group_faults),
    ]
    if (inputs["clients"] or any(wish.get("names") for wish in groups.values())) and not sentences:
        sentences = [
            f"{name} is missing; give it, it signs the clients" for name in ISSUER if name not in inputs
        ]
    return [CheckFailure("", sentence) for sentence in sentences] or issuer_failures(inputs)


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)


def _are_switches(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(on, bool) for on in value.values())


def _are_texts(value: object) -> bool:
    return value is UNKNOWN or (
        isinstance(value, list) and all(item is UNKNOWN or isinstance(item, str) for item in value)
    )


def _each(kind: str, wanted: Mapping[str, Any], old: Mapping[str, Any], faults: Any) -> Iterator[str]:
    for name, wish in wanted.items():
        if wish != old.get(name):
            found = faults(wish) if isinstance(wish, Mapping) else [f"{wish!r} is not an object; give one"]
            yield from (f"{kind} {name}: {sentence}" for sentence in found)


def _client_faults(wish: Mapping[str, Any]) -> list[str]:
    expected = (*KEY_OF[:2], *_COMMON)
    faults = _shape(wish, expected, _COMMON)
    if sum(name in wish for name in KEY_OF[:2]) != 1:
        faults.append("gives not one of csrPem and publicKeyPem; give one of the two")
    if faults:
        return faults
    return [*subject_faults(wish["subject"]), *_uri_faults(wish["uris"]), *_time_faults(wish)] or _key_faults(
        wish
    )


def _group_faults(wish: Mapping[str, Any]) -> list[str]:
    faults = _shape(wish, _OF_GROUP, _OF_GROUP)
    if faults:
        return faults
    names, subject, prefix = wish["names"], wish["subject"], wish["uriPrefix"]
    if not isinstance(names, list) or not all(
        isinstance(name, str) and name and "/" not in name for name in names
    ):
        return ["names is not a list of names; give texts without a slash"]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return [f"the name {twice!r} stands there twice; remove one"]
    if wish["keyAlgorithm"] not in KEY_ALGORITHMS:
        return [f"keyAlgorithm is {wish['keyAlgorithm']!r}; give one of {', '.join(KEY_ALGORITHMS)}"]
    if not isinstance(subject, Mapping) or "commonName" in subject:
        return [
            "subject is not an object of subject fields without commonName, which is each member's name; give"
            " for instance {organizationName: name}"
        ]
    # The common names are checked with the rest of the subject, and the URI names with the first.
    example = {**wish, "uris": [prefix if prefix is UNKNOWN else f"{prefix}{name}" for name in names[:1]]}
    subjects = (sentence for name in names for sentence in check_subject({**subject, "commonName": name}))
    return [*dict.fromkeys(subjects), *_uri_faults(example["uris"]), *_time_faults(example)]


def _shape(wish: Mapping[str, Any], expected: tuple[str, ...], needed: tuple[str, ...]) -> list[str]:
    return [
        *(
            f"unknown property {name}; remove it, the properties are {', '.join(expected)}"
            for name in wish
            if name not in expected
        ),
        *(f"{name} is missing; give it, it needs {', '.join(needed)}" for name in needed if name not in wish),
    ]


def _uri_faults(uris: object) -> list[str]:
    if uris is UNKNOWN:
        return []
    if not isinstance(uris, list):
        return ["uris is not a list of URIs; give for instance [spiffe://example.com/client/name]"]
    known = [uri for uri in uris if uri is not UNKNOWN]
    faults = [sentence for uri in known if (sentence := check_uri(uri))]
    doubled = sorted({uri for uri in known if known.count(uri) > 1}) if not faults else []
    return faults + [f"the URI {uri!r} stands there twice; remove one" for uri in doubled]


def _time_faults(wish: Mapping[str, Any]) -> list[str]:
    faults = [
        f"{name} {wish[name]!r} is not a whole number of days; give one"
        for name in ("validityDays", STEERING)
        if wish[name] is not UNKNOWN and not is_whole(wish[name])
    ]
    validity, renew_before = wish["validityDays"], wish[STEERING]
    if faults or not is_whole(validity):
        return faults
    if validity not in CLIENT_VALIDITY_DAYS:
        first, last = CLIENT_VALIDITY_DAYS[0], CLIENT_VALIDITY_DAYS[-1]
        return [f"validityDays {validity} is outside {first} to {last}; give a number of days in that range"]
    sentence = check_renewal(validity, renew_before) if is_whole(renew_before) else None
    return [sentence] if sentence else []


def _key_faults(wish: Mapping[str, Any]) -> list[str]:
    for name in KEY_OF[:2]:
        if (pem := wish.get(name, UNKNOWN)) is not UNKNOWN:
            if not isinstance(pem, str):
                return [f"{name} is not text; give it in PEM"]
            from alb_mutual_tls.pki.keys import load_public_key
            from alb_mutual_tls.pki.request import SigningRequest

            try:
                SigningRequest.load(pem) if name == "csrPem" else load_public_key(pem)
            except UserError as error:
                return [f"{name}: {error}"]
    return []
