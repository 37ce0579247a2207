"""Ways past a listener's client authentication, and who else writes the AlbConfig. Pure: documents in, findings out.

Client authentication belongs to a listener, and a host that another listener serves as well can be reached around it. Which listeners serve a host
is for the Ingresses to say (annotation `listen-ports`), see alibaba-load-balancer-controller, `ComputeIngressListenPorts` and `withTlsRule`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alb_mutual_tls.alibaba import exact_json
from alb_mutual_tls.alibaba.exact_json import Document
from alb_mutual_tls.alibaba.listener import HTTPS, Listener, all_listeners, member, name_of, port_number
from alb_mutual_tls.alibaba.listener_patch import Wish, annotation, fulfils

CONTROLLER: Final = "ingress.k8s.alibabacloud/alb"
LISTEN_PORTS: Final = "alb.ingress.kubernetes.io/listen-ports"
SSL_REDIRECT: Final = "alb.ingress.kubernetes.io/ssl-redirect"
_REDIRECTS: Final = (SSL_REDIRECT, "nginx.ingress.kubernetes.io/ssl-redirect")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_GITOPS: Final = (
    "argocd",
    "kustomize-controller",
    "helm",
    "flux",
    "fleet",
    "terraform",
    "hashicorp",
    "pulumi",
    "crossplane",
    "kapp",
    "rancher",
)
"""Beginnings of field managers of tools that write a resource again and again from a source of their own."""
ANY_HOST: Final = "*"
NOT_LOOKED_AT: Final = (
    "Gateway API routes on the same ALB, listeners of CLB and NLB, and other regions may serve the same hosts, and were not looked at"
)
"""What no side door is looked for in; said once in a run."""


@dataclass(frozen=True)
class SideDoor:
    """A listener that serves some of the same hosts and asks nobody for a certificate; `ingresses` are those that open it (namespace/name)."""

    port: int
    protocol: str
    hosts: tuple[str, ...]
    ingresses: tuple[str, ...]

    def sentence(self, listener: Listener) -> str:
        """What stands open, and what to do about it."""
        hosts = ", ".join("every host" if host == ANY_HOST else host for host in self.hosts)
        what = f"{hosts} can be reached without a client certificate on {self.port}/{self.protocol} of AlbConfig {listener.albconfig}"
        through = f" (through Ingress {', '.join(self.ingresses)})" if self.ingresses else ""
        if self.protocol == "QUIC":
            return f"{what}, which clients prefer to {listener.label} and which cannot ask for one: remove the QUIC listener"
        if self.protocol == HTTPS:
            return f"{what}{through}: switch client authentication on there too, or take the port out of the annotation {LISTEN_PORTS}"
        return f'{what}{through}: set the annotation {SSL_REDIRECT}: "true" there, or take the port out of {LISTEN_PORTS}'


def quic_on(document: Document, port: int) -> bool:
    """Whether a QUIC listener shares the port."""
    return any(listener.port == port and listener.protocol == "QUIC" for listener in all_listeners(document))


def hosts_of(document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document], listener: Listener) -> tuple[str, ...]:
    """The hosts that a listener serves, sorted; `*` stands for every host."""
    members = ingresses_of(document, ingress_classes, ingresses)
    return tuple(sorted({host for ingress in members for host in _served(ingress, listener.port, listener.protocol)}))


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
            if not _redirects(ingress, other.port) and (shared := _shared(_served(ingress, other.port, other.protocol), ours))
        ]
        if open_ingresses:
            hosts = tuple(sorted({host for _, found in open_ingresses for host in found}))
            doors.append(SideDoor(other.port, other.protocol, hosts, tuple(sorted(_label(ingress) for ingress, _ in open_ingresses))))
    return tuple(doors)


def ingresses_of(document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document]) -> list[Document]:
    """The Ingresses that an AlbConfig's ALB serves: those whose IngressClass has our controller and names this AlbConfig."""
    classes, default = set(), False
    for ingress_class in ingress_classes:
        spec = ingress_class.get("spec") or {}
        parameters = spec.get("parameters") or {}
        if spec.get("controller") == CONTROLLER and parameters.get("kind") == "AlbConfig" and parameters.get("name") == name_of(document):
            classes.add(ingress_class["metadata"]["name"])
            default = default or annotation(ingress_class, "ingressclass.kubernetes.io/is-default-class") == "true"
    found = []
    for ingress in ingresses:
        named = (ingress.get("spec") or {}).get("ingressClassName") or annotation(ingress, "kubernetes.io/ingress.class")
        if named in classes or (named is None and default):
            found.append(ingress)
    return found


