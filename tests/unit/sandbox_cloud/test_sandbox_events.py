"""Status and events as the controller writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from dev.sandbox.cloud import reports, seeds
from dev.sandbox.cloud.alb import Balancers
from dev.sandbox.cloud.model import Balancer, Listener

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


def test_status_shows_id_name_and_server_certificates_but_nothing_of_client_authentication() -> None:
    listener = Listener(
        443,
        "HTTPS",
        ca_enabled=True,
        ca_certificate_id="ca",
        certificate_ids=("1-cn-hangzhou", "2-cn-hangzhou"),
    )
    balancer = Balancer("alb", "uid", 0, "127.0.0.1", listeners=(Listener(80, "HTTP"), listener))
    assert reports.status_of(balancer) == {
        "id": balancer.id,
        "dnsname": f"{balancer.id}.cn-hangzhou.alb.aliyuncs.com",
        "listeners": [
            {"portAndProtocol": "80/HTTP", "certificates": []},
            {
                "portAndProtocol": "443/HTTPS",
                "certificates": [
                    {"certificateId": "1-cn-hangzhou", "isDefault": True},
                    {"certificateId": "2-cn-hangzhou", "isDefault": False},
                ],
            },
        ],
    }


def test_an_event_about_an_albconfig_is_in_namespace_default_and_about_the_cluster_scoped_object() -> None:
    albconfig = {"metadata": {"name": "alb", "uid": "u"}}
    event = reports.event_of(albconfig, reports.Outcome(reports.APPLY_FAILED, "no."), "ID", NOW)
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == {
        "apiVersion": "alibabacloud.com/v1",
        "kind": "AlbConfig",
        "name": "alb",
        "namespace": "",
        "uid": "u",
        "resourceVersion": "",
    }
    assert (event["type"], event["reason"], event["message"]) == (
        "Warning",
        "FailedApplyModel",
        "no. RequestId: ID",
    )
    assert event["lastTimestamp"] == "2026-11-23T22:00:00Z"


def test_an_event_about_an_ingress_is_in_its_namespace() -> None:
    ingress = {**seeds.INGRESS, "metadata": {**seeds.INGRESS["metadata"], "uid": "u"}}
    event = reports.event_of(ingress, reports.Outcome(reports.SUCCESS, "Successfully reconciled"), "ID", NOW)
    assert (event["involvedObject"]["kind"], event["metadata"]["namespace"], event["type"]) == (
        "Ingress",
        "default",
        "Normal",
    )


def test_places_of_albconfigs_stay_and_alb_is_always_the_first(tmp_path: Path) -> None:
    file = tmp_path / "alb.json"
    assert Balancers(file).places(["b", "a"]) == {"a": 1, "b": 2}
    assert Balancers(file).places(["b", "alb", "c"]) == {"b": 2, "alb": 0, "c": 1}
    assert Balancers(file).places(["c", "b"]) == {"c": 1, "b": 2}
