"""The rule of `mtls verify`, over tables of what servers do: right ones, and ones that must never
look right.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.operations.verification.judgement import (
    Caller,
    Observation,
    expected,
    judge,
)
from alb_mutual_tls.operations.verification.outcome import (
    CLOSED,
    Alert,
    Answered,
    ConnectionFailed,
    Destination,
    NoSession,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
    VersionNotOffered,
)
from alb_mutual_tls.operations.verification.redirect import judge_bypass_in_clear
from alb_mutual_tls.verdict import EXIT_CODE, Finding, Verdict, overall

OK = Answered(200, "", "old")
NO_CERTIFICATE_400 = Answered(400, "", "<title>400 No required SSL certificate was sent</title>")
BAD_CERTIFICATE_400 = Answered(400, "", "<title>400 The SSL certificate error</title>")
BARE_400 = Answered(400, "", "Bad Request")
UNKNOWN_CA = Alert("unknown_ca")
REQUIRED = Alert("certificate_required")
FAILURE = Alert("handshake_failure")
NOT_OFFERED = VersionNotOffered()
TIMEOUT = ConnectionFailed("no answer in time")
REFUSED = ConnectionFailed("connection refused", refused=True)
INVALID = ServerCertificateInvalid("self-signed certificate")
CASES = (
    ("client alice", Caller.CLIENT),
    ("no certificate", Caller.ANONYMOUS),
    ("foreign CA", Caller.FORGED),
    ("tampered signature", Caller.FORGED),
)

ASKED = Destination("127.0.0.1", 80, "demo.alb.ingress.top", "demo.alb.ingress.top", "/shop?a=b c")
H, F, N, O = Verdict.HELD, Verdict.FELL_SHORT, Verdict.NOT_DECIDED, Verdict.NOT_OFFERED  # noqa: E741


def observe(version: TlsVersion, *outcomes: Outcome) -> list[Observation]:
    """One outcome each for: the client, nobody, foreign CA, tampered signature."""
    return [
        Observation(name, role, version, outcome)
        for (name, role), outcome in zip(CASES, outcomes, strict=True)
    ]


def verdicts_of(findings: list[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in findings]


# What a server does to: client, nobody, foreign CA, tampered signature -> with client
# authentication on, with it off
SERVERS: dict[str, tuple[tuple[Outcome, ...], list[Verdict], list[Verdict]]] = {
    "demands certificates and refuses as nginx does": (
        (OK, NO_CERTIFICATE_400, BAD_CERTIFICATE_400, BAD_CERTIFICATE_400),
        [H, H, H, H],
        [H, F, F, F],
    ),
    "demands certificates and refuses by alert": (
        (OK, REQUIRED, UNKNOWN_CA, UNKNOWN_CA),
        [H, H, H, H],
        [H, F, F, F],
    ),
    "demands certificates, and the application says 404": (
        (Answered(404), NO_CERTIFICATE_400, BAD_CERTIFICATE_400, BARE_400),
        [H, H, H, H],
        [H, F, F, F],
    ),
    "demands certificates, and the application is down": (
        (Answered(503), BARE_400, BARE_400, BARE_400),
        [H, H, H, H],
        [H, F, F, F],
    ),
    "refuses by alert, and the application says 400": (
        (BARE_400, REQUIRED, UNKNOWN_CA, UNKNOWN_CA),
        [H, H, H, H],
        [N, F, F, F],
    ),
    "ignores caEnabled": ((OK, OK, OK, OK), [H, F, F, F], [H, H, H, H]),
    "ignores caEnabled and the application says 403": ((Answered(403),) * 4, [H, F, F, F], [H, H, H, H]),
    "ignores caEnabled and the application is down": ((Answered(502),) * 4, [H, F, F, F], [H, H, H, H]),
    "ignores caEnabled and redirects": ((Answered(302, "https://login/"),) * 4, [H, F, F, F], [H, H, H, H]),
    "accepts any certificate, and none": ((OK, OK, OK, OK), [H, F, F, F], [H, H, H, H]),
    "accepts any certificate": ((OK, NO_CERTIFICATE_400, OK, OK), [H, H, F, F], [H, F, H, H]),
    "accepts none or a good one": ((OK, OK, BAD_CERTIFICATE_400, UNKNOWN_CA), [H, F, H, H], [H, H, F, F]),
    "trusts another CA, as nginx": (
        (BAD_CERTIFICATE_400, NO_CERTIFICATE_400, BAD_CERTIFICATE_400, BAD_CERTIFICATE_400),
        [F, N, N, N],
        [F, F, F, F],
    ),
    "trusts another CA, and says only 400": ((BARE_400,) * 4, [N, N, N, N], [N, N, N, N]),
    "trusts another CA, by alert": (
        (UNKNOWN_CA, REQUIRED, UNKNOWN_CA, UNKNOWN_CA),
        [F, N, N, N],
        [F, F, F, F],
    ),
    "trusts the foreign CA instead": (
        (BAD_CERTIFICATE_400, NO_CERTIFICATE_400, OK, BAD_CERTIFICATE_400),
        [F, N, F, N],
        [F, F, H, F],
    ),
    "answers 400 to everybody": ((BARE_400,) * 4, [N, N, N, N], [N, N, N, N]),
    "refuses only the client, without a word": ((BARE_400, OK, OK, OK), [F, F, F, F], [F, H, H, H]),
    "is not there": ((REFUSED,) * 4, [N, N, N, N], [N, N, N, N]),
    "times out for everybody but the client": ((OK, TIMEOUT, TIMEOUT, TIMEOUT), [H, N, N, N], [H, N, N, N]),
    "times out for the client": ((TIMEOUT, REQUIRED, UNKNOWN_CA, BARE_400), [N, N, N, N], [N, F, F, N]),
    "has a certificate that does not verify": ((INVALID,) * 4, [N, N, N, N], [N, N, N, N]),
    "speaks this version only now and then": (
        (OK, NOT_OFFERED, BARE_400, BARE_400),
        [H, N, H, H],
        [H, N, F, F],
    ),
}


@pytest.mark.parametrize("version", TlsVersion)
@pytest.mark.parametrize("server", SERVERS)
def test_a_server_with_client_authentication_on_gets_the_verdict_it_deserves(
    server: str, version: TlsVersion
) -> None:
    outcomes, on, _ = SERVERS[server]
    assert verdicts_of(judge(observe(version, *outcomes), ca_enabled=True)) == on


@pytest.mark.parametrize("version", TlsVersion)
@pytest.mark.parametrize("server", SERVERS)
def test_with_client_authentication_off_the_cases_turn_round(server: str, version: TlsVersion) -> None:
    outcomes, _, off = SERVERS[server]
    assert verdicts_of(judge(observe(version, *outcomes), ca_enabled=False)) == off


@pytest.mark.parametrize(
    "server",
    [
        "ignores caEnabled",
        "accepts any certificate",
        "accepts any certificate, and none",
        "trusts another CA, as nginx",
        "trusts another CA, by alert",
        "trusts another CA, and says only 400",
        "answers 400 to everybody",
    ],
)
def test_a_mutated_alb_is_never_green_even_when_only_one_tls_version_is_mutated(server: str) -> None:
    good, mutated = SERVERS["demands certificates and refuses by alert"][0], SERVERS[server][0]
    for first, second in ((good, mutated), (mutated, good), (mutated, mutated)):
        seen = observe(TlsVersion.TLS_1_2, *first) + observe(TlsVersion.TLS_1_3, *second)
        assert overall(verdicts_of(judge(seen, ca_enabled=True))) is not Verdict.HELD


@pytest.mark.parametrize("refusal", [REQUIRED, NO_CERTIFICATE_400, BARE_400])
def test_without_a_good_client_no_refusal_counts(refusal: Outcome) -> None:
    (finding,) = judge(
        [Observation("no certificate", Caller.ANONYMOUS, TlsVersion.TLS_1_2, refusal)], ca_enabled=True
    )
    assert finding.verdict is Verdict.NOT_DECIDED
    assert "--cert" in finding.why


def test_without_a_good_client_being_let_in_still_counts() -> None:
    seen = [Observation("no certificate", Caller.ANONYMOUS, TlsVersion.TLS_1_2, OK)]
    assert verdicts_of(judge(seen, ca_enabled=True)) == [Verdict.FELL_SHORT]
    assert verdicts_of(judge(seen, ca_enabled=False)) == [Verdict.HELD]


def test_the_good_client_of_one_tls_version_is_no_witness_for_the_other() -> None:
    seen = observe(TlsVersion.TLS_1_2, OK, REQUIRED, UNKNOWN_CA, UNKNOWN_CA) + observe(
        TlsVersion.TLS_1_3, TIMEOUT, REQUIRED, UNKNOWN_CA, UNKNOWN_CA
    )
    assert verdicts_of(judge(seen, ca_enabled=True)) == [H, H, H, H, N, N, N, N]


def test_one_client_that_is_let_in_makes_rejections_count_while_another_that_is_refused_falls_short() -> None:
    seen = observe(TlsVersion.TLS_1_3, OK, REQUIRED, UNKNOWN_CA, UNKNOWN_CA)
    seen.append(Observation("client bob", Caller.CLIENT, TlsVersion.TLS_1_3, Alert("certificate_expired")))
    assert verdicts_of(judge(seen, ca_enabled=True)) == [H, H, H, H, F]


@pytest.mark.parametrize("sign", [NOT_OFFERED, Alert("handshake_failure", proven=False)])
def test_tls_1_3_that_nobody_gets_is_not_offered_where_tls_1_2_is(sign: Outcome) -> None:
    seen = observe(TlsVersion.TLS_1_2, OK, FAILURE, UNKNOWN_CA, UNKNOWN_CA) + observe(
        TlsVersion.TLS_1_3, sign, sign, sign, sign
    )
    verdicts = verdicts_of(judge(seen, ca_enabled=True))
    assert verdicts == [H, H, H, H, O, O, O, O]
    assert overall(verdicts) is Verdict.HELD


def test_tls_1_2_with_a_handshake_failure_for_everybody_is_a_refusal_and_not_a_missing_version() -> None:
    seen = observe(TlsVersion.TLS_1_3, OK, REQUIRED, UNKNOWN_CA, UNKNOWN_CA) + observe(
        TlsVersion.TLS_1_2, FAILURE, FAILURE, FAILURE, FAILURE
    )
    assert verdicts_of(judge(seen, ca_enabled=True))[4:] == [F, N, N, N]


def test_a_server_that_offers_neither_version_is_not_decided() -> None:
    seen = observe(TlsVersion.TLS_1_2, *[NOT_OFFERED] * 4) + observe(TlsVersion.TLS_1_3, *[NOT_OFFERED] * 4)
    assert set(verdicts_of(judge(seen, ca_enabled=True))) == {Verdict.NOT_DECIDED}


OUTCOMES = st.sampled_from(
    [
        OK,
        Answered(403),
        Answered(500),
        BARE_400,
        BAD_CERTIFICATE_400,
        UNKNOWN_CA,
        FAILURE,
        NOT_OFFERED,
        TIMEOUT,
        INVALID,
    ]
)


@given(st.lists(OUTCOMES, min_size=8, max_size=8))
def test_green_with_authentication_on_means_that_some_client_got_in_and_no_stranger_did(
    outcomes: list[Outcome],
) -> None:
    seen = observe(TlsVersion.TLS_1_2, *outcomes[:4]) + observe(TlsVersion.TLS_1_3, *outcomes[4:])
    if overall(verdicts_of(judge(seen, ca_enabled=True))) is Verdict.HELD:
        assert any(isinstance(one.outcome, Answered) for one in seen if one.role is Caller.CLIENT)
        for one in seen:
            if one.role is not Caller.CLIENT:
                assert one.outcome in (BARE_400, BAD_CERTIFICATE_400, UNKNOWN_CA, FAILURE, NOT_OFFERED)


@given(st.lists(OUTCOMES, min_size=4, max_size=4))
def test_no_server_is_green_both_on_and_off(outcomes: list[Outcome]) -> None:
    seen = observe(TlsVersion.TLS_1_2, *outcomes)
    assert {overall(verdicts_of(judge(seen, ca_enabled=on))) for on in (True, False)} != {Verdict.HELD}


def test_what_did_not_hold_says_what_it_means_and_what_to_do() -> None:
    for (outcomes, _, _), on in itertools.product(SERVERS.values(), (True, False)):
        for finding in judge(observe(TlsVersion.TLS_1_2, *outcomes), ca_enabled=on):
            assert bool(finding.why) == (finding.verdict in (Verdict.FELL_SHORT, Verdict.NOT_DECIDED))


def test_everybody_is_to_be_let_in_where_authentication_is_off() -> None:
    assert {expected(role, ca_enabled=False) for role in Caller} == {"let in"}
    assert {role for role in Caller if expected(role, ca_enabled=True) == "let in"} == {Caller.CLIENT}


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([H, H], H),
        ([H, O], H),
        ([H, Verdict.NOT_CHECKED], H),
        ([H, N], N),
        ([H, N, F], F),
        ([], N),
        ([Verdict.NOT_CHECKED], N),
        ([O], N),
    ],
)
def test_the_whole_is_as_good_as_its_worst_part_and_nothing_checked_is_nothing_decided(
    verdicts: list[Verdict], whole: Verdict
) -> None:
    assert overall(verdicts) is whole


def test_exit_codes_are_0_held_1_fell_short_2_not_decided() -> None:
    assert EXIT_CODE == {Verdict.HELD: 0, Verdict.FELL_SHORT: 1, Verdict.NOT_DECIDED: 2}


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Answered(301, "https://demo.alb.ingress.top/shop?a=b%20c"), H),
        (Answered(308, "HTTPS://Demo.ALB.ingress.top:443/shop?a=b%20c"), H),
        (Answered(307, "https://demo.alb.ingress.top:20443/shop?a=b%20c#top"), H),
        (Answered(302, "https://sso.example.com/"), N),
        (Answered(302, "https://sso.example.com/shop?a=b%20c"), N),
        (Answered(302, "https://demo.alb.ingress.top:8443/shop?a=b%20c"), N),
        (Answered(302, "https://demo.alb.ingress.top:99999/shop?a=b%20c"), N),
        (Answered(302, "https://demo.alb.ingress.top/"), N),
        (Answered(302, "https://demo.alb.ingress.top/shop"), N),
        (Answered(302, "https://demo.alb.ingress.top/shop?a=b"), N),
        (Answered(302, "https://demo.alb.ingress.top@evil.example/shop?a=b%20c"), N),
        (Answered(302, "https://you@demo.alb.ingress.top/shop?a=b%20c"), N),
        (Answered(302, "https://demo.alb.ingress.top.evil.example/shop?a=b%20c"), N),
        (Answered(302, "//sso.example.com/shop?a=b%20c"), N),
        (Answered(302, "http://sso.example.com/"), N),
        (Answered(302, "https:///shop"), N),
        (Answered(302, "https://[/shop"), N),
        (Answered(302, "ftp://demo.alb.ingress.top/shop"), N),
        (REFUSED, H),
        (Answered(302, "http://demo.alb.ingress.top/login"), F),
        (Answered(302, "/login"), F),
        (Answered(200, "", "old"), F),
        (Answered(200, "https://elsewhere/"), F),
        (Answered(404), F),
        (Answered(401), F),
        (Answered(403), N),
        (Answered(503), N),
        (TIMEOUT, N),
    ],
)
def test_a_door_without_tls_must_redirect_to_the_same_at_a_verified_port_or_not_be_there(
    outcome: Outcome, verdict: Verdict
) -> None:
    assert judge_bypass_in_clear(outcome, ASKED, ports=(443, 20443), is_alb=True).verdict is verdict


def test_a_redirect_from_the_root_may_leave_the_slash_out() -> None:
    finding = judge_bypass_in_clear(
        Answered(301, "https://demo.alb.ingress.top"), replace(ASKED, path="/"), ports=(443,), is_alb=True
    )
    assert finding.verdict is Verdict.HELD


def test_nothing_at_a_made_up_path_may_be_nothing_at_all_and_something_is_open_all_the_same() -> None:
    for outcome, verdict in ((Answered(404), N), (Answered(200), F), (REFUSED, H)):
        assert (
            judge_bypass_in_clear(outcome, ASKED, ports=(443,), is_alb=True, made_up=True).verdict is verdict
        )


def test_a_refused_connection_at_a_configured_address_says_nothing_about_the_alb_behind_it() -> None:
    assert judge_bypass_in_clear(REFUSED, ASKED, ports=(443,), is_alb=False).verdict is Verdict.NOT_DECIDED


# A server that has not proven who it is


@pytest.mark.parametrize("ca_enabled", [True, False])
@pytest.mark.parametrize("version", TlsVersion)
@pytest.mark.parametrize(
    "round_", [OK, Answered(502), NO_CERTIFICATE_400, Answered(421), CLOSED, UNKNOWN_CA, NOT_OFFERED, INVALID]
)
def test_where_the_servers_certificate_is_somebody_elses_nothing_is_decided_in_any_case(
    round_: Outcome, version: TlsVersion, ca_enabled: bool
) -> None:
    seen = [
        *observe(version, INVALID, INVALID, INVALID, INVALID),
        *observe(TlsVersion.TLS_1_2, OK, REQUIRED, OK, TIMEOUT),
    ]
    seen += [Observation("round", role, version, round_) for role in (Caller.MISNAMED, Caller.RESUMED)]
    findings = judge(seen, ca_enabled=ca_enabled)
    assert {finding.verdict for finding in findings} == {Verdict.NOT_DECIDED}
    assert not any("Alibaba" in finding.why for finding in findings)


@pytest.mark.parametrize("ca_enabled", [True, False])
def test_an_alert_to_everybody_before_the_server_showed_its_certificate_is_nobodys_refusal(
    ca_enabled: bool,
) -> None:
    early = Alert("handshake_failure", proven=False)
    seen = observe(TlsVersion.TLS_1_2, early, early, early, early)
    assert set(verdicts_of(judge(seen, ca_enabled=ca_enabled))) == {N}
    late = observe(TlsVersion.TLS_1_2, FAILURE, FAILURE, FAILURE, FAILURE)
    assert F in verdicts_of(judge(late, ca_enabled=ca_enabled))


# The ways around: a server name that the listener does not serve, and sessions from elsewhere


def roundabout(
    role: Caller, outcome: Outcome, client: Outcome = OK, version: TlsVersion = TlsVersion.TLS_1_3
) -> Finding:
    """The finding on somebody who comes a way round, beside a listener that demands certificates
    and does this to a client.
    """
    seen = observe(version, client, REQUIRED, UNKNOWN_CA, UNKNOWN_CA)
    return judge([*seen, Observation("round", role, version, outcome)], ca_enabled=True)[-1]


@pytest.mark.parametrize("role", [Caller.MISNAMED, Caller.RESUMED])
@pytest.mark.parametrize(
    ("outcome", "client", "verdict"),
    [
        (OK, OK, F),
        (Answered(404), OK, F),
        (Answered(503), BARE_400, F),
        (NO_CERTIFICATE_400, OK, H),
        (BARE_400, BARE_400, N),
        (Answered(421), OK, H),
        (Answered(421), Answered(421), N),
        (Alert("unrecognized_name"), OK, H),
        (UNKNOWN_CA, UNKNOWN_CA, N),
        (CLOSED, OK, H),
        (CLOSED, TIMEOUT, N),
        (NOT_OFFERED, OK, H),
        (TIMEOUT, OK, N),
        (REFUSED, OK, N),
        (INVALID, OK, N),
    ],
)
def test_who_comes_a_way_round_is_refused_in_whatever_way_where_a_good_client_is_answered(
    role: Caller, outcome: Outcome, client: Outcome, verdict: Verdict
) -> None:
    assert roundabout(role, outcome, client).verdict is verdict


@pytest.mark.parametrize("role", [Caller.MISNAMED, Caller.RESUMED])
def test_of_all_answers_only_400_and_421_refuse_who_comes_a_way_round_and_403_is_the_applications(
    role: Caller,
) -> None:
    held = [
        status
        for status in range(200, 600)
        if roundabout(role, Answered(status), Answered(302)).verdict is not F
    ]
    assert held == [400, 421]


def test_a_way_round_without_a_good_client_to_compare_with_is_not_decided_but_being_let_in_still_counts() -> (
    None
):
    for outcome, verdict in ((REQUIRED, N), (OK, F)):
        (finding,) = judge(
            [Observation("round", Caller.RESUMED, TlsVersion.TLS_1_2, outcome)], ca_enabled=True
        )
        assert finding.verdict is verdict


def test_where_there_is_no_session_to_resume_nothing_was_checked_and_the_reason_is_given() -> None:
    assert roundabout(Caller.RESUMED, NoSession("none is given")) == Finding(
        Verdict.NOT_CHECKED, "none is given"
    )


def test_what_comes_of_a_way_round_says_nothing_about_the_tls_versions_that_a_listener_offers() -> None:
    seen = [
        *observe(TlsVersion.TLS_1_2, OK, REQUIRED, UNKNOWN_CA, UNKNOWN_CA),
        *observe(TlsVersion.TLS_1_3, *[NOT_OFFERED] * 4),
    ]
    seen += [Observation("round", Caller.RESUMED, TlsVersion.TLS_1_3, NoSession("not spoken"))]
    assert verdicts_of(judge(seen, ca_enabled=True)) == [H, H, H, H, O, O, O, O, O]


def test_everybody_who_is_let_in_against_expectation_has_an_explanation_of_his_own() -> None:
    whys = {
        role: judge([Observation("x", role, TlsVersion.TLS_1_2, OK)], ca_enabled=True)[0].why
        for role in Caller
        if role is not Caller.CLIENT
    }
    assert whys[Caller.ANONYMOUS] == whys[Caller.FORGED]
    assert len(set(whys.values())) == len(whys) - 1
