"""A threaded HTTP server on the loopback interface, quick to start and to end."""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

from alb_mutual_tls.errors import UserError


class LoopbackServer(socketserver.ThreadingTCPServer):
    """A thread for each connection, as clients keep few of them open.

    Args:
        port: on 127.0.0.1; 0 takes a free one.
        name: for people.
    Raises:
        UserError: the port is taken.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], name: str) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        try:
            super().__init__(("127.0.0.1", port), handler)
        except OSError as reason:
            raise UserError(
                f"{name} cannot listen on 127.0.0.1:{port} ({reason.strerror}); choose another --port-base"
            ) from reason
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True
        )

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and all connections.

        Clients keep theirs open for a next request, for which threads would wait.
        """
        self.shutdown()
        self.server_close()
        self._thread.join()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away is not an error of the server.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)
