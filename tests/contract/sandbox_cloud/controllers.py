"""A controller at work, with a real nginx and the real OpenAPI endpoint; only the
API server is played, by lists and watches from memory.
"""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest

from dev.sandbox import faults
from dev.sandbox.cloud.controller import Controller
from dev.sandbox.cloud.data_plane import DataPlane
from dev.sandbox.cloud.kube import Cluster, KubeError, Resource
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.layout import Layout

ALBCONFIGS = "/apis/alibabacloud.com/v1/albconfigs"
CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
INGRESSES = "/apis/networking.k8s.io/v1/ingresses"
SECURE = 1
"""Place of the HTTPS listener among the seed's listeners."""


class PlayedCluster(Cluster):
    """Lists, watches, status patches and events as an API server has them."""

    def __init__(self) -> None:
        self.events: list[Resource] = []
        self.patches = 0
        self.down = False
        self.slow, self.refused = False, 0
        """Whether it takes no writes, as one that etcd keeps waiting."""
        self._resources: dict[str, dict[str, Resource]] = {ALBCONFIGS: {}, CLASSES: {}, INGRESSES: {}}
        self._watches: dict[str, list[queue.Queue[Resource | None]]] = {path: [] for path in self._resources}
        self._versions = 0
        self._lock = threading.RLock()

    def put(self, path: str, resource: Resource) -> None:
        """Create or replace a resource."""
        with self._lock:
            name = resource["metadata"]["name"]
            known = self._resources[path].get(name)
            self._versions += 1
            made = deepcopy(resource)
            made["metadata"].setdefault("uid", f"uid-{name}")
            generation = (known["metadata"]["generation"] if known else 0) + 1
            made["metadata"] |= {
                "resourceVersion": str(self._versions),
                "generation": generation,
                "creationTimestamp": "2026-01-01",
            }
            if known and "status" in known:
                made["status"] = known["status"]
            self._resources[path][name] = made
            self._send(path, {"type": "MODIFIED" if known else "ADDED", "object": deepcopy(made)})

    def remove(self, path: str, name: str) -> None:
        with self._lock:
            self._send(path, {"type": "DELETED", "object": self._resources[path].pop(name)})

    def get(self, path: str, name: str) -> Resource:
        with self._lock:
            return deepcopy(self._resources[path][name])

    def drop_watches(self) -> None:
        """As a restart of the API server does."""
        for path in self._watches:
            self._send(path, None)

    def request(
        self, method: str, path: str, body: Resource | None = None, content_type: str = "application/json"
    ) -> Resource:
        if self.down:
            raise ConnectionRefusedError
        with self._lock:
            if method == "GET":
                return {
                    "metadata": {"resourceVersion": str(self._versions)},
                    "items": deepcopy(list(self._resources[path].values())),
                }
            assert body is not None
            if self.slow:
                self.refused += 1
                raise KubeError(500, "etcdserver: request timed out")
            if method == "POST" and path.endswith("/events"):
                self.events.append(body)
                return body
            *_, name, subresource = path.split("/")
            assert (method, subresource, content_type) == ("PATCH", "status", "application/merge-patch+json")
            collection = ALBCONFIGS if path.startswith(ALBCONFIGS) else INGRESSES
            resource = self._resources[collection][name]
            resource.setdefault("status", {}).update(body["status"])
            self.patches += 1
            self._send(collection, {"type": "MODIFIED", "object": deepcopy(resource)})
            return resource

    def watch(self, path: str, resource_version: str) -> Iterator[Resource]:
        if self.down:
            raise ConnectionRefusedError
        sent: queue.Queue[Resource | None] = queue.Queue()
        with self._lock:
            self._watches[path].append(sent)
            if resource_version != str(self._versions):
                raise KubeError(410, "too old resource version")
        while (event := sent.get()) is not None:
            yield event

    def _send(self, path: str, event: Resource | None) -> None:
        for watch in self._watches[path]:
            watch.put(event)


def until(holds: Callable[[], bool], what: str, limit: float = 15.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + limit
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {limit} s: {what}")
        threading.Event().wait(0.01)


class Sandbox:
    """A controller at work."""

    def __init__(self, layout: Layout, cluster: PlayedCluster, openapi: OpenApiServer) -> None:
        self.layout = layout
        self.cluster = cluster
        self.openapi = openapi
        self.data_plane = DataPlane(layout)

    def change(self, **fields: Any) -> None:
        """Set keys of the HTTPS listener of AlbConfig `alb`."""
        albconfig = self.cluster.get(ALBCONFIGS, "alb")
        albconfig["spec"]["listeners"][SECURE].update(fields)
        self.cluster.put(ALBCONFIGS, albconfig)

    def secure(self) -> dict[str, Any] | None:
        """Listener 443 as the API shows it; None if it does not."""
        for listener in self.openapi.balancers.list_listeners({"MaxResults": 100})["Listeners"]:
            if (listener["ListenerPort"], listener["ListenerProtocol"]) == (443, "HTTPS"):
                return self.openapi.balancers.get_listener_attribute({"ListenerId": listener["ListenerId"]})
        return None

    def shows(self, ca_enabled: bool, identifier: str | None = None) -> bool:
        shown = self.secure()
        if shown is None or shown["ListenerStatus"] != "Running" or shown["CaEnabled"] != ca_enabled:
            return False
        return identifier is None or [one["CertificateId"] for one in shown["CaCertificates"]] == [identifier]

    def upload(self, pem: str) -> str:
        """Upload a CA certificate; returns its identifier."""
        repositories = self.openapi.repositories
        repositories.create_warehouse({"Name": "n", "Type": "uploadedAuthorityCertificate"})
        warehouse = repositories.list_cert_warehouse({"CurrentPage": 1, "ShowSize": 1})["CertWarehouseList"][
            0
        ]
        return str(
            repositories.upload_pca_cert({"WarehouseId": warehouse["WhId"], "Cert": pem})["Identifier"]
        )

    def warnings(self, kind: str = "AlbConfig") -> list[tuple[str, str]]:
        events = [
            event
            for event in self.cluster.events
            if event["type"] == "Warning" and event["involvedObject"]["kind"] == kind
        ]
        return [(event["reason"], event["message"]) for event in events]

    def fault(self, name: str) -> None:
        faults.wish(self.layout, "alb", name)
        faults.await_applied(self.layout, lambda: True)


@contextmanager
def serving_nginx(layout: Layout) -> Iterator[subprocess.Popen[bytes]]:
    """Start nginx as the sandbox's lifecycle does."""
    prefix, configuration = layout.nginx_directory, layout.nginx_configuration
    process = subprocess.Popen(
        [
            "nginx",
            "-p",
            f"{prefix}/",
            "-c",
            str(configuration),
            "-e",
            str(layout.log("nginx")),
            "-g",
            "daemon off;",
        ],
        cwd=layout.directory,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def controlling(layout: Layout, cluster: PlayedCluster) -> Iterator[Sandbox]:
    """Run endpoint and controller, until the first configuration is written."""
    ended = threading.Event()
    with OpenApiServer(layout.directory) as openapi:
        controller = Controller(layout, cluster, openapi, ended)
        thread = threading.Thread(target=controller.run)
        thread.start()
        try:
            until(openapi.ready.is_set, "the first configuration is written")
            yield Sandbox(layout, cluster, openapi)
        finally:
            ended.set()
            cluster.drop_watches()
            thread.join(timeout=10)
