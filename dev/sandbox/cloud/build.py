"""Build a load balancer from an AlbConfig and its Ingresses. Pure.

What the controller refuses itself is FailedBuildModel. What ALB's API refuses is FailedApplyModel.

A refusal is about the whole AlbConfig: the load balancer stays as it was, as one bad Ingress
freezes all of an ALB in reality. Which of the two kinds of event a mistake gets is documented for
few of them; the rest is inferred. An HTTPS listener without `certificates` takes the server
certificates in CAS, as ALB's discovery does. They are those for the hosts in `spec.tls` of its
Ingresses (`secretName` is not covered). Finding none is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from dev.sandbox.cloud import ingress as ingresses
from dev.sandbox.cloud.albconfig import Unfit, port_number, unmarshal
from dev.sandbox.cloud.ingress import Resource
from dev.sandbox.cloud.model import Balancer, Listener, Rule

EDITIONS: Final = ("Standard", "StandardWithWaf")
PROTOCOLS: Final = ("HTTP", "HTTPS", "QUIC")
_ALIAS: Final = re.compile(r"[a-z0-9_-]{1,40}")
_LONGEST_TIMEOUT: Final = 3600
QUOTA: Final = 50
"""Listeners of a load balancer (default of the quota,
https://www.alibabacloud.com/help/doc-detail/198636.htm); what exceeding it is answered is inferred.
"""


class Refused(Unfit):
    """ALB's API refuses the load balancer."""


def _refused(port: int, reason: str) -> Refused:
    return Refused(f"apply failed. listenerPort: {port}. errMsgs: {reason}")


def build(
    albconfig: Resource,
    bound: Iterable[Resource],
    index: int,
    address: str,
    *,
    ca_known: Callable[[str], bool],
    server_certificates: Mapping[str, tuple[str, ...]],
) -> Balancer:
    """Make the load balancer that an AlbConfig and its Ingresses ask for.

    Args:
        bound: the Ingresses of the AlbConfig, in order of precedence.
        index, address: see `Balancer`.
        ca_known: whether CAS has a CA certificate of an identifier that ALB may use.
        server_certificates: id -> hosts of the server certificates in CAS.
    Raises:
        Unfit: the controller cannot build it (event FailedBuildModel).
        Refused: ALB's API refuses it (event FailedApplyModel).
    """
    spec = unmarshal(albconfig.get("spec"))
    config = spec.get("config", {})
    edition = config.get("edition") or "Standard"
    if edition == "Basic":
        raise Unfit("Basic can't use for ingress controller")
    if edition not in EDITIONS:
        raise Unfit(f"invalid edition {edition!r}: choose one of {', '.join(EDITIONS)}")
    bound = list(bound)
    listeners = [
        _discover(replace(listener, rules=_rules(listener, bound)), bound, server_certificates)
        for listener in (_listener(one) for one in spec.get("listeners", []))
    ]
    _check_places(listeners)
    _check_bound(listeners, bound)
    if len(listeners) > QUOTA:
        raise _refused(listeners[-1].port, f"QuotaExceeded.ListenersNum: {QUOTA} listeners are allowed")
    for listener in listeners:
        _check_certificates(listener, ca_known, server_certificates)
    return Balancer(
        albconfig=albconfig["metadata"]["name"],
        uid=albconfig["metadata"]["uid"],
        index=index,
        address=address,
        edition=edition,
        address_type=config.get("addressType") or "Internet",
        name=config.get("name") or f"k8s-{albconfig['metadata']['name']}",
        tags={tag.get("key", ""): tag.get("value", "") for tag in config.get("tags", [])},
        listeners=tuple(sorted(listeners, key=lambda listener: (listener.port, listener.protocol))),
    )


def _listener(spec: dict[str, Any]) -> Listener:
    port, protocol = port_number(spec.get("port")), spec.get("protocol", "")
    if protocol not in PROTOCOLS:
        raise Unfit(
            f"invalid listener protocol: {protocol!r}, listener {port}: choose one of {', '.join(PROTOCOLS)}"
        )
    cas = [one.get("CertificateId", "") for one in spec.get("caCertificates", [])]
    if protocol == "HTTPS" and len(cas) > 1:
        raise _refused(port, f"Only one CA certificate is supported, got {len(cas)}")
    if spec.get("caEnabled") and protocol != "HTTPS":
        raise _refused(port, f"CaEnabled is not supported by {protocol} listeners")
    for name in ("idleTimeout", "requestTimeout"):
        if not 0 <= spec.get(name, 0) <= _LONGEST_TIMEOUT:
            raise _refused(port, f"the value {spec[name]} of {name} is out of range")
    return Listener(
        port=port,
        protocol=protocol,
        ca_enabled=spec.get("caEnabled", False),
        ca_certificate_id=cas[0] if cas and protocol == "HTTPS" else None,
        certificate_ids=_in_order(spec) if protocol != "HTTP" else (),
        description=spec.get("description", ""),
        idle_timeout=spec.get("idleTimeout") or Listener.idle_timeout,
        request_timeout=spec.get("requestTimeout") or Listener.request_timeout,
        gzip=spec.get("gzipEnabled", True),
        http2=spec.get("http2Enabled", True),
        security_policy_id=spec.get("securityPolicyId", ""),
        forwarded=_forwarded(spec, port),
    )


def _in_order(spec: dict[str, Any]) -> tuple[str, ...]:
    """Return the server certificates in order, the default one first.

    The order is: defaultCertificate, then IsDefault, then as listed.
    """
    listed = sorted(spec.get("certificates", []), key=lambda one: not one.get("IsDefault", False))
    default = spec.get("defaultCertificate", {}).get("certificateId")
    return tuple(
        dict.fromkeys([*([default] if default else []), *(one.get("CertificateId", "") for one in listed)])
    )


def _forwarded(spec: dict[str, Any], port: int) -> dict[str, str | bool]:
    forwarded = dict(spec.get("xForwardedForConfig", {}))
    for name, value in forwarded.items():
        if name.endswith("Alias") and value and not _ALIAS.fullmatch(value):
            raise _refused(port, f"the value {value!r} of {name} is not valid")
    return forwarded


def _rules(listener: Listener, bound: list[Resource]) -> tuple[Rule, ...]:
    place = (listener.port, listener.protocol)
    found = [
        rule
        for one in bound
        if place in ingresses.listen_ports(one)
        for rule in ingresses.rules(one, listener.protocol)
    ]
    # The first of two rules for the same host and path wins, as on ALB, where it has the higher
    # priority.
    return tuple({(rule.host, rule.path, rule.exact): rule for rule in reversed(found)}.values())[::-1]


def _discover(
    listener: Listener, bound: list[Resource], server_certificates: Mapping[str, tuple[str, ...]]
) -> Listener:
    if listener.protocol == "HTTP" or listener.certificate_ids:
        return listener
    hosts = [
        host
        for one in bound
        if (listener.port, listener.protocol) in ingresses.listen_ports(one)
        for entry in one.get("spec", {}).get("tls") or []
        for host in entry.get("hosts") or []
    ]
    found = (
        identity
        for host in hosts
        for identity, names in server_certificates.items()
        if any(covers(name, host) for name in names)
    )
    return replace(listener, certificate_ids=tuple(dict.fromkeys(found)))


def covers(name: str, host: str) -> bool:
    """Whether a DNS name of a certificate covers a host.

    The name may be `*.name` (RFC 6125, section 6.4.3).
    """
    return name.lower() == host.lower() or (
        name.startswith("*.") and host.lower().partition(".")[2] == name[2:].lower()
    )


def _check_places(listeners: list[Listener]) -> None:
    by_port: dict[int, list[str]] = {}
    for listener in listeners:
        protocols = by_port.setdefault(listener.port, [])
        protocols.append(listener.protocol)
        if len(protocols) > 1 and sorted(protocols) != ["HTTPS", "QUIC"]:
            raise Unfit(f"duplicate listener port: {listener.port} ({', '.join(protocols)})")


def _check_bound(listeners: list[Listener], bound: list[Resource]) -> None:
    places = {(listener.port, listener.protocol) for listener in listeners}
    for one in bound:
        for port, protocol in ingresses.listen_ports(one):
            if (port, protocol) not in places:
                raise Unfit(f"Listener is not fulfilled yet: {port}-{protocol}")


def _check_certificates(
    listener: Listener, ca_known: Callable[[str], bool], server_certificates: Mapping[str, tuple[str, ...]]
) -> None:
    if listener.protocol == "HTTP":
        return
    if not listener.certificate_ids:
        raise Refused("empty https listener default certs")
    unknown = [identity for identity in listener.certificate_ids if identity not in server_certificates]
    if unknown:
        raise _refused(listener.port, f"the following certificate IDs have expired: [{' '.join(unknown)}]")
    if listener.ca_enabled and listener.ca_certificate_id is None:
        raise _refused(listener.port, "CaCertificates is mandatory for this action, CaEnabled is true")
    if listener.ca_certificate_id is not None and not ca_known(listener.ca_certificate_id):
        unknown_ca = f"no CA certificate {listener.ca_certificate_id!r}"
        raise _refused(listener.port, f"Certificates is not valid: {unknown_ca}")
