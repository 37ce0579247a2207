"""`AuthorityCertificate`: the self-signed certificate of a generated authority.

It is the documentation's step 1. It is made once, and time never replaces it: listeners may trust
it, and an expired one must not stand in the way of the kill switch.
`tls:index/selfSignedCert:SelfSignedCert`, which earlier versions declared, plans its own
replacement from its end on, whatever options say (ADR 0006). Its states are taken over under an
alias, as they are; hence the name `certPem`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import CA_VALIDITY_DAYS
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.certificate_inputs import (
    SubjectInput,
    is_whole,
    known_subject,
    same,
    subject_faults,
)
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown, has_unknown, known

_INPUTS: Final = ("privateKeyPem", "subject", "validityDays")
_OUTPUTS: Final = ("certPem", "notAfter")
_TLS_SUBJECT: Final = {
    "country": "countryName",
    "province": "stateOrProvinceName",
    "locality": "localityName",
    "organization": "organizationName",
    "organizationalUnit": "organizationalUnitName",
}
"""Subject fields by their names in states of `SelfSignedCert`, where they differ from ours."""


class AuthorityInputs(TypedDict):
    """`validityDays`: 1 to 36500."""

    privateKeyPem: str | Unknown
    subject: SubjectInput
    validityDays: int | Unknown


class AuthorityState(TypedDict):
    """The state; one of `SelfSignedCert` has `validityPeriodHours`."""

    privateKeyPem: str
    subject: Mapping[str, str | None] | None
    validityDays: NotRequired[int]
    validityPeriodHours: NotRequired[int]
    certPem: str
    notAfter: NotRequired[str]


class AuthorityCertificate:
    """The handler. `clock` gives the current moment, with its time zone.

    A change of any input is another authority, hence a replacement.
    """

    token = tokens.AUTHORITY_CERTIFICATE
    secret_outputs = frozenset({"privateKeyPem"})

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Say what is wrong with the inputs.

        No failure names the property of the key: the engine would print it.
        """
        inputs = {key: value for key, value in inputs.items() if value is not None}
        wrong = sorted(inputs.keys() ^ set(_INPUTS))
        if wrong:
            sentence = (
                f"an authority's certificate takes {', '.join(_INPUTS)}: give all of them and nothing else,"
                f" not {', '.join(wrong)}"
            )
            return inputs, [CheckFailure("", sentence)]
        failures = [CheckFailure("subject", fault) for fault in subject_faults(inputs["subject"])]
        days = inputs["validityDays"]
        if days is not UNKNOWN and not (is_whole(days) and days in CA_VALIDITY_DAYS):
            first, last = CA_VALIDITY_DAYS[0], CA_VALIDITY_DAYS[-1]
            sentence = (
                f"validityDays {days!r} is not a whole number from {first} to {last}; give a number of days"
                " in that range"
            )
            failures.append(CheckFailure("validityDays", sentence))
        return inputs, failures

    def diff(
        self,
        request: Request,
        id: str,
        state: AuthorityState,
        old_inputs: AuthorityInputs,
        inputs: AuthorityInputs,
    ) -> Difference:
        """What makes another authority of it; its age does not."""
        before, wanted = _of_tls(state), dict(inputs)
        changes = {
            name: Kind.UPDATE_REPLACE for name in _INPUTS if not same(name, before.get(name), wanted[name])
        }
        return Difference(changes, stables=() if changes else _OUTPUTS)

    def create(self, request: Request, inputs: AuthorityInputs) -> tuple[str, Mapping[str, Any]]:
        """Sign it; the id is the serial number."""
        if request.preview or has_unknown(inputs):
            return "", {**inputs, **dict.fromkeys(_OUTPUTS, UNKNOWN)}
        from alb_mutual_tls.pki import signing
        from alb_mutual_tls.pki.renewal import to_text

        try:
            certificate = signing.root_certificate(
                known(inputs["privateKeyPem"]),
                subject=known_subject(inputs["subject"]) or {},
                validity_days=known(inputs["validityDays"]),
                now=self._clock(),
            )
        except UserError as error:
            raise UserError(f"{request.name}: {error}") from None
        return str(certificate.serial_number), {
            **inputs,
            "certPem": signing.to_pem(certificate),
            "notAfter": to_text(certificate.not_valid_after_utc),
        }

    def read(
        self, request: Request, id: str, inputs: AuthorityInputs, state: AuthorityState
    ) -> Reading | None:
        """Return the state: there is nothing outside of it."""
        if "certPem" not in state:
            raise UserError(
                f"{request.name}: a certificate cannot be imported, for it is kept in the state alone; let"
                " pulumi up issue one"
            )
        return Reading(id, state, inputs)

    def update(
        self,
        request: Request,
        id: str,
        state: AuthorityState,
        old_inputs: AuthorityInputs,
        inputs: AuthorityInputs,
    ) -> Mapping[str, Any]:
        raise AssertionError("nothing about it can be updated")

    def delete(self, request: Request, id: str, inputs: AuthorityInputs, state: AuthorityState) -> None:
        """Forget it."""


def _of_tls(state: AuthorityState) -> Mapping[str, object]:
    """The inputs that a state stands for.

    One of `SelfSignedCert` has them under other names, and lists what was not given as None.
    """
    if "validityPeriodHours" not in state:
        return state
    subject = {
        _TLS_SUBJECT.get(name, name): value for name, value in (state.get("subject") or {}).items() if value
    }
    return {**state, "subject": subject, "validityDays": state["validityPeriodHours"] // 24}
