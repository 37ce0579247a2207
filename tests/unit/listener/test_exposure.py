"""What surrounds a listener, from AlbConfig, IngressClasses and Ingresses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.bypasses import Exposure, exposure

CLASSES = [
    {
        "metadata": {"name": "https-ingressclass"},
        "spec": {
            "controller": "ingress.k8s.alibabacloud/alb",
            "parameters": {"kind": "AlbConfig", "name": "alb"},
        },
    }
]


def albconfig(*listeners: dict[str, Any], dns: str | None = "alb.aliyuncs.com") -> dict[str, Any]:
    status = {"loadBalancer": {"dnsname": dns}} if dns else {}
    return {"metadata": {"name": "alb"}, "spec": {"listeners": list(listeners)}, "status": status}


def ingress(*hosts: str | None, ports: list[dict[str, int]], redirect: bool = False) -> dict[str, Any]:
    annotations = {"alb.ingress.kubernetes.io/listen-ports": json.dumps(ports)}
    if redirect:
        annotations["alb.ingress.kubernetes.io/ssl-redirect"] = "true"
    rules = [{"host": host} if host else {} for host in hosts]
    return {
        "metadata": {"name": "https-ingress", "namespace": "default", "annotations": annotations},
        "spec": {"ingressClassName": "https-ingressclass", "rules": rules},
    }


HTTP = {"port": 80, "protocol": "HTTP"}
HTTPS = {"port": 443, "protocol": "HTTPS", "caEnabled": True}
BOTH = [{"HTTP": 80}, {"HTTPS": 443}]


def tried(around: Exposure) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(bypass.protocol, bypass.port, bypass.hosts) for bypass in around.bypasses]


def test_hosts_and_the_albs_name_are_found() -> None:
    around = exposure(
        albconfig(HTTPS), CLASSES, [ingress("demo.alb.ingress.top", "a.example.com", ports=BOTH)], 443
    )
    assert (around.dns_name, around.hosts, tried(around)) == (
        "alb.aliyuncs.com",
        ("a.example.com", "demo.alb.ingress.top"),
        [],
    )


@pytest.mark.parametrize("redirect", [True, False])
def test_an_http_listener_is_a_bypass_to_try_also_when_it_is_declared_to_redirect(redirect: bool) -> None:
    around = exposure(
        albconfig(HTTP, HTTPS), CLASSES, [ingress("a.example.com", ports=BOTH, redirect=redirect)], 443
    )
    assert tried(around) == [("HTTP", 80, ("a.example.com",))]


def test_a_listener_that_serves_other_hosts_only_is_no_bypass() -> None:
    members = [
        ingress("a.example.com", ports=[{"HTTPS": 443}]),
        ingress("b.example.com", ports=[{"HTTP": 80}]),
    ]
    assert tried(exposure(albconfig(HTTP, HTTPS), CLASSES, members, 443)) == []


def test_another_https_port_is_a_bypass_unless_it_is_verified_as_a_listener_of_the_stack() -> None:
    other = {"port": 8443, "protocol": "HTTPS"}
    members = [ingress("a.example.com", ports=[{"HTTPS": 443}, {"HTTPS": 8443}])]
    assert tried(exposure(albconfig(HTTPS, other), CLASSES, members, 443)) == [
        ("HTTPS", 8443, ("a.example.com",))
    ]
    assert tried(exposure(albconfig(HTTPS, other), CLASSES, members, 443, verified_ports=[443, 8443])) == []


def test_another_https_port_that_is_told_to_ask_for_certificates_is_still_tried() -> None:
    members = [ingress("a.example.com", ports=[{"HTTPS": 443}, {"HTTPS": 8443}])]
    (bypass,) = exposure(
        albconfig(HTTPS, {"port": 8443, "protocol": "HTTPS", "caEnabled": True}), CLASSES, members, 443
    ).bypasses
    assert bypass.demands_certificates


def test_quic_on_the_same_port_is_a_bypass_whatever_the_ingresses_say() -> None:
    members = [ingress("a.example.com", ports=[{"HTTPS": 443}])]
    assert tried(exposure(albconfig(HTTPS, {"port": 443, "protocol": "QUIC"}), CLASSES, members, 443)) == [
        ("QUIC", 443, ("a.example.com",))
    ]


def test_a_bypass_to_some_hosts_of_a_wildcard_is_tried_with_those() -> None:
    members = [
        ingress("*.example.com", ports=[{"HTTPS": 443}]),
        ingress("a.example.com", ports=[{"HTTP": 80}]),
    ]
    assert tried(exposure(albconfig(HTTP, HTTPS), CLASSES, members, 443)) == [
        ("HTTP", 80, ("a.example.com",))
    ]


def test_an_ingress_without_a_host_opens_a_bypass_to_every_host() -> None:
    members = [ingress("a.example.com", ports=[{"HTTPS": 443}]), ingress(None, ports=[{"HTTP": 80}])]
    assert tried(exposure(albconfig(HTTP, HTTPS), CLASSES, members, 443)) == [
        ("HTTP", 80, ("a.example.com",))
    ]
    members = [ingress(None, ports=BOTH)]
    around = exposure(albconfig(HTTP, HTTPS), CLASSES, members, 443)
    assert (around.hosts, tried(around)) == ((), [("HTTP", 80, ("*",))])


def test_an_alb_without_a_name_yet_has_none() -> None:
    assert exposure(albconfig(HTTPS, dns=None), CLASSES, [], 443).dns_name is None


def test_a_listener_that_is_gone_is_an_error_that_names_those_that_exist() -> None:
    with pytest.raises(UserError, match="80/HTTP"):
        exposure(albconfig(HTTP), CLASSES, [], 443)


def test_a_bypass_to_every_host_is_tried_also_with_a_wildcard_of_the_listener() -> None:
    members = [
        ingress("*.example.com", "b.example.net", ports=[{"HTTPS": 443}]),
        ingress(None, ports=[{"HTTP": 80}]),
    ]
    assert tried(exposure(albconfig(HTTP, HTTPS), CLASSES, members, 443)) == [
        ("HTTP", 80, ("*.example.com", "b.example.net"))
    ]


def test_hosts_that_are_redirected_are_tried_and_only_the_others_are_open() -> None:
    members = [
        ingress("a.example.com", ports=BOTH, redirect=True),
        ingress("b.example.com", ports=BOTH),
    ]
    (bypass,) = exposure(albconfig(HTTP, HTTPS), CLASSES, members, 443).bypasses
    assert (bypass.hosts, bypass.open_hosts) == (("a.example.com", "b.example.com"), ("b.example.com",))
