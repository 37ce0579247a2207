"""Requests over HTTP: what is sent again, what is not, and the sentences for refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from alb_mutual_tls.cluster import api as kubernetes_api
from alb_mutual_tls.cluster.api import KubernetesError
from alb_mutual_tls.cluster.cluster import Cluster, Conflict
from alb_mutual_tls.errors import Unreachable


class Server:
    """Answers requests with what is queued: a status with a JSON body, or `None` to hang up."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any] | None] = []
        self.seen: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.seen.append(f"{self.command} {self.path}")
                answer = server.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                body = answer[1].encode() if isinstance(answer[1], str) else json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header(
                    "Content-Type", "text/plain" if isinstance(answer[1], str) else "application/json"
                )
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(body)

            do_GET = do_PATCH = _answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = Thread(target=found.http.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.http.shutdown()
    thread.join()
    found.http.server_close()


@pytest.fixture
def cluster(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(kubernetes_api, "_RETRY_PAUSES", (0.0, 0.0))
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
    }
    found = Cluster(kubeconfig=json.dumps(content))
    yield found
    found.close()


ALB = {"metadata": {"name": "alb"}}


@pytest.mark.parametrize("passing", [None, (503, {}), (429, {}), (500, {})])
def test_a_read_is_tried_again_while_the_server_is_away_or_busy(
    passing: Any, server: Server, cluster: Cluster
) -> None:
    server.answers = [passing, passing, (200, ALB)]
    assert cluster.albconfig("alb") == ALB
    assert len(server.seen) == 3


def test_a_read_is_not_tried_for_ever(server: Server, cluster: Cluster) -> None:
    server.answers = [(503, {})] * 3
    with pytest.raises(
        KubernetesError, match=r"refused GET /apis/alibabacloud\.com/v1/albconfigs/alb with HTTP 503"
    ):
        cluster.albconfig("alb")
    assert server.answers == []


def test_a_write_is_sent_once_and_a_lost_answer_is_told(server: Server, cluster: Cluster) -> None:
    server.answers = [(200, ALB), None]
    cluster.albconfig("alb")
    with pytest.raises(Unreachable, match="cannot be reached"):
        cluster.patch_albconfig("alb", [])
    assert server.seen[1:] == ["PATCH /apis/alibabacloud.com/v1/albconfigs/alb?fieldManager=alb-mutual-tls"]


@pytest.mark.parametrize(
    ("status", "message"), [(409, "the object has been modified"), (422, "the server rejected our request")]
)
def test_a_failed_test_operation_and_a_write_at_the_same_moment_are_conflicts(
    status: int, message: str, server: Server, cluster: Cluster
) -> None:
    server.answers = [(status, {"kind": "Status", "message": message})]
    with pytest.raises(Conflict, match=rf"changed by somebody else meanwhile \(HTTP {status}: {message}\)"):
        cluster.patch_albconfig("alb", [])


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_webhooks_refusal_is_no_conflict_and_is_told_as_it_is(
    status: int, server: Server, cluster: Cluster
) -> None:
    message = 'admission webhook "albconfig.alibabacloud.com" denied the request:\nlistener 443 is wrong'
    server.answers = [(status, {"kind": "Status", "message": message})]
    with pytest.raises(KubernetesError) as raised:
        cluster.patch_albconfig("alb", [])
    assert not isinstance(raised.value, Conflict)
    assert f"HTTP {status}: {' '.join(message.split())}; put right what it names" in str(raised.value)


def test_a_404_of_the_path_proves_nothing_unless_the_definition_is_gone(
    server: Server, cluster: Cluster
) -> None:
    server.answers = [(404, "404 page not found"), (403, {"kind": "Status", "message": "no"})]
    with pytest.raises(Exception, match="does not serve AlbConfigs at present"):
        cluster.albconfig("alb")


def test_lists_are_read_page_by_page(server: Server, cluster: Cluster) -> None:
    server.answers = [
        (200, {"metadata": {"continue": "next"}, "items": [{"n": 1}]}),
        (200, {"metadata": {}, "items": [{"n": 2}]}),
    ]
    assert [item["n"] for item in cluster.ingresses()] == [1, 2]
    assert server.seen[1].endswith("limit=500&continue=next")


def test_something_that_is_no_kubernetes_api_is_told(server: Server, cluster: Cluster) -> None:
    server.answers = [(200, "<html>")] * 3
    with pytest.raises(Unreachable, match="something that is not JSON"):
        cluster.albconfig("alb")
