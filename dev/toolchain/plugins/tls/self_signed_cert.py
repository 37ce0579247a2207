"""The root of a generated authority, as states of earlier versions hold it.

Its type is `tls:index/selfSignedCert:SelfSignedCert`. It is a resource of our own now (ADR 0006).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alb_mutual_tls.plugin.handler import Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import CheckFailure, Properties
from dev.toolchain.plugins.tls.resource import Resource


class SelfSignedCert(Resource):
    """Can be read and deleted, and never made."""

    token = "tls:index/selfSignedCert:SelfSignedCert"  # noqa: S105  # a type, not a password
    inputs = ()
    computed = ()
    secret_outputs = frozenset({"privateKeyPem"})

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Refused."""
        sentence = (
            "the tls stand-in makes no SelfSignedCert: declare an authority, whose root is made elsewhere"
        )
        return inputs, [CheckFailure("", sentence)]

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        """The state, where a certificate that is due is marked."""
        found = super().read(request, id, inputs, state)
        assert found is not None
        end = datetime.fromisoformat(state["validityEndTime"])
        if end - timedelta(hours=state.get("earlyRenewalHours") or 0) > datetime.now(UTC):
            return found
        return Reading(id, state | {"readyForRenewal": True}, inputs)
