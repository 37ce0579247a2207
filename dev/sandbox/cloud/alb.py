"""ALB 2020-06-16, reading only: ListListeners and GetListenerAttribute.

It shows what the data plane has really taken, never what is only desired: while a change is on
its way, the old values with the status `Configuring`. Writing actions are not covered: the load
balancers of an ACK cluster belong to its controller (`OperationDenied.ServiceManagedResource`). A
listener whose authentication is off shows the CA certificates that its AlbConfig lists all the same
(inferred from the acceptance tests of Alibaba's Terraform provider).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any, Final

from dev.sandbox.cloud import pages
from dev.sandbox.cloud.errors import ApiError
from dev.sandbox.cloud.model import Balancer, Listener
from dev.sandbox.cloud.parameters import Parameter, Values, uncovered
from dev.sandbox.cloud.store import Store

PARAMETERS: Final[dict[str, tuple[Parameter, ...]]] = {
    "ListListeners": (
        Parameter("ListenerIds", "list", maximum=20),
        Parameter("LoadBalancerIds", "list", maximum=20),
        Parameter("ListenerProtocol", values=("HTTP", "HTTPS", "QUIC")),
        *pages.BY_TOKEN,
        *uncovered("Tag"),
    ),
    "GetListenerAttribute": (Parameter("ListenerId", required=True),),
}

FIRST: Final = "alb"
"""The AlbConfig of the seeds, always served on 127.0.0.1."""

_DEFAULT_POLICY: Final = "tls_cipher_policy_1_0"


class Balancers:
    """The load balancers on disk, as the data plane serves them.

    A failed change or a crash thus leaves the last good ones.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._store = Store(file, {"balancers": [], "places": {}})
        self._configuring: frozenset[str] = frozenset()

    def places(self, names: Iterable[str]) -> dict[str, int]:
        """Return the place of each AlbConfig.

        It is kept as long as the AlbConfig is there; `alb` is always 0.
        """
        wanted = sorted(names)
        with self._store.reading() as content:
            places: dict[str, int] = {
                name: place for name, place in content["places"].items() if name in wanted
            }
            unchanged = places == content["places"]
        for name in wanted:
            if name not in places:
                unchanged = False
                free = (place for place in count(1) if place not in places.values())
                places[name] = 0 if name == FIRST else next(free)
        if not unchanged:
            with self._store.changing() as content:
                content["places"] = places
        return places

    def taken(self) -> dict[str, Balancer]:
        """AlbConfig name -> load balancer as it is served."""
        with self._store.reading() as content:
            return {one["albconfig"]: Balancer.from_json(one) for one in content["balancers"]}

    def take(self, balancers: Iterable[Balancer]) -> None:
        """The data plane now serves these and no others."""
        self._configuring = frozenset()
        wanted = [balancer.to_json() for balancer in sorted(balancers, key=lambda balancer: balancer.index)]
        with self._store.reading() as content:
            if [Balancer.from_json(one) for one in content["balancers"]] == [
                Balancer.from_json(one) for one in wanted
            ]:
                return
        with self._store.changing() as content:
            content["balancers"] = wanted

    def configure(self, names: Iterable[str]) -> None:
        """The load balancers of these AlbConfigs are being changed; until the next `take`."""
        self._configuring = frozenset(names)

    def users_of(self, ca_certificate_id: str) -> list[str]:
        """Return the listeners that name a CA certificate.

        Each is written `<listener id> (<port>/<protocol> of <load balancer id>)`.
        """
        return [
            f"{balancer.listener_id(listener)} ({listener} of {balancer.id})"
            for balancer in self.taken().values()
            for listener in balancer.listeners
            if listener.ca_certificate_id == ca_certificate_id
        ]

    def list_listeners(self, values: Values) -> dict[str, Any]:
        found = [
            self._listener(balancer, listener)
            for balancer in self.taken().values()
            for listener in balancer.listeners
            if _among(balancer.listener_id(listener), values.get("ListenerIds"))
            and _among(balancer.id, values.get("LoadBalancerIds"))
            and values.get("ListenerProtocol", listener.protocol) == listener.protocol
        ]
        return pages.by_token(values, found, "Listeners")

    def get_listener_attribute(self, values: Values) -> dict[str, Any]:
        balancer, listener = self._find(str(values["ListenerId"]))
        attribute = self._listener(balancer, listener)
        if listener.protocol != "HTTP":
            attribute["Certificates"] = [
                {"CertificateId": identity} for identity in listener.certificate_ids[:1]
            ]
        if listener.protocol == "HTTPS":
            attribute["CaEnabled"] = listener.ca_enabled
            attribute["CaCertificates"] = [
                {"CertificateId": identity, "IsDefault": True, "Status": "Associated"}
                for identity in (listener.ca_certificate_id,)
                if identity is not None
            ]
        return attribute

    def actions(self) -> dict[str, Callable[[Values], dict[str, Any]]]:
        """Action -> what carries it out."""
        return {
            "ListListeners": self.list_listeners,
            "GetListenerAttribute": self.get_listener_attribute,
        }

    def _find(self, identity: str) -> tuple[Balancer, Listener]:
        for balancer in self.taken().values():
            for listener in balancer.listeners:
                if balancer.listener_id(listener) == identity:
                    return balancer, listener
        raise ApiError(404, "ResourceNotFound.Listener", f"The specified resource {identity} is not found.")

    def _status(self, balancer: Balancer, settled: str) -> str:
        return "Configuring" if balancer.albconfig in self._configuring else settled

    def _listener(self, balancer: Balancer, listener: Listener) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "ListenerId": balancer.listener_id(listener),
            "LoadBalancerId": balancer.id,
            "ListenerPort": listener.port,
            "ListenerProtocol": listener.protocol,
            "ListenerStatus": self._status(balancer, "Running"),
            "ListenerDescription": listener.description or f"ingress-auto-listener-{listener.port}",
            "IdleTimeout": listener.idle_timeout,
            "RequestTimeout": listener.request_timeout,
            "GzipEnabled": listener.gzip,
            "XForwardedForConfig": listener.forwarded,
        }
        if listener.protocol == "HTTPS":
            shown |= {
                "Http2Enabled": listener.http2,
                "SecurityPolicyId": listener.security_policy_id or _DEFAULT_POLICY,
            }
        return shown


def _among(item: str, wanted: object) -> bool:
    return not isinstance(wanted, list) or item in wanted
