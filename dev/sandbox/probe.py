"""One request, to learn whether a part does its work."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path

from dev.sandbox.ports import Endpoint


def answers(
    port: int,
    path: str,
    *,
    authority: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    limit: float = 2.0,
) -> str | None:
    """GET `path` on 127.0.0.1:`port`; mutual TLS if an authority is given.

    Args:
        limit: seconds.
    Returns:
        None if the answer is 200, else what came instead.
    """
    try:
        if authority:
            tls = ssl.create_default_context(cafile=str(authority))
            if certificate:
                tls.load_cert_chain(certificate, key)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=limit, context=tls
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit)
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as reason:
        return f"port {port}: {reason}"
    return None if status == 200 else f"port {port}: {path} answers {status}"


def accepts(endpoint: Endpoint, limit: float = 2.0) -> str | None:
    """None if a connection can be opened, else why not.

    Args:
        limit: seconds.
    """
    try:
        socket.create_connection((endpoint.address, endpoint.port), timeout=limit).close()
    except OSError as reason:
        return f"{endpoint}: {reason}"
    return None
