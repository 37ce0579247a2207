"""Read Ingresses and IngressClasses.

The result says which AlbConfig they belong to, which listeners they bind and which rules they
bring.

Covered: `spec.ingressClassName` and the old annotation, IngressClass parameters of kind AlbConfig,
the annotations `listen-ports` and `ssl-redirect`, hosts (also `*.name`), paths of the three types,
a default backend. Other `alb.ingress.kubernetes.io/` annotations are ignored. Services and
endpoints are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from dev.sandbox.cloud.albconfig import Unfit
from dev.sandbox.cloud.model import Rule

CONTROLLER: Final = "ingress.k8s.alibabacloud/alb"
ANNOTATIONS: Final = "alb.ingress.kubernetes.io/"

Resource = dict[str, Any]


def albconfig_of(ingress: Resource, classes: Iterable[Resource]) -> str | None:
    """Name of the AlbConfig that serves an Ingress; None if it is not ALB's."""
    annotations = ingress["metadata"].get("annotations") or {}
    wanted = ingress.get("spec", {}).get("ingressClassName") or annotations.get("kubernetes.io/ingress.class")
    for one in classes:
        spec = one.get("spec") or {}
        parameters = spec.get("parameters") or {}
        if (
            one["metadata"]["name"] == wanted
            and spec.get("controller") == CONTROLLER
            and parameters.get("kind") == "AlbConfig"
        ):
            return str(parameters.get("name"))
    return None


def listen_ports(ingress: Resource) -> list[tuple[int, str]]:
    """Port and protocol of the listeners that an Ingress binds.

    Raises:
        Unfit: the annotation is not a JSON list of objects with one protocol and one port each.
    """
    text = (ingress["metadata"].get("annotations") or {}).get(f"{ANNOTATIONS}listen-ports")
    if text is None:
        return [(80, "HTTP"), (443, "HTTPS")] if ingress.get("spec", {}).get("tls") else [(80, "HTTP")]
    try:
        entries = json.loads(text)
        ports = [
            (int(port), str(protocol))
            for entry in entries
            for protocol, port in entry.items()
            if isinstance(port, int)
        ]
        if len(ports) != sum(len(entry) for entry in entries) or not ports:
            raise ValueError(text)
    except (ValueError, TypeError, AttributeError):
        raise Unfit(f"failed to parse listen-ports configuration: `{text}`") from None
    return ports


def rules(ingress: Resource, protocol: str) -> list[Rule]:
    """The rules that an Ingress brings to a listener of a protocol.

    Raises:
        Unfit: a path cannot be served.
    """
    annotations = ingress["metadata"].get("annotations") or {}
    redirect = protocol == "HTTP" and annotations.get(f"{ANNOTATIONS}ssl-redirect") == "true"
    spec = ingress.get("spec") or {}
    found = []
    for rule in spec.get("rules") or []:
        for path in (rule.get("http") or {}).get("paths") or []:
            text, exact = _path(path)
            found.append(Rule(rule.get("host") or "", text, exact, _service(path.get("backend")), redirect))
    if spec.get("defaultBackend"):
        found.append(Rule("", "/", False, _service(spec["defaultBackend"]), redirect))
    return found


def _path(path: Resource) -> tuple[str, bool]:
    text, kind = path.get("path") or "/", path.get("pathType")
    if kind == "ImplementationSpecific":
        # ALB's own patterns, in which * stands for anything.
        kind, text = ("Prefix", text[:-1]) if text.endswith("/*") else ("Exact", text)
    if not text.startswith("/") or any(character in text for character in "*?\"'\\{};$ \t\r\n"):
        raise Unfit(f"the sandbox does not cover the path {text!r}")
    return (text, True) if kind == "Exact" else (text.rstrip("/") or "/", False)


def _service(backend: Any) -> str:
    name = ((backend or {}).get("service") or {}).get("name")
    if not isinstance(name, str):
        raise Unfit("the sandbox covers no backend but a Service")
    return name
