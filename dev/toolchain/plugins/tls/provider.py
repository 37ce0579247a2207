"""The resource types of the stand-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alb_mutual_tls.plugin.handler import Handler, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import CheckFailure, Properties
from dev.toolchain.plugins.sandbox_only import SandboxOnly
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.resource import Resource

NAME = "tls"
VERSION = "5.6.2"


class SelfSignedCert(Resource):
    """The root of a generated authority, as states of earlier versions hold it.

    It can be read and deleted, and never made. A resource of our own is in its place (ADR 0006).
    """

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


class TlsStandIn(SandboxOnly):
    """The provider `tls`, which accepts any configuration.

    `proxy`, its only key, is for a function that the stand-in does not have.
    """

    name = NAME
    version = VERSION

    def handler(self, token: str) -> Handler:
        """The handler of a resource type; raises `KeyError` when there is none."""
        if token == PrivateKey.token:
            return PrivateKey(self.permit)
        from dev.toolchain.plugins.tls.cert_request import CertRequest  # with cryptography, 0.1 s

        kinds = (CertRequest, SelfSignedCert)
        return {kind.token: kind for kind in kinds}[token](self.permit)
