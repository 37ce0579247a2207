"""Take apart the URLs that people write, or refuse them with a clause.

The libraries would end in exceptions of all kinds at the first connection.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

_HOST: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Url:
    """A URL, taken apart and normalized.

    The scheme is in lower case, the host in ASCII, and the path percent-encoded. The port is the
    scheme's where none is given, or 0 where it has none.
    """

    scheme: str
    host: str
    port: int
    path: str
    login: str | None = field(repr=False)
    """USER:PASSWORD, decoded."""


def parse(text: str) -> Url:
    """Take a URL apart.

    Raises `ValueError` with a clause that fits behind it ("..., whose port is ...").
    """
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("which holds a blank or a character that cannot be seen")
    try:
        parts = urlsplit(text)
        name = parts.hostname
    except ValueError:
        raise ValueError("not a URL") from None
    if not parts.scheme or not name:
        raise ValueError("not a URL")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("whose port is not a number from 1 to 65535")
    login = None if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    port = port or _DEFAULT_PORTS.get(parts.scheme, 0)
    return Url(parts.scheme, ascii_host(name), port, quote(parts.path, safe="/%:@!$&'()*+,;=~"), login)


def ascii_host(name: str) -> str:
    """Return a host name as DNS and TLS want it, or an IP address.

    Raises `ValueError` with a clause.
    """
    if ":" in name:
        try:
            address, _, zone = name.partition("%")
            ipaddress.IPv6Address(address)
        except ValueError:
            raise ValueError("whose host is not a name or address") from None
        return f"{address}%{zone.removeprefix('25')}" if zone else address
    try:
        host = name.encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise ValueError(
            "whose host is not a name or address (a name has parts of 1 to 63 letters, digits or '-')"
        )
    return host
