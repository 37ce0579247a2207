"""The sandbox's ports.

The module says which are taken and by whom, and whether a part does its work there.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dev.sandbox import processes
from dev.sandbox.layout import Layout

_LISTEN = "0A"
_LISTEN_LINE = re.compile(r"(?:^|[{;])\s*listen\s+(\d+\.\d+\.\d+\.\d+):(\d+)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Endpoint:
    """A port that a part listens on."""

    part: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


def services(layout: Layout) -> list[Endpoint]:
    """The fixed ports of a sandbox, all but the listeners."""
    return [
        Endpoint("etcd", "127.0.0.1", layout.etcd_port),
        Endpoint("etcd", "127.0.0.1", layout.etcd_peer_port),
        Endpoint("kube-apiserver", "127.0.0.1", layout.apiserver_port),
        Endpoint("cloud", "127.0.0.1", layout.openapi_port),
        Endpoint("cloud", "127.0.0.1", layout.backends_port),
        Endpoint("nginx", "127.0.0.1", layout.data_plane_port),
    ]


def listeners(layout: Layout) -> list[Endpoint]:
    """Return what the data plane listens on by its configuration.

    Before there is a configuration, that is nothing.
    """
    try:
        found = parse_listeners(layout.nginx_configuration.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [endpoint for endpoint in found if endpoint.port != layout.data_plane_port]


def parse_listeners(configuration: str) -> list[Endpoint]:
    """Return the `listen ADDRESS:PORT` lines of an nginx configuration.

    Each stands once, in order of address and port.
    """
    found = {(address, int(port)) for address, port in _LISTEN_LINE.findall(configuration)}
    return [
        Endpoint("nginx", address, port)
        for address, port in sorted(found, key=lambda one: (tuple(map(int, one[0].split("."))), one[1]))
    ]


def is_free(endpoint: Endpoint) -> bool:
    """Whether a server could listen there now.

    Raises:
        OSError: listening fails for another reason than a server that is there already.
    """
    with socket.socket() as probe:
        # As servers do: what closed connections leave behind (TIME_WAIT) is not a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.address, endpoint.port))
            probe.listen()
        except OSError as reason:
            if reason.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def holder(endpoint: Endpoint) -> str | None:
    """Who listens there, as `name (pid N)`; None if that is not ours to see."""
    inodes = {
        inode
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for inode in listening_inodes(Path(table).read_text(encoding="utf-8"), endpoint)
    }
    for process in processes.everybody():
        if inodes & _sockets(process.pid):
            return f"{process.name} (pid {process.pid}{_origin(process.pid)})"
    return None


def listening_inodes(table: str, endpoint: Endpoint) -> list[str]:
    """Return the inodes of the sockets that listen on the endpoint.

    Sockets that listen on all addresses count too. The inodes are read from the text of
    /proc/net/tcp or tcp6 (proc_pid_net(5)).
    """
    own = socket.inet_aton(endpoint.address)[::-1].hex().upper()
    addresses = {own, "0" * 8, "0" * 32, f"{'0' * 16}FFFF0000{own}"}
    rows = [line.split() for line in table.splitlines()[1:]]
    return [
        row[9]
        for row in rows
        if row[3] == _LISTEN
        and (place := row[1].split(":"))[0] in addresses
        and int(place[1], 16) == endpoint.port
    ]


def clash(endpoint: Endpoint, who: str | None, layout: Layout) -> str:
    """The sentence for a busy port: port, part, who holds it and how to choose others."""
    own = endpoint in services(layout)
    option = (
        f"--port-base (now {layout.port_base})" if own else f"--listener-base (now {layout.listener_base})"
    )
    taker = who or "a process that cannot be seen from here"
    return (
        f"port {endpoint.port} on {endpoint.address}, needed by {endpoint.part}, is taken by {taker}; end"
        f" that one, or start with another {option}"
    )


def clashes(endpoints: Iterable[Endpoint], layout: Layout) -> list[str]:
    """A sentence for each endpoint that is taken."""
    return [clash(endpoint, holder(endpoint), layout) for endpoint in endpoints if not is_free(endpoint)]


def _sockets(pid: int) -> set[str]:
    directory = f"/proc/{pid}/fd"
    found = set()
    try:
        for entry in os.listdir(directory):  # noqa: PTH208 -- a process may end meanwhile
            target = os.readlink(f"{directory}/{entry}")  # noqa: PTH115
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:
        pass
    return found


def _origin(pid: int) -> str:
    directory = processes.working_directory(pid)
    return f", working in {directory}" if directory and directory != Path("/") else ""


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
