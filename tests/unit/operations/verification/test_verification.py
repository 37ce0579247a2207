"""Which connections `mtls verify` makes, and what becomes of what they show; the network is a table
here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener.bypasses import Bypass, Exposure
from alb_mutual_tls.operations.verification import verify as verification
from alb_mutual_tls.operations.verification.cases import NO_CERTIFICATE, NOT_YET_VALID, Case, Missing
from alb_mutual_tls.operations.verification.judgement import Caller
from alb_mutual_tls.operations.verification.outcome import (
    Alert,
    Answered,
    ConnectionFailed,
    Destination,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
)
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.operations.verification.result import Check
from alb_mutual_tls.operations.verification.verify import verify_listener, verify_stack
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.stack.cluster import StackCluster
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
from alb_mutual_tls.verdict import Verdict

OK, REFUSED = Answered(200, "", "old"), ConnectionFailed("connection refused", refused=True)
REQUIRED = Alert("certificate_required")
REDIRECT = Answered(301)
"""REDIRECT: to the same by HTTPS."""
ALICE = Case("client alice", Caller.CLIENT, ClientCredential("alice", "", ""))
CASES: list[Case | Missing] = [
    ALICE,
    Case(NO_CERTIFICATE, Caller.ANONYMOUS, None),
    Case("foreign CA", Caller.FORGED, ClientCredential("foreign CA", "", "")),
    Case(NOT_YET_VALID, Caller.FORGED, ClientCredential(NOT_YET_VALID, "", "")),
    Missing("client csr", "it brought a CSR"),
]


@dataclass(frozen=True)
class Town(Probe):
    """A right ALB: every HTTPS port lets alice in; `clear` and `open_ports` make bypasses."""

    timeout: float = 1
    clear: Outcome = REDIRECT
    open_ports: frozenset[int] = frozenset()
    closed_ports: frozenset[int] = frozenset()
    round: Outcome = REQUIRED
    trusts_nobody: bool = False
    probed: list[tuple[str, int, str, str, str]] = field(default_factory=list)
    roundabout: list[tuple[str, int, str, int]] = field(default_factory=list)

    def over_tls(self, to: Destination, version: TlsVersion, credential: ClientCredential | None) -> Outcome:
        who = credential.name if credential else NO_CERTIFICATE
        if to.any_name:
            self.roundabout.append((to.server_name, to.port, "", 0))
            return self.round
        self.probed.append((to.address, to.port, to.host, version, who))
        if to.port in self.closed_ports:
            return REFUSED
        if self.trusts_nobody:
            return REQUIRED
        return OK if who == "alice" or to.port in self.open_ports else REQUIRED

    def resuming(self, first: Destination, to: Destination, version: TlsVersion) -> Outcome:
        self.roundabout.append((first.server_name, first.port, to.server_name, to.port))
        return self.round

    def in_clear(self, to: Destination) -> Outcome:
        self.probed.append((to.address, to.port, to.host, "HTTP", ""))
        return Answered(301, f"https://{to.server_name}{to.path}") if self.clear == REDIRECT else self.clear


def around(
    *bypasses: Bypass,
    address: str = "127.0.0.1",
    hosts: tuple[str, ...] = ("a",),
    open_ports: tuple[int, ...] = (),
) -> Callable[[], Exposure]:
    return lambda: Exposure(address, hosts, bypasses, open_ports)


def listener(*, ca_enabled: bool = True) -> DeployedListener:
    return DeployedListener("https", "alb", 443, ca_enabled)


def verdicts(checks: tuple[Check, ...]) -> dict[str, set[Verdict]]:
    found: dict[str, set[Verdict]] = {}
    for check in checks:
        found.setdefault(check.case, set()).add(check.verdict)
    return found


def test_every_case_is_tried_in_both_versions_at_every_host() -> None:
    town = Town()
    report = verify_listener("mtls", listener(), CASES, around(hosts=("a", "*.b")), town)
    people = ["alice", NO_CERTIFICATE, "foreign CA", NOT_YET_VALID]
    wanted = {
        ("127.0.0.1", 443, host, version, who)
        for host in ("a", "mtls-verify.b")
        for version in TlsVersion
        for who in people
    }
    assert set(town.probed) == wanted
    assert len(town.probed) == len(wanted)
    assert report.verdict is Verdict.HELD
    assert verdicts(report.checks)["client csr"] == {Verdict.NOT_CHECKED}


def test_a_client_that_is_refused_is_told_what_its_chain_gives_as_a_reason() -> None:
    tried = [
        replace(ALICE, refused_for="its chain has 13 certificates"),
        CASES[1],
        Case("client bob", Caller.CLIENT, ClientCredential("bob", "", "")),
    ]
    report = verify_listener("mtls", listener(), tried, around(), Town(trusts_nobody=True))
    why = {check.case: check.why for check in report.checks if check.verdict is Verdict.FELL_SHORT}
    assert (
        "and what it presents may say why: its chain has 13 certificates; otherwise the listener trusts"
        " another CA" in why["client alice"]
    )
    assert "it trusts another CA than caCertificateId, or the certificate has ended" in why["client bob"]


def test_a_certificate_that_will_be_good_tomorrow_goes_to_loopback_only() -> None:
    town = Town()
    report = verify_listener("mtls", listener(), CASES, around(address="192.0.2.1"), town)
    assert all(who != NOT_YET_VALID for *_, who in town.probed)
    (check,) = [check for check in report.checks if check.case == NOT_YET_VALID]
    assert (check.verdict, "only on the sandbox" in check.why) == (Verdict.NOT_CHECKED, True)


def test_at_bypasss_no_certificate_and_a_client_for_comparison_are_tried() -> None:
    town = Town()
    report = verify_listener(
        "mtls", listener(), CASES, around(Bypass(80, "HTTP", ("a",)), Bypass(8443, "HTTPS", ("a",))), town
    )
    assert {(port, host, how, who) for _, port, host, how, who in town.probed if port != 443} == {
        (80, "a", "HTTP", ""),
        *((8443, "a:8443", version, who) for version in TlsVersion for who in ("alice", NO_CERTIFICATE)),
    }
    assert (
        verdicts(report.checks)["bypass HTTP 80"]
        == verdicts(report.checks)["bypass HTTPS 8443"]
        == {Verdict.HELD}
    )


def test_an_open_bypass_outweighs_a_listener_that_holds() -> None:
    beside = around(Bypass(80, "HTTP", ("a",)), Bypass(8443, "HTTPS", ("a",)))
    report = verify_listener("mtls", listener(), CASES, beside, Town(clear=OK, open_ports=frozenset({8443})))
    assert (
        verdicts(report.checks)["bypass HTTP 80"]
        == verdicts(report.checks)["bypass HTTPS 8443"]
        == {Verdict.FELL_SHORT}
    )
    assert report.verdict is Verdict.FELL_SHORT


def test_an_http_door_is_tried_with_two_paths_and_the_worse_one_counts() -> None:
    class Login(Town):
        def in_clear(self, to: Destination) -> Outcome:
            return Answered(302, "https://a/")

    report = verify_listener("mtls", listener(), CASES, around(Bypass(80, "HTTP", ("a",))), Login())
    (check,) = [check for check in report.checks if check.case == "bypass HTTP 80"]
    assert (check.verdict, check.destination and check.destination.path) == (
        Verdict.NOT_DECIDED,
        "/mtls-verify?mtls-verify=redirect",
    )


def test_a_redirect_to_another_listener_that_is_verified_too_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "cases", lambda *_, **__: CASES)
    monkeypatch.setattr(StackCluster, "look", lambda *_: around(Bypass(80, "HTTP", ("a",)))())
    both = listener(), DeployedListener("other", "alb", 8443, True)
    for listeners, verdict in ((both, {Verdict.HELD}), (both[1:], {Verdict.NOT_DECIDED})):
        component = DeployedComponent("mtls", listeners, (), "root", "")
        report = verify_stack(
            [component], directory=tmp_path, names=None, given=None, with_authority_key=False, probe=Town()
        )
        assert verdicts(report.listeners[-1].checks)["bypass HTTP 80"] == verdict


@pytest.mark.parametrize(
    "outcome", [ServerCertificateInvalid("self-signed certificate"), ConnectionFailed("no answer in time")]
)
@pytest.mark.parametrize("clear", [OK, REDIRECT, REFUSED])
def test_no_door_in_clear_is_judged_where_the_listener_has_not_proven_itself(
    outcome: Outcome, clear: Outcome
) -> None:
    class Inspected(Town):
        def over_tls(
            self, to: Destination, version: TlsVersion, credential: ClientCredential | None
        ) -> Outcome:
            return outcome if to.port == 443 else REFUSED

    beside = around(Bypass(80, "HTTP", ("a",)), Bypass(8443, "HTTPS", ("a",)))
    report = verify_listener("mtls", listener(), CASES, beside, Inspected(clear=clear))
    assert {one for found in verdicts(report.checks).values() for one in found} == {
        Verdict.NOT_DECIDED,
        Verdict.NOT_CHECKED,
    }


def test_a_door_of_another_stack_whose_certificate_does_not_verify_is_not_said_to_refuse() -> None:
    class Inspected(Town):
        def over_tls(
            self, to: Destination, version: TlsVersion, credential: ClientCredential | None
        ) -> Outcome:
            return (
                ServerCertificateInvalid("self-signed")
                if to.port == 8443
                else super().over_tls(to, version, credential)
            )

    report = verify_listener(
        "mtls",
        listener(),
        CASES,
        around(Bypass(8443, "HTTPS", ("a",), demands_certificates=True)),
        Inspected(),
    )
    assert verdicts(report.checks)["bypass HTTPS 8443"] == {Verdict.NOT_DECIDED}


def test_a_door_that_serves_every_host_is_tried_with_the_listeners_names() -> None:
    town = Town()
    verify_listener("mtls", listener(), CASES, around(Bypass(80, "HTTP", ())), town)
    assert ("127.0.0.1", 80, "a", "HTTP", "") in town.probed


@pytest.mark.parametrize(("address", "verdict"), [(None, Verdict.HELD), ("127.0.0.1", Verdict.NOT_DECIDED)])
def test_a_bypass_where_nothing_listens_is_shut_only_at_the_albs_own_address(
    address: str | None, verdict: Verdict
) -> None:
    town = Town(clear=REFUSED, closed_ports=frozenset({8443}))
    configured = DeployedListener("https", "alb", 443, True, address, "a")
    report = verify_listener(
        "mtls", configured, CASES, around(Bypass(80, "HTTP", ("a",)), Bypass(8443, "HTTPS", ("a",))), town
    )
    assert (
        verdicts(report.checks)["bypass HTTP 80"] == verdicts(report.checks)["bypass HTTPS 8443"] == {verdict}
    )


def test_a_door_that_is_no_port_after_moving_is_not_decided_and_others_still_are() -> None:
    configured = DeployedListener("https", "alb", 8443, True, "127.0.0.1:443", "a")
    report = verify_listener(
        "mtls", configured, CASES, around(Bypass(80, "HTTP", ("a",)), Bypass(9443, "HTTPS", ("a",))), Town()
    )
    assert verdicts(report.checks)["bypass HTTP 80"] == {Verdict.NOT_DECIDED}
    assert verdicts(report.checks)["bypass HTTPS 9443"] == {Verdict.HELD}


def test_where_authentication_is_off_bypasss_are_not_tried() -> None:
    town = Town(open_ports=frozenset({443}))
    report = verify_listener(
        "mtls", listener(ca_enabled=False), CASES, around(Bypass(80, "HTTP", ("a",))), town
    )
    assert {port for _, port, *_ in town.probed} == {443}
    assert report.verdict is Verdict.HELD


def test_unknown_bypasss_keep_a_listener_from_being_green() -> None:
    def unreachable() -> Exposure:
        raise Unreachable("the cluster does not answer")

    configured = DeployedListener("https", "alb", 443, True, "127.0.0.1", "a")
    report = verify_listener("mtls", configured, CASES, unreachable, Town())
    assert verdicts(report.checks)["bypasses"] == {Verdict.NOT_DECIDED}
    assert report.verdict is Verdict.NOT_DECIDED
    off = DeployedListener("https", "alb", 443, False, "127.0.0.1", "a")
    assert (
        verify_listener("mtls", off, CASES, unreachable, Town(open_ports=frozenset({443}))).verdict
        is Verdict.HELD
    )


def test_a_name_that_is_no_listeners_is_an_error_that_names_those_there_are(tmp_path: Path) -> None:
    component = DeployedComponent("mtls", (listener(),), (), "root", "")
    with pytest.raises(UserError, match=r"--listener http is none of this stack's listeners: it has https"):
        verify_stack(
            [component],
            directory=tmp_path,
            names=["https", "http"],
            given=None,
            with_authority_key=False,
            probe=Town(),
        )


# The ways around


def test_nobody_also_comes_with_another_server_name_and_with_sessions_from_wherever_there_may_be_some() -> (
    None
):
    town = Town()
    report = verify_listener("mtls", listener(), CASES, around(open_ports=(8443,)), town)
    ways = [
        ("mtls-verify.invalid", 443, "", 0),
        ("a", 443, "a", 443),
        ("mtls-verify.invalid", 443, "a", 443),
        ("a", 8443, "a", 443),
    ]
    assert sorted(town.roundabout) == sorted(ways * len(TlsVersion))
    names = [
        "wrong server name",
        "resumed session",
        "resumed session of another server name",
        "resumed session of HTTPS 8443",
    ]
    assert {name: verdicts(report.checks)[name] for name in names} == {name: {Verdict.HELD} for name in names}


@pytest.mark.parametrize(
    ("round_", "verdict"),
    [(OK, Verdict.FELL_SHORT), (ConnectionFailed("no answer in time"), Verdict.NOT_DECIDED)],
)
def test_a_way_around_outweighs_a_listener_that_holds(round_: Outcome, verdict: Verdict) -> None:
    assert verify_listener("mtls", listener(), CASES, around(), Town(round=round_)).verdict is verdict


def test_a_neighbour_whose_moved_port_is_none_is_not_asked_for_sessions() -> None:
    town = Town()
    configured = DeployedListener("https", "alb", 443, True, "127.0.0.1:65000", "a")
    verify_listener("mtls", configured, CASES, around(open_ports=(8443, 1443)), town)
    assert {first for _, first, _, to in town.roundabout if to} == {65000}


def test_where_authentication_is_off_there_is_nothing_to_get_around() -> None:
    town = Town(open_ports=frozenset({443}))
    report = verify_listener("mtls", listener(ca_enabled=False), CASES, around(open_ports=(8443,)), town)
    assert town.roundabout == []
    assert (
        verdicts(report.checks)["wrong server name"]
        == verdicts(report.checks)["resumed session"]
        == {Verdict.NOT_CHECKED}
    )


def test_sessions_from_before_a_change_are_listed_as_not_checked() -> None:
    report = verify_listener("mtls", listener(), CASES, around(), Town())
    assert verdicts(report.checks)["resumed session from before"] == {Verdict.NOT_CHECKED}
