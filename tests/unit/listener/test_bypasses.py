"""Ways past client authentication, and who else writes the AlbConfig."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alb_mutual_tls.listener.bypasses import (
    Bypass,
    open_bypasses,
)
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.fitness import quic_on, without_certificates
from alb_mutual_tls.listener.ingresses import hosts_of, listen_ports, overlap
from alb_mutual_tls.listener.owners import other_owners
from alb_mutual_tls.listener.patch import Desired

CLASS = {
    "metadata": {"name": "https-ingressclass"},
    "spec": {
        "controller": "ingress.k8s.alibabacloud/alb",
        "parameters": {"apiGroup": "alibabacloud.com", "kind": "AlbConfig", "name": "alb"},
    },
}
HTTP = {"port": 80, "protocol": "HTTP"}
HTTPS = {
    "port": 443,
    "protocol": "HTTPS",
    "caEnabled": True,
    "certificates": [{"CertificateId": "1-cn-hangzhou", "IsDefault": True}],
}
BOTH = '[{"HTTP": 80}, {"HTTPS": 443}]'


def alb(*listeners: Any, **metadata: Any) -> Document:
    return {"metadata": {"name": "alb", **metadata}, "spec": {"listeners": list(listeners)}}


def ingress(
    ports: str | None, *hosts: str, name: str = "https-ingress", redirect: str | None = None, **spec: Any
) -> Document:
    annotations = {
        "alb.ingress.kubernetes.io/listen-ports": ports,
        "alb.ingress.kubernetes.io/ssl-redirect": redirect,
    }
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": {key: value for key, value in annotations.items() if value is not None},
        },
        "spec": {
            "ingressClassName": "https-ingressclass",
            "rules": [{"host": host} if host else {} for host in hosts],
            **spec,
        },
    }


def opened(document: Document, *ingresses: Document) -> tuple[Bypass, ...]:
    return open_bypasses(document, [CLASS], ingresses, find_listener(document, 443))


def test_http_without_ssl_redirect_is_a_bypass() -> None:
    document = alb(HTTP, HTTPS)
    (bypass,) = opened(document, ingress(BOTH, "demo.alb.ingress.top"))
    assert bypass == Bypass(
        80, "HTTP", ("demo.alb.ingress.top",), ("demo.alb.ingress.top",), ("default/https-ingress",)
    )
    assert (
        bypass.sentence(find_listener(document, 443))
        == "demo.alb.ingress.top can be reached without a client certificate on 80/HTTP of AlbConfig alb"
        " (through Ingress default/https-ingress): set the annotation"
        ' alb.ingress.kubernetes.io/ssl-redirect: "true" there, or take the port out of'
        " alb.ingress.kubernetes.io/listen-ports"
    )


def test_http_that_redirects_is_none() -> None:
    assert opened(alb(HTTP, HTTPS), ingress(BOTH, "demo.alb.ingress.top", redirect="true")) == ()


@pytest.mark.parametrize("redirect", ["false", "True", "443", ""])
def test_only_the_text_true_redirects(redirect: str) -> None:
    assert len(opened(alb(HTTP, HTTPS), ingress(BOTH, "demo.alb.ingress.top", redirect=redirect))) == 1


def test_an_ingress_of_another_host_or_class_opens_nothing() -> None:
    other_class = ingress(BOTH, "a.example") | {
        "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example"}]}
    }
    assert (
        opened(
            alb(HTTP, HTTPS),
            ingress('[{"HTTPS": 443}]', "a.example"),
            ingress('[{"HTTP": 80}]', "b.example"),
            other_class,
        )
        == ()
    )


def test_one_ingress_may_open_what_another_redirects() -> None:
    found = opened(
        alb(HTTP, HTTPS),
        ingress(BOTH, "a.example", redirect="true"),
        ingress('[{"HTTP": 80}]', "a.example", name="plain"),
    )
    assert [bypass.ingresses for bypass in found] == [("default/plain",)]


def test_another_https_port_is_a_bypass_until_it_asks_for_certificates_too() -> None:
    both = ingress('[{"HTTPS": 443}, {"HTTPS": "8443"}]', "a.example")
    other = {"port": "8443", "protocol": "HTTPS"}
    (bypass,) = opened(alb(HTTPS, other), both)
    assert (bypass.port, bypass.protocol) == (8443, "HTTPS")
    assert "switch client authentication on there too" in bypass.sentence(find_listener(alb(HTTPS), 443))
    assert opened(alb(HTTPS, {**other, "caEnabled": True}), both) == ()


def test_quic_on_the_same_port_is_a_bypass_whatever_the_ingresses_say() -> None:
    document = alb(HTTPS, {"port": 443, "protocol": "QUIC"})
    (bypass,) = opened(document)
    assert (
        bypass.sentence(find_listener(document, 443))
        == "every host can be reached without a client certificate on 443/QUIC of AlbConfig alb, which"
        " clients prefer to 443/HTTPS and which cannot ask for one: remove the QUIC listener"
    )
    assert quic_on(document, 443)
    assert not quic_on(document, 80)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("a.example", "a.example", True),
        ("A.example", "a.example", True),
        ("*", "a.example", True),
        ("*.example", "a.example", True),
        ("*.example", "a.b.example", False),
        ("*.example", "example", False),
        ("*.example", "*.example", True),
        ("a.example", "b.example", False),
    ],
)
def test_hosts_overlap_as_wildcards_do(one: str, other: str, shared: bool) -> None:
    assert overlap(one, other) is shared
    assert overlap(other, one) is shared


def test_hosts_are_those_of_the_ingresses_that_listen_there() -> None:
    document = alb(HTTP, HTTPS)
    members = [
        ingress(BOTH, "b.example", "a.example"),
        ingress('[{"HTTP": 80}]', "c.example"),
        ingress('[{"HTTPS": 443}]', ""),
    ]
    assert hosts_of(document, [CLASS], members, find_listener(document, 443)) == (
        "*",
        "a.example",
        "b.example",
    )


def test_a_default_class_takes_ingresses_that_name_none() -> None:
    default = {
        **CLASS,
        "metadata": {"name": "x", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
    }
    document = alb(HTTPS)
    unnamed = {
        "metadata": {"name": "i"},
        "spec": {"rules": [{"host": "a.example"}], "tls": [{"hosts": ["a.example"]}]},
    }
    assert hosts_of(document, [default], [unnamed], find_listener(document, 443)) == ("a.example",)
    assert hosts_of(document, [CLASS], [unnamed], find_listener(document, 443)) == ()


@pytest.mark.parametrize(
    ("found", "ports"),
    [
        (ingress(BOTH), {("HTTP", 80), ("HTTPS", 443)}),
        (ingress('[{"HTTP": 80, "HTTPS": 8443}]'), {("HTTP", 80), ("HTTPS", 8443)}),
        (ingress(None, "a.example"), {("HTTP", 80)}),
        (ingress(None, "a.example", tls=[{"hosts": ["a.example"]}]), {("HTTPS", 443)}),
        (
            ingress(None, "a.example", "b.example", tls=[{"hosts": ["a.example"]}]),
            {("HTTP", 80), ("HTTPS", 443)},
        ),
        (ingress("nonsense"), set()),
        (ingress('{"HTTP": 80}'), set()),
        (ingress('["HTTP"]'), set()),
    ],
)
def test_the_ports_of_an_ingress(found: Document, ports: set[tuple[str, int]]) -> None:
    assert listen_ports(found) == ports


def test_a_listener_without_certificates_is_warned_about() -> None:
    bare = find_listener(alb({"port": 443, "protocol": "HTTPS", "certificates": None}), 443)
    assert "names no server certificate" in str(without_certificates(bare))
    assert without_certificates(find_listener(alb(HTTPS), 443)) is None
    named = find_listener(
        alb({"port": 443, "protocol": "HTTPS", "defaultCertificate": {"certificateId": "1"}}), 443
    )
    assert without_certificates(named) is None


WISH = Desired(True, "ca-1")


def applied(*listeners: Any) -> dict[str, Any]:
    return {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(alb(*listeners))}}


def test_an_albconfig_that_is_applied_from_a_file_is_warned_about_unless_the_file_says_the_same() -> None:
    document = alb(HTTPS, **applied({"port": 443, "protocol": "HTTPS"}))
    assert other_owners(document, find_listener(document, 443), WISH) == (
        (
            "AlbConfig alb is also applied from a file (kubectl apply) that has spec.listeners, and the next"
            " apply undoes this: put caEnabled: true and caCertificates: [{CertificateId: ca-1}] of listener"
            " 443/HTTPS into that file (./mtls render prints them as a Kustomize patch), or take listeners"
            " out of it"
        ),
    )
    agreeing = alb(
        HTTPS,
        **applied(
            {
                "port": 443,
                "protocol": "HTTPS",
                "caEnabled": True,
                "caCertificates": [{"CertificateId": "ca-1"}],
            }
        ),
    )
    assert other_owners(agreeing, find_listener(agreeing, 443), WISH) == ()
    silent = alb(
        HTTPS, annotations={"kubectl.kubernetes.io/last-applied-configuration": '{"spec": {"config": {}}}'}
    )
    assert other_owners(silent, find_listener(silent, 443), WISH) == ()


def managed(manager: str, operation: str, fields: Any) -> dict[str, Any]:
    return {"managedFields": [{"manager": manager, "operation": operation, "fieldsV1": {"f:spec": fields}}]}


@pytest.mark.parametrize(
    ("manager", "operation", "fields", "warned"),
    [
        ("argocd-controller", "Apply", {"f:listeners": {}}, True),
        ("argocd-controller", "Update", {"f:listeners": {}}, True),
        ("kustomize-controller", "Apply", {"f:listeners": {}}, True),
        ("helm-controller", "Update", {"f:listeners": {}}, True),
        ("flux-client-side-apply", "Update", {"f:listeners": {}}, True),
        ("helm", "Update", {"f:listeners": {}}, True),
        ("Terraform", "Apply", {"f:listeners": {}}, True),
        ("terraform-provider-kubernetes_v2.38.0_x5", "Update", {"f:listeners": {}}, True),
        ("HashiCorp", "Update", {"f:listeners": {}}, True),
        ("pulumi-kubernetes-1a2b3c4d", "Apply", {"f:listeners": {}}, True),
        ("crossplane-kubernetes-provider", "Update", {"f:listeners": {}}, True),
        ("fleetagent", "Update", {"f:listeners": {}}, True),
        ("kapp-controller", "Update", {"f:listeners": {}}, True),
        ("rancher", "Update", {"f:listeners": {}}, True),
        ("my-operator", "Apply", {"f:listeners": {}}, True),
        ("argocd-controller", "Apply", {"f:listeners": {"k:{}": {"f:port": {}}}}, True),
        ("kustomize-controller", "Apply", {"f:config": {}}, False),
        ("kubectl-edit", "Update", {"f:listeners": {}}, False),
        ("kubectl-client-side-apply", "Update", {"f:listeners": {}}, False),
        ("alb-ingress-controller", "Update", {"f:listeners": {}}, False),
        ("alb-mutual-tls", "Update", {"f:listeners": {}}, False),
        ("alb-mutual-tls-sandbox", "Apply", {"f:listeners": {}}, False),
    ],
)
def test_tools_that_write_the_listeners_from_a_source_of_their_own_are_warned_about(
    manager: str, operation: str, fields: Any, warned: bool
) -> None:
    document = alb(HTTPS, **managed(manager, operation, fields))
    found = other_owners(document, find_listener(document, 443), WISH)
    assert bool(found) is warned
    assert all(
        sentence.startswith(f"{manager} also writes spec.listeners of AlbConfig alb") for sentence in found
    )


def test_the_warning_says_what_to_put_where_and_which_command_prints_it() -> None:
    document = alb(HTTPS, **managed("argocd-controller", "Apply", {"f:listeners": {}}))
    assert other_owners(document, find_listener(document, 443), Desired(False, "ca-1")) == (
        (
            "argocd-controller also writes spec.listeners of AlbConfig alb and will undo this: put caEnabled:"
            " false and caCertificates: [{CertificateId: ca-1}] of listener 443/HTTPS into its source (./mtls"
            " render prints them as a Kustomize patch); for a tool that is to ignore them see docs/gitops.md"
        ),
    )


def test_a_tool_that_has_written_the_wished_values_itself_is_not_warned_about() -> None:
    agreeing = {**HTTPS, "caCertificates": [{"CertificateId": "ca-1"}]}
    document = alb(agreeing, **managed("argocd-controller", "Apply", {"f:listeners": {}}))
    assert other_owners(document, find_listener(document, 443), WISH) == ()
    by_key = alb(agreeing, **managed("argocd-controller", "Apply", {"f:listeners": {"k:{}": {"f:port": {}}}}))
    assert (
        len(other_owners(by_key, find_listener(by_key, 443), WISH)) == 1
    )  # such an owner need not have written our fields


def test_every_tool_that_owns_the_list_is_named_once() -> None:
    (entry,) = managed("argocd-controller", "Apply", {"f:listeners": {}})["managedFields"]
    fields = [
        entry,
        {**entry, "manager": "helm", "operation": "Update"},
        {**entry, "operation": "Update"},
        {"manager": "x", "operation": "Apply"},
    ]
    document = alb(HTTPS, managedFields=fields)
    found = other_owners(document, find_listener(document, 443), WISH)
    assert [sentence.split(" ")[0] for sentence in found] == ["argocd-controller", "helm"]
