"""A CA certificate that an AlbConfig still names is never deleted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from alb_mutual_tls.cluster.api import Forbidden
from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.ca_certificate import CaCertificate, albconfigs_naming
from alb_mutual_tls.provider.configuration import Configuration

STATE = {
    "warehouseId": "17",
    "account": "1",
    "cluster": "uid-1",
    "owned": True,
    "fingerprint": "f",
    "caCertificateId": "ca-1",
}


def albconfig(*listeners: dict[str, Any], name: str = "alb") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"listeners": list(listeners)}}


NAMING = albconfig(
    {"port": 80, "protocol": "HTTP"},
    {"port": 443, "protocol": "HTTPS", "caEnabled": False, "caCertificates": [{"CertificateId": "ca-1"}]},
)


class Fakes:
    """A cluster, CAS and ALB that keep what was asked of them."""

    def __init__(self, *albconfigs: dict[str, Any]) -> None:
        self.documents = list(albconfigs)
        self.serving: list[dict[str, Any]] | Forbidden = []
        self.deleted: list[str] = []

    def albconfigs(self) -> list[dict[str, Any]]:
        return self.documents

    def services(self) -> list[dict[str, Any]]:
        if isinstance(self.serving, Forbidden):
            raise self.serving
        return self.serving

    def uid(self) -> str:
        return "uid-1"

    def listeners_naming(self, identifier: str) -> list[Any]:
        return []

    def delete_certificate(self, identifier: str, warehouse_id: str) -> None:
        self.deleted.append(identifier)


def configured(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    configuration = Configuration.of({"kubeconfig": "k"})
    for name in ("cluster", "alb"):
        monkeypatch.setattr(Configuration, name, lambda self: fakes)
    monkeypatch.setattr(Configuration, "cas", lambda self, request: fakes)
    monkeypatch.setattr(Configuration, "account_id", lambda self: "1")
    return configuration


def deleting(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Handler:
    return CaCertificate(configured(fakes, monkeypatch))


def request() -> Request:
    return Request(
        urn="u", name="n", preview=False, timeout=0, cancelled=threading.Event(), log=lambda *_: None
    )


def test_it_is_refused_at_once_and_the_listener_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = Fakes(albconfig(name="other"), NAMING)
    handler = deleting(fakes, monkeypatch)
    with pytest.raises(UserError, match="still named by AlbConfig alb, listener 443/HTTPS"):
        handler.delete(request(), "ca-1", {}, STATE)
    assert fakes.deleted == []


def test_it_is_deleted_when_no_albconfig_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = Fakes(NAMING)
    handler = deleting(fakes, monkeypatch)
    handler.delete(request(), "ca-2", {}, STATE)
    assert fakes.deleted == ["ca-2"]


def service(name: str, **annotations: str) -> dict[str, Any]:
    keys = {
        f"service.beta.kubernetes.io/{key.replace('_', '-')}": value for key, value in annotations.items()
    }
    return {"metadata": {"name": name, "namespace": "shop", "annotations": keys}}


@pytest.mark.parametrize("key", ["alibaba_cloud_loadbalancer_cacert_id", "alicloud_loadbalancer_cacert_id"])
def test_one_that_the_load_balancer_of_a_service_has_is_not_deleted_and_the_service_is_named(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes = Fakes()
    fakes.serving = [
        service("web", alibaba_cloud_loadbalancer_cert_id="ca-1"),
        {},
        service("mq", **{key: "ca-1"}),
    ]
    handler = deleting(fakes, monkeypatch)
    with pytest.raises(
        UserError,
        match="because the CLB or NLB of Service shop/mq has it: give it another one in the annotation",
    ):
        handler.delete(request(), "ca-1", {}, STATE)
    handler.delete(request(), "ca-2", {}, STATE)
    assert fakes.deleted == ["ca-2"]


def test_who_may_not_list_services_is_told_and_deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes, told = Fakes(), []
    fakes.serving = Forbidden("grant the verb list on services", 403, "forbidden")
    asked = request()
    asked.log = lambda severity, sentence, urn: told.append((severity, sentence))
    deleting(fakes, monkeypatch).delete(asked, "ca-1", {}, STATE)
    assert fakes.deleted == ["ca-1"]
    assert told == [
        (
            "WARNING",
            (
                "whether the CLB or NLB of a Service uses the CA certificate ca-1 was not looked at: grant"
                " the verb list on services"
            ),
        )
    ]


@pytest.mark.parametrize(("recorded", "value"), [("cluster", "uid-2"), ("account", "2")])
def test_in_another_place_nothing_is_deleted(
    monkeypatch: pytest.MonkeyPatch, recorded: str, value: str
) -> None:
    fakes = Fakes()
    handler = deleting(fakes, monkeypatch)
    with pytest.raises(WrongPlace, match=value):
        handler.delete(request(), "ca-1", {}, {**STATE, recorded: value})
    assert fakes.deleted == []


def test_what_is_not_ours_is_never_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = Fakes()
    deleting(fakes, monkeypatch).delete(request(), "ca-1", {}, {**STATE, "owned": False})
    assert fakes.deleted == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"metadata": None, "spec": None},
        {"spec": {"listeners": None}},
        {"spec": {"listeners": {"port": 443}}},
        {"spec": {"listeners": 443}},
        albconfig({"port": 443, "caCertificates": None}),
        albconfig({"port": 443, "caCertificates": "ca-1"}),
        albconfig({"port": 443, "caCertificates": [None, "ca-1", {"CertificateId": None}]}),
        {"spec": {"listeners": ["ca-1", None]}},
    ],
)
def test_albconfigs_of_any_shape_are_read(document: dict[str, Any]) -> None:
    assert albconfigs_naming([document], "ca-1") == []


def test_keys_are_matched_in_any_case_as_the_controller_does() -> None:
    document = {
        "Metadata": {"name": "alb"},
        "Spec": {
            "Listeners": [{"Port": 443, "protocol": "HTTPS", "CaCertificates": [{"certificateid": "ca-1"}]}]
        },
    }
    assert albconfigs_naming([document], "ca-1") == ["AlbConfig alb, listener 443/HTTPS"]


@pytest.mark.parametrize(
    ("listener", "named"),
    [
        ({"caCertificates": [], "CaCertificates": [{"CertificateId": "ca-1"}]}, True),
        ({"CaCertificates": [{"CertificateId": "ca-1"}], "caCertificates": []}, False),
        ({"caCertificates": [{"CertificateId": "ca-2", "certificateId": "ca-1"}]}, True),
        ({"caCertificateſ": [{"CertificateId": "ca-1"}]}, True),
    ],
)
def test_of_a_key_in_two_spellings_the_last_one_counts_as_for_the_controller(
    listener: dict[str, Any], named: bool
) -> None:
    document = albconfig({"port": 443, "protocol": "HTTPS", **listener})
    assert albconfigs_naming([document], "ca-1") == (["AlbConfig alb, listener 443/HTTPS"] if named else [])


def test_the_documentations_own_albconfig_is_read() -> None:
    text = """
        apiVersion: alibabacloud.com/v1
        kind: AlbConfig
        metadata: {name: alb}
        spec:
          listeners:
            - port: 443
              protocol: HTTPS
              caEnabled: true
              caCertificates:
                - CertificateId: 0e40dda998174723af39d37fcaf00000
    """
    assert albconfigs_naming([yaml.safe_load(text)], "0e40dda998174723af39d37fcaf00000") == [
        "AlbConfig alb, listener 443/HTTPS"
    ]


def test_the_launcher_is_executable() -> None:
    launcher = Path(__file__).parents[3] / "alb_mutual_tls" / "provider" / "pulumi-resource-albmtls"
    assert launcher.stat().st_mode & 0o111 == 0o111
