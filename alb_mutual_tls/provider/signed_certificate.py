"""`albmtls:index:SignedCertificate`: a certificate signed by an authority of the stack, of a client
(from its CSR) or of another authority (cross).

It lives in the state alone. It is issued anew, in place, when an input changes or when it is due
for renewal, and the preview says so. A cross certificate may be wished with `sign` false: then one
that was signed before is kept, and none is signed, so that `certificatePem` may be empty.
`cryptography` is imported only when something is to be checked or signed: a preview that changes
nothing does without its 0.1 s.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import CLIENT_VALIDITY_DAYS, check_renewal, check_subject, check_uri
from alb_mutual_tls.pki.renewal import RenewalState, days_left, from_text, near_end, renewal, to_text
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, has_unknown

if TYPE_CHECKING:
    from cryptography import x509

    from alb_mutual_tls.pki.signing import Issuer

_ISSUER: Final = ("issuerCertificatePem", "issuerPrivateKeyPem")
_PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {
    "client": ("kind", *_ISSUER, "csrPem", "subject", "uris", "validityDays", "renewBeforeDays"),
    "cross": ("kind", *_ISSUER, "subjectCertificatePem", "sign"),
}
_OTHERS: Final = "existingAuthorityPems"
"""Optional for a client: chains that CAS has already, whose names it must not bear. Whoever deploys
knows them too late for the configuration's check. They make no difference to a certificate that was
issued.
"""
_COMPUTED: Final = ("certificatePem", "notBefore", "notAfter", "fingerprint", "serialNumber")
# kept in state, but no part of the certificate
_STEERING: Final = frozenset({"renewBeforeDays", "sign"})
_LIMITS: Final = tuple(map(bytes.fromhex, ("30060101ff0201", "0603551d25", "0603551d20", "0603551d1e")))
"""The DER of what limits an authority: path length, and the object identifiers of extended key
usage, certificate policies and name constraints.
"""
_UNSIGNED: Final = "unsigned"
"""The id of a cross certificate that was not signed yet when its resource was made."""


class SignedCertificate:
    """The handler. `clock` gives the current moment, with its time zone."""

    token = tokens.SIGNED_CERTIFICATE
    secret_outputs = frozenset({"issuerPrivateKeyPem"})

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock
        self._warned: set[tuple[str, str]] = set()

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Everything wrong with the inputs; those of the last deployment have passed already."""
        inputs = {key: value for key, value in inputs.items() if value is not None}
        if inputs.get("kind") == "cross":
            inputs = {"sign": True, **inputs}
        return inputs, [] if inputs == old_inputs else check_inputs(inputs)

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        """The inputs that changed; when none of them asks for a new certificate but its time has
        come, `notAfter`.
        """
        changes = input_changes(state, inputs)
        if changes.keys() <= _STEERING:
            if (sentence := _named_like_others(inputs)) and self._first(request, "name"):
                request.warn(
                    f"{request.name}: {sentence}"
                )  # no error: it is there, and switching a listener off must work
            found = self._renewal(state, inputs)
            if found is RenewalState.DUE:
                changes["notAfter"] = Kind.UPDATE
            elif found is RenewalState.ENDS_WITH_AUTHORITY and self._first(request, "end"):
                request.warn(
                    f"{request.name}: {_end(state, self._clock())}, and so does its authority; rotate to a"
                    " new authority"
                )
            if _lost_limits(state, inputs, self._clock()):
                changes["certificatePem"] = Kind.UPDATE
        return Difference(
            changes,
            stables=_COMPUTED if changes.keys() <= _STEERING and not _to_be_signed(state, inputs) else (),
        )

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        """Issue the certificate; the id is the SHA-256 of the first one."""
        outputs = self._issue(request, inputs)
        return ("", outputs) if request.preview else (outputs["fingerprint"] or _UNSIGNED, outputs)

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        """The state is the only place of this resource; only whether its renewal is due changes by
        itself.
        """
        if "certificatePem" not in state:
            raise UserError(
                f"{request.name}: a certificate cannot be imported, for it is kept in the state alone; let"
                " pulumi up issue one"
            )
        due = self._renewal(state, inputs) is RenewalState.DUE
        return Reading(id, {**state, "readyForRenewal": due}, inputs)

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        """Issue the certificate anew, or keep it where the change does not touch it."""
        changes = input_changes(state, inputs)
        lost = _lost_limits(state, inputs, self._clock())
        if changes.keys() <= _STEERING and not _to_be_signed(state, inputs) and not lost:
            if self._renewal(state, inputs) is not RenewalState.DUE:
                return {**inputs, **{key: state[key] for key in _COMPUTED}, "readyForRenewal": False}
            # The engine's difference shows the old end alone, as if it were removed: no input tells
            # it the new one.
            request.info(f"{request.name}: {_end(state, self._clock())} and is issued anew")
        elif changes.keys() <= _STEERING and lost:
            request.warn(
                f"{request.name}: the cross certificate is signed anew, because it lacks {' and '.join(lost)}"
                " of the authority that it certifies, so that whom that one does not allow is let in through"
                " it; hand the bundles with the new one out again, the former one works as before"
            )
        elif inputs["kind"] == "client" and from_text(state["notAfter"]) > self._clock():
            # In a rotation both are to be accepted, so only another key, name or validity is a
            # matter of concern.
            if changes.keys() & set(_ISSUER):
                sentence = (
                    "issued anew by another authority, and the former certificate counts only where its own"
                    " is still trusted"
                )
                request.info(f"{request.name}: {sentence}")
            else:
                request.warn(
                    f"{request.name}: issued anew because of {', '.join(sorted(changes.keys() - _STEERING))},"
                    f" but whoever holds the former certificate is let in until {state['notAfter']} wherever"
                    " its authority is trusted, and only a cut-off ends it earlier (docs/rotation.md)"
                )
        return self._issue(request, inputs)

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Forget it.

        Who holds the certificate and its key is let in until it ends: ALB knows no revocation.
        """

    def _first(self, request: Request, what: str) -> bool:
        """Whether this was not said of the resource yet: a refresh asks for the difference too."""
        first = (request.urn, what) not in self._warned
        self._warned.add((request.urn, what))
        return first

    def _renewal(self, state: Properties, inputs: Properties) -> RenewalState:
        if inputs.get("kind") != "client":
            return RenewalState.NOT_YET
        now, not_after, days = self._clock(), from_text(state["notAfter"]), inputs["renewBeforeDays"]
        if days is UNKNOWN or not near_end(now, not_after, days):
            return RenewalState.NOT_YET
        from alb_mutual_tls.pki import bundle

        return renewal(
            now, not_after, days, bundle.load_one(state["issuerCertificatePem"]).not_valid_after_utc
        )

    def _issue(self, request: Request, inputs: Properties) -> Properties:
        if inputs.get("sign") is False:
            return {**inputs, **dict.fromkeys(_COMPUTED, ""), "readyForRenewal": False}
        if sentence := _named_like_others(inputs):
            raise UserError(f"{request.name}: {sentence}")
        for left_out in _left_out(inputs):
            request.info(
                f"{request.name}: the request asks for {left_out}, which the configuration does not grant, so"
                " it is left out"
            )
        if has_unknown(inputs):
            return {**inputs, **dict.fromkeys(_COMPUTED, UNKNOWN), "readyForRenewal": False}
        from alb_mutual_tls.pki import signing

        now = self._clock()
        try:
            issuer = signing.Issuer.load(inputs["issuerCertificatePem"], inputs["issuerPrivateKeyPem"])
            builder = _wanted(issuer, inputs, now)
            certificate = None if request.preview else signing.sign(builder, issuer)
        except UserError as error:
            raise UserError(f"{request.name}: {error}") from None
        short = (
            signing.shortened(issuer.certificate, inputs["validityDays"], now)
            if inputs["kind"] == "client"
            else None
        )
        if short:
            request.warn(f"{request.name}: {short}")
        computed = dict.fromkeys(_COMPUTED, UNKNOWN) if certificate is None else _computed(certificate)
        return {**inputs, **computed, "readyForRenewal": False}


def _to_be_signed(state: Properties, inputs: Properties) -> bool:
    return inputs.get("sign") is True and state["certificatePem"] == ""


def _lost_limits(state: Properties, inputs: Properties, now: datetime) -> list[str]:
    """The limits that a cross certificate in the state should have and lacks; none of one that has
    ended, since there is none better to be had.
    """
    if inputs.get("sign") is not True or not state["certificatePem"] or from_text(state["notAfter"]) <= now:
        return []
    from alb_mutual_tls.pki import bundle

    subject = state["subjectCertificatePem"]
    encoded = base64.b64decode("".join(bundle.split(subject)[0].splitlines()[1:-1]))
    if not any(limit in encoded for limit in _LIMITS):
        return []
    from alb_mutual_tls.pki import signing

    return signing.lost_limits(bundle.load_one(state["certificatePem"]), bundle.load_one(subject))


def _wanted(issuer: Issuer, inputs: Properties, now: datetime) -> x509.CertificateBuilder:
    from alb_mutual_tls.pki import bundle, signing
    from alb_mutual_tls.pki.request import SigningRequest

    if inputs["kind"] == "cross":
        return signing.cross_certificate(issuer, bundle.load_one(inputs["subjectCertificatePem"]), now=now)
    asked = SigningRequest.load(inputs["csrPem"])
    if sentence := asked.named_like(issuer.certificate):
        raise UserError(sentence)
    return signing.client_certificate(
        issuer,
        asked.public_key,
        subject=inputs["subject"],
        uris=inputs["uris"],
        validity_days=inputs["validityDays"],
        now=now,
    )


def _named_like_others(inputs: Properties) -> str | None:
    """A sentence when a client bears the name of a certificate of `existingAuthorityPems`, as far
    as they are known.
    """
    others = inputs.get(_OTHERS, [])
    if others is UNKNOWN or not others or has_unknown(inputs["subject"]):
        return None
    from alb_mutual_tls.pki import bundle, signing

    certificates = [certificate for pem in others if pem is not UNKNOWN for certificate in bundle.load(pem)]
    return next(
        (found for one in certificates if (found := signing.named_like_authority(inputs["subject"], one))),
        None,
    )


def _left_out(inputs: Properties) -> list[str]:
    """What a client's request asks for in vain, as far as it is known; URI names that are not known
    yet grant none.
    """
    if inputs["kind"] != "client" or has_unknown([inputs["csrPem"], inputs["subject"]]):
        return []
    from alb_mutual_tls.pki.request import SigningRequest

    return SigningRequest.load(inputs["csrPem"]).left_out(
        inputs["subject"], [] if has_unknown([inputs["uris"]]) else inputs["uris"]
    )


def _computed(certificate: x509.Certificate) -> Properties:
    from alb_mutual_tls.pki import bundle, signing

    pem = signing.to_pem(certificate)
    return {
        "certificatePem": pem,
        "notBefore": to_text(certificate.not_valid_before_utc),
        "notAfter": to_text(certificate.not_valid_after_utc),
        "fingerprint": bundle.fingerprint(pem),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def _end(state: Properties, now: datetime) -> str:
    left = days_left(now, from_text(state["notAfter"]))
    return (
        f"the certificate ended on {state['notAfter']}"
        if left < 0
        else f"the certificate ends on {state['notAfter']} ({left} days left)"
    )


def input_changes(state: Properties, inputs: Properties) -> dict[str, Kind]:
    """The inputs in which the state and the wish differ; in PEM, white space makes no
    difference.
    """
    names = set().union(*_PROPERTIES.values())
    changes: dict[str, Kind] = {}
    for name in sorted(names & (state.keys() | inputs.keys())):
        if name not in state:
            changes[name] = Kind.ADD
        elif name not in inputs:
            changes[name] = Kind.DELETE
        elif not same(name, state[name], inputs[name]):
            changes[name] = Kind.UPDATE
    return changes


def same(name: str, old: Any, new: Any) -> bool:
    """Whether a property is what it was; in PEM, white space makes no difference."""
    if name.endswith("Pem") and isinstance(old, str) and isinstance(new, str):
        return old.split() == new.split()
    return bool(old == new)


# --- what is wrong with inputs


def check_inputs(inputs: Properties) -> list[CheckFailure]:
    """Everything that is wrong with the inputs, a sentence each; what is not known yet is left for
    later.

    The engine prints the value of the property that a failure names, so a failure of a PEM names
    none: one may be a private key.
    """
    kind = inputs.get("kind")
    if kind is UNKNOWN:
        return []
    if not isinstance(kind, str) or kind not in _PROPERTIES:
        return [
            CheckFailure("kind", f"{kind!r} is no kind of certificate; give one of {', '.join(_PROPERTIES)}")
        ]
    expected = _PROPERTIES[kind]
    failures = [
        CheckFailure(
            "",
            f"{name} is no property of a {kind} certificate; remove it, the properties are"
            f" {', '.join(expected)}",
        )
        for name in inputs
        if name not in expected and not (name == _OTHERS and kind == "client")
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


def _text_failures(inputs: Properties) -> list[CheckFailure]:
    return [
        CheckFailure("", f"{name} is not text; give it in PEM")
        for name, value in inputs.items()
        if name.endswith("Pem") and value is not UNKNOWN and not isinstance(value, str)
    ]


def _client_failures(inputs: Properties) -> list[CheckFailure]:
    if inputs["kind"] != "client":
        return []
    return [*subject_failures(inputs["subject"]), *_uri_failures(inputs["uris"]), *_time_failures(inputs)]


def _cross_failures(inputs: Properties) -> list[CheckFailure]:
    sign = inputs.get("sign", True)
    return [] if isinstance(sign, bool) else [CheckFailure("sign", f"sign is {sign!r}: give true or false")]


def subject_failures(subject: Any) -> list[CheckFailure]:
    """What is wrong with the fields of a subject; fields that are not known yet are passed over."""
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


def _uri_failures(uris: Any) -> list[CheckFailure]:
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


def _time_failures(inputs: Properties) -> list[CheckFailure]:
    failures = [
        CheckFailure(name, f"{name} {inputs[name]!r} is not a whole number of days; give one")
        for name in ("validityDays", "renewBeforeDays")
        if inputs[name] is not UNKNOWN
        and (not isinstance(inputs[name], int) or isinstance(inputs[name], bool))
    ]
    validity, renew_before = inputs["validityDays"], inputs["renewBeforeDays"]
    if failures or validity is UNKNOWN:
        return failures
    if validity not in CLIENT_VALIDITY_DAYS:
        first, last = CLIENT_VALIDITY_DAYS[0], CLIENT_VALIDITY_DAYS[-1]
        return [
            CheckFailure(
                "validityDays",
                f"validityDays {validity} is outside {first} to {last}; give a number of days in that range",
            )
        ]
    sentence = None if renew_before is UNKNOWN else check_renewal(validity, renew_before)
    return [CheckFailure("renewBeforeDays", sentence)] if sentence else []


def _pem_failures(inputs: Properties) -> list[CheckFailure]:
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
        if isinstance(inputs.get(name), str):
            try:
                reader(inputs[name])
            except UserError as error:
                failures.append(CheckFailure("", f"{name}: {error}"))
    return failures or _issuer_failures(inputs)


def _issuer_failures(inputs: Properties) -> list[CheckFailure]:
    from alb_mutual_tls.pki import bundle, signing
    from alb_mutual_tls.pki.request import SigningRequest

    certificate, key = (inputs[name] for name in _ISSUER)
    failures = []
    if certificate is not UNKNOWN and key is not UNKNOWN:
        try:
            signing.Issuer.load(certificate, key)
        except UserError as error:
            failures.append(CheckFailure("", f"issuerPrivateKeyPem: {error}"))
    if inputs["kind"] == "client" and not has_unknown([certificate, inputs["subject"]]):
        sentence = signing.named_like_authority(inputs["subject"], bundle.load_one(certificate))
        failures += [CheckFailure("subject", sentence)] if sentence else []
    if inputs["kind"] == "client" and not has_unknown([certificate, inputs["csrPem"]]):
        sentence = SigningRequest.load(inputs["csrPem"]).named_like(bundle.load_one(certificate))
        failures += [CheckFailure("", f"csrPem: {sentence}")] if sentence else []
    return failures
