"""What SelfSignedCert and LocallySignedCert share: validity, uses, path length, and renewal."""

from __future__ import annotations

from typing import Any

from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties
from dev.toolchain.plugins.tls import inputs as kinds
from dev.toolchain.plugins.tls.inputs import Input
from dev.toolchain.plugins.tls.instants import due
from dev.toolchain.plugins.tls.resource import Resource
from dev.toolchain.plugins.tls.usages import ALLOWED_USES

_MOST_HOURS = 2_562_047  # a time.Duration of Go holds 292 years

VALIDITY = (
    Input("allowedUses", kinds.Kind.TEXTS, required=True, choices=ALLOWED_USES),
    Input("validityPeriodHours", kinds.Kind.NUMBER, required=True, minimum=0, maximum=_MOST_HOURS),
    Input("earlyRenewalHours", kinds.Kind.NUMBER, default=0, minimum=0, maximum=_MOST_HOURS, replaces=False),
    Input("isCaCertificate", kinds.Kind.BOOLEAN, default=False),
    Input("maxPathLength", kinds.Kind.NUMBER, minimum=-1, keeps_state=True),
    Input("setSubjectKeyId", kinds.Kind.BOOLEAN, default=False),
)


class Renewable(Resource):
    """A certificate that is issued anew when its end is nearer than `earlyRenewalHours`."""

    def planned(self, inputs: Properties) -> Properties:
        """What goes into the state; a certificate that would be due from its first moment is ready
        for renewal at once.
        """
        planned = super().planned(inputs)
        hours, early = planned.get("validityPeriodHours"), planned["earlyRenewalHours"]
        ready = hours == 0 or (UNKNOWN not in (hours, early) and early >= hours)
        return planned | {"readyForRenewal": ready}

    def rules(self, inputs: Properties) -> list[CheckFailure]:
        """Path lengths are for CAs (crypto/x509 refuses them otherwise)."""
        length = inputs.get("maxPathLength")
        if inputs["isCaCertificate"] is False and length not in (None, UNKNOWN, -1):
            reason = (
                f"maxPathLength is {length}, but only a CA may have one: set isCaCertificate or leave"
                " maxPathLength out"
            )
            return [CheckFailure("maxPathLength", reason)]
        return []

    def renewal(self, state: Properties, planned: Properties) -> dict[str, Kind]:
        """Replace a certificate that is due; one that no longer is (earlyRenewalHours has shrunk)
        is only unmarked.
        """
        if self._due(state, planned["earlyRenewalHours"]):
            return {"readyForRenewal": Kind.UPDATE_REPLACE}
        return (
            {"readyForRenewal": Kind.UPDATE}
            if state.get("readyForRenewal") != planned["readyForRenewal"]
            else {}
        )

    def refreshed(self, state: Properties) -> Properties:
        """Mark a certificate that is due."""
        return (
            state | {"readyForRenewal": True}
            if self._due(state, state.get("earlyRenewalHours") or 0)
            else state
        )

    def _due(self, state: Properties, early_renewal_hours: Any) -> bool:
        end = state.get("validityEndTime")
        return (
            end is not None
            and early_renewal_hours is not UNKNOWN
            and due(end, early_renewal_hours, self.now())
        )


def path_length(inputs: Properties) -> int | None:
    """The path length to write; -1 means none."""
    length: int | None = inputs.get("maxPathLength")
    return None if length == -1 else length
