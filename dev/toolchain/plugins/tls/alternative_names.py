"""Subject alternative names: the properties `dnsNames`, `ipAddresses` and `uris`, and the extension
made of them.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from cryptography import x509

from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties

_URI = re.compile(r"(?!:)(?:%[0-9A-Fa-f]{2}|[!-$&-~])+")


def of_inputs(inputs: Properties) -> list[x509.GeneralName]:
    """The names of the inputs in the order in which Go writes them: DNS names, IP
    addresses, URIs.
    """
    return [
        *(x509.DNSName(name) for name in inputs.get("dnsNames") or []),
        *(x509.IPAddress(_address(text)) for text in inputs.get("ipAddresses") or []),
        *(x509.UniformResourceIdentifier(uri) for uri in inputs.get("uris") or []),
    ]


def of_request(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    """The DNS names, IP addresses and URIs that a request asks for; the provider takes them
    unchecked and drops every other kind.
    """
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        name
        for kind in (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier)
        for name in names
        if isinstance(name, kind)
    ]


def failures(inputs: Properties) -> list[CheckFailure]:
    """Everything that is wrong with the names that are known."""
    found: list[CheckFailure] = []
    for name in _known(inputs, "dnsNames"):
        if not name.isascii():
            found.append(CheckFailure("dnsNames", f"{name!r} is not ASCII: write it in its xn-- form"))
    for text in _known(inputs, "ipAddresses"):
        try:
            _address(text)
        except ValueError:
            found.append(
                CheckFailure(
                    "ipAddresses", f"{text!r} is not an IP address: write it like 192.0.2.1 or 2001:db8::1"
                )
            )
    for uri in _known(inputs, "uris"):
        if not _URI.fullmatch(uri):
            found.append(
                CheckFailure(
                    "uris", f"{uri!r} is not a URI in printable ASCII: escape other characters with %"
                )
            )
    return found


def _known(inputs: Properties, name: str) -> list[str]:
    value: Any = inputs.get(name)
    return (
        [item for item in value if isinstance(item, str)]
        if isinstance(value, list) and value is not UNKNOWN
        else []
    )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if "%" in text:
        raise ValueError("net.ParseIP knows no zones")
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
