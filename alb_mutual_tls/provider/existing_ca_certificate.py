"""`ExistingCaCertificate`: a CA certificate that somebody else has put into CAS.

It is known by its id. It is looked up and compared, never written or deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.bundle import fingerprint, split
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.provider.outage import raise_unless_tolerable
from alb_mutual_tls.wire import CheckFailure, Properties, Unknown

_OF_A_SERVER: Final = re.compile(r"\d+-[a-z]{2}-[a-z]+(-\d+)?")
"""`1234567-cn-hangzhou`, `1234567-ap-southeast-1`; ids of CA certificates are opaque (a UUID, 14 to
32 hex digits).
"""


class ExistingCaInputs(TypedDict):
    """The inputs once they are checked.

    `demanded`: whether a listener asks for certificates of it now. Only then it matters that
    somebody has deleted it.
    """

    caCertificateId: str
    demanded: bool | Unknown


class ExistingCaState(TypedDict):
    """What CAS has shown. `fingerprint`: SHA-256 of its first certificate."""

    caCertificateId: str
    certificatePem: str
    fingerprint: str
    account: NotRequired[str]
    missing: NotRequired[bool]


class ExistingCaCertificate:
    """The handler. `clock` gives the current moment."""

    token = tokens.EXISTING_CA_CERTIFICATE
    secret_outputs: frozenset[str] = frozenset()

    def __init__(self, configuration: Configuration, clock: Callable[[], datetime] = now) -> None:
        self._configuration = configuration
        self._clock = clock

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        given = {key: value for key, value in inputs.items() if value is not None}
        failures = unexpected("ExistingCaCertificate", given, tuple(ExistingCaInputs.__annotations__))
        identifier = inputs.get("caCertificateId")
        if not isinstance(identifier, str) or not identifier.strip():
            failures.append(
                CheckFailure(
                    "caCertificateId",
                    f"caCertificateId is {identifier!r}: give the id of a CA certificate in CAS",
                )
            )
        return {"caCertificateId": identifier, "demanded": inputs.get("demanded", True)}, failures

    def diff(
        self,
        request: Request,
        id: str,
        state: ExistingCaState,
        old_inputs: ExistingCaInputs,
        inputs: ExistingCaInputs,
    ) -> Difference:
        if inputs["caCertificateId"] != state.get("caCertificateId") or (
            state.get("missing") and inputs.get("demanded") is not False
        ):
            return Difference({"caCertificateId": Kind.UPDATE_REPLACE})
        return Difference(stables=("caCertificateId", "certificatePem", "fingerprint", "account"))

    def create(self, request: Request, inputs: ExistingCaInputs) -> tuple[str, Mapping[str, Any]]:
        identifier = inputs["caCertificateId"]
        account = self._configuration.account_id()
        from alb_mutual_tls.pki import brought

        pem = self._look(request, identifier)
        if pem is None and _OF_A_SERVER.fullmatch(identifier):
            raise UserError(
                f"there is no CA certificate {identifier} in CAS of account {account}: that is how the ids of"
                " server certificates look; set caCertificateId to an id of the list of CA certificates,"
                " which has no region at its end"
            )
        if pem is None:
            raise UserError(
                f"there is no CA certificate {identifier} in CAS of account {account}: correct"
                " caCertificateId, or check accountType and credentials"
            )
        if faults := brought.trust_faults(pem, self._clock()):
            raise UserError(f"the CA certificate {identifier} cannot be used: {'; '.join(faults)}")
        if brought.is_root_of_version_1(pem):
            request.warn(
                f"the CA certificate {identifier} is an X.509 v1 root, as the documentation's commands make"
                " it: listeners trust it, but this stack signs nothing with it, and strict verifiers refuse"
                " it; change to an authority of version 3 when you can"
            )
        if len(split(pem)) > 1:
            request.warn(
                f"the CA certificate {identifier} is a chain: listeners that trust it let everybody below its"
                " root in"
            )
        return identifier, {
            **inputs,
            "certificatePem": pem,
            "fingerprint": fingerprint(pem),
            "account": account,
        }

    def read(
        self, request: Request, id: str, inputs: ExistingCaInputs, state: ExistingCaState
    ) -> Reading | None:
        if not state.get("certificatePem"):
            raise UserError(
                f"the CA certificate {id} cannot be imported: set caCertificateId of an authority to it, and"
                " pulumi up looks it up"
            )
        try:
            self._configuration.require_account(state.get("account", ""), f"the CA certificate {id}")
            pem = self._look(request, id)
        except UserError as error:
            raise_unless_tolerable(error)
            request.warn(f"the CA certificate {id} was not looked at, what is known of it is kept: {error}")
            return Reading(id, state, inputs)
        if pem is None:
            request.warn(
                f"there is no CA certificate {id} in CAS any more: no listener can be made to ask for its"
                " clients"
            )
            return Reading(id, {**state, "missing": True}, inputs)
        from alb_mutual_tls.pki.brought import trust_faults

        if faults := trust_faults(pem, self._clock()):  # no reason to fail: switching off must work
            request.warn(
                f"listeners that trust the CA certificate {id} let no client in: {'; '.join(faults)}"
            )
        live: ExistingCaState = {**state, "certificatePem": pem, "fingerprint": fingerprint(pem)}
        live.pop("missing", None)
        return Reading(id, live, inputs)

    def update(
        self,
        request: Request,
        id: str,
        state: ExistingCaState,
        old_inputs: ExistingCaInputs,
        inputs: ExistingCaInputs,
    ) -> Mapping[str, Any]:
        return {**state, **inputs}

    def delete(self, request: Request, id: str, inputs: ExistingCaInputs, state: ExistingCaState) -> None:
        """Forget it: it was there before, and stays."""

    def _look(self, request: Request, identifier: str) -> str | None:
        """Its PEM in one spelling; None when CAS does not know it."""
        content = self._configuration.cas(request).ca_certificate(identifier)
        if content is None:
            return None
        blocks = split(content)
        if not blocks:
            raise UserError(
                f"CAS shows the CA certificate {identifier} without any content: look at it in the"
                " Certificate Management Service console"
            )
        return "".join(blocks)
