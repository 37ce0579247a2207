"""`SignedCertificate`: another authority's certificate, signed by one of the stack (cross).

It lives in the state alone. It is signed anew, in place, when an input changes. With `sign: false`
an existing one is kept and none is signed, so that `certificatePem` may be empty.
`cryptography` is imported only when something is to be checked or signed: a preview that changes
nothing does without its 0.1 s.
The version before had one for each client too. Those go from the state, and until then nothing is
done about them (`IssuedCertificates`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.signed_certificate_inputs import CrossInputs, check_inputs, input_changes
from alb_mutual_tls.provider.signed_certificate_state import (
    COMPUTED,
    TO_COME,
    UNSIGNED,
    Computed,
    ComputedToCome,
    SignedState,
    computed_of,
    lost_limits,
)
from alb_mutual_tls.wire import CheckFailure, Properties, has_unknown, known

# kept in state, but no part of the certificate
_STEERING: Final = frozenset({"sign"})
_UNSIGNED: Final = "unsigned"
"""The id of a cross certificate that was not signed yet when its resource was made."""


class SignedCertificate:
    """The handler. `clock` gives the current moment, with its time zone."""

    token = tokens.SIGNED_CERTIFICATE
    secret_outputs = frozenset({"issuerPrivateKeyPem"})

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Say what is wrong with the inputs; those of the last deployment have passed."""
        inputs = {"sign": True, **{key: value for key, value in inputs.items() if value is not None}}
        return inputs, [] if inputs == old_inputs else check_inputs(inputs)

    def diff(
        self, request: Request, id: str, state: SignedState, old_inputs: CrossInputs, inputs: CrossInputs
    ) -> Difference:
        """The inputs that changed, and `certificatePem` where a limit was lost."""
        if state.get("kind") == "client":
            return Difference()
        changes = input_changes(state, inputs)
        if changes.keys() <= _STEERING and lost_limits(state, inputs, self._clock()):
            changes["certificatePem"] = Kind.UPDATE
        return Difference(
            changes,
            stables=COMPUTED if changes.keys() <= _STEERING and not _to_be_signed(state, inputs) else (),
        )

    def create(self, request: Request, inputs: CrossInputs) -> tuple[str, Mapping[str, Any]]:
        """Sign the certificate; the id is the SHA-256 of the first one."""
        computed = self._sign(request, inputs)
        fingerprint = computed["fingerprint"]
        id = "" if request.preview else str(fingerprint) or _UNSIGNED
        return id, {**inputs, **computed}

    def read(self, request: Request, id: str, inputs: CrossInputs, state: SignedState) -> Reading | None:
        """Return the state: there is nothing outside of it."""
        if "certificatePem" not in state:
            raise UserError(
                f"{request.name}: a certificate cannot be imported, for it is kept in the state alone; let"
                " pulumi up issue one"
            )
        return Reading(id, state, inputs)

    def update(
        self, request: Request, id: str, state: SignedState, old_inputs: CrossInputs, inputs: CrossInputs
    ) -> Mapping[str, Any]:
        """Sign the certificate anew, or keep it where the change does not touch it."""
        steering = input_changes(state, inputs).keys() <= _STEERING
        lost = lost_limits(state, inputs, self._clock())
        if steering and not lost and not _to_be_signed(state, inputs):
            kept: Computed = {
                "certificatePem": state["certificatePem"],
                "notBefore": state["notBefore"],
                "notAfter": state["notAfter"],
                "fingerprint": state["fingerprint"],
                "serialNumber": state["serialNumber"],
            }
            return {**inputs, **kept}
        if steering and lost:
            request.warn(
                f"{request.name}: the cross certificate is signed anew, because it lacks {' and '.join(lost)}"
                " of the authority that it certifies, so that whom that one does not allow is let in through"
                " it; hand the bundles with the new one out again, the former one works as before"
            )
        return {**inputs, **self._sign(request, inputs)}

    def delete(self, request: Request, id: str, inputs: CrossInputs, state: SignedState) -> None:
        """Forget it."""

    def _sign(self, request: Request, inputs: CrossInputs) -> Computed | ComputedToCome:
        if inputs.get("sign") is False:
            return UNSIGNED
        if has_unknown(inputs):
            return TO_COME
        from alb_mutual_tls.pki import bundle, signing
        from alb_mutual_tls.pki.cross_certificate import cross_certificate

        try:
            issuer = signing.Issuer.load(
                known(inputs["issuerCertificatePem"]), known(inputs["issuerPrivateKeyPem"])
            )
            subject = bundle.load_one(known(inputs["subjectCertificatePem"]))
            builder = cross_certificate(issuer, subject, now=self._clock())
            return TO_COME if request.preview else computed_of(signing.sign(builder, issuer))
        except UserError as error:
            raise UserError(f"{request.name}: {error}") from None


def _to_be_signed(state: SignedState, inputs: CrossInputs) -> bool:
    return inputs.get("sign") is True and state["certificatePem"] == ""
