"""`SignedCertificate`: a certificate signed by an authority of the stack.

It is a client's, from its CSR, or another authority's (cross). It lives in the state alone. It is
issued anew, in place, when an input changes or when it is due for renewal, and the preview says so.
With `sign: false` an existing cross certificate is kept and none is signed, so that
`certificatePem` may be empty.
`cryptography` is imported only when something is to be checked or signed: a preview that changes
nothing does without its 0.1 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.renewal import RenewalState, from_text, near_end, renewal
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.signed_certificate_inputs import (
    ISSUER,
    SignedInputs,
    check_inputs,
    input_changes,
    known_subject,
    known_uris,
)
from alb_mutual_tls.provider.signed_certificate_state import (
    COMPUTED,
    TO_COME,
    UNSIGNED,
    Computed,
    ComputedToCome,
    SignedState,
    computed_of,
    end_of,
    lost_limits,
)
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, has_unknown, known

if TYPE_CHECKING:
    from cryptography import x509

    from alb_mutual_tls.pki.signing import Issuer


# kept in state, but no part of the certificate
_STEERING: Final = frozenset({"renewBeforeDays", "sign"})
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
        """Say what is wrong with the inputs; those of the last deployment have passed."""
        inputs = {key: value for key, value in inputs.items() if value is not None}
        if inputs.get("kind") == "cross":
            inputs = {"sign": True, **inputs}
        return inputs, [] if inputs == old_inputs else check_inputs(inputs)

    def diff(
        self, request: Request, id: str, state: SignedState, old_inputs: SignedInputs, inputs: SignedInputs
    ) -> Difference:
        """The inputs that changed.

        When none of them asks for a new certificate but its time has come, `notAfter`.
        """
        changes = input_changes(state, inputs)
        if changes.keys() <= _STEERING:
            if (sentence := _named_like_others(inputs)) and self._first(request, "name"):
                request.warn(
                    f"{request.name}: {sentence}"
                )  # no error: it is there, and switching a listener off must work
            renewal_state = self._renewal(state, inputs)
            if renewal_state is RenewalState.DUE:
                changes["notAfter"] = Kind.UPDATE
            elif renewal_state is RenewalState.ENDS_WITH_AUTHORITY and self._first(request, "end"):
                request.warn(
                    f"{request.name}: {end_of(state, self._clock())}, and so does its authority; rotate to a"
                    " new authority"
                )
            if lost_limits(state, inputs, self._clock()):
                changes["certificatePem"] = Kind.UPDATE
        return Difference(
            changes,
            stables=COMPUTED if changes.keys() <= _STEERING and not _to_be_signed(state, inputs) else (),
        )

    def create(self, request: Request, inputs: SignedInputs) -> tuple[str, Mapping[str, Any]]:
        """Issue the certificate; the id is the SHA-256 of the first one."""
        computed = self._issue(request, inputs)
        fingerprint = computed["fingerprint"]
        id = "" if request.preview or fingerprint is UNKNOWN else fingerprint or _UNSIGNED
        return id, {**inputs, **computed, "readyForRenewal": False}

    def read(self, request: Request, id: str, inputs: SignedInputs, state: SignedState) -> Reading | None:
        """Return the state, in which only whether a renewal is due changes by itself."""
        if "certificatePem" not in state:
            raise UserError(
                f"{request.name}: a certificate cannot be imported, for it is kept in the state alone; let"
                " pulumi up issue one"
            )
        due = self._renewal(state, inputs) is RenewalState.DUE
        return Reading(id, {**state, "readyForRenewal": due}, inputs)

    def update(
        self, request: Request, id: str, state: SignedState, old_inputs: SignedInputs, inputs: SignedInputs
    ) -> Mapping[str, Any]:
        """Issue the certificate anew, or keep it where the change does not touch it."""
        changes = input_changes(state, inputs)
        lost = lost_limits(state, inputs, self._clock())
        if changes.keys() <= _STEERING and not _to_be_signed(state, inputs) and not lost:
            if self._renewal(state, inputs) is not RenewalState.DUE:
                kept: Computed = {
                    "certificatePem": state["certificatePem"],
                    "notBefore": state["notBefore"],
                    "notAfter": state["notAfter"],
                    "fingerprint": state["fingerprint"],
                    "serialNumber": state["serialNumber"],
                }
                return {**inputs, **kept, "readyForRenewal": False}
            # The engine's difference shows the old end alone, as if it were removed: no input tells
            # it the new one.
            request.info(f"{request.name}: {end_of(state, self._clock())} and is issued anew")
        elif changes.keys() <= _STEERING and lost:
            request.warn(
                f"{request.name}: the cross certificate is signed anew, because it lacks {' and '.join(lost)}"
                " of the authority that it certifies, so that whom that one does not allow is let in through"
                " it; hand the bundles with the new one out again, the former one works as before"
            )
        elif inputs["kind"] == "client" and from_text(state["notAfter"]) > self._clock():
            # In a rotation both are to be accepted, so only another key, name or validity is a
            # matter of concern.
            if changes.keys() & set(ISSUER):
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
        return {**inputs, **self._issue(request, inputs), "readyForRenewal": False}

    def delete(self, request: Request, id: str, inputs: SignedInputs, state: SignedState) -> None:
        """Forget it.

        Who holds the certificate and its key is let in until it ends: ALB knows no revocation.
        """

    def _first(self, request: Request, what: str) -> bool:
        """Whether this was not said yet: a refresh asks for the difference too."""
        first = (request.urn, what) not in self._warned
        self._warned.add((request.urn, what))
        return first

    def _renewal(self, state: SignedState, inputs: SignedInputs) -> RenewalState:
        if inputs["kind"] != "client":
            return RenewalState.NOT_YET
        now, not_after, days = self._clock(), from_text(state["notAfter"]), inputs["renewBeforeDays"]
        if days is UNKNOWN or not near_end(now, not_after, days):
            return RenewalState.NOT_YET
        from alb_mutual_tls.pki import bundle

        return renewal(
            now, not_after, days, bundle.load_one(state["issuerCertificatePem"]).not_valid_after_utc
        )

    def _issue(self, request: Request, inputs: SignedInputs) -> Computed | ComputedToCome:
        if inputs["kind"] == "cross" and inputs.get("sign") is False:
            return UNSIGNED
        if sentence := _named_like_others(inputs):
            raise UserError(f"{request.name}: {sentence}")
        for left_out in _left_out(inputs):
            request.info(
                f"{request.name}: the request asks for {left_out}, which the configuration does not grant, so"
                " it is left out"
            )
        if has_unknown(inputs):
            return TO_COME
        from alb_mutual_tls.pki import signing

        now = self._clock()
        try:
            issuer = signing.Issuer.load(
                known(inputs["issuerCertificatePem"]), known(inputs["issuerPrivateKeyPem"])
            )
            builder = _wanted(issuer, inputs, now)
            certificate = None if request.preview else signing.sign(builder, issuer)
        except UserError as error:
            raise UserError(f"{request.name}: {error}") from None
        short = (
            signing.shortened(issuer.certificate, known(inputs["validityDays"]), now)
            if inputs["kind"] == "client"
            else None
        )
        if short:
            request.warn(f"{request.name}: {short}")
        return TO_COME if certificate is None else computed_of(certificate)


def _to_be_signed(state: SignedState, inputs: SignedInputs) -> bool:
    return inputs["kind"] == "cross" and inputs.get("sign") is True and state["certificatePem"] == ""


def _wanted(issuer: Issuer, inputs: SignedInputs, now: datetime) -> x509.CertificateBuilder:
    from alb_mutual_tls.pki import bundle, signing
    from alb_mutual_tls.pki.cross_certificate import cross_certificate
    from alb_mutual_tls.pki.request import SigningRequest

    if inputs["kind"] == "cross":
        return cross_certificate(issuer, bundle.load_one(known(inputs["subjectCertificatePem"])), now=now)
    asked = SigningRequest.load(known(inputs["csrPem"]))
    if sentence := asked.named_like(issuer.certificate):
        raise UserError(sentence)
    return signing.client_certificate(
        issuer,
        asked.public_key,
        subject=known_subject(inputs["subject"]) or {},
        uris=known_uris(inputs["uris"]),
        validity_days=known(inputs["validityDays"]),
        now=now,
    )


def _named_like_others(inputs: SignedInputs) -> str | None:
    """A sentence when a client bears the name of one of `existingAuthorityPems`.

    What is not known yet is passed over.
    """
    others = inputs.get("existingAuthorityPems", []) if inputs["kind"] == "client" else []
    subject = known_subject(inputs["subject"]) if inputs["kind"] == "client" else None
    if others is UNKNOWN or not others or subject is None:
        return None
    from alb_mutual_tls.pki import bundle, signing

    authorities = (authority for pem in others if pem is not UNKNOWN for authority in bundle.load(pem))
    return next(
        filter(None, (signing.named_like_authority(subject, authority) for authority in authorities)), None
    )


def _left_out(inputs: SignedInputs) -> list[str]:
    """What a client's request asks for and will not get, as far as it is known.

    URI names that are not known yet grant none.
    """
    if inputs["kind"] != "client" or inputs["csrPem"] is UNKNOWN:
        return []
    subject = known_subject(inputs["subject"])
    if subject is None:
        return []
    from alb_mutual_tls.pki.request import SigningRequest

    return SigningRequest.load(inputs["csrPem"]).left_out(subject, known_uris(inputs["uris"]))
