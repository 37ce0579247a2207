"""The Services behind the load balancers, played by one HTTP server.

It answers, as plain text, a Service's name up to its first `-` (`old-nginx` answers `old`).
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any

from dev.sandbox.cloud.loopback import LoopbackServer
from dev.sandbox.cloud.nginx import SERVICE_HEADER


class Backends(LoopbackServer):
    """The server, in threads of this process.

    Args:
        port: on 127.0.0.1; 0 takes a free one.
    Raises:
        UserError: the port is taken.
    """

    def __init__(self, port: int) -> None:
        super().__init__(port, _Handler, "the backends")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = (self.headers.get(SERVICE_HEADER, "nobody").partition("-")[0] + "\n").encode()
        # A body that is not read would be taken for the connection's next request.
        self.close_connection = (
            self.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.headers
        )
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are in logs/access.log."""
