"""Services whose CLB or NLB has a CA certificate of CAS by an annotation. Pure.

Their listeners take CA certificates of the same repositories as ALB's
(alibaba/alibaba-load-balancer-controller, docs/nlb-usage.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from alb_mutual_tls.listener.exact_json import Document

CA_ANNOTATION: Final = "alibaba-cloud-loadbalancer-cacert-id"
"""Below `service.beta.kubernetes.io/`; the controller knows an older prefix, too."""
_CA: Final = re.compile(r"(service\.beta\.kubernetes\.io/(?:alibaba-cloud|alicloud)-loadbalancer-cacert)-id")


@dataclass(frozen=True)
class CaService:
    """A Service (`namespace/name`) that names a CA certificate.

    `asks`: whether it is told to ask for client certificates.
    """

    name: str
    asks: bool

    def __str__(self) -> str:
        return f"Service {self.name}"


def services_by_ca(services: Iterable[Document]) -> dict[str, tuple[CaService, ...]]:
    """The Services that name a CA certificate, by its id."""
    services_of: dict[str, tuple[CaService, ...]] = {}
    for service in services:
        metadata = service.get("metadata") or {}
        annotations = metadata.get("annotations") or {}
        for key, value in annotations.items():
            if (match := _CA.fullmatch(str(key))) and (identifier := str(value).strip()):
                asks = str(annotations.get(match[1])).strip().lower() == "on"
                ca_service = CaService(f"{metadata.get('namespace', 'default')}/{metadata.get('name')}", asks)
                services_of[identifier] = (*services_of.get(identifier, ()), ca_service)
    return services_of
