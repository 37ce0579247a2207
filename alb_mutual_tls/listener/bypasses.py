"""Ways past a listener's client authentication, and who else writes the AlbConfig. Pure: documents
in, findings out.

Client authentication belongs to a listener, and a host that another listener serves as well can be
reached around it. Which listeners serve a host is for the Ingresses to say (annotation
`listen-ports`), see alibaba-load-balancer-controller, `ComputeIngressListenPorts` and
`withTlsRule`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener.declared import HTTPS, Listener, all_listeners, member, name_of, port_number
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import annotation

CONTROLLER: Final = "ingress.k8s.alibabacloud/alb"
LISTEN_PORTS: Final = "alb.ingress.kubernetes.io/listen-ports"
SSL_REDIRECT: Final = "alb.ingress.kubernetes.io/ssl-redirect"
_REDIRECTS: Final = (SSL_REDIRECT, "nginx.ingress.kubernetes.io/ssl-redirect")
ANY_HOST: Final = "*"
NOT_LOOKED_AT: Final = (
    "Gateway API routes on the same ALB, listeners of CLB and NLB, and other regions may serve the same"
    " hosts, and were not looked at"
)
"""What no side door is looked for in; said once in a run."""


@dataclass(frozen=True)
class SideDoor:
    """A listener that serves some of the same hosts and asks nobody for a certificate; `ingresses`
    are those that open it (namespace/name).
    """

    port: int
    protocol: str
    hosts: tuple[str, ...]
    ingresses: tuple[str, ...]

    def sentence(self, listener: Listener) -> str:
        """What stands open, and what to do about it."""
        hosts = ", ".join("every host" if host == ANY_HOST else host for host in self.hosts)
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


def quic_on(document: Document, port: int) -> bool:
    """Whether a QUIC listener shares the port."""
    return any(listener.port == port and listener.protocol == "QUIC" for listener in all_listeners(document))


def hosts_of(
    document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document], listener: Listener
) -> tuple[str, ...]:
    """The hosts that a listener serves, sorted; `*` stands for every host."""
    members = ingresses_of(document, ingress_classes, ingresses)
    return tuple(
        sorted({host for ingress in members for host in _served(ingress, listener.port, listener.protocol)})
    )


def side_doors(
    document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document], listener: Listener
) -> tuple[SideDoor, ...]:
    """The side doors of a listener, in the order of the AlbConfig's listeners."""
    members = ingresses_of(document, ingress_classes, ingresses)
    ours = {host for ingress in members for host in _served(ingress, listener.port, listener.protocol)}
    doors = []
    for other in all_listeners(document):
        if other.path == listener.path or (other.protocol == HTTPS and other.ca_enabled):
            continue
        if other.protocol == "QUIC" and other.port == listener.port:
            doors.append(SideDoor(other.port, other.protocol, tuple(sorted(ours)) or (ANY_HOST,), ()))
            continue
        open_ingresses = [
            (ingress, shared)
            for ingress in members
            if not _redirects(ingress, other.port)
            and (shared := _shared(_served(ingress, other.port, other.protocol), ours))
        ]
        if open_ingresses:
            hosts = tuple(sorted({host for _, found in open_ingresses for host in found}))
            doors.append(
                SideDoor(
                    other.port,
                    other.protocol,
                    hosts,
                    tuple(sorted(_label(ingress) for ingress, _ in open_ingresses)),
                )
            )
    return tuple(doors)


def ingresses_of(
    document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document]
) -> list[Document]:
    """The Ingresses that an AlbConfig's ALB serves: those whose IngressClass has our controller and
    names this AlbConfig.
    """
    classes, default = set(), False
    for ingress_class in ingress_classes:
        spec = ingress_class.get("spec") or {}
        parameters = spec.get("parameters") or {}
        if (
            spec.get("controller") == CONTROLLER
            and parameters.get("kind") == "AlbConfig"
            and parameters.get("name") == name_of(document)
        ):
            classes.add(ingress_class["metadata"]["name"])
            default = (
                default or annotation(ingress_class, "ingressclass.kubernetes.io/is-default-class") == "true"
            )
    found = []
    for ingress in ingresses:
        named = (ingress.get("spec") or {}).get("ingressClassName") or annotation(
            ingress, "kubernetes.io/ingress.class"
        )
        if named in classes or (named is None and default):
            found.append(ingress)
    return found


def _label(ingress: Document) -> str:
    return f"{ingress['metadata'].get('namespace', 'default')}/{ingress['metadata']['name']}"


def listen_ports(ingress: Document) -> set[tuple[str, int]]:
    """The listeners (protocol, port) that an Ingress asks for; without the annotation 443/HTTPS if
    it has `tls`, and 80/HTTP.
    """
    spec = ingress.get("spec") or {}
    text = annotation(ingress, LISTEN_PORTS)
    if text is None:
        tls_hosts = {host for item in spec.get("tls") or [] for host in item.get("hosts") or []}
        plain = any(rule.get("host") not in tls_hosts for rule in spec.get("rules") or []) or not tls_hosts
        return ({(HTTPS, 443)} if spec.get("tls") else set()) | ({("HTTP", 80)} if plain else set())
    try:
        items = exact_json.loads(text)
    except ValueError:
        return set()
    pairs = (
        [pair for item in items if isinstance(item, dict) for pair in item.items()]
        if isinstance(items, list)
        else []
    )
    return {
        (str(protocol).upper(), port) for protocol, value in pairs if (port := port_number(value)) is not None
    }


