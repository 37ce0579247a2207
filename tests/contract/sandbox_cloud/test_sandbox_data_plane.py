"""What the controller's nginx answers: to whom, where to, and while it changes."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox.cloud import nginx, seeds
from dev.sandbox.cloud.data_plane import DataPlane, NotTaken
from dev.sandbox.cloud.kube import Resource
from dev.sandbox.layout import Layout
from tests.contract.sandbox_cloud.controllers import ALBCONFIGS, INGRESSES, Sandbox, serving_nginx, until


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