def _label(ingress: Document) -> str:
    return f"{ingress['metadata'].get('namespace', 'default')}/{ingress['metadata']['name']}"


def listen_ports(ingress: Document) -> set[tuple[str, int]]:
    """The listeners (protocol, port) that an Ingress asks for; without the annotation 443/HTTPS if it has `tls`, and 80/HTTP."""
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
    pairs = [pair for item in items if isinstance(item, dict) for pair in item.items()] if isinstance(items, list) else []
    return {(str(protocol).upper(), port) for protocol, value in pairs if (port := port_number(value)) is not None}


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
    return any(wild.startswith("*.") and host.partition(".")[2] == wild[2:] for wild, host in ((one, other), (other, one)))


def without_certificates(listener: Listener) -> str | None:
    """A warning when the listener itself names no server certificate."""
    if member(listener.fields, "certificates") or member(listener.fields, "defaultCertificate"):
        return None
    return (
        f"listener {listener.label} of AlbConfig {listener.albconfig} names no server certificate: unless an Ingress brings one (spec.tls), "
        "ALB cannot serve HTTPS there, and the change is not applied; add certificates to the listener"
    )


def other_owners(document: Document, listener: Listener, wish: Wish) -> tuple[str, ...]:
    """A warning for every tool that may write the listener back from a source of its own, unless that source already says the same."""
    put = (
        f"put caEnabled: {str(wish.ca_enabled).lower()} and caCertificates: [{{CertificateId: {wish.ca_certificate_id}}}] of listener "
        f"{listener.label} into"
    )
    printed = "(./mtls render prints them as a Kustomize patch)"
    sentences = []
    applied = annotation(document, _LAST_APPLIED)
    if applied is not None and _overwrites(applied, listener, wish):
        sentences.append(
            f"AlbConfig {listener.albconfig} is also applied from a file (kubectl apply) that has spec.listeners, and the next apply undoes this: "
            f"{put} that file {printed}, or take listeners out of it"
        )
    for manager in _gitops_managers(document, agreeing=fulfils(listener, wish)):
        sentences.append(
            f"{manager} also writes spec.listeners of AlbConfig {listener.albconfig} and will undo this: {put} its source {printed}; "
            "for a tool that is to ignore them see docs/gitops.md"
        )
    return tuple(sentences)


def declarative_owners(document: Document) -> tuple[str, ...]:
    """Who writes spec.listeners from a source of his own, as field managers name themselves; `kubectl apply` by its annotation."""
    applied = annotation(document, _LAST_APPLIED)
    by_file = ["kubectl apply"] if applied is not None and '"listeners"' in applied else []
    return tuple(dict.fromkeys([*by_file, *_gitops_managers(document, agreeing=False)]))


def _overwrites(applied: str, listener: Listener, wish: Wish) -> bool:
    try:
        source = exact_json.loads(applied)
        if member(member(source, "spec"), "listeners") is None:
            return False
        same = [other for other in all_listeners(source) if (other.port, other.protocol) == (listener.port, listener.protocol)]
    except Exception:  # whatever somebody wrote into an annotation
        return True
    return not (len(same) == 1 and fulfils(same[0], wish))


def _gitops_managers(document: Document, *, agreeing: bool) -> list[str]:
    """The tools that write spec.listeners; of one that is `agreeing`, those that do not own the list as a whole.

    Without a schema a list is owned as a whole (`f:listeners: {}`), and whoever changes it takes it from all other owners: a tool that still owns
    a list with the wished values has written these values itself.
    """
    fields: Sequence[Any] = (document.get("metadata") or {}).get("managedFields") or []
    managers: dict[str, None] = {}
    for entry in fields:
        manager = str(entry.get("manager"))
        owned = ((entry.get("fieldsV1") or {}).get("f:spec") or {}).get("f:listeners")
        keeps = entry.get("operation") == "Apply" or manager.lower().startswith(_GITOPS)
        if keeps and owned is not None and not manager.startswith("alb-mutual-tls") and not (agreeing and owned == {}):
            managers[manager] = None
    return list(managers)
