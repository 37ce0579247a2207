"""Requests at a listener while it changes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.engine import Sandbox


@contextmanager
def shut(sandbox: Sandbox) -> Iterator[None]:
    """Nobody without a certificate is let in as long as this lasts."""
    with Prober(sandbox) as prober:
        yield
    assert prober.tries > 20
    assert prober.let_in == []


class Prober(threading.Thread):
    """Connects without a certificate all the time; `let_in` counts how often that worked, `tries`
    how often it was tried.
    """

    def __init__(self, sandbox: Sandbox, port: int = 443) -> None:
        super().__init__(daemon=True)
        self._address = ("127.0.0.1", sandbox.listener_base + port)
        self._tls = ssl.create_default_context(cafile=str(sandbox.server_ca))
        self._ended = threading.Event()
        self.tries = 0
        self.let_in: list[bytes] = []

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                with (
                    socket.create_connection(self._address, timeout=5) as raw,
                    self._tls.wrap_socket(raw, server_hostname="demo.alb.ingress.top") as connection,
                ):
                    connection.sendall(
                        b"GET / HTTP/1.1\r\nHost: demo.alb.ingress.top\r\nConnection: close\r\n\r\n"
                    )
                    answer = connection.recv(4096)
            except (OSError, ssl.SSLError):
                answer = b""
            self.tries += 1
            if answer.startswith(b"HTTP/1.1 200"):
                self.let_in.append(answer)

    def __enter__(self) -> Prober:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(timeout=20)
