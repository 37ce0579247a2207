"""The HTTP server that answers as Alibaba Cloud's OpenAPI gateway does.

It serves CAS, ALB, STS and Container Service (CS) on one endpoint.

A request passes, in this order: no private key in it; known action of the right version; known
access key (and security token); date, signature; nonce; flow control; permission (RAM); desired
faults (`misbehaviour.py`); parameters. What is answered is in `cas.py`, `alb.py`, `sts.py` and
`cs.py`; the last is of ROA style: a parameter stands in the path, and the answers have other names.
Each request leaves a JSON line in logs/api.log: time, action, parameter names and result (with the
fault met), never a value. Loopback only, plain HTTP; signatures of version 1.0 (HMAC-SHA1) and
bearer tokens are not covered. The other account has stores of its own, which no controller uses.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from dev.sandbox.cloud import cs, pem, signature
from dev.sandbox.cloud.actions import VERSIONS
from dev.sandbox.cloud.alb import Balancers
from dev.sandbox.cloud.cas import CertificateRepositories
from dev.sandbox.cloud.cs import Clusters
from dev.sandbox.cloud.errors import ApiError, unknown_api
from dev.sandbox.cloud.loopback import LoopbackServer
from dev.sandbox.cloud.misbehaviour import Misbehaviour, Silence
from dev.sandbox.cloud.parameters import Parameter, Values, read
from dev.sandbox.cloud.sts import Caller, Identities
from dev.sandbox.cloud.throttle import QUERIES_PER_SECOND, Nonces, Throttle
from dev.sandbox.layout import ACCOUNT_ID, OTHER_ACCOUNT_ID, Layout

_LARGEST_BODY: Final = 1 << 20
_FORM_TYPE: Final = re.compile(r"application/x-www-form-urlencoded\s*(;.*)?", re.IGNORECASE)


class OpenApiServer:
    """The endpoint with its stores, in threads of this process; a context manager.

    Args:
        directory: the sandbox's; `cloud/` (stores) and `logs/api.log` are made in it.
        port: on 127.0.0.1; 0 takes a free one.
        clock: seconds since 1970.
        queries_per_second: by action and user; None for no flow control.
    Raises:
        UserError: the port is taken, or a store is damaged.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        queries_per_second: int | None = QUERIES_PER_SECOND,
    ) -> None:
        self.balancers = Balancers(directory / "cloud" / "alb.json")
        self.repositories = CertificateRepositories(directory / "cloud" / "cas.json", self.balancers.users_of)
        self.identities = Identities(directory / "cloud" / "sts.json", clock)
        self.ready = threading.Event()
        """Set when `GET /-/ready` is to answer 200."""
        self._clock = clock
        self._throttle = Throttle(queries_per_second)
        self._nonces = Nonces()
        self._misbehaviour = Misbehaviour(Layout(directory), self.repositories.store, clock)
        self._ended = threading.Event()
        self._log = directory / "logs" / "api.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log_lock = threading.Lock()
        elsewhere = directory / "cloud" / OTHER_ACCOUNT_ID
        others = (
            CertificateRepositories(elsewhere / "cas.json", lambda _: []),
            Balancers(elsewhere / "alb.json"),
        )
        clusters = Clusters(directory, clock)
        self._actions = {
            ACCOUNT_ID: {**self.repositories.actions(), **self.balancers.actions(), **clusters.actions()},
            OTHER_ACCOUNT_ID: {
                **others[0].actions(),
                **others[1].actions(),
                **Clusters(None, clock).actions(),
            },
        }
        self._server = _Server(port, self)

    @property
    def address(self) -> str:
        """`127.0.0.1:<port>`."""
        return f"127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.stop()

    def answer(self, request: signature.Request) -> tuple[int, str, dict[str, Any]]:
        """Status, id and body of the answer to an OpenAPI request; logged.

        Raises:
            Silence: there is to be no answer.
        """
        identity = str(uuid.uuid4()).upper()
        action = request.headers.get("x-acs-action", "")
        sent: dict[str, str] = {}
        result = "OK"
        met: list[str] = []
        try:
            sent.update(_sent(request))
            body = self._carry_out(request, action, sent, met)
            status = 200
        except ApiError as error:
            status, result = error.status, error.code
            body = {
                "HostId": request.headers.get("host", ""),
                "Code": error.code,
                "Message": error.message,
                "Recommend": f"https://api.alibabacloud.com/troubleshoot?q={error.code}&product=Sandbox",
            }
        except Silence as silence:
            self._write_log(action, sorted(sent), silence.result, met)
            raise
        except Exception:
            traceback.print_exc()
            status, result = 500, "InternalError"
            body = {
                "HostId": "",
                "Code": result,
                "Message": "The request processing has failed; see logs/cloud.log.",
            }
        self._write_log(action, sorted(sent), result, met)
        if request.headers.get("x-acs-version") == cs.VERSION:
            return status, identity, cs.body(body, identity)
        return status, identity, {"RequestId": identity, **body}

    def pause(self, seconds: float) -> None:
        """Let a client wait, but not the server's end."""
        self._ended.wait(seconds)

    def _carry_out(
        self, request: signature.Request, action: str, sent: dict[str, str], met: list[str]
    ) -> dict[str, Any]:
        """Do what is asked; a fault that the request meets is noted in `met`."""
        for name, text in sent.items():
            pem.refuse_private_key(name, text)
        version = request.headers.get("x-acs-version", "")
        declared = _declared(action, version)
        authorization = signature.parse(request.headers)
        caller = self.identities.find(
            authorization.access_key_id, request.headers.get("x-acs-security-token")
        )
        now = self._clock()
        signature.check(request, authorization, caller.secret, now)
        self._nonces.use(caller.access_key_id, request.headers["x-acs-signature-nonce"], now)
        self._throttle.admit(caller.user, action, now)
        if version in caller.denied:
            raise ApiError(
                403,
                "Forbidden.RAM",
                "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
            )
        fault = self._misbehaviour.meet(action)
        if fault is None:
            return self._act(action, caller, read(declared, sent))
        met.append(fault["kind"])
        return self._misbehaviour.carry_out(fault, lambda: self._act(action, caller, read(declared, sent)))

    def _act(self, action: str, caller: Caller, values: Values) -> dict[str, Any]:
        if action == "GetCallerIdentity":
            return caller.identity
        if action == "AssumeRole":
            return self.identities.assume_role(values)
        return self._actions[caller.account][action](values)

    def _write_log(self, action: str, parameters: list[str], result: str, met: list[str]) -> None:
        result = f"{result} (fault {met[0]})" if met else result
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        line = json.dumps(
            {"time": f"{moment}Z", "action": action, "parameters": parameters, "result": result}
        )
        with self._log_lock, self._log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")


