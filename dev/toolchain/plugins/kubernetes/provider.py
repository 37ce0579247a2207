"""The configuration of the stand-in, and its one resource type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alb_mutual_tls.plugin.handler import Difference, Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import CheckFailure, Properties
from dev.toolchain.plugins.kubernetes.api_server import ApiServer
from dev.toolchain.plugins.kubernetes.configuration import difference
from dev.toolchain.plugins.kubernetes.secret import Secret
from dev.toolchain.plugins.sandbox_only import SandboxOnly

NAME = "kubernetes"
VERSION = "4.34.2"

_ANY: Final = frozenset(
    {"version", "kubeconfig", "context", "clusterIdentifier", "enableSecretMutable", "upsertExistingObjects"}
)
_FIXED: Final = {"enableServerSideApply": True, "deleteUnreachable": False}
"""Configuration that the stand-in knows one value of, the real plugin's default."""


class KubernetesStandIn(SandboxOnly):
    """The provider `kubernetes`."""

    name = NAME
    version = VERSION

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(environment)
        self.configured({})

    def check_config(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Refuse to go on outside the sandbox.

        Also refuses what the real plugin might do otherwise.
        """
        _, failures = super().check_config(request, old_inputs, inputs)
        for key in sorted(inputs.keys() - _ANY):
            if key not in _FIXED:
                failures.append(
                    CheckFailure(
                        key, f"the kubernetes stand-in does not know {key}: remove it on the sandbox"
                    )
                )
            elif _boolean(inputs[key]) is not _FIXED[key]:
                failures.append(
                    CheckFailure(
                        key, f"the kubernetes stand-in knows {key} {str(_FIXED[key]).lower()} only: remove it"
                    )
                )
        return inputs, failures

    def diff_config(self, old_inputs: Properties, inputs: Properties) -> Difference:
        """What a change of the configuration does to the Secrets."""
        return difference(old_inputs, inputs)

    def configure(self, properties: Properties) -> None:
        """Remember the configuration; no network."""
        super().configure(properties)
        self.configured(properties)

    def configured(self, properties: Properties) -> None:
        api_server = ApiServer(properties.get("kubeconfig"), properties.get("context"), self.environment)
        mutable, upsert = (
            _boolean(properties.get(key)) for key in ("enableSecretMutable", "upsertExistingObjects")
        )
        self._secret = Secret(api_server, mutable=mutable, upsert=upsert, permit=self.permit)

    def handler(self, token: str) -> Handler:
        """The handler of a resource type; raises `KeyError` when there is none."""
        return {Secret.token: self._secret}[token]


def _boolean(value: object) -> bool:
    """Provider configuration arrives as JSON text."""
    return value in (True, "true")
