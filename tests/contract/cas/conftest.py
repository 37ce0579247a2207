"""The provider in its own process, driven over gRPC as the engine drives it, against the sandbox's
OpenAPI endpoint with faults in between.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import provider_pb2, provider_pb2_grpc
from alb_mutual_tls.wire import Properties
from dev.sandbox.cloud import OpenApiServer

_IMPATIENT = """
import os
from alb_mutual_tls.alibaba import openapi
from alb_mutual_tls.plugin.request import Request
openapi.FIRST_PAUSE /= 10
wait = Request.wait
Request.wait = lambda self, seconds: wait(self, seconds / 10)
if "TEST_API_DEADLINE" in os.environ:
    from alb_mutual_tls.access.cloud import Cloud
    Cloud.of.__func__.__kwdefaults__["deadline"] = float(os.environ["TEST_API_DEADLINE"])
if "TEST_METADATA_SERVICE" in os.environ:
    from alibabacloud_credentials.provider.ecs_ram_role import EcsRamRoleCredentialsProvider as EcsRole
    init = EcsRole.__init__
    def redirected(self, **options):
        init(self, **options)
        self._EcsRamRoleCredentialsProvider__metadata_service_host = os.environ["TEST_METADATA_SERVICE"]
    EcsRole.__init__ = redirected
