"""The listeners of a stack as they are now, whatever its last run came to.

They are read from the state's resources, the cluster and ALB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alb_mutual_tls.listener.enforced import Absent, NotKnown, Shown, View
from alb_mutual_tls.operations.status.observed import ObservedListener, observe
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
from alb_mutual_tls.stack.inventory import Inventory
from alb_mutual_tls.stack.state import resources_of
from alb_mutual_tls.tokens import COMPONENT, LISTENER_CLIENT_AUTHENTICATION, PROVIDER
from alb_mutual_tls.wire import without_secrets


@dataclass(frozen=True)
class Live:
    """A listener as it was seen.

    `authorities`: CA certificate id -> authority name, for the authorities of the stack.
    """

    observed: ObservedListener
    authorities: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """The listener in words.

        One clause where AlbConfig and ALB say the same, else one for each.
        """
        listener, declared, enforced = (
            self.observed.listener,
            self._words(self.observed.albconfig),
            self._words(self.observed.alb),
        )
        what = f"{listener.alb_config}:{listener.port}"
        return (
            f"{what} {declared}" if declared == enforced else f"{what} AlbConfig: {declared}; ALB: {enforced}"
        )

    def _words(self, view: View) -> str:
        match view:
            case Shown(ca_enabled, ids, changing):
                named = ", ".join(
                    f"{self.authorities[identifier]} ({identifier})"
                    if identifier in self.authorities
                    else identifier
                    for identifier in ids
                )
                return (
                    ("on" if ca_enabled else "off")
                    + (f", CA {named}" if named else "")
                    + (" (ALB is at work on it)" if changing else "")
                )
            case Absent(why):
                return f"none: {why}"
            case NotKnown(why):
                return f"not seen: {why}"


def live(exported: Mapping[str, Any], directory: Path, stack: str) -> tuple[Live, ...]:
    """Return the listeners of all components of a deployment.

    It reads a deployment that was exported without its secrets.
    """
    public = without_secrets(exported)
    seen = []
    for resource in (public.get("deployment") or {}).get("resources") or ():
        if resource.get("type") == COMPONENT and not resource.get("delete"):
            inventory = _inventory(public, resource)
            names = _authorities(resource.get("outputs") or {})
            seen += [Live(listener, names) for listener in observe(inventory, directory, stack)]
    return tuple(seen)


def _authorities(outputs: Mapping[str, Any]) -> dict[str, str]:
    return {
        identifier: name
        for name, identifier in sorted((outputs.get("caCertificateIds") or {}).items())
        if identifier
    }


def _inventory(public: Mapping[str, Any], component: Mapping[str, Any]) -> Inventory:
    """Return the part of an inventory that looking at its listeners takes.

    This also works where a first run failed and the component has no outputs.
    """
    name = str(component["urn"]).rpartition("::")[2]
    resources = resources_of(public, name)
    settings = next(
        (resource.get("inputs") or {} for resource in resources if resource.get("type") == PROVIDER), {}
    )
    listeners = tuple(
        _listener(resource)
        for resource in resources
        if resource.get("type") == LISTENER_CLIENT_AUTHENTICATION
    )
    return Inventory(
        component=DeployedComponent(name, listeners, (), trusted_authority="", ca_certificate_pem=""),
        authorities={},
        issuing_authority="",
        clients=(),
        outstanding=None,
        provider=settings,
        secret_settings=tuple(sorted(key for key, value in settings.items() if value is None)),
    )


def _listener(resource: Mapping[str, Any]) -> DeployedListener:
    inputs, outputs = resource.get("inputs") or {}, resource.get("outputs") or {}
    alb_config, port = str(inputs["albConfig"]), int(inputs["port"])
    return DeployedListener(
        f"{alb_config}:{port}",
        alb_config,
        port,
        bool(inputs.get("caEnabled")),
        cluster=outputs.get("cluster"),
    )


def sentence(seen: Sequence[Live]) -> str:
    """All listeners in one sentence."""
    return "; ".join(listener.sentence for listener in seen) or "the stack's state has no listener"
