"""What AlbConfigs and Ingresses are told: their status and their events.

Status is written only when it changes; the same events only once about a version of a resource.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dev.sandbox.cloud.kube import MERGE_PATCH, Cluster, Resource
from dev.sandbox.cloud.model import Balancer

SUCCESS: Final = "SuccessfullyReconciled"
BUILD_FAILED: Final = "FailedBuildModel"
APPLY_FAILED: Final = "FailedApplyModel"
SKIPPED: Final = "SandboxListenerSkipped"
"""Not an event of ALB: a listener cannot be served on this machine."""

INGRESSES: Final = "/apis/networking.k8s.io/v1"
"""Where Ingresses and IngressClasses are."""


@dataclass(frozen=True)
class Outcome:
    """What is to be told about an AlbConfig."""

    reason: str
    message: str

    @property
    def kind(self) -> str:
        return "Normal" if self.reason == SUCCESS else "Warning"


class Reports:
    """Writes status and events.

    It remembers which events were written.

    Args:
        cluster: the API server that they are written to.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._told: dict[str, str] = {}

    def write_status(self, albconfig: Resource, ingresses: list[Resource], balancer: Balancer) -> None:
        wanted = status_of(balancer)
        if (albconfig.get("status") or {}).get("loadBalancer") != wanted:
            path = f"/apis/alibabacloud.com/v1/albconfigs/{balancer.albconfig}/status"
            self._cluster.request("PATCH", path, {"status": {"loadBalancer": wanted}}, MERGE_PATCH)
        entries = [{"hostname": balancer.dns_name}]
        for ingress in ingresses:
            if ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") != entries:
                metadata = ingress["metadata"]
                path = f"{INGRESSES}/namespaces/{metadata['namespace']}/ingresses/{metadata['name']}/status"
                self._cluster.request(
                    "PATCH", path, {"status": {"loadBalancer": {"ingress": entries}}}, MERGE_PATCH
                )

    def write_events(
        self, subjects: list[Resource], outcomes: list[Outcome], balancer: Balancer | None
    ) -> None:
        request = str(uuid.uuid4()).upper()
        for resource in subjects:
            metadata = resource["metadata"]
            # The same is told again only about another version of the resource or another load
            # balancer.
            told = repr((metadata.get("generation"), outcomes, balancer))
            if not outcomes or self._told.get(metadata["uid"]) == told:
                continue
            for outcome in outcomes:
                event = event_of(resource, outcome, request, datetime.now(UTC))
                self._cluster.request(
                    "POST", f"/api/v1/namespaces/{event['metadata']['namespace']}/events", event
                )
            self._told[metadata["uid"]] = told


def status_of(balancer: Balancer) -> Resource:
    """`status.loadBalancer` of an AlbConfig.

    CA certificates and caEnabled are not in it, as in reality.
    """
    return {
        "id": balancer.id,
        "dnsname": balancer.dns_name,
        "listeners": [
            {
                "portAndProtocol": str(listener),
                "certificates": [
                    {"certificateId": identity, "isDefault": place == 0}
                    for place, identity in enumerate(listener.certificate_ids)
                ],
            }
            for listener in balancer.listeners
        ],
    }


def event_of(resource: Resource, outcome: Outcome, request: str, now: datetime) -> Resource:
    """A core/v1 Event about an AlbConfig or Ingress.

    Args:
        request: id of the request to ALB, the same on all resources concerned.
    """
    metadata = resource["metadata"]
    namespace = metadata.get("namespace", "default")
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": (
                resource.get("apiVersion")
                or ("networking.k8s.io/v1" if "namespace" in metadata else "alibabacloud.com/v1")
            ),
            "kind": resource.get("kind") or ("Ingress" if "namespace" in metadata else "AlbConfig"),
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "uid": metadata["uid"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": outcome.kind,
        "reason": outcome.reason,
        "message": (
            outcome.message if outcome.reason == SUCCESS else f"{outcome.message} RequestId: {request}"
        ),
        "source": {"component": "alb-ingress-controller"},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