from alb_mutual_tls.provider.__main__ import main
main()
"""
# Its clock runs ten times as fast as users' do between attempts. The ECS metadata service has an
# address of its own, 100.100.100.200, which the SDK does not let anybody change.
REPOSITORY = Path(__file__).resolve().parents[3]
ACCOUNT = "1234567890123456"


class Gateway:
    """Stands between the provider and the OpenAPI endpoint and does, per action, what a test tells
    it to; counts what passes through.

    Faults: `lost` (done, but the connection ends without an answer), `reset` (not done, connection
    ends), `failed` (not done, 503), `failed-done` (done, 503), `throttled`, `forbidden`, `html`
    (not done, a proxy's error page), `empty` (a list that does not show anything yet). `tls` makes
    it speak HTTPS. `signers` has the access key id that signed each call, "" where none did.
    """

    def __init__(self, endpoint: str, tls: ssl.SSLContext | None = None) -> None:
        self._faults: dict[str, list[str]] = defaultdict(list)
        self._answers: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.seen: list[tuple[str, str, bytes]] = []
        self.signers: list[tuple[str, str]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                action = self.headers["x-acs-action"]
                gateway.calls[action] += 1
                gateway.seen.append((action, self.path, body))
                signer = re.search(r"Credential=([^,]+)", self.headers.get("Authorization") or "")
                gateway.signers.append((action, signer[1] if signer else ""))
                if action in gateway._answers:
                    return self._answer(200, "application/json", json.dumps(gateway._answers[action]))
                fault = gateway._faults[action].pop(0) if gateway._faults[action] else ""
                if fault == "reset":
                    return self._hang_up()
                if fault in _ANSWERS:
                    return self._answer(*_ANSWERS[fault])
                upstream = http.client.HTTPConnection(endpoint, timeout=20)
                try:
                    upstream.request("POST", self.path, body, dict(self.headers.items()))
                    answer = upstream.getresponse()
                    content = answer.read()
                finally:
                    upstream.close()
                if fault == "lost":
                    return self._hang_up()
                if fault == "failed-done":
                    return self._answer(*_ANSWERS["failed"])
                if fault == "empty":
                    return self._answer(
                        200, "application/json", json.dumps({"RequestId": "1", "TotalCount": 0})
                    )
                return self._answer(answer.status, answer.getheader("content-type") or "", content.decode())

            def _hang_up(self) -> None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def _answer(self, status: int, kind: str, content: str) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content.encode())))
                self.end_headers()
                self.wfile.write(content.encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        self.endpoint = f"127.0.0.1:{self._server.server_address[1]}"

    def fault(self, action: str, *faults: str) -> None:
        """The next requests of an action meet these faults, one after the other; `""` lets one
        pass.
        """
        self._faults[action].extend(faults)

    def answer(self, action: str, content: dict[str, Any]) -> None:
        """All requests of an action that the sandbox does not have are answered so."""
        self._answers[action] = content

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _error(code: str) -> str:
    return json.dumps(
        {
            "RequestId": "00000000-0000-0000-0000-000000000001",
            "HostId": "test",
            "Code": code,
            "Message": f"{code} by the test.",
        }
    )


_ANSWERS = {
    "failed": (503, "application/json", _error("ServiceUnavailable")),
    "throttled": (400, "application/json", _error("Throttling.User")),
    "forbidden": (403, "application/json", _error("Forbidden.RAM")),
    "html": (502, "text/html", "<html><body>Bad Gateway</body></html>"),
}


@dataclass
class Failed:
    """What the engine shows of a failed call."""

    code: grpc.StatusCode
    sentence: str


@dataclass
class Plugin:
    """The provider process as the engine sees it."""

    stub: Any
    channel: grpc.Channel
    process: subprocess.Popen[bytes]
    engine: Engine

    def close(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.engine.close()

    def configure(self, properties: Properties) -> None:
        self.stub.Configure(
            provider_pb2.ConfigureRequest(
                args=to_struct(properties), acceptSecrets=True, acceptResources=True
            )
        )

    def check_config(self, properties: Properties) -> dict[str, str]:
        answer = self.stub.CheckConfig(
            provider_pb2.CheckRequest(urn=_urn("pulumi:providers:albmtls"), news=to_struct(properties))
        )
        return {failure.property: failure.reason for failure in answer.failures}

    def check(self, token: str, inputs: Properties) -> tuple[Properties, dict[str, str]]:
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=_urn(token), news=to_struct(inputs)))
        return from_struct(answer.inputs), {failure.property: failure.reason for failure in answer.failures}

    def create(self, token: str, inputs: Properties, *, preview: bool = False) -> tuple[str, Properties]:
        answer = self.stub.Create(
            provider_pb2.CreateRequest(urn=_urn(token), properties=to_struct(inputs), preview=preview)
        )
        return answer.id, from_struct(answer.properties)

    def read(self, token: str, id: str, state: Properties, inputs: Properties) -> Properties | None:
        answer = self.stub.Read(
            provider_pb2.ReadRequest(
                urn=_urn(token), id=id, properties=to_struct(state), inputs=to_struct(inputs)
            )
        )
        return from_struct(answer.properties) if answer.id else None

    def diff(
        self, token: str, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> dict[str, str]:
        answer = self.stub.Diff(
            provider_pb2.DiffRequest(
                urn=_urn(token),
                id=id,
                olds=to_struct(state),
                old_inputs=to_struct(old_inputs),
                news=to_struct(inputs),
            )
        )
        return {
            path: provider_pb2.PropertyDiff.Kind.Name(item.kind) for path, item in answer.detailedDiff.items()
        }

    def update(
        self, token: str, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        answer = self.stub.Update(
            provider_pb2.UpdateRequest(
                urn=_urn(token),
                id=id,
                olds=to_struct(state),
                old_inputs=to_struct(old_inputs),
                news=to_struct(inputs),
            )
        )
        return from_struct(answer.properties)

    def delete(self, token: str, id: str, state: Properties, inputs: Properties, timeout: float = 0) -> None:
        self.stub.Delete(
            provider_pb2.DeleteRequest(
                urn=_urn(token),
                id=id,
                properties=to_struct(state),
                old_inputs=to_struct(inputs),
                timeout=timeout,
            )
        )

    def refused(self, act: Callable[[], Any]) -> Failed:
        """What a call that has to fail fails with."""
        with pytest.raises(grpc.RpcError) as caught:
            act()
        error: Any = caught.value
        return Failed(error.code(), error.details())


class Engine:
    """The engine's own service: keeps the diagnostics."""

    def __init__(self) -> None:
        from concurrent import futures

        from alb_mutual_tls.plugin.protocol import empty_pb2, engine_pb2, engine_pb2_grpc

        self.lines: list[tuple[str, str]] = []
        engine = self

        class Servicer(engine_pb2_grpc.EngineServicer):
            def Log(self, request: Any, context: Any) -> Any:
                engine.lines.append((engine_pb2.LogSeverity.Name(request.severity), request.message))
                return empty_pb2.Empty()

        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(Servicer(), self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def warnings(self) -> list[str]:
        return [message for severity, message in self.lines if severity == "WARNING"]

    def close(self) -> None:
        self._server.stop(None).wait()


def _urn(token: str) -> str:
    return f"urn:pulumi:dev::alb-mutual-tls::{token}::it"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenApiServer]:
    """The sandbox's CAS, ALB and STS."""
    with OpenApiServer(tmp_path / "sandbox", queries_per_second=None) as server:
        yield server


@pytest.fixture
def gateway(server: OpenApiServer) -> Iterator[Gateway]:
    gateway = Gateway(server.address)
    yield gateway
    gateway.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory of its own, without a kubeconfig and without credentials."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def _launch(home: Path, variables: dict[str, str]) -> Plugin:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(REPOSITORY),
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
        **variables,
    }
    engine = Engine()
    process = subprocess.Popen(
        [sys.executable, "-c", _IMPATIENT, engine.address], stdout=subprocess.PIPE, env=environment, cwd=home
    )
    assert process.stdout is not None
    channel = grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}")
    return Plugin(provider_pb2_grpc.ResourceProviderStub(channel), channel, process, engine)


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Plugin]]:
    """Starts a provider with variables of its own."""
    running: list[Plugin] = []

    def launch(**variables: str) -> Plugin:
        running.append(_launch(home, variables))
        return running[-1]

    yield launch
    for plugin in running:
        plugin.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    """A provider process that tests share, since each configures it anew."""
    plugin = _launch(tmp_path_factory.mktemp("home"), {})
    yield plugin
    plugin.close()


