"""Ways past a listener's client authentication: who else serves its hosts.

Client authentication belongs to a listener. A host that another listener of the ALB serves too can
be reached around it. Pure: documents in, findings out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from alb_mutual_tls.listener.declared import HTTPS, Listener, all_listeners, find_listener, member
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.ingresses import (
    ANY_HOST,
    LISTEN_PORTS,
    SSL_REDIRECT,
    hosts_of,
    ingresses_of,
    label,
    narrower,
    overlap,
    redirects,
    served,
)

NOT_LOOKED_AT: Final = (
    "Gateway API routes on the same ALB, listeners of CLB and NLB, and other regions may serve the same"
    " hosts, and were not looked at"
)
"""Where no bypass is looked for; said once in a run."""


@dataclass(frozen=True)
class Bypass:
    """Another listener of the same ALB that serves some of the same hosts."""

    port: int
    protocol: str
    """HTTP, HTTPS or QUIC."""
    hosts: tuple[str, ...]
    """Those that both serve; `*` is every host."""
    open_hosts: tuple[str, ...] = ()
    """Those of them that some Ingress serves without a redirect to HTTPS."""
    ingresses: tuple[str, ...] = ()
    """These Ingresses (namespace/name)."""
    demands_certificates: bool = False
    """Whether the AlbConfig tells it to ask for client certificates."""

    @property
    def is_open(self) -> bool:
        """Whether it is declared neither to ask for certificates nor to redirect."""
        return bool(self.open_hosts) and not self.demands_certificates

    def sentence(self, listener: Listener) -> str:
        """What stands open, and what to do about it."""
        hosts = ", ".join("every host" if host == ANY_HOST else host for host in self.open_hosts)
        what = (
            f"{hosts} can be reached without a client certificate on {self.port}/{self.protocol} of AlbConfig"
            f" {listener.albconfig}"
        )
        through = f" (through Ingress {', '.join(self.ingresses)})" if self.ingresses else ""
        if self.protocol == "QUIC":
            return (
                f"{what}, which clients prefer to {listener.label} and which cannot ask for one: remove the"
                " QUIC listener"
            )
        if self.protocol == HTTPS:
            return (
                f"{what}{through}: switch client authentication on there too, or take the port out of the"
                f" annotation {LISTEN_PORTS}"
            )
        return (
            f'{what}{through}: set the annotation {SSL_REDIRECT}: "true" there, or take the port out of'
            f" {LISTEN_PORTS}"
        )


def bypasses(
    document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document], listener: Listener
) -> Iterator[Bypass]:
    """The bypasses of a listener, in the order of the AlbConfig's listeners."""
    members = ingresses_of(document, ingress_classes, ingresses)
    own = {host for ingress in members for host in served(ingress, listener)}
    for other in all_listeners(document):
        if other.path == listener.path:
            continue
        if other.protocol == "QUIC" and other.port == listener.port:
            # clients prefer it, whatever the Ingresses say
            all_own = tuple(sorted(own)) or (ANY_HOST,)
            yield Bypass(other.port, other.protocol, all_own, all_own)
            continue
        shared = [(ingress, hosts) for ingress in members if (hosts := _shared(served(ingress, other), own))]
        plain = [(ingress, hosts) for ingress, hosts in shared if not redirects(ingress, other.port)]
        if shared:
            yield Bypass(
                other.port,
                other.protocol,
                hosts=_sorted(hosts for _, hosts in shared),
                open_hosts=_sorted(hosts for _, hosts in plain),
                ingresses=tuple(sorted(label(ingress) for ingress, _ in plain)),
                demands_certificates=other.protocol == HTTPS and other.ca_enabled,
            )


def open_bypasses(
    document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document], listener: Listener
) -> tuple[Bypass, ...]:
    """The bypasses that are declared neither to ask for certificates nor to redirect."""
    return tuple(
        bypass for bypass in bypasses(document, ingress_classes, ingresses, listener) if bypass.is_open
    )


def _shared(hosts: set[str], own: set[str]) -> set[str]:
    return {narrower(host, mine) for host in hosts for mine in own if overlap(host, mine)}


def _sorted(groups: Iterable[set[str]]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*groups)))


@dataclass(frozen=True)
class Exposure:
    """What the cluster says about a listener.

    `dns_name`: of the ALB, None while it has none. `hosts`: those that Ingresses name.
    `open_ports`: of the ALB's other HTTPS listeners that do not ask for client certificates.
    """

    dns_name: str | None
    hosts: tuple[str, ...]
    bypasses: tuple[Bypass, ...]
    open_ports: tuple[int, ...] = ()


def exposure(
    document: Document,
    ingress_classes: Iterable[Document],
    ingresses: Iterable[Document],
    port: int,
    *,
    verified_ports: Iterable[int] = (),
) -> Exposure:
    """What the documents say about the HTTPS listener on `port`, with every bypass.

    `verified_ports`: HTTPS ports that are verified as listeners of the stack anyway.
    """
    listener = find_listener(document, port)
    classes, members = list(ingress_classes), list(ingresses)
    dns_name = member(member(member(document, "status"), "loadBalancer"), "dnsname")
    return Exposure(
        str(dns_name) if dns_name else None,
        tuple(host for host in hosts_of(document, classes, members, listener) if host != ANY_HOST),
        tuple(
            bypass
            for bypass in bypasses(document, classes, members, listener)
            if bypass.protocol != HTTPS or bypass.port not in verified_ports
        ),
        tuple(
            other.port
            for other in all_listeners(document)
            if other.protocol == HTTPS and other.path != listener.path and not other.ca_enabled
        ),
    )
