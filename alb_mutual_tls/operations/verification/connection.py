"""One TCP connection under one deadline: TLS handshake, GET, response."""

from __future__ import annotations

import contextlib
import http.client
import io
import select
import socket
import ssl
import time
from typing import Any, Final, cast
from urllib.parse import quote

from alb_mutual_tls.operations.verification.outcome import Answered, Destination
from alb_mutual_tls.text import printable

BODY_LIMIT: Final = 2048


class Connection(io.RawIOBase):
    """A socket, with or without TLS, under one deadline.

    Bytes that arrived are read even after sending failed.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._socket = connection
        self._deadline = deadline
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    @property
    def session(self) -> ssl.SSLSession | None:
        try:
            return self._tls.session if self._tls is not None else None
        except ValueError:  # there is none before the handshake is done
            return None

    @property
    def certificate_checked(self) -> bool:
        """Whether the server's certificate was checked: our own Finished was sent.

        The channel binding is that message (RFC 5929 section 3). Unlike the peer's certificate it
        is there also where the handshake then failed.
        """
        return self._tls is not None and bool(self._tls.get_channel_binding("tls-unique"))

    def shake_hands(self, context: ssl.SSLContext, server_name: str, session: ssl.SSLSession | None) -> None:
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name, session=session
        )
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._fetch()
            else:
                self._flush()
                return

    def listen(self, seconds: float) -> None:
        """Wait for what the server says after the handshake; raises its alert."""
        until = min(time.monotonic() + seconds, self._deadline)
        while self._tls is not None and (left := until - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                self._fetch()
                with contextlib.suppress(ssl.SSLWantReadError):
                    self._tls.read(1)

    def send(self, data: bytes) -> None:
        if self._tls is None:
            self._socket.settimeout(self._left())
            self._socket.sendall(data)
            return
        self._tls.write(data)
        self._flush()

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._tls is None:
            self._socket.settimeout(self._left())
            return self._socket.recv_into(buffer)
        while True:
            try:
                data = self._tls.read(len(buffer))
            except ssl.SSLWantReadError:
                self._fetch()
            except ssl.SSLZeroReturnError:
                return 0
            else:
                buffer[: len(data)] = data
                return len(data)

    def _fetch(self) -> None:
        self._socket.settimeout(self._left())
        data = self._socket.recv(65536)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        self._socket.settimeout(self._left())
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self._socket.sendall(self._outgoing.read())

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        return left

    def get(self, to: Destination) -> Answered:
        """Send a GET and read the response."""
        self.send(request(to))
        # http.client wants a socket only to call makefile on it.
        response = http.client.HTTPResponse(cast("Any", self), method="GET")
        response.begin()
        body = b""
        # a status is an answer, however the body ends
        with contextlib.suppress(OSError, http.client.HTTPException):
            while len(body) < BODY_LIMIT and (part := response.read1(BODY_LIMIT - len(body))):
                body += part
        return Answered(
            response.status,
            printable(response.headers.get("Location", "")),
            printable(body.decode("utf-8", "replace")),
        )


def request(to: Destination) -> bytes:
    """The bytes of a GET to a destination."""
    host = to.host.encode("idna").decode("ascii")
    lines = [
        f"GET {request_target(to.path)} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: mtls-verify",
        "Accept: */*",
        "Connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def request_target(path: str) -> str:
    """A path with its query as a request line has it (RFC 3986, section 3.3).

    What is escaped already stays as it is.
    """
    return quote(path, safe="%/?:@!$&'()*+,;=~")
