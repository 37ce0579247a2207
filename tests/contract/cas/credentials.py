"""Keys of the sandbox, and where they can be had."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alb_mutual_tls.wire import UNKNOWN
from dev.sandbox.cloud import OpenApiServer

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Plugin

TOKEN = "albmtls:index:CertificateRepository"
KEY, SECRET = "sandbox-access-key", "sandbox-access-key-secret"
ROLE = "acs:ram::1234567890123456:role/deployer"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/p"


def session_of(server: OpenApiServer, name: str = "test", seconds: int = 900) -> dict[str, Any]:
    """A temporary key of the sandbox."""
    made = server.identities.assume_role(
        {"RoleArn": ROLE, "RoleSessionName": name, "DurationSeconds": seconds}
    )
    return dict(made["Credentials"])


def account(plugin: Plugin) -> str:
    """The account in which a preview would make a repository."""
    return str(plugin.create(TOKEN, {"name": UNKNOWN, "configured": False}, preview=True)[1]["account"])


def write_profiles(home: Path, *profiles: dict[str, Any]) -> None:
    (home / ".aliyun").mkdir()
    (home / ".aliyun" / "config.json").write_text(
        json.dumps({"current": profiles[0]["name"], "profiles": profiles})
    )


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server; its host and port."""
    service = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{service.server_address[1]}"
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


@contextmanager
def serving(answer: bytes, status: int) -> Iterator[str]:
    """What `credentialsUri` asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    with listening(Handler) as address:
        yield f"http://{address}/session"
