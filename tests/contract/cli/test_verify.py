"""`mtls verify` against real servers: what it says of right ones, and of each kind of wrong one."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.verification import plan
from alb_mutual_tls.operations.verification import report as reports
from alb_mutual_tls.operations.verification.outcome import Alert, Answered, Destination, NoSession, TlsVersion
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import Check, VerificationReport
from alb_mutual_tls.operations.verification.verify import verify_stack
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.stack.deployed import DeployedClient, DeployedComponent, DeployedListener
from alb_mutual_tls.verdict import Verdict
from tests.contract.cli.laboratory import HOST, ON, Laboratory, Ports, mtls
from tests.ports import unused_port

OFF = ""
ACCEPTS_ANY_AND_NONE = "ssl_verify_client optional_no_ca;"
ACCEPTS_ANY = "ssl_verify_client optional_no_ca; if ($ssl_client_verify = NONE) {{ return 400; }}"
ACCEPTS_GOOD_AND_NONE = "ssl_client_certificate {folder}/client-ca.crt; ssl_verify_client optional;"
TRUSTS_ANOTHER_CA = "ssl_client_certificate {folder}/other-ca.crt; ssl_verify_client on;"
ANSWERS_400 = "return 400;"
ON_AND_ANSWERS_400 = ON + " return 400;"
ON_AND_ANSWERS_403 = ON + " return 403;"
INSPECTED = "ssl_certificate {folder}/inspected.crt; ssl_certificate_key {folder}/inspected.key; "
"""As somebody in between does, with a certificate of this name by a CA of its own."""
ON_ONLY_IN_TLS_1_2 = (
    "ssl_client_certificate {folder}/client-ca.crt; ssl_verify_client optional; "
    'set $seen "$ssl_protocol$ssl_client_verify"; if ($seen = "TLSv1.2NONE") {{ return 400; }}'
)


def component(
    laboratory: Laboratory, listener: DeployedListener, *, kubeconfig: Path | None = None, key: bool = True
) -> DeployedComponent:
    certificate, private_key = laboratory.client_ca.issue("alice")
    client = DeployedClient("alice", certificate, certificate, "2026-01-01T00:00:00Z", private_key)
    authority_key = laboratory.client_ca.key_pem if key else None
    return DeployedComponent(
        "mtls",
        (listener,),
        (client,),
        "root",
        laboratory.client_ca.pem,
        authority_key,
        kubeconfig=str(kubeconfig or laboratory.folder / "none"),
    )


def at(port: int, *, ca_enabled: bool = True, cluster: str | None = None) -> DeployedListener:
    return DeployedListener("https", "alb", 443, ca_enabled, f"127.0.0.1:{port}", HOST, "/", cluster)


def run(
    laboratory: Laboratory,
    *components: DeployedComponent,
    probe: Probe | None = None,
    given: ClientCredential | None = None,
    timeout: float = 5,
) -> VerificationReport:
    return verify_stack(
        components,
        directory=laboratory.folder,
        names=None,
        given=given,
        with_authority_key=True,
        probe=probe or Probe(laboratory.server_ca_file, timeout=timeout),
    )


WAYS_ROUND = ("wrong server name", "resumed session", "resumed session of another server name")


def front(report: VerificationReport) -> dict[tuple[str, str | None], Verdict]:
    """Case and version -> verdict, at the listener; without the ways around it."""
    found = {(check.case, check.version): check.verdict for check in all_checks(report) if check.version}
    return {key: verdict for key, verdict in found.items() if not key[0].startswith(WAYS_ROUND)}


def round_about(report: VerificationReport) -> dict[str, dict[str, Verdict]]:
    """Case -> version -> verdict, of the ways around it."""
    found: dict[str, dict[str, Verdict]] = {}
    for check in all_checks(report):
        if check.version and check.case.startswith(WAYS_ROUND):
            found.setdefault(check.case, {})[check.version] = check.verdict
    return found


def all_checks(report: VerificationReport) -> list[Check]:
    return [check for listener in report.listeners for check in listener.checks]


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


# Bypasses


def bypasses(report: VerificationReport) -> dict[str, set[Verdict]]:
    found: dict[str, set[Verdict]] = {}
    for check in all_checks(report):
        if check.case.startswith("bypass"):
            found.setdefault(check.case, set()).add(check.verdict)
    return found


def beside(
    laboratory: Laboratory, ports: Ports, protocol: str, port: int, *, ca_enabled: bool = False
) -> DeployedComponent:
    """A listener at `ports.https` (443 moved) and another one of the AlbConfig at `port`, moved as
    far.
    """
    shift = ports.https - 443
    listeners = (
        {"port": 443, "protocol": "HTTPS", "caEnabled": True},
        {"port": port - shift, "protocol": protocol, "caEnabled": ca_enabled},
    )
    kubeconfig = laboratory.cluster(*listeners, listen_ports=[{"HTTPS": 443}, {protocol: port - shift}])
    return component(laboratory, at(ports.https), kubeconfig=kubeconfig)


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


# The command itself


@pytest.fixture
def without_bypasses(laboratory: Laboratory) -> Path:
    path: Path = laboratory.cluster({"port": 443, "protocol": "HTTPS"}, listen_ports=[{"HTTPS": 443}])
    return path


def test_the_command_ends_with_0_and_a_table_without_colour_codes_or_keys(
    laboratory: Laboratory, project: Any, without_bypasses: Path
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    done = mtls(
        laboratory, project(ports.https, kubeconfig=without_bypasses), "verify", "--with-authority-key"
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.splitlines()[-1] == "held: 24 checks held at 1 listener, 1 not checked"
    assert "This is what the data plane does now at these addresses" in done.stdout
    assert "TLS" in done.stdout and "rejected" in done.stdout and "HTTP 400" in done.stdout
    assert "\x1b" not in done.stdout and "PRIVATE KEY" not in done.stdout


def test_the_command_ends_with_1_when_something_fell_short_and_says_what_it_means(
    laboratory: Laboratory, project: Any, without_bypasses: Path
) -> None:
    ports = laboratory.nginx(OFF)
    done = mtls(laboratory, project(ports.https, kubeconfig=without_bypasses), "verify")
    assert done.returncode == 1
    assert (
        "fell short: no certificate, foreign CA, self-signed with the CA's name, tampered signature: the"
        " listener lets this in" in done.stdout
    )
    assert (
        "not checked: client of authority root, expired, serverAuth only, not yet valid: only the CA itself"
        " can sign it" in done.stdout
    )
    assert (
        done.stdout.splitlines()[-1]
        == "fell short: 2 checks held at 1 listener, 14 fell short, 5 not checked"
    )


def test_the_json_of_the_command_says_the_same_and_holds_no_key(laboratory: Laboratory, project: Any) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    done = mtls(laboratory, project(ports.https), "verify", "--json", "--with-authority-key")
    document = json.loads(done.stdout)
    assert (done.returncode, document["exitCode"], document["verdict"]) == (2, 2, "not decided")
    assert "PRIVATE KEY" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listener", "nope"], "--listener nope is none of this stack's listeners: it has https"),
        (["--component", "nope"], "the stack has no AlbMutualTls named 'nope': it has mtls"),
        (["--cert", "x.crt"], "--cert and --key go together"),
        (["--cert", "x.crt", "--key", "x.key"], "--cert x.crt cannot be read: No such file or directory"),
        (
            ["--cert", "server-ca.crt", "--key", "server.key"],
            "--key server.key is not the key of the first certificate in --cert server-ca.crt",
        ),
        (["--cert", "server.key", "--key", "server.key"], "--cert server.key holds no PEM certificate"),
        (["--ca-file", "nope.crt"], "--ca-file nope.crt cannot be used: No such file or directory"),
    ],
)
def test_what_a_user_can_get_wrong_is_one_sentence_and_exit_code_2(
    laboratory: Laboratory, project: Any, without_bypasses: Path, arguments: list[str], message: str
) -> None:
    environment = project(1, kubeconfig=without_bypasses)
    done = mtls(laboratory, environment, "verify", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mtls: {message}") and done.stderr.count("\n") == 1
    document = json.loads(mtls(laboratory, environment, "verify", "--json", *arguments).stdout)
    assert (document["verdict"], document["exitCode"], document["listeners"]) == ("not decided", 2, [])
    assert document["error"].startswith(message)


def test_a_listener_that_cannot_be_approached_does_not_keep_others_from_being_verified(
    laboratory: Laboratory,
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    lost = component(laboratory, DeployedListener("lost", "alb", 8443, True))
    report = run(laboratory, component(laboratory, at(ports.https)), lost)
    assert [one.listener.name for one in report.listeners] == ["https", "lost"]
    assert [check.case for check in report.listeners[1].checks] == ["all cases"]
    assert report.verdict is Verdict.NOT_DECIDED


def test_a_stack_without_listeners_has_nothing_to_verify(laboratory: Laboratory) -> None:
    with pytest.raises(UserError, match="declares no listener"):
        run(laboratory, DeployedComponent("mtls", (), (), "root", laboratory.client_ca.pem))
