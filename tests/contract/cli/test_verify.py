"""`mtls verify` against real servers: what it says of right ones, and of each kind of
wrong one.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.operations.verification import plan
from alb_mutual_tls.operations.verification import report as reports
from alb_mutual_tls.operations.verification.outcome import Alert, Answered, Destination, NoSession, TlsVersion
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import VerificationReport
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
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

ACCEPTS_ANY_AND_NONE = "ssl_verify_client optional_no_ca;"
ACCEPTS_ANY = "ssl_verify_client optional_no_ca; if ($ssl_client_verify = NONE) {{ return 400; }}"
ACCEPTS_GOOD_AND_NONE = "ssl_client_certificate {folder}/client-ca.crt; ssl_verify_client optional;"
ON_AND_ANSWERS_400 = ON + " return 400;"
ON_AND_ANSWERS_403 = ON + " return 403;"
INSPECTED = "ssl_certificate {folder}/inspected.crt; ssl_certificate_key {folder}/inspected.key; "
"""As somebody in between does, with a certificate of this name by a CA of its own."""
ON_ONLY_IN_TLS_1_2 = (
    "ssl_client_certificate {folder}/client-ca.crt; ssl_verify_client optional; "
    'set $seen "$ssl_protocol$ssl_client_verify"; if ($seen = "TLSv1.2NONE") {{ return 400; }}'
)


def round_about(report: VerificationReport) -> dict[str, dict[str, Verdict]]:
    """Case -> version -> verdict, of the ways around it."""
    found: dict[str, dict[str, Verdict]] = {}
    for check in all_checks(report):
        if check.version and check.case.startswith(WAYS_ROUND):
            found.setdefault(check.case, {})[check.version] = check.verdict
    return found


@pytest.fixture
def surrounded(laboratory: Laboratory) -> Any:
    """A component whose cluster knows one HTTPS listener and no bypasses, so that a verdict can
    be green.
    """

    def make(port: int, *, ca_enabled: bool = True) -> DeployedComponent:
        kubeconfig = laboratory.cluster(
            {"port": 443, "protocol": "HTTPS", "caEnabled": ca_enabled}, listen_ports=[{"HTTPS": 443}]
        )
        return component(laboratory, at(port, ca_enabled=ca_enabled), kubeconfig=kubeconfig)

    return make


@pytest.mark.parametrize(
    ("directives", "ca_enabled", "verdict"),
    [
        pytest.param(ON, True, Verdict.HELD, id="on"),
        pytest.param(ON_AND_ANSWERS_403, True, Verdict.HELD, id="on, and the application forbids"),
        pytest.param(OFF, False, Verdict.HELD, id="off"),
        pytest.param(ON, False, Verdict.FELL_SHORT, id="on instead of off"),
        pytest.param(OFF, True, Verdict.FELL_SHORT, id="ignores caEnabled"),
        pytest.param(ACCEPTS_ANY_AND_NONE, True, Verdict.FELL_SHORT, id="accepts any certificate and none"),
        pytest.param(ACCEPTS_ANY, True, Verdict.FELL_SHORT, id="accepts any certificate"),
        pytest.param(ACCEPTS_GOOD_AND_NONE, True, Verdict.FELL_SHORT, id="accepts good ones and none"),
        pytest.param(TRUSTS_ANOTHER_CA, True, Verdict.FELL_SHORT, id="trusts another CA"),
        pytest.param(ANSWERS_400, True, Verdict.NOT_DECIDED, id="answers 400 to everybody"),
        pytest.param(ANSWERS_400, False, Verdict.NOT_DECIDED, id="answers 400 to everybody, off"),
        pytest.param(ON_AND_ANSWERS_400, True, Verdict.NOT_DECIDED, id="on, and answers 400 to everybody"),
        pytest.param(ON_ONLY_IN_TLS_1_2, True, Verdict.FELL_SHORT, id="on in TLS 1.2 only"),
    ],
)
def test_an_nginx_gets_the_verdict_it_deserves(
    laboratory: Laboratory, surrounded: Any, directives: str, ca_enabled: bool, verdict: Verdict
) -> None:
    ports = laboratory.nginx(directives.format(folder=laboratory.folder))
    report = run(laboratory, surrounded(ports.https, ca_enabled=ca_enabled))
    assert report.verdict is verdict, [
        (check.case, check.version, check.outcome, check.verdict) for check in all_checks(report)
    ]


def test_a_right_nginx_is_seen_right_in_every_case_and_version(
    laboratory: Laboratory, surrounded: Any
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    report = run(laboratory, surrounded(ports.https))
    cases = [
        "client alice",
        "no certificate",
        "foreign CA",
        "self-signed with the CA's name",
        "tampered signature",
    ]
    cases += ["expired", "serverAuth only", "not yet valid"]
    assert front(report) == {(case, version): Verdict.HELD for case in cases for version in TlsVersion}
    assert round_about(report) == {case: dict.fromkeys(TlsVersion, Verdict.HELD) for case in WAYS_ROUND}


@pytest.mark.parametrize("minimum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_refuses_by_alert_is_seen_right(
    laboratory: Laboratory, surrounded: Any, minimum: ssl.TLSVersion
) -> None:
    report = run(laboratory, surrounded(laboratory.openssl_like(minimum)))
    assert report.verdict is Verdict.HELD
    outcomes = {
        check.case: check.outcome for check in all_checks(report) if check.version is TlsVersion.TLS_1_3
    }
    assert outcomes.pop("client alice") == Answered(200, "", "old")
    assert outcomes.pop("no certificate") == Alert("certificate_required")
    assert isinstance(
        outcomes.pop("resumed session"), NoSession
    )  # whoever is refused in the handshake gets no session
    assert isinstance(outcomes.pop("resumed session of another server name"), NoSession)
    assert all(isinstance(outcome, Alert) for outcome in outcomes.values()), outcomes
    offered = Verdict.HELD if minimum is ssl.TLSVersion.TLSv1_2 else Verdict.NOT_OFFERED
    assert {verdict for (_, version), verdict in front(report).items() if version is TlsVersion.TLS_1_2} == {
        offered
    }
    assert round_about(report)["wrong server name"] == {
        TlsVersion.TLS_1_2: offered,
        TlsVersion.TLS_1_3: Verdict.HELD,
    }


def test_a_listener_without_tls_1_3_is_held_by_tls_1_2(laboratory: Laboratory, surrounded: Any) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder), protocols="TLSv1.2")
    report = run(laboratory, surrounded(ports.https))
    assert report.verdict is Verdict.HELD
    assert {check.verdict for check in all_checks(report) if check.version is TlsVersion.TLS_1_3} == {
        Verdict.NOT_OFFERED
    }


def test_a_refusal_in_tls_1_3_is_always_read_as_an_alert(laboratory: Laboratory) -> None:
    """The server closes with our request unread, so a reset follows the alert; the alert must win
    every time.
    """
    certificate, key = laboratory.other_ca.issue("mallory")
    to = Destination("127.0.0.1", laboratory.openssl_like(ssl.TLSVersion.TLSv1_3), HOST, HOST, "/")
    for _ in range(30):
        outcome = Probe(laboratory.server_ca_file, timeout=5).over_tls(
            to, TlsVersion.TLS_1_3, ClientCredential("m", certificate, key)
        )
        assert outcome == Alert("unknown_ca")


def test_every_address_behind_a_name_is_tried(
    laboratory: Laboratory, surrounded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    laboratory.nginx(OFF, at="127.0.0.2", port=ports.https)  # a node that was forgotten
    monkeypatch.setattr(plan, "resolve", lambda _: ["127.0.0.1", "127.0.0.2"])
    report = run(laboratory, surrounded(ports.https))
    assert report.verdict is Verdict.FELL_SHORT
    fallen = {
        check.destination.address
        for check in all_checks(report)
        if check.verdict is Verdict.FELL_SHORT and check.destination
    }
    assert fallen == {"127.0.0.2"}


def test_a_client_with_a_key_of_its_own_stands_in_for_the_stacks_clients(
    laboratory: Laboratory, surrounded: Any
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    given = ClientCredential("of bob.crt", *laboratory.client_ca.issue("bob"))
    assert run(laboratory, surrounded(ports.https), given=given).verdict is Verdict.HELD
    stranger = ClientCredential("of mallory.crt", *laboratory.other_ca.issue("mallory"))
    assert run(laboratory, surrounded(ports.https), given=stranger).verdict is Verdict.FELL_SHORT


def test_without_any_client_nothing_is_green(laboratory: Laboratory, surrounded: Any) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    made = surrounded(ports.https)
    alone = DeployedComponent(
        made.name, made.listeners, (), "root", made.ca_certificate_pem, None, kubeconfig=made.kubeconfig
    )
    report = run(laboratory, alone)
    assert report.verdict is Verdict.NOT_DECIDED
    assert Verdict.HELD not in front(report).values()
    missing = {check.case for check in all_checks(report) if check.verdict is Verdict.NOT_CHECKED}
    assert missing == {
        "tampered signature",
        "expired",
        "serverAuth only",
        "not yet valid",
        "resumed session from before",
    }


@pytest.mark.parametrize(
    "probe", [Probe(), Probe(Path("client-ca.crt"))], ids=["system's roots", "another CA"]
)
def test_a_server_certificate_that_does_not_verify_leaves_everything_undecided_unless_insecure(
    laboratory: Laboratory, surrounded: Any, probe: Probe
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    made = surrounded(ports.https)
    if probe.ca_file is not None:
        probe = Probe(laboratory.folder / probe.ca_file)
    assert set(front(run(laboratory, made, probe=probe)).values()) == {Verdict.NOT_DECIDED}
    assert run(laboratory, made, probe=Probe(insecure=True)).verdict is Verdict.HELD


@pytest.mark.parametrize(
    "answer", ["return 200;", "return 403;", "return 502;", 'return 301 "https://$host$request_uri";']
)
def test_behind_a_proxy_with_a_ca_of_its_own_nothing_is_decided_and_nobody_is_blamed(
    laboratory: Laboratory, answer: str
) -> None:
    ports = laboratory.nginx(INSPECTED.format(folder=laboratory.folder) + answer, clear=answer)
    report = run(laboratory, beside(laboratory, ports, "HTTP", ports.http))
    assert {check.verdict for check in all_checks(report)} == {Verdict.NOT_DECIDED, Verdict.NOT_CHECKED}
    assert report.exit_code == 2
    assert "report it to Alibaba Cloud" not in reports.as_json(report)


def test_a_proxy_that_takes_unknown_names_alone_is_no_way_around(
    laboratory: Laboratory, surrounded: Any
) -> None:
    port = unused_port()
    default = (
        f"}} server {{{{ listen 127.0.0.1:{port} ssl default_server; server_name _; {INSPECTED} return 502;"
    )
    laboratory.nginx(
        (ON + ' location / {{ return 200 "old\\n"; }} ' + "}" + default).format(folder=laboratory.folder),
        port=port,
    )
    report = run(laboratory, surrounded(port))
    assert set(front(report).values()) == {Verdict.HELD}
    assert round_about(report)["wrong server name"] == dict.fromkeys(TlsVersion, Verdict.NOT_DECIDED)
    assert round_about(report)["resumed session of another server name"] == dict.fromkeys(
        TlsVersion, Verdict.NOT_CHECKED
    )


def test_a_firewall_that_answers_a_client_hello_with_an_alert_refuses_nobodys_certificate(
    laboratory: Laboratory, surrounded: Any
) -> None:
    report = run(laboratory, surrounded(laboratory.answering_with_an_alert()))
    assert set(front(report).values()) == {Verdict.NOT_DECIDED}
    assert all(
        check.outcome == Alert("handshake_failure", proven=False)
        for check in all_checks(report)
        if check.case == "no certificate"
    )


def test_a_server_certificate_of_another_name_leaves_everything_undecided(laboratory: Laboratory) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    listener = DeployedListener("https", "alb", 443, True, f"127.0.0.1:{ports.https}", "other.example.com")
    report = run(laboratory, component(laboratory, listener))
    assert set(front(report).values()) == {Verdict.NOT_DECIDED}


def test_a_port_where_nothing_listens_or_answers_is_not_decided(
    laboratory: Laboratory, surrounded: Any
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        report = run(laboratory, surrounded(silent.getsockname()[1]), timeout=0.3)
    assert set(front(report).values()) == {Verdict.NOT_DECIDED}
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert set(front(run(laboratory, surrounded(port))).values()) == {Verdict.NOT_DECIDED}
