"""The model of a load balancer.

The controller builds it, nginx serves it and the API of ALB shows it.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

from dev.sandbox.layout import REGION


@dataclass(frozen=True)
class Rule:
    """A forwarding rule of an Ingress.

    Attributes:
        host: a name, `*.` and a name, or nothing for all.
        path: begins with a slash.
        exact: the path itself; else it and everything below it.
        service: name of the Service that answers.
        redirect: to HTTPS instead (ssl-redirect).
    """

    host: str
    path: str
    exact: bool
    service: str
    redirect: bool = False


@dataclass(frozen=True)
class Listener:
    """A listener; two of a load balancer differ in port or protocol.

    Attributes:
        certificate_ids: of server certificates, the default one first.
        forwarded: xForwardedForConfig, keys as the API spells them.
        served: False for QUIC, which the sandbox knows but does not serve.
    """

    port: int
    protocol: str
    ca_enabled: bool = False
    ca_certificate_id: str | None = None
    certificate_ids: tuple[str, ...] = ()
    description: str = ""
    idle_timeout: int = 15
    request_timeout: int = 60
    gzip: bool = True
    http2: bool = True
    security_policy_id: str = ""
    forwarded: dict[str, str | bool] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @property
    def served(self) -> bool:
        return self.protocol != "QUIC"

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"


@dataclass(frozen=True)
class Balancer:
    """A load balancer, made from the AlbConfig of the same name.

    Attributes:
        uid: of the AlbConfig; the ids that ALB shows follow from it.
        index: place among all load balancers.
        address: where its listeners are served.
    """

    albconfig: str
    uid: str
    index: int
    address: str
    edition: str = "Standard"
    address_type: str = "Internet"
    name: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    listeners: tuple[Listener, ...] = ()

    @property
    def id(self) -> str:
        return f"alb-{_digest(self.uid)}"

    @property
    def dns_name(self) -> str:
        return f"{self.id}.{REGION}.alb.aliyuncs.com"

    def listener_id(self, listener: Listener) -> str:
        return f"lsn-{_digest(self.uid, str(listener))}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Balancer:
        """The inverse of `to_json`."""
        listeners = tuple(
            Listener(
                **{
                    **listener,
                    "certificate_ids": tuple(listener["certificate_ids"]),
                    "rules": tuple(Rule(**rule) for rule in listener["rules"]),
                }
            )
            for listener in content["listeners"]
        )
        return cls(**{**content, "listeners": listeners})


def _digest(*texts: str) -> str:
    # Letters and digits of base 36, as in real ids.
    number = int.from_bytes(hashlib.sha256("\n".join(texts).encode()).digest()[:12], "big")
    digits = ""
    for _ in range(18):
        number, digit = divmod(number, 36)
        digits += "0123456789abcdefghijklmnopqrstuvwxyz"[digit]
    return digits
