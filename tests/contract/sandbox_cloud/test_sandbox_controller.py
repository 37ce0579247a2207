"""What the controller shows and tells: when all is well, after failures and restarts."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox.cloud import seeds
from dev.sandbox.layout import Layout
from tests.contract.sandbox_cloud.controllers import (
    ALBCONFIGS,
    PlayedCluster,
    Sandbox,
    controlling,
    serving_nginx,
    until,
)


def test_the_api_never_shows_more_than_the_data_plane_does(sandbox: Sandbox, ask: Any, good: Any) -> None:
    identifier = sandbox.upload(good.pem)
    for _ in range(3):
        sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
        until(lambda: sandbox.shows(True), "the API shows it on")
        assert {ask() for _ in range(50)} == {"400"}
        sandbox.change(caEnabled=False)
        until(lambda: sandbox.shows(False), "the API shows it off")
        assert {ask() for _ in range(50)} == {"200 old"}


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        (
            {"caEnabled": "true"},
            "FailedBuildModel",
            "cannot unmarshal string into Go struct field ListenerSpec.listeners.caEnabled of type bool",
        ),
        (
            {"caEnabled": True, "caCertificates": [{"CertificateId": 123456}]},
            "FailedBuildModel",
            "cannot unmarshal number",
        ),
        (
            {"caEnabled": True, "caCertificates": [{"CertificateId": "unknown"}]},
            "FailedApplyModel",
            "no CA certificate 'unknown'",
        ),
        ({"caEnabled": True, "caCertificates": []}, "FailedApplyModel", "CaCertificates is mandatory"),
        ({"port": 8443}, "FailedBuildModel", "Listener is not fulfilled yet: 443-HTTPS"),
    ],
)
def test_a_change_that_fails_leaves_the_old_configuration_and_is_told_on_albconfig_and_ingress(
    sandbox: Sandbox, ask: Any, good: Any, tmp_path: Path, fields: dict[str, Any], reason: str, message: str
) -> None:
    identifier = sandbox.upload(good.pem)
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    until(lambda: sandbox.shows(True), "it is on")
    before = sandbox.data_plane.serving()
    sandbox.change(**fields)
    until(lambda: bool(sandbox.warnings("Ingress")), "the Ingress has its event")
    for kind in ("AlbConfig", "Ingress"):
        ((found, text),) = sandbox.warnings(kind)
        assert found == reason
        assert message in text
    assert sandbox.shows(True, identifier)
    assert sandbox.data_plane.serving() == before
    assert [ask(), ask(good.client(tmp_path, "client"))] == ["400", "200 old"]


def test_a_failure_is_told_once_and_heals_when_the_certificate_is_uploaded(
    sandbox: Sandbox, good: Any
) -> None:
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": "not yet"}])
    until(lambda: bool(sandbox.warnings("Ingress")), "the event is written")
    with sandbox.openapi.repositories.store.changing() as content:
        content["warehouses"].append({"WhId": 1, "InstanceId": "cas-wh-1", "Name": "n", "Type": "uploadCA"})
        content["certificates"].append(
            {"Identifier": "not yet", "WhId": 1, "CertType": "CA", "Content": good.pem}
        )
    until(lambda: sandbox.shows(True, "not yet"), "the certificate is taken as soon as it is there")
    assert len(sandbox.warnings()) == 1


def test_status_is_written_only_when_it_changes(sandbox: Sandbox, good: Any) -> None:
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": sandbox.upload(good.pem)}])
    until(lambda: len(sandbox.cluster.events) == 4, "the change is told")
    written = sandbox.cluster.patches
    # of AlbConfig and Ingress, and once more where a status had not come back yet
    assert written >= 2
    sandbox.change(caEnabled=False)
    until(lambda: len(sandbox.cluster.events) == 6, "the next one too")
    assert sandbox.cluster.patches == written


def test_a_listener_whose_port_is_taken_is_skipped_and_told_and_the_others_are_served(
    sandbox: Sandbox, ask: Any
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", sandbox.layout.listener_port(100)))
        holder.listen()
        albconfig = sandbox.cluster.get(ALBCONFIGS, "alb")
        albconfig["spec"]["listeners"].append({"port": 100, "protocol": "HTTP"})
        sandbox.cluster.put(ALBCONFIGS, albconfig)
        until(lambda: bool(sandbox.warnings()), "the event is written")
        assert sandbox.warnings()[0][0] == "SandboxListenerSkipped"
        assert [listener.port for listener in sandbox.openapi.balancers.taken()["alb"].listeners] == [80, 443]
        assert ask() == "200 old"
    until(
        lambda: len(sandbox.openapi.balancers.taken()["alb"].listeners) == 3,
        "the port is taken as soon as it is free",
    )


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("ignores-ca-enabled", ["200 old", "200 old", "200 old"]),
        ("accepts-any-certificate", ["400", "200 old", "200 old"]),
        ("accepts-cut-chains", ["400", "200 old", "200 old"]),
        ("asks-by-server-name", ["400", "400", "200 old"]),
        ("resumes-sessions", ["400", "400", "200 old"]),
        ("trusts-another-ca", ["400", "400", "400"]),
        ("answers-400", ["400", "400", "400"]),
    ],
)
def test_a_fault_changes_what_is_served_but_not_what_is_shown(
    sandbox: Sandbox, ask: Any, good: Any, foreign: Any, tmp_path: Path, fault: str, expected: list[str]
) -> None:
    client, stranger = good.client(tmp_path, "client"), foreign.client(tmp_path, "stranger")
    identifier = sandbox.upload(good.pem)
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    until(lambda: sandbox.shows(True), "it is on")
    sandbox.fault(fault)
    assert [ask(), ask(stranger), ask(client)] == expected
    assert sandbox.shows(True, identifier)
    sandbox.fault("none")
    assert [ask(), ask(stranger), ask(client)] == ["400", "400", "200 old"]


def test_the_controller_goes_on_after_a_restart_of_the_api_server(sandbox: Sandbox, good: Any) -> None:
    identifier = sandbox.upload(good.pem)
    sandbox.cluster.down = True
    sandbox.cluster.drop_watches()
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    assert sandbox.shows(False)
    sandbox.cluster.down = False
    until(lambda: sandbox.shows(True, identifier), "the change is found in a new list")


def test_a_status_that_the_api_server_did_not_take_is_written_without_another_change(
    sandbox: Sandbox, good: Any
) -> None:
    until(lambda: len(sandbox.cluster.events) == 2, "AlbConfig and Ingress are told of the beginning")
    sandbox.cluster.slow = True
    identifier = sandbox.upload(good.pem)
    sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
    until(lambda: sandbox.cluster.refused > 0, "the controller tries to tell it")
    assert sandbox.shows(True, identifier) and len(sandbox.cluster.events) == 2
    sandbox.cluster.slow = False
    until(lambda: len(sandbox.cluster.events) == 4, "and of the change")


def test_a_controller_that_was_killed_finds_what_is_served_and_keeps_a_last_good_configuration(
    free_layout: Layout, cluster: PlayedCluster, ask: Any, good: Any
) -> None:
    seeds.make_certificates(free_layout)
    with controlling(free_layout, cluster) as first, serving_nginx(free_layout):
        identifier = first.upload(good.pem)
        first.change(caEnabled=True, caCertificates=[{"CertificateId": identifier}])
        until(lambda: first.shows(True), "it is on")
        first.change(caEnabled="true")
        until(lambda: bool(first.warnings()), "the change failed")
        before = first.data_plane.serving()
        # The second one works on the files alone, as after kill -9 of the first.
        with controlling(free_layout, cluster) as second:
            until(lambda: second.shows(True, identifier), "the last good configuration is shown")
            assert second.data_plane.serving() == before
            assert ask() == "400"


def test_nothing_is_shown_before_nginx_runs(free_layout: Layout, cluster: PlayedCluster) -> None:
    seeds.make_certificates(free_layout)
    with controlling(free_layout, cluster) as sandbox:
        assert sandbox.secure() is None
        with serving_nginx(free_layout):
            until(lambda: sandbox.shows(False), "nginx runs")


def test_a_change_that_is_made_while_nginx_is_down_is_shown_when_it_is_back(
    free_layout: Layout, cluster: PlayedCluster, good: Any
) -> None:
    seeds.make_certificates(free_layout)
    with controlling(free_layout, cluster) as sandbox:
        with serving_nginx(free_layout):
            until(lambda: sandbox.shows(False), "nginx runs")
        sandbox.change(caEnabled=True, caCertificates=[{"CertificateId": sandbox.upload(good.pem)}])
        until(lambda: (sandbox.secure() or {})["ListenerStatus"] == "Configuring", "the change waits")
        assert (sandbox.secure() or {})["CaEnabled"] is False
        with serving_nginx(free_layout):
            until(lambda: sandbox.shows(True), "nginx is back")


def test_api_log_names_no_values(sandbox: Sandbox, good: Any, connect: Any) -> None:
    client = connect("cas", endpoint=sandbox.openapi.address)
    from alibabacloud_cas20200407 import models

    client.create_warehouse(
        models.CreateWarehouseRequest(
            name="a name that is nobody's business", type="uploadedAuthorityCertificate"
        )
    )
    line = json.loads(sandbox.layout.api_log.read_text().splitlines()[-1])
    assert line["parameters"] == ["Name", "Type"]
    assert "nobody's business" not in sandbox.layout.api_log.read_text()