@pytest.fixture
def settings(gateway: Gateway) -> Properties:
    """The provider configuration that leads to the sandbox through the gateway."""
    return {
        "region": "cn-hangzhou",
        "protocol": "HTTP",
        "endpoints": {"cas": gateway.endpoint, "alb": gateway.endpoint, "sts": gateway.endpoint},
        "accessKey": "sandbox-access-key",
        "secretKey": "sandbox-access-key-secret",
    }


@pytest.fixture
def plugin(shared: Plugin, settings: Properties) -> Plugin:
    """The provider, configured for the sandbox."""
    shared.engine.lines.clear()
    shared.configure(settings)
    return shared


def _chain(names: list[str]) -> list[str]:
    """CA certificates as PEM text, each issued by the next one, the last by itself."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in names]
    subjects = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in names]
    start = datetime.now(UTC).replace(microsecond=0)
    made = []
    for index, key in enumerate(keys):
        issuer = min(index + 1, len(keys) - 1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subjects[index])
            .issuer_name(subjects[issuer])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(keys[issuer], hashes.SHA256())
        )
        made.append(certificate.public_bytes(serialization.Encoding.PEM).decode())
    return made


@pytest.fixture(scope="session")
def authorities() -> list[str]:
    """Three self-signed CA certificates as PEM text."""
    return [_chain([f"authority {number}"])[0] for number in range(3)]


@pytest.fixture(scope="session")
def long_chain() -> str:
    """A CA certificate with eleven above it: more than goes into a URL."""
    return "".join(_chain([f"level {number}" for number in range(12)]))


@pytest.fixture
def bare(settings: Properties) -> Properties:
    """The configuration without any credentials."""
    return {key: value for key, value in settings.items() if key not in ("accessKey", "secretKey")}