@contextmanager
def openapi_server(directory: Path, *, queries_per_second: int | None = QUERIES_PER_SECOND) -> Iterator[str]:
    """Serve CAS, ALB and STS from this process, without a cluster.

    It is for tests of their clients.

    Args:
        directory: where stores and logs/api.log go; the same directory has the same content again.
        queries_per_second: flow control by action and user; None for none.
    Yields:
        `host:port`; protocol HTTP, access key `layout.ACCESS_KEY_ID`, `layout.ACCESS_KEY_SECRET`.
        Use `OpenApiServer` for the stores behind it.
    """
    with OpenApiServer(directory, queries_per_second=queries_per_second) as server:
        server.ready.set()
        yield server.address


def _declared(action: str, version: str) -> tuple[Parameter, ...]:
    if not action:
        raise ApiError(400, "MissingAction", "Action is mandatory for this action.")
    actions = VERSIONS.get(version)
    if actions is None:
        raise ApiError(400, "InvalidVersion", "Specified parameter Version is not valid.")
    if action not in actions:
        raise unknown_api()
    return actions[action]


def _sent(request: signature.Request) -> dict[str, str]:
    """Parameters of path, query and form body together."""
    pairs = list(request.query)
    if request.headers.get("x-acs-version") == cs.VERSION:
        pairs += cs.from_path(request)
    elif request.path != "/":
        raise unknown_api()
    if request.body:
        if not _FORM_TYPE.fullmatch(request.headers.get("content-type", "")):
            raise ApiError(
                400, "UnsupportedContentType", "The body is to be application/x-www-form-urlencoded."
            )
        try:
            pairs += parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
        except ValueError:
            raise ApiError(400, "InvalidParameter", "The body is not a form.") from None
    names = [name for name, _ in pairs]
    sent = dict(pairs)
    if len(sent) != len(names):
        raise ApiError(400, "InvalidParameter", "A parameter is sent twice.")
    return sent


class _Server(LoopbackServer):
    def __init__(self, port: int, openapi: OpenApiServer) -> None:
        self.openapi = openapi
        super().__init__(port, _Handler, "the OpenAPI endpoint")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "AlbMutualTlsSandbox"
    sys_version = ""
    # Headers and body are two writes; with Nagle's algorithm the second would wait for the client's
    # delayed acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/-/ready":
            self._ready()
        else:
            self._openapi()

    def do_POST(self) -> None:
        self._openapi()

    def _ready(self) -> None:
        ready = self.server.openapi.ready.is_set()
        self._send(200 if ready else 503, b"ready\n" if ready else b"not ready\n", "text/plain")

    def _openapi(self) -> None:
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _LARGEST_BODY or "transfer-encoding" in self.headers:
            self.close_connection = True
            self._send(
                413,
                b'{"Code":"RequestBodyTooLarge","Message":"The body is to have a content-length of at most 1'
                b' MiB."}',
                "application/json",
            )
            return
        body = self.rfile.read(int(length))
        url = urlsplit(self.path)
        query = parse_qsl(url.query, keep_blank_values=True)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            status, identity, answer = self.server.openapi.answer(
                signature.Request(self.command, url.path, query, headers, body)
            )
        except Silence as silence:
            self._fall_silent(silence)
            return
        self._send(status, json.dumps(answer).encode(), "application/json;charset=utf-8", identity)

    def _fall_silent(self, silence: Silence) -> None:
        self.server.openapi.pause(silence.seconds)
        self.close_connection = True
        if silence.reset:
            # Closed without lingering, TCP sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.wfile.close()
            self.connection.close()

    def _send(self, status: int, body: bytes, content_type: str, request_id: str | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        if request_id:
            self.send_header("x-acs-request-id", request_id)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are in api.log, by action."""
