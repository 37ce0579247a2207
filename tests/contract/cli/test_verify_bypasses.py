"""`mtls verify` against real servers: what leads around a listener, and where the
cluster says it is.
"""

from __future__ import annotations

import pytest

from alb_mutual_tls.operations.verification.result import VerificationReport
from alb_mutual_tls.stack.deployed import DeployedListener
from alb_mutual_tls.verdict import Verdict
from tests.contract.cli.laboratory import HOST, ON, Laboratory
from tests.contract.cli.verifications import (
    ANSWERS_400,
    OFF,
    TRUSTS_ANOTHER_CA,
    WAYS_ROUND,
    all_checks,
    at,
    beside,
    component,
    front,
    run,
)
from tests.ports import unused_port


def bypasses(report: VerificationReport) -> dict[str, set[Verdict]]:
    found: dict[str, set[Verdict]] = {}
    for check in all_checks(report):
        if check.case.startswith("bypass"):
            found.setdefault(check.case, set()).add(check.verdict)
    return found


@pytest.mark.parametrize(
    ("clear", "verdict"),
    [
        ("return 301 https://$host$request_uri;", Verdict.HELD),
        ("return 302 http://$host/login;", Verdict.FELL_SHORT),
        ("", Verdict.FELL_SHORT),
        ("return 404;", Verdict.FELL_SHORT),
        ("return 503;", Verdict.NOT_DECIDED),
    ],
)
def test_an_http_listener_for_the_same_host_must_redirect(
    laboratory: Laboratory, clear: str, verdict: Verdict
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder), clear=clear)
    report = run(laboratory, beside(laboratory, ports, "HTTP", ports.http))
    assert list(bypasses(report).values()) == [{verdict}]
    assert report.verdict is verdict


@pytest.mark.parametrize(
    ("directives", "asks", "verdict"),
    [
        (OFF, False, Verdict.FELL_SHORT),
        (OFF, True, Verdict.FELL_SHORT),
        (ON, False, Verdict.HELD),
        (TRUSTS_ANOTHER_CA, True, Verdict.NOT_CHECKED),
        (TRUSTS_ANOTHER_CA, False, Verdict.NOT_DECIDED),
        (ANSWERS_400, False, Verdict.NOT_DECIDED),
    ],
)
def test_another_https_listener_for_the_same_host_must_refuse_strangers(
    laboratory: Laboratory, directives: str, asks: bool, verdict: Verdict
) -> None:
    lower, higher = sorted((unused_port(), unused_port()))
    main = laboratory.nginx(ON.format(folder=laboratory.folder), port=lower)
    other = laboratory.nginx(directives.format(folder=laboratory.folder), port=higher)
    report = run(laboratory, beside(laboratory, main, "HTTPS", other.https, ca_enabled=asks))
    assert list(bypasses(report).values()) == [{verdict}]


def test_a_quic_listener_cannot_be_tried_and_is_not_green(laboratory: Laboratory) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    report = run(laboratory, beside(laboratory, ports, "QUIC", ports.https))
    assert bypasses(report) == {"bypass QUIC 443": {Verdict.NOT_DECIDED}}
    assert report.exit_code == 2


def test_bypasses_do_not_matter_where_authentication_is_off(laboratory: Laboratory) -> None:
    ports = laboratory.nginx(OFF, clear="")
    listeners = ({"port": 443, "protocol": "HTTPS"}, {"port": 80, "protocol": "HTTP"})
    kubeconfig = laboratory.cluster(*listeners, listen_ports=[{"HTTPS": 443}, {"HTTP": 80}])
    report = run(laboratory, component(laboratory, at(ports.https, ca_enabled=False), kubeconfig=kubeconfig))
    assert (bypasses(report), report.verdict) == ({}, Verdict.HELD)


def test_without_the_cluster_the_listener_is_verified_and_the_bypasses_keep_it_from_being_green(
    laboratory: Laboratory,
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    report = run(laboratory, component(laboratory, at(ports.https)))
    assert set(front(report).values()) == {Verdict.HELD}
    (unknown,) = [check for check in all_checks(report) if check.case == "bypasses"]
    assert (unknown.verdict, report.exit_code) == (Verdict.NOT_DECIDED, 2)
    assert "there is no kubeconfig at" in unknown.why


def test_another_cluster_than_the_states_is_not_believed(laboratory: Laboratory) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    kubeconfig = laboratory.cluster({"port": 443, "protocol": "HTTPS"}, listen_ports=[{"HTTPS": 443}])
    report = run(laboratory, component(laboratory, at(ports.https, cluster="another"), kubeconfig=kubeconfig))
    (unknown,) = [check for check in all_checks(report) if check.case == "bypasses"]
    assert (
        "is another cluster than the stack's (UID of kube-system 3f0c, the state has another)" in unknown.why
    )
    report = run(laboratory, component(laboratory, at(ports.https, cluster="3f0c"), kubeconfig=kubeconfig))
    assert report.verdict is Verdict.HELD


def test_address_and_hosts_come_from_the_cluster_when_they_are_not_configured(laboratory: Laboratory) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    kubeconfig = laboratory.cluster(
        {"port": ports.https, "protocol": "HTTPS"}, listen_ports=[{"HTTPS": ports.https}]
    )
    report = run(
        laboratory,
        component(laboratory, DeployedListener("https", "alb", ports.https, True), kubeconfig=kubeconfig),
    )
    v4 = [
        check
        for check in all_checks(report)
        if check.destination and check.destination.address == "127.0.0.1"
    ]
    assert {check.verdict for check in v4} == {Verdict.HELD}
    v4 = [check for check in v4 if check.case not in WAYS_ROUND]
    assert {(check.destination.server_name, check.destination.host) for check in v4 if check.destination} == {
        (HOST, f"{HOST}:{ports.https}")
    }
