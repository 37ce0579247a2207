"""Where a listener is tried, and its bypasses: addresses, ports and names."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.bypasses import Bypass, Exposure
from alb_mutual_tls.operations.verification.outcome import Destination
from alb_mutual_tls.stack.deployed import DeployedListener

WILDCARD_LABEL: Final = "mtls-verify"  # stands in for the star of a wildcard host


@dataclass(frozen=True)
class Approach:
    """Where a listener is tried.

    `shift` is added to every listener's port. `bypasses` is a reason where they are unknown.
    `is_alb`: the address is the ALB's own, so that a refused connection there means that no such
    listener exists; a configured address may be something in front of it.
    """

    address: str
    shift: int
    server_names: tuple[str, ...]
    path: str
    bypasses: tuple[Bypass, ...] | str
    is_alb: bool
    open_ports: tuple[int, ...] = ()

    def destinations(
        self, port: int, names: tuple[str, ...], addresses: list[str], *, default_port: int
    ) -> list[Destination]:
        """One per address and name for the listener `port`.

        `default_port` is the one that a Host header leaves out.
        """
        moved = port + self.shift
        if not 1 <= moved <= 65535:
            raise UserError(
                f"verify.address moves ports by {self.shift}, so port {port} cannot be reached there: give it"
                f" a port that is {1 - moved if moved < 1 else moved - 65535}"
                f" {'higher' if moved < 1 else 'lower'}"
            )
        return [
            Destination(address, moved, name, _host_header(name, port, default_port), self.path)
            for address in addresses
            for name in names
        ]


def approach(listener: DeployedListener, look: Callable[[], Exposure]) -> Approach:
    """How to get to a listener: configured values first, else what the cluster says.

    `look` reads the cluster and may raise UserError. So does this, where the cluster cannot be read
    and address or server name are not configured.
    """
    try:
        exposure: Exposure | UserError = look()
    except UserError as error:
        exposure = error
    address, port = split_address(listener.address) if listener.address else (None, None)
    names: tuple[str, ...] | None = (listener.server_name,) if listener.server_name else None
    if isinstance(exposure, UserError):
        if address is None or names is None:
            raise UserError(
                f"{exposure} (or configure verify.address and verify.serverName of listener {listener.name})"
            )
        bypasses: tuple[Bypass, ...] | str = str(exposure)
        open_ports: tuple[int, ...] = ()
    else:
        address = address or exposure.dns_name
        names = names or tuple(concrete(host) for host in exposure.hosts)
        bypasses, open_ports = exposure.bypasses, exposure.open_ports
    if address is None:
        raise UserError(
            f"AlbConfig {listener.alb_config} has no DNS name in its status yet: wait until its ALB is"
            f" active, or configure verify.address of listener {listener.name}"
        )
    if not names:
        raise UserError(
            f"no Ingress names a host for port {listener.port} of AlbConfig {listener.alb_config}: add one,"
            f" or configure verify.serverName of listener {listener.name}"
        )
    shift = 0 if port is None else port - listener.port
    return Approach(address, shift, names, listener.path, bypasses, listener.address is None, open_ports)


def split_address(text: str) -> tuple[str, int | None]:
    """verify.address as host and port.

    It is "host" or "host:port", an IPv6 address with a port in brackets.
    """
    host, colon, port = text.rpartition(":")
    if text.count(":") > 1 and not text.startswith("["):  # an IPv6 address as it is
        host, colon, port = text, "", ""
    elif text.startswith("["):
        inside, _, rest = text[1:].partition("]")
        host, colon, port = inside, ":" if rest else "", rest.removeprefix(":")
    elif not colon:
        host = text
    if not host or (colon and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535)):
        raise UserError(
            f"verify.address {text!r} is not HOST or HOST:PORT: give for instance alb.example.com or"
            " 127.0.0.1:20443"
        )
    return host, int(port) if colon else None


def concrete(host: str) -> str:
    """A host that a request can name: a label instead of a wildcard's star."""
    return WILDCARD_LABEL + host[1:] if host.startswith("*.") else host


def resolve(host: str) -> list[str]:
    """All IP addresses behind a name, each once. Raises UserError when there are none."""
    entries = []
    for flags in (socket.AI_ADDRCONFIG, 0):  # first only families that this machine can reach
        try:
            entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
            break
        except (OSError, UnicodeError):
            continue
    if not entries:
        raise UserError(
            f"the address {host} cannot be resolved: check the name, or configure verify.address with an IP"
            " address"
        )
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine's own: then it is a sandbox."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _host_header(name: str, port: int, default_port: int) -> str:
    shown = f"[{name}]" if ":" in name else name
    return shown if port == default_port else f"{shown}:{port}"
