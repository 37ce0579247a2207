"""The controller with a real nginx and the real OpenAPI endpoint; only the API server is played, by
lists and watches from memory.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox import faults
from dev.sandbox.cloud import nginx, seeds
from dev.sandbox.cloud.backends import Backends
from dev.sandbox.cloud.controller import Controller
from dev.sandbox.cloud.data_plane import DataPlane, NotTaken
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


@pytest.fixture
def cluster() -> PlayedCluster:
    played = PlayedCluster()
    for path, resource in (
        (ALBCONFIGS, seeds.ALBCONFIG),
        (CLASSES, seeds.INGRESS_CLASS),
        (INGRESSES, seeds.INGRESS),
    ):
        played.put(path, resource)
    return played


@pytest.fixture
def sandbox(free_layout: Layout, cluster: PlayedCluster) -> Iterator[Sandbox]:
    """Endpoint, controller, backends and nginx with the seeds."""
    seeds.make_certificates(free_layout)
    backends = Backends(free_layout.backends_port)
    backends.start()
    try:
        with controlling(free_layout, cluster) as running, serving_nginx(free_layout):
            until(lambda: running.shows(False), "the first configuration is served")
            yield running
    finally:
        backends.stop()


def test_the_seeds_are_served_and_everybody_gets_in(
    sandbox: Sandbox, ask: Any, good: Any, tmp_path: Path
) -> None:
    assert ask() == "200 old"
    assert ask(good.client(tmp_path, "client")) == "200 old"
    assert ask(version=ssl.TLSVersion.TLSv1_2) == "200 old"
    assert ask(host="unknown.example", server_name="demo.alb.ingress.top") == "404"
    balancer = sandbox.openapi.balancers.taken()["alb"]
    until(
        lambda: bool(sandbox.cluster.get(INGRESSES, "https-ingress").get("status")),
        "the status of the Ingress is written",
    )
    assert sandbox.cluster.get(INGRESSES, "https-ingress")["status"]["loadBalancer"] == {
        "ingress": [{"hostname": balancer.dns_name}]
    }
    assert sandbox.cluster.get(ALBCONFIGS, "alb")["status"]["loadBalancer"]["id"] == balancer.id
    until(lambda: len(sandbox.cluster.events) == 2, "both resources have their event")
    assert {event["reason"] for event in sandbox.cluster.events} == {"SuccessfullyReconciled"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_authentication_lets_in_clients_of_the_ca_and_nobody_else(
    sandbox: Sandbox, ask: Any, good: Any, foreign: Any, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    client, stranger = good.client(tmp_path, "client"), foreign.client(tmp_path, "stranger")
    identifier = sandbox.upload(good.pem)
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    until(lambda: sandbox.shows(True, identifier), "the API shows it on")
    assert [ask(version=version), ask(stranger, version=version), ask(client, version=version)] == [
        "400",
        "400",
        "200 old",
    ]
    sandbox.change(caEnabled=False)
    until(lambda: sandbox.shows(False, identifier), "the API shows it off")
    assert ask(version=version) == "200 old"


def test_the_api_never_shows_more_than_the_data_plane_does(sandbox: Sandbox, ask: Any, good: Any) -> None:
    identifier = sandbox.upload(good.pem)
    for _ in range(3):
        sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
        until(lambda: sandbox.shows(True), "the API shows it on")
        assert {ask() for _ in range(50)} == {"400"}
        sandbox.change(caEnabled=False)
        until(lambda: sandbox.shows(False), "the API shows it off")
        assert {ask() for _ in range(50)} == {"200 old"}


def as_browsers_do(good: Any, server_ca: Path, directory: Path) -> ssl.SSLContext:
    """TLS of a client that would speak HTTP/2."""
    context = ssl.create_default_context(cafile=str(server_ca))
    context.load_cert_chain(good.client(directory, "browser"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def get(context: ssl.SSLContext, port: int, between: Callable[[], None] = lambda: None) -> str:
    """The answer to one request over a connection of its own, or what became of it; `between`:
    after the handshake, before the request.
    """
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as raw,
            context.wrap_socket(raw, server_hostname="demo.alb.ingress.top") as connection,
        ):
            between()
            connection.sendall(b"GET / HTTP/1.1\r\nHost: demo.alb.ingress.top\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode("latin-1")
            return (
                "200 old"
                if answer.startswith("HTTP/1.1 200 ") and answer.endswith("old\n")
                else f"{answer!r}"
            )
    except OSError as error:
        return repr(error)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_request_that_comes_after_a_change_over_a_connection_from_before_it_is_answered(
    sandbox: Sandbox, good: Any, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = as_browsers_do(good, sandbox.layout.server_ca, tmp_path)
    context.maximum_version = version
    identifier = sandbox.upload(good.pem)

    def change() -> None:
        sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
        until(lambda: sandbox.shows(True), "the API shows it on")

    assert get(context, sandbox.layout.listener_port(443), change) == "200 old"


def test_no_request_is_lost_while_listeners_change_again_and_again(
    sandbox: Sandbox, good: Any, tmp_path: Path
) -> None:
    context, port = (
        as_browsers_do(good, sandbox.layout.server_ca, tmp_path),
        sandbox.layout.listener_port(443),
    )
    sandbox.change(caCertificates=[{"CertificateId": sandbox.upload(good.pem)}])
    ended, answers = threading.Event(), Counter[str]()

    def ask_all_the_time() -> None:
        while not ended.is_set():
            answers.update([get(context, port)])

    clients = [threading.Thread(target=ask_all_the_time) for _ in range(8)]
    for client in clients:
        client.start()
    try:
        for turn in range(40):
            sandbox.change(caEnabled=turn % 2 == 0)
            until(lambda on=turn % 2 == 0: sandbox.shows(on), "the API shows it")  # type: ignore[misc]
    finally:
        ended.set()
        for client in clients:
            client.join()
    assert set(answers) == {"200 old"}
    assert answers.total() > 500


def test_the_ca_can_be_exchanged_in_place(
    sandbox: Sandbox, ask: Any, good: Any, foreign: Any, tmp_path: Path
) -> None:
    first, second = sandbox.upload(good.pem), sandbox.upload(foreign.pem)
    clients = good.client(tmp_path, "a"), foreign.client(tmp_path, "b")
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": first}])
    until(lambda: sandbox.shows(True, first), "the first CA is served")
    assert [ask(client) for client in clients] == ["200 old", "400"]
    sandbox.change(caCertificates=[{"CertificateId": second}])
    until(lambda: sandbox.shows(True, second), "the second CA is served")
    assert [ask(client) for client in clients] == ["400", "200 old"]


def test_a_client_that_names_another_host_in_tls_is_served_as_the_documentations_curl_expects(
    sandbox: Sandbox, ask: Any, good: Any, tmp_path: Path
) -> None:
    identifier = sandbox.upload(good.pem)
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    until(lambda: sandbox.shows(True), "it is on")
    assert ask(good.client(tmp_path, "client"), server_name="x.alb.ingress.top") == "200 old"
    assert ask(server_name="x.alb.ingress.top") == "400"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_not_resumed_where_client_certificates_are_asked_for(
    sandbox: Sandbox, good: Any, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    def resumed(client: Path) -> bool:
        context = ssl.create_default_context(cafile=sandbox.layout.server_ca)
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(client)
        session = None
        for _ in range(2):
            with (
                socket.create_connection(
                    ("127.0.0.1", sandbox.layout.listener_port(443)), timeout=5
                ) as plain,
                context.wrap_socket(
                    plain, server_hostname="demo.alb.ingress.top", session=session
                ) as connection,
            ):
                connection.sendall(
                    b"GET / HTTP/1.1\r\nHost: demo.alb.ingress.top\r\nConnection: close\r\n\r\n"
                )
                while connection.recv(4096):
                    pass
                session = connection.session
                reused = bool(connection.session_reused)
        return reused

    client = good.client(tmp_path, "client")
    assert resumed(client), "without client authentication sessions are resumed, or this test could not fail"
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": sandbox.upload(good.pem)}])
    until(lambda: sandbox.shows(True), "it is on")
    assert not resumed(client)


def plain_get(layout: Layout, path: str, host: str, address: str = "127.0.0.1") -> tuple[int, str | None]:
    connection = http.client.HTTPConnection(address, layout.listener_port(80), timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("location")
    finally:
        connection.close()


def test_plain_http_is_redirected_unless_the_annotation_is_gone(sandbox: Sandbox) -> None:
    expected = (308, "https://demo.alb.ingress.top:443/a%20b?c=d")
    assert plain_get(sandbox.layout, "/a%20b?c=d", "demo.alb.ingress.top") == expected
    assert plain_get(sandbox.layout, "/", "unknown.example") == (404, None)
    ingress = sandbox.cluster.get(INGRESSES, "https-ingress")
    del ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/ssl-redirect"]
    sandbox.cluster.put(INGRESSES, ingress)
    until(lambda: plain_get(sandbox.layout, "/", "demo.alb.ingress.top") == (200, None), "the bypass is open")


def test_paths_of_several_ingresses_lead_to_their_services(sandbox: Sandbox) -> None:
    ingress = sandbox.cluster.get(INGRESSES, "https-ingress")
    ingress["metadata"] = {
        "name": "second",
        "namespace": "default",
        "annotations": {"alb.ingress.kubernetes.io/listen-ports": '[{"HTTP":80}]'},
    }
    paths = [("/a", "Exact", "exact-a"), ("/a", "Prefix", "prefix-a"), ("/", "Prefix", "all-rest")]
    ingress["spec"]["rules"] = [
        {
            "host": "*.example.com",
            "http": {
                "paths": [
                    {"path": path, "pathType": kind, "backend": {"service": {"name": name}}}
                    for path, kind, name in paths
                ]
            },
        }
    ]
    sandbox.cluster.put(INGRESSES, ingress)

    def answer(path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.layout.listener_port(80), timeout=5)
        try:
            connection.request("GET", path, headers={"Host": "x.example.com"})
            return connection.getresponse().read().decode().strip()
        finally:
            connection.close()

    # Not until one answer is right: while nginx reloads, old and new workers answer in turn.
    until(
        lambda: len(sandbox.openapi.balancers.taken()["alb"].listeners[0].rules) == 4,
        "the second Ingress is served",
    )
    assert [answer(path) for path in ("/a", "/a?x=/b", "/a/", "/a/b", "/ab", "/0/a")] == [
        "exact",
        "exact",
        "prefix",
        "prefix",
        "all",
        "all",
    ]


def test_a_listener_that_no_ingress_binds_any_more_answers_503(sandbox: Sandbox, ask: Any) -> None:
    sandbox.cluster.remove(INGRESSES, "https-ingress")
    until(lambda: bool(ask() == "503"), "the listener has no rules")


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        (
            {"caEnabled": "true"},
            "FailedBuildModel",
            "cannot unmarshal string into Go struct field ListenerSpec.listeners.caEnabled of type bool",
        ),
        (
            {"caEnabled": True, "caCertificates": [{"CertificateId": 123456}]},
            "FailedBuildModel",
            "cannot unmarshal number",
        ),
        (
            {"caEnabled": True, "caCertificates": [{"CertificateId": "unknown"}]},
            "FailedApplyModel",
            "no CA certificate 'unknown'",
        ),
        ({"caEnabled": True, "caCertificates": []}, "FailedApplyModel", "CaCertificates is mandatory"),
        ({"port": 8443}, "FailedBuildModel", "Listener is not fulfilled yet: 443-HTTPS"),
    ],
)
def test_a_change_that_fails_leaves_the_old_configuration_and_is_told_on_albconfig_and_ingress(
    sandbox: Sandbox, ask: Any, good: Any, tmp_path: Path, fields: dict[str, Any], reason: str, message: str
) -> None:
    identifier = sandbox.upload(good.pem)
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    until(lambda: sandbox.shows(True), "it is on")
    before = sandbox.data_plane.serving()
    sandbox.change(**fields)
    until(lambda: bool(sandbox.warnings("Ingress")), "the Ingress has its event")
    for kind in ("AlbConfig", "Ingress"):
        ((found, text),) = sandbox.warnings(kind)
        assert found == reason
        assert message in text
    assert sandbox.shows(True, identifier)
    assert sandbox.data_plane.serving() == before
    assert [ask(), ask(good.client(tmp_path, "client"))] == ["400", "200 old"]


def test_a_failure_is_told_once_and_heals_when_the_certificate_is_uploaded(
    sandbox: Sandbox, good: Any
) -> None:
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": "not yet"}])
    until(lambda: bool(sandbox.warnings("Ingress")), "the event is written")
    with sandbox.openapi.repositories.store.changing() as content:
        content["warehouses"].append({"WhId": 1, "InstanceId": "cas-wh-1", "Name": "n", "Type": "uploadCA"})
        content["certificates"].append(
            {"Identifier": "not yet", "WhId": 1, "CertType": "CA", "Content": good.pem}
        )
    until(lambda: sandbox.shows(True, "not yet"), "the certificate is taken as soon as it is there")
    assert len(sandbox.warnings()) == 1


def test_status_is_written_only_when_it_changes(sandbox: Sandbox, good: Any) -> None:
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": sandbox.upload(good.pem)}])
    until(lambda: len(sandbox.cluster.events) == 4, "the change is told")
    written = sandbox.cluster.patches
    # of AlbConfig and Ingress, and once more where a status had not come back yet
    assert written >= 2
    sandbox.change(caEnabled=False)
    until(lambda: len(sandbox.cluster.events) == 6, "the next one too")
    assert sandbox.cluster.patches == written


def test_each_albconfig_has_an_address_of_its_own(sandbox: Sandbox) -> None:
    other: Resource = {
        "metadata": {"name": "other"},
        "spec": {"listeners": [{"port": 80, "protocol": "HTTP"}]},
    }
    sandbox.cluster.put(ALBCONFIGS, other)
    until(lambda: "other" in sandbox.openapi.balancers.taken(), "it is served")
    assert plain_get(sandbox.layout, "/", "demo.alb.ingress.top", "127.0.0.2") == (503, None)
    assert plain_get(sandbox.layout, "/", "demo.alb.ingress.top")[0] == 308
    sandbox.cluster.remove(ALBCONFIGS, "other")
    until(lambda: "other" not in sandbox.openapi.balancers.taken(), "it is gone")
    with pytest.raises(ConnectionRefusedError):
        plain_get(sandbox.layout, "/", "demo.alb.ingress.top", "127.0.0.2")


def test_a_listener_whose_port_is_taken_is_skipped_and_told_and_the_others_are_served(
    sandbox: Sandbox, ask: Any
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", sandbox.layout.listener_port(100)))
        holder.listen()
        albconfig = sandbox.cluster.get(ALBCONFIGS, "alb")
        albconfig["spec"]["listeners"].append({"port": 100, "protocol": "HTTP"})
        sandbox.cluster.put(ALBCONFIGS, albconfig)
        until(lambda: bool(sandbox.warnings()), "the event is written")
        assert sandbox.warnings()[0][0] == "SandboxListenerSkipped"
        assert [listener.port for listener in sandbox.openapi.balancers.taken()["alb"].listeners] == [80, 443]
        assert ask() == "200 old"
    until(
        lambda: len(sandbox.openapi.balancers.taken()["alb"].listeners) == 3,
        "the port is taken as soon as it is free",
    )


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("ignores-ca-enabled", ["200 old", "200 old", "200 old"]),
        ("accepts-any-certificate", ["400", "200 old", "200 old"]),
        ("accepts-cut-chains", ["400", "200 old", "200 old"]),
        ("asks-by-server-name", ["400", "400", "200 old"]),
        ("resumes-sessions", ["400", "400", "200 old"]),
        ("trusts-another-ca", ["400", "400", "400"]),
        ("answers-400", ["400", "400", "400"]),
    ],
)
def test_a_fault_changes_what_is_served_but_not_what_is_shown(
    sandbox: Sandbox, ask: Any, good: Any, foreign: Any, tmp_path: Path, fault: str, expected: list[str]
) -> None:
    client, stranger = good.client(tmp_path, "client"), foreign.client(tmp_path, "stranger")
    identifier = sandbox.upload(good.pem)
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    until(lambda: sandbox.shows(True), "it is on")
    sandbox.fault(fault)
    assert [ask(), ask(stranger), ask(client)] == expected
    assert sandbox.shows(True, identifier)
    sandbox.fault("none")
    assert [ask(), ask(stranger), ask(client)] == ["400", "400", "200 old"]


def test_the_controller_goes_on_after_a_restart_of_the_api_server(sandbox: Sandbox, good: Any) -> None:
    identifier = sandbox.upload(good.pem)
    sandbox.cluster.down = True
    sandbox.cluster.drop_watches()
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    assert sandbox.shows(False)
    sandbox.cluster.down = False
    until(lambda: sandbox.shows(True, identifier), "the change is found in a new list")


def test_a_controller_that_was_killed_finds_what_is_served_and_keeps_a_last_good_configuration(
    free_layout: Layout, cluster: PlayedCluster, ask: Any, good: Any
) -> None:
    seeds.make_certificates(free_layout)
    with controlling(free_layout, cluster) as first, serving_nginx(free_layout):
        identifier = first.upload(good.pem)
        first.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
        until(lambda: first.shows(True), "it is on")
        first.change(caEnabled="true")
        until(lambda: bool(first.warnings()), "the change failed")
        before = first.data_plane.serving()
        # The second one works on the files alone, as after kill -9 of the first.
        with controlling(free_layout, cluster) as second:
            until(lambda: second.shows(True, identifier), "the last good configuration is shown")
            assert second.data_plane.serving() == before
            assert ask() == "400"


def test_nothing_is_shown_before_nginx_runs(free_layout: Layout, cluster: PlayedCluster) -> None:
    seeds.make_certificates(free_layout)
    with controlling(free_layout, cluster) as sandbox:
        assert sandbox.secure() is None
        with serving_nginx(free_layout):
            until(lambda: sandbox.shows(False), "nginx runs")


def test_a_change_that_is_made_while_nginx_is_down_is_shown_when_it_is_back(
    free_layout: Layout, cluster: PlayedCluster, good: Any
) -> None:
    seeds.make_certificates(free_layout)
    with controlling(free_layout, cluster) as sandbox:
        with serving_nginx(free_layout):
            until(lambda: sandbox.shows(False), "nginx runs")
        sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": sandbox.upload(good.pem)}])
        until(lambda: (sandbox.secure() or {})["ListenerStatus"] == "Configuring", "the change waits")
        assert (sandbox.secure() or {})["CaEnabled"] is False
        with serving_nginx(free_layout):
            until(lambda: sandbox.shows(True), "nginx is back")


def test_a_configuration_that_nginx_refuses_is_not_put_in_place(sandbox: Sandbox) -> None:
    text = sandbox.layout.nginx_configuration.read_text()
    with pytest.raises(NotTaken, match="unknown directive"):
        sandbox.data_plane.write(text.replace("events {", "no_such_directive on;\nevents {"))
    assert sandbox.layout.nginx_configuration.read_text() == text


def test_a_process_that_took_the_pid_of_a_killed_nginx_is_left_alone(free_layout: Layout) -> None:
    data_plane = DataPlane(free_layout)
    seeds.make_certificates(free_layout)
    surroundings = nginx.Surroundings(
        root=os.geteuid() == 0,
        status_port=free_layout.data_plane_port,
        backends_port=free_layout.backends_port,
        listener_port=free_layout.listener_port,
        ca_file=lambda identifier: identifier,
        another_ca_file="",
        server_files=lambda identifier: (identifier, identifier),
    )
    data_plane.write(nginx.render([], surroundings, "none"))
    caught = []
    before = signal.signal(signal.SIGHUP, lambda *_: caught.append(True))
    try:
        with serving_nginx(free_layout):
            until(lambda: data_plane.serving() is not None, "nginx runs")
            pid_file = free_layout.nginx_directory / "nginx.pid"
            pid_file.write_text(str(os.getpid()))
            other = nginx.render([], surroundings, "none").replace(
                "worker_connections 1024", "worker_connections 512"
            )
            assert data_plane.reload(other.replace(nginx.generation(other), "0" * 32)) is False
    finally:
        signal.signal(signal.SIGHUP, before)
    assert not caught


def test_api_log_names_no_values(sandbox: Sandbox, good: Any, connect: Any) -> None:
    client = connect("cas", endpoint=sandbox.openapi.address)
    from alibabacloud_cas20200407 import models

    client.create_warehouse(
        models.CreateWarehouseRequest(
            name="a name that is nobody's business", type="uploadedAuthorityCertificate"
        )
    )
    line = json.loads(sandbox.layout.api_log.read_text().splitlines()[-1])
    assert line["parameters"] == ["Name", "Type"]
    assert "nobody's business" not in sandbox.layout.api_log.read_text()
