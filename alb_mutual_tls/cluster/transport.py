"""Connections to an API server: TLS, and the proxy that the environment names."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl

from alb_mutual_tls.pem_blocks import blocks
from alb_mutual_tls.waiting import limited

GO_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
"""What Go's encoding/json escapes beyond what JSON asks for; in a JSON text these stand inside
texts only.
"""


class HttpsConnection(http.client.HTTPConnection):
    """A connection that may check the server certificate for another name.

    That name (`tls-server-name`) may differ from the one that is dialed.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, server_name: str) -> None:
        super().__init__(host, port, timeout=limited(TIMEOUT_SECONDS))
        self._context = context
        self._server_name = server_name

    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self._server_name)


def trusted_certificates(pem: bytes) -> bytes:
    """Return the DER of the certificates in a PEM text that can be read.

    The rest of the text and its encoding do not matter, as for Go's library.
    """
    certificates, probe = b"", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for _, body in blocks(pem.decode("latin-1"), ["CERTIFICATE", "X509 CERTIFICATE"]):
        try:
            der = base64.b64decode("".join(body.split()), validate=True)
            probe.load_verify_locations(cadata=der)
        except (ssl.SSLError, ValueError):
            continue
        certificates += der
    return certificates


def may_pass(error: BaseException | None) -> bool:
    """Return whether a connection error may be gone in a moment.

    A wrong name or certificate does not go away.
    """
    return isinstance(error, (ConnectionError, TimeoutError, http.client.HTTPException))


def environment_proxy(scheme: str, host: str) -> str | None:
    from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

    return None if proxy_bypass_environment(host) else getproxies_environment().get(scheme)


TIMEOUT_SECONDS = 30.0