def _served(ingress: Document, port: int, protocol: str) -> set[str]:
    if (protocol, port) not in listen_ports(ingress):
        return set()
    spec = ingress.get("spec") or {}
    hosts = {str(rule.get("host") or ANY_HOST) for rule in spec.get("rules") or []}
    return hosts | ({ANY_HOST} if spec.get("defaultBackend") else set())


def _redirects(ingress: Document, port: int) -> bool:
    return port != 443 and any(annotation(ingress, key) == "true" for key in _REDIRECTS)


def _shared(hosts: set[str], ours: set[str]) -> set[str]:
    return {_narrower(host, own) for host in hosts for own in ours if overlap(host, own)}


def _narrower(one: str, other: str) -> str:
    return other if one == ANY_HOST or (one.startswith("*.") and other != ANY_HOST) else one


def overlap(one: str, other: str) -> bool:
    """Whether some host matches both; `*.example.com` matches one label, `*` everything."""
    one, other = one.lower(), other.lower()
    if ANY_HOST in (one, other) or one == other:
        return True
    return any(
        wild.startswith("*.") and host.partition(".")[2] == wild[2:]
        for wild, host in ((one, other), (other, one))
    )


def without_certificates(listener: Listener) -> str | None:
    """A warning when the listener itself names no server certificate."""
    if member(listener.fields, "certificates") or member(listener.fields, "defaultCertificate"):
        return None
    return (
        f"listener {listener.label} of AlbConfig {listener.albconfig} names no server certificate: unless an"
        " Ingress brings one (spec.tls), ALB cannot serve HTTPS there, and the change is not applied; add"
        " certificates to the listener"
    )


@dataclass(frozen=True)
class Door:
    """Another listener of the same ALB that serves some of the same hosts."""

    protocol: str
    """HTTP, HTTPS or QUIC."""
    port: int
    hosts: tuple[str, ...]
    """Those that both serve; none where both serve every host."""
    asks: bool = False
    """Whether the AlbConfig tells it to ask for client certificates."""


@dataclass(frozen=True)
class Exposure:
    """What the cluster knows about a listener; `dns_name` of the ALB, None while it has none;
    `hosts` that Ingresses name.

    `open_ports`: of the ALB's other HTTPS listeners that are not told to ask for client
    certificates, whatever hosts they serve.
    """

    dns_name: str | None
    hosts: tuple[str, ...]
    doors: tuple[Door, ...]
    open_ports: tuple[int, ...] = ()


def surroundings(
    document: Document,
    ingress_classes: Iterable[Document],
    ingresses: Iterable[Document],
    port: int,
    *,
    verified_ports: Iterable[int] = (),
) -> Exposure:
    """What surrounds the HTTPS listener on `port` of an AlbConfig.

    Every other listener that serves some of its hosts is a door to try, also one that is declared
    to redirect or to ask for certificates: what counts is what it does. `verified_ports`: HTTPS
    ports that are verified as listeners of the stack anyway.
    """
    from alb_mutual_tls.listener.bypasses import ANY_HOST, hosts_of
    from alb_mutual_tls.listener.declared import HTTPS, all_listeners, find_listener, member

    listener = find_listener(document, port)
    classes, members = list(ingress_classes), list(ingresses)
    hosts = hosts_of(document, classes, members, listener)
    doors, open_ports = [], []
    for other in all_listeners(document):
        if other.protocol == HTTPS and other.path != listener.path and not other.ca_enabled:
            open_ports.append(other.port)
        if other.path == listener.path or (other.protocol == HTTPS and other.port in verified_ports):
            continue
        shared = _in_common(hosts, hosts_of(document, classes, members, other))
        beside = (
            other.protocol == "QUIC" and other.port == port
        )  # clients prefer it, whatever the Ingresses say
        if shared or beside:
            doors.append(
                Door(
                    other.protocol,
                    other.port,
                    tuple(host for host in shared if host != ANY_HOST),
                    asks=other.ca_enabled,
                )
            )
    dns_name = member(member(member(document, "status"), "loadBalancer"), "dnsname")
    named = tuple(host for host in hosts if host != ANY_HOST)
    return Exposure(str(dns_name) if dns_name else None, named, tuple(doors), tuple(open_ports))


def _in_common(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[str]:
    """The hosts that both serve; of a wildcard and a host that it matches, the host."""
    from alb_mutual_tls.listener.bypasses import overlap

    found = {their if own.startswith("*") else own for own in ours for their in theirs if overlap(own, their)}
    return sorted(found)
