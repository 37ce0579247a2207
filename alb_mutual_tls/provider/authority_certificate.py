"""`albmtls:index:AuthorityCertificate`: the self-signed certificate of a generated authority (the
documentation's step 1).

It is made once, and time never replaces it: listeners may trust it, and an expired one must not
stand in the way of the kill switch. `tls:index/selfSignedCert:SelfSignedCert`, which earlier
versions declared, plans its own replacement from its end on, whatever options say (ADR 0006). Its
states are taken over under an alias, as they are; hence the name `certPem`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import CA_VALIDITY_DAYS
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.signed_certificate_inputs import same, subject_failures
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, has_unknown

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


class AuthorityCertificate:
    """The handler. `clock` gives the current moment, with its time zone.

    Inputs: `privateKeyPem` (a secret), `subject` (fields of `SUBJECT_FIELDS`), `validityDays` (1 to
    36500). Outputs: `certPem`, `notAfter` (RFC 3339). A change of any input is another authority,
    hence a replacement.
    """

    token = tokens.AUTHORITY_CERTIFICATE
    secret_outputs = frozenset({"privateKeyPem"})

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Everything that is wrong with the inputs, without naming the property of a key: the
        engine would print it.
        """
        inputs = {key: value for key, value in inputs.items() if value is not None}
        wrong = sorted(inputs.keys() ^ set(_INPUTS))
        if wrong:
            sentence = (
                f"an authority's certificate takes {', '.join(_INPUTS)}: give all of them and nothing else,"
                f" not {', '.join(wrong)}"
            )
            return inputs, [CheckFailure("", sentence)]
        failures = subject_failures(inputs["subject"])
        days = inputs["validityDays"]
        if days is not UNKNOWN and (
            not isinstance(days, int) or isinstance(days, bool) or days not in CA_VALIDITY_DAYS
        ):
            first, last = CA_VALIDITY_DAYS[0], CA_VALIDITY_DAYS[-1]
            sentence = (
                f"validityDays {days!r} is no whole number from {first} to {last}; give a number of days in"
                " that range"
            )
            failures.append(CheckFailure("validityDays", sentence))
        return inputs, failures

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        """What makes another authority of it; its age does not."""
        before = _of_tls(state)
        changes = {
            name: Kind.UPDATE_REPLACE for name in _INPUTS if not same(name, before.get(name), inputs[name])
        }
        return Difference(changes, stables=() if changes else _OUTPUTS)

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        """Sign it; the id is the serial number."""
        if request.preview or has_unknown(inputs):
            return "", {**inputs, **dict.fromkeys(_OUTPUTS, UNKNOWN)}
        from alb_mutual_tls.pki import signing
        from alb_mutual_tls.pki.renewal import to_text

        try:
            made = signing.root_certificate(
                inputs["privateKeyPem"],
                subject=inputs["subject"],
                validity_days=inputs["validityDays"],
                now=self._clock(),
            )
        except UserError as error:
            raise UserError(f"{request.name}: {error}") from None
        return str(made.serial_number), {
            **inputs,
            "certPem": signing.to_pem(made),
            "notAfter": to_text(made.not_valid_after_utc),
        }

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        """The state is the only place of it."""
        if "certPem" not in state:
            raise UserError(
                f"{request.name}: a certificate cannot be imported, for it is kept in the state alone; let"
                " pulumi up issue one"
            )
        return Reading(id, state, inputs)

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        raise AssertionError("nothing about it can be updated")

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Forget it."""


def _of_tls(state: Properties) -> Properties:
    """The inputs that a state stands for; one of `SelfSignedCert` has them under other names, and
    lists what was not given as None.
    """
    if "validityPeriodHours" not in state:
        return state
    subject = {
        _TLS_SUBJECT.get(name, name): value for name, value in (state.get("subject") or {}).items() if value
    }
    return {**state, "subject": subject, "validityDays": state["validityPeriodHours"] // 24}
