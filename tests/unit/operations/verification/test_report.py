"""The report: the JSON that machines rely on, and the table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from alb_mutual_tls.operations.printing import error_as_json
from alb_mutual_tls.operations.verification.flip import NOTE as FLIP_NOTE
from alb_mutual_tls.operations.verification.flip import Bundle, Flip
from alb_mutual_tls.operations.verification.judgement import Expected
from alb_mutual_tls.operations.verification.matrix import case_id
from alb_mutual_tls.operations.verification.outcome import (
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
from alb_mutual_tls.operations.verification.report import (
    NOTE,
    NOTHING,
    as_json,
    print_for_people,
    seen_text,
    summary,
)
from alb_mutual_tls.operations.verification.result import Check, ListenerReport, VerificationReport
from alb_mutual_tls.stack.deployed import DeployedListener
from alb_mutual_tls.verdict import Verdict
from tests.screens import shown

PLACE = Destination("127.0.0.1", 20443, "demo.alb.ingress.top", "demo.alb.ingress.top", "/")
OTHER = Destination("::1", 20443, "demo.alb.ingress.top", "demo.alb.ingress.top", "/")
LISTENER = DeployedListener("https", "alb", 443, True)
HELD = Check(
    "client alice", Verdict.HELD, "", Expected.LET_IN, PLACE, TlsVersion.TLS_1_2, Answered(200, "", "old")
)
FELL = Check(
    "no certificate",
    Verdict.FELL_SHORT,
    "close it",
    Expected.REJECTED,
    PLACE,
    TlsVersion.TLS_1_3,
    Answered(302, "https://x/", ""),
)
MISSING = Check("expired", Verdict.NOT_CHECKED, "no key")


def report(*checks: Check, insecure: bool = False) -> VerificationReport:
    return VerificationReport((ListenerReport("mtls", LISTENER, checks),), insecure)


def printed(made: VerificationReport, *, columns: int = 10_000, wide: bool = False) -> str:
    return shown(lambda screen: print_for_people(made, screen), columns=columns, wide=wide)


def test_the_json_document_is_pinned() -> None:
    assert json.loads(as_json(report(HELD, FELL, MISSING))) == {
        "version": 1,
        "verdict": "fell short",
        "exitCode": 1,
        "summary": "fell short: 1 check held at 1 listener, 1 fell short, 1 not checked",
        "note": NOTE,
        "notes": [],
        "listeners": [
            {
                "component": "mtls",
                "name": "https",
                "albConfig": "alb",
                "port": 443,
                "caEnabled": True,
                "verdict": "fell short",
                "checks": [
                    {
                        "case": "client alice",
                        "id": "client",
                        "verdict": "held",
                        "why": "",
                        "expected": "let in",
                        "tlsVersion": "TLS 1.2",
                        "address": "127.0.0.1",
                        "port": 20443,
                        "serverName": "demo.alb.ingress.top",
                        "path": "/",
                        "seen": {
                            "kind": "answered",
                            "status": 200,
                            "location": None,
                            "alert": None,
                            "reason": None,
                        },
                    },
                    {
                        "case": "no certificate",
                        "id": "no-certificate",
                        "verdict": "fell short",
                        "why": "close it",
                        "expected": "rejected",
                        "tlsVersion": "TLS 1.3",
                        "address": "127.0.0.1",
                        "port": 20443,
                        "serverName": "demo.alb.ingress.top",
                        "path": "/",
                        "seen": {
                            "kind": "answered",
                            "status": 302,
                            "location": "https://x/",
                            "alert": None,
                            "reason": None,
                        },
                    },
                    {
                        "case": "expired",
                        "id": "expired",
                        "verdict": "not checked",
                        "why": "no key",
                        "expected": None,
                        "tlsVersion": None,
                        "address": None,
                        "port": None,
                        "serverName": None,
                        "path": None,
                        "seen": None,
                    },
                ],
            }
        ],
        "flips": [],
    }


def test_an_error_before_anything_was_tried_has_the_same_shape() -> None:
    document = json.loads(error_as_json("no stack is selected", NOTHING))
    assert document.pop("error") == "no stack is selected"
    assert document == {
        "version": 1,
        "verdict": "not decided",
        "exitCode": 2,
        "summary": "not decided: no stack is selected",
        "note": NOTE,
        "notes": [],
        "listeners": [],
        "flips": [],
    }


@pytest.mark.parametrize(
    ("outcome", "seen", "text"),
    [
        (Alert("unknown_ca"), {"kind": "alert", "alert": "unknown_ca"}, "TLS alert unknown_ca"),
        (VersionNotOffered(), {"kind": "version not offered"}, "TLS version not offered"),
        (
            ServerCertificateInvalid("self-signed"),
            {"kind": "server certificate invalid", "reason": "self-signed"},
            "server certificate invalid: self-signed",
        ),
        (NoSession("none is given"), {"kind": "no session", "reason": "none is given"}, "none is given"),
        (
            ConnectionFailed("no answer in time"),
            {"kind": "connection failed", "reason": "no answer in time"},
            "no answer in time",
        ),
    ],
)
def test_every_outcome_has_its_kind_in_json_and_its_words_in_the_table(
    outcome: Outcome, seen: dict[str, str], text: str
) -> None:
    check = Check("x", Verdict.NOT_DECIDED, "why", None, PLACE, TlsVersion.TLS_1_2, outcome)
    shown = json.loads(as_json(report(check)))["listeners"][0]["checks"][0]["seen"]
    assert {key: value for key, value in shown.items() if value is not None} == seen
    assert seen_text(outcome) == text


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answered(200, "", "old"), 'HTTP 200 "old"'),
        (Answered(200), "HTTP 200"),
        (Answered(301, "https://demo/", "<html>moved</html>"), "HTTP 301 to https://demo/"),
        (
            Answered(400, "", "<html><head><title>400 The SSL certificate error</title></head><h1>x</h1>"),
            'HTTP 400 "400 The SSL certificate error"',
        ),
        (Answered(200, "", "<p>Hello</p> <b>world</b>"), 'HTTP 200 "Hello world"'),
        (Answered(200, "", "x" * 100), f'HTTP 200 "{"x" * 39}…"'),
    ],
)
def test_an_answer_is_shown_with_its_status_and_the_start_of_what_it_says(
    answer: Answered, text: str
) -> None:
    assert seen_text(answer) == text


def test_the_verdict_comes_first_then_what_deviates_then_a_row_for_each_case() -> None:
    lines = printed(report(HELD, FELL, MISSING)).splitlines()
    where = "client authentication on; demo.alb.ingress.top at 127.0.0.1:20443"
    assert lines == [
        "fell short: 1 check held at 1 listener, 1 fell short, 1 not checked",
        "",
        f"listener https: AlbConfig alb port 443, {where}",
        "fell short: no certificate: close it",
        "",
        "case            expected  TLS 1.2   TLS 1.3   verdict",
        "client alice    let in    HTTP 200  -         held",
        "no certificate  rejected  -         HTTP 302  fell short",
        "not checked: expired: no key",
        "",
        NOTE,
    ]
    assert shown(lambda screen: print_for_people(report(HELD, FELL), screen), quiet=True).count("\n") == 1


def many(names: Sequence[str], status: int = 200) -> list[Check]:
    """Clients that were tried in both versions."""
    return [
        replace(HELD, case=f"client {name}", version=version, outcome=Answered(status))
        for name in names
        for version in TlsVersion
    ]


def test_cases_of_one_kind_that_came_to_the_same_are_one_row_with_their_number() -> None:
    other = replace(HELD, case="client eve", verdict=Verdict.FELL_SHORT, outcome=Alert("expired"))
    checks = (*many([f"c{number}" for number in range(42)]), other)
    text = printed(report(*checks), columns=80)
    assert "\n42 clients  let in    HTTP 200" in text
    assert "\nclient eve  let in    TLS alert expired" in text
    assert text.count("HTTP 200") == 2
    assert printed(report(*checks), wide=True).count("HTTP 200") == 84


@pytest.mark.parametrize("columns", [20, 40, 80, 120])
def test_no_line_is_longer_than_the_terminal_and_no_word_of_usual_length_is_broken(columns: int) -> None:
    text = printed(report(*many(["alice"]), FELL, MISSING), columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert not any(line.endswith(" ") for line in text.splitlines())
    words = printed(report(*many(["alice"]), FELL, MISSING)).split()
    whole = {word.removesuffix(":") for word in text.split()}
    assert {word for word in words if word.isalpha() and len(word) <= columns} <= whole


def test_many_listeners_where_all_held_are_named_on_one_line() -> None:
    held = [ListenerReport("mtls", replace(LISTENER, name=f"l{number}"), (HELD,)) for number in range(200)]
    broken = ListenerReport("mtls", replace(LISTENER, name="broken"), (FELL,))
    text = printed(VerificationReport((*held, broken)))
    assert text.count("\nlistener ") == 1 and "\nlistener broken: " in text
    assert "note: all held at 200 listeners (--wide shows each): l0, l1, " in text


@pytest.mark.parametrize(
    ("case", "identifier"),
    [
        ("client a with 1 of 2 certificates", "client-with-of-certificates"),
        ("client of authority corp", "client-of-authority"),
        ("client of partner.pem", "client"),
        ("self-signed with the CA's name", "self-signed-with-the-ca-name"),
        ("resumed session of HTTPS 8443", "resumed-session-of-https"),
        ("bypass QUIC 443", "bypass-quic"),
    ],
)
def test_a_case_has_an_identifier_without_the_names_in_it(case: str, identifier: str) -> None:
    assert case_id(case) == identifier


def test_addresses_are_a_column_only_where_there_are_several() -> None:
    assert "client authentication on; demo.alb.ingress.top at 127.0.0.1:20443\n" in printed(report(HELD))
    assert "[::1]:20443" not in printed(report(HELD))
    other = Check("client alice", Verdict.HELD, "", Expected.LET_IN, OTHER, TlsVersion.TLS_1_2, Answered(200))
    assert "\nclient alice  all  let in    HTTP 200  held\n" in printed(report(HELD, other))
    rejected = replace(other, verdict=Verdict.FELL_SHORT, outcome=Answered(400))
    text = printed(report(HELD, rejected))
    assert "demo.alb.ingress.top at 127.0.0.1:20443" in text
    assert "demo.alb.ingress.top at [::1]:20443" in text


def test_what_a_server_says_is_shown_as_it_is_and_does_not_style_the_table() -> None:
    check = Check(
        "[red]x[/red]",
        Verdict.HELD,
        "",
        None,
        PLACE,
        TlsVersion.TLS_1_2,
        Answered(200, "", "[bold]old[/bold]"),
    )
    text = printed(report(check), wide=True)
    assert '"[bold]old[/bold]"' in text and "[red]x[/red]" in text


def test_insecure_says_that_the_server_was_not_verified() -> None:
    assert "--insecure" in printed(report(HELD, insecure=True))
    assert "--insecure" in json.loads(as_json(report(HELD, insecure=True)))["note"]
    assert "--insecure" not in printed(report(HELD))


def test_a_reason_is_given_once_for_all_its_cases_and_the_worst_come_first() -> None:
    later = Check(
        "foreign CA",
        Verdict.FELL_SHORT,
        "close it",
        Expected.REJECTED,
        PLACE,
        TlsVersion.TLS_1_3,
        Answered(200),
    )
    text = printed(report(MISSING, FELL, FELL, later))
    assert text.count("close it") == 1
    assert text.index("fell short: no certificate, foreign CA: close it") < text.index(
        "not checked: expired: no key"
    )


def test_the_summary_counts_and_names_the_verdict() -> None:
    assert summary(report(HELD, HELD)) == "held: 2 checks held at 1 listener"
    assert summary(VerificationReport(())) == "not decided: 0 checks held at 0 listeners"


def flip(*bundles: Bundle) -> Flip:
    return Flip("mtls", "a", "b", bundles)


READY, NOT_READY = (
    Bundle("client alice", Verdict.HELD),
    Bundle("client bob", Verdict.FELL_SHORT, "it would be refused; run pulumi up"),
)


def test_the_json_of_a_flip_is_pinned_and_a_bundle_that_is_not_ready_makes_the_whole_fall_short() -> None:
    made = VerificationReport((ListenerReport("mtls", LISTENER, (HELD,)),), flips=(flip(READY, NOT_READY),))
    document = json.loads(as_json(made))
    assert document["flips"] == [
        {
            "component": "mtls",
            "trusted": "a",
            "issuing": "b",
            "verdict": "fell short",
            "note": FLIP_NOTE,
            "bundles": [
                {"case": "client alice", "verdict": "held", "why": ""},
                {"case": "client bob", "verdict": "fell short", "why": "it would be refused; run pulumi up"},
            ],
        }
    ]
    assert (document["verdict"], document["exitCode"]) == ("fell short", 1)


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        (READY, "mtls is ready for the flip to b"),
        (NOT_READY, "mtls is not ready for the flip to b"),
        (
            Bundle("client eve", Verdict.NOT_DECIDED, "who knows"),
            "mtls is not known to be ready for the flip to b",
        ),
        (Bundle("no client", Verdict.NOT_CHECKED, "none"), "mtls is not known to be ready for the flip to b"),
    ],
)
def test_the_first_line_says_whether_a_stack_is_ready_for_the_flip(bundle: Bundle, words: str) -> None:
    text = printed(VerificationReport((ListenerReport("mtls", LISTENER, (HELD,)),), flips=(flip(bundle),)))
    assert text.splitlines()[0].endswith(f"1 check held at 1 listener; {words}")
    assert f"{bundle.case}: ready for the flip to b: {bundle.verdict}" in text
    assert FLIP_NOTE in " ".join(text.split())


def test_without_a_bundle_a_flip_is_not_checked_and_leaves_the_verdict_to_the_listeners() -> None:
    none = flip(Bundle("no client", Verdict.NOT_CHECKED, "none"))
    assert VerificationReport((ListenerReport("mtls", LISTENER, (HELD,)),), flips=(none,)).exit_code == 0


def test_a_name_that_nobody_has_makes_no_column_of_names() -> None:
    unserved = Check(
        "wrong server name",
        Verdict.HELD,
        "",
        Expected.REJECTED,
        replace(PLACE, server_name="x.invalid", any_name=True),
    )
    assert "; demo.alb.ingress.top at 127.0.0.1:20443\n" in printed(report(HELD, unserved))


def test_what_else_is_to_be_known_is_told_to_people_and_machines() -> None:
    made = replace(report(HELD), notes=("the configuration has changed",))
    assert json.loads(as_json(made))["notes"] == ["the configuration has changed"]
    assert "note: the configuration has changed\n" in printed(made)
    assert (made.exit_code, report(HELD).exit_code) == (0, 0)
