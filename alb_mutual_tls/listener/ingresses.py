"""What the Ingresses of an ALB say: which hosts they serve on which listeners.

Source: alibaba-load-balancer-controller, `ComputeIngressListenPorts` and `withTlsRule`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener.declared import HTTPS, Listener, name_of, port_number
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import annotation

CONTROLLER: Final = "ingress.k8s.alibabacloud/alb"
LISTEN_PORTS: Final = "alb.ingress.kubernetes.io/listen-ports"
SSL_REDIRECT: Final = "alb.ingress.kubernetes.io/ssl-redirect"
_REDIRECTS: Final = (SSL_REDIRECT, "nginx.ingress.kubernetes.io/ssl-redirect")
ANY_HOST: Final = "*"


def ingresses_of(
    document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document]
) -> list[Document]:
    """The Ingresses that an AlbConfig's ALB serves.

    Their IngressClass has our controller and names this AlbConfig.
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
    members = []
    for ingress in ingresses:
        named = (ingress.get("spec") or {}).get("ingressClassName") or annotation(
            ingress, "kubernetes.io/ingress.class"
        )
        if named in classes or (named is None and default):
            members.append(ingress)
    return members


def hosts_of(
    document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document], listener: Listener
) -> tuple[str, ...]:
    """The hosts that a listener serves, sorted; `*` stands for every host."""
    members = ingresses_of(document, ingress_classes, ingresses)
    return tuple(sorted({host for ingress in members for host in served(ingress, listener)}))


def listen_ports(ingress: Document) -> set[tuple[str, int]]:
    """The listeners (protocol, port) that an Ingress asks for.

    Without the annotation these are 443/HTTPS if it has `tls`, and 80/HTTP.
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


def served(ingress: Document, listener: Listener) -> set[str]:
    """The hosts that an Ingress serves on a listener; `*` stands for every host."""
    if (listener.protocol, listener.port) not in listen_ports(ingress):
        return set()
    spec = ingress.get("spec") or {}
    hosts = {str(rule.get("host") or ANY_HOST) for rule in spec.get("rules") or []}
    return hosts | ({ANY_HOST} if spec.get("defaultBackend") else set())


def redirects(ingress: Document, port: int) -> bool:
    """Whether an Ingress has the controller answer a port with a redirect to HTTPS."""
    return port != 443 and any(annotation(ingress, key) == "true" for key in _REDIRECTS)


def overlap(one: str, other: str) -> bool:
    """Whether some host matches both.

    `*.example.com` matches one label, `*` everything.
    """
    one, other = one.lower(), other.lower()
    if ANY_HOST in (one, other) or one == other:
        return True
    return any(
        wild.startswith("*.") and host.partition(".")[2] == wild[2:]
        for wild, host in ((one, other), (other, one))
    )


def narrower(host: str, other: str) -> str:
    """Of two overlapping hosts the one that covers less: of `*` and `*.a` the latter."""
    return other if host == ANY_HOST or (host.startswith("*.") and other != ANY_HOST) else host


def label(ingress: Document) -> str:
    """namespace/name, for sentences."""
    return f"{ingress['metadata'].get('namespace', 'default')}/{ingress['metadata']['name']}"
