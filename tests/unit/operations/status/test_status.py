"""`mtls status`: what is in step, until when it may be so, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.enforced import (
    Absent,
    NotKnown,
    Shown,
    View,
)
from alb_mutual_tls.operations.status.observed import ObservedListener
from alb_mutual_tls.operations.status.report import as_json
from alb_mutual_tls.operations.status.status import report
from alb_mutual_tls.text import duration
from alb_mutual_tls.verdict import Verdict
from tests.unit.operations.status.statuses import HTTPS, OFF, ON, ROOT, having, judged, left, shown, told
from tests.unit.pki.material import NOW


def test_a_temporary_listener_that_a_rehearsal_left_behind_is_told_once_and_fails_nothing() -> None:
    observed = ObservedListener(HTTPS, ON, ON, ("AlbConfig alb has the temporary listener",))
    made = report([(having(), [observed, observed])], now=NOW, fail_within=None)
    assert told(made) == ["held: AlbConfig alb has the temporary listener"]
    assert made.exit_code == 0


@pytest.mark.parametrize("desired", [True, False])
@pytest.mark.parametrize(
    ("albconfig", "alb", "when_on", "when_off"),
    [
        (ON, ON, Verdict.HELD, Verdict.FELL_SHORT),
        (OFF, OFF, Verdict.FELL_SHORT, Verdict.HELD),
        (ON, OFF, Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (OFF, ON, Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (ON, Shown(True, ("ca-2",)), Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (ON, Shown(True, ("ca-1", "ca-2")), Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (Shown(True, ("ca-2",)), ON, Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (
            Shown(False, ()),
            Shown(False, ()),
            Verdict.FELL_SHORT,
            Verdict.FELL_SHORT,
        ),  # pulumi up would write caCertificates again
        (OFF, Shown(False, ()), Verdict.FELL_SHORT, Verdict.HELD),
        (Absent("gone"), NotKnown("unnamed"), Verdict.FELL_SHORT, Verdict.NOT_DECIDED),
        (Absent("gone"), Absent("gone"), Verdict.FELL_SHORT, Verdict.HELD),
        (ON, NotKnown("no permission"), Verdict.NOT_DECIDED, Verdict.FELL_SHORT),
        (NotKnown("no cluster"), NotKnown("unnamed"), Verdict.NOT_DECIDED, Verdict.NOT_DECIDED),
        (ON, Shown(True, ("ca-1",), changing=True), Verdict.NOT_DECIDED, Verdict.FELL_SHORT),
    ],
)
def test_a_listener_holds_when_albconfig_and_alb_have_what_is_desired(
    desired: bool, albconfig: View, alb: View, when_on: Verdict, when_off: Verdict
) -> None:
    inventory = having()
    listener = replace(HTTPS, ca_enabled=desired)
    inventory = replace(inventory, component=replace(inventory.component, listeners=(listener,)))
    made = judged(inventory, albconfig, alb)
    expected = when_on if desired else when_off
    assert made.listeners[0].verdict is made.verdict is expected
    assert made.exit_code == {Verdict.HELD: 0, Verdict.FELL_SHORT: 1, Verdict.NOT_DECIDED: 2}[expected]


def test_what_is_out_of_step_is_said_with_what_each_place_has() -> None:
    assert told(judged(having(), OFF, Absent("load balancer lb-1 has no HTTPS listener on port 443"))) == [
        (
            "fell short: listener https (AlbConfig alb port 443): desired is on, CA ca-1, and the AlbConfig"
            " has off, CA ca-1: run pulumi preview to see what pulumi up would write, and find out who"
            " changed it"
        ),
        (
            "fell short: listener https (AlbConfig alb port 443): desired is on, CA ca-1, and load balancer"
            " lb-1 has no HTTPS listener on port 443: read the events of the AlbConfig (kubectl describe"
            " albconfig), then run pulumi up"
        ),
    ]


def test_ids_that_begin_alike_are_never_said_to_be_the_desired_ones() -> None:
    alike = [f"0e40dda998174723af39d37fcaf4a2b{last}" for last in "12"]
    listener = replace(HTTPS, ca_certificate_id=alike[0])
    stack = having()
    stack = replace(stack, component=replace(stack.component, listeners=(listener,)))
    text = shown(judged(stack, Shown(True, (alike[1],)), Shown(True, (alike[0],))))
    row = next(line for line in text.splitlines() if line.startswith("https "))
    assert row.count("= desired") == 1
    assert "on, CA 0e40dda99817  = desired  fell short" in row


def test_an_alb_that_does_as_a_changed_albconfig_says_is_not_to_blame() -> None:
    _, alb = told(judged(having(), OFF, OFF))
    assert alb.endswith("desired is on, CA ca-1, and ALB has off, CA ca-1: it does as the AlbConfig says")


def test_a_place_that_was_not_seen_is_not_known_with_the_reason() -> None:
    made = judged(having(), ON, NotKnown("RAM forbids alb:ListListeners"))
    assert told(made) == [
        "not decided: listener https (AlbConfig alb port 443): ALB was not seen: RAM forbids"
        " alb:ListListeners"
    ]
    assert "not known" in shown(made)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14d", timedelta(days=14)),
        ("36h", timedelta(hours=36)),
        ("0d", timedelta()),
        ("999999h", timedelta(hours=999999)),
    ],
)
def test_a_time_is_a_number_of_days_or_hours(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "14", "2w", "d", "1.5d", "-1d", "14 d", "14D", "14dd", "９d", "1000000d", "14d\n"]
)
def test_any_other_time_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(
        UserError,
        match=(
            r"^--fail-within '.*' is not a time: give a whole number of days or hours, for instance 14d"
            r" or 36h$"
        ),
    ):
        duration(text)


def test_the_json_document_is_what_its_description_says() -> None:
    inventory = replace(having(one=(90, 30)), outstanding=(left("gone", 50, ROOT),))
    document = json.loads(as_json(judged(inventory, ON, NotKnown("no permission"), day=1, within="36h")))
    assert document["listeners"][0] == {
        "component": "mtls",
        "name": "https",
        "albConfig": "alb",
        "port": 443,
        "authority": "root",
        "verdict": "not decided",
        "wished": {"caEnabled": True, "caCertificateIds": ["ca-1"]},
        "albconfig": {"caEnabled": True, "caCertificateIds": ["ca-1"], "why": None},
        "alb": {"caEnabled": None, "caCertificateIds": [], "why": "no permission", "changing": None},
    }
    assert document["clients"][0] | {"serialNumber": "-"} == {
        "component": "mtls",
        "name": "one",
        "serialNumber": "-",
        "notAfter": "2027-02-21T12:00:00Z",
        "daysLeft": 89,
        "renewal": "2027-01-22T12:00:00Z",
        "due": False,
        "endsWithAuthority": False,
    }
    assert document["authorities"][0] | {"fingerprint": "-"} == {
        "component": "mtls",
        "name": "root",
        "trusted": True,
        "issuing": True,
        "subject": "CN=root a",
        "fingerprint": "-",
        "notAfter": "2036-11-20T12:00:00Z",
        "daysLeft": 3649,
    }
    assert document["outstanding"] == [
        {
            "component": "mtls",
            "client": "gone",
            "serialNumber": "1f",
            "notAfter": "2027-01-12T12:00:00Z",
            "daysLeft": 49,
            "reason": "removed",
            "since": "2026-11-01T00:00:00Z",
            "accepted": True,
        }
    ]
    del document["listeners"], document["clients"], document["authorities"], document["outstanding"]
    assert document == {
        "version": 1,
        "verdict": "not decided",
        "exitCode": 2,
        "summary": (
            "not decided: 1 listener, 1 client, 0 due for renewal, 1 outstanding; client one ends first, in"
            " 89 days"
        ),
        "checkedAt": "2026-11-24T12:00:00Z",
        "failWithinSeconds": 129600,
        "findings": [
            {
                "verdict": "not decided",
                "text": "listener https (AlbConfig alb port 443): ALB was not seen: no permission",
            },
        ],
    }


def test_a_name_that_would_steer_the_terminal_is_shown_as_text() -> None:
    made = judged(replace(having(), outstanding=(left("\x1b[31m[red]evil", 50, ROOT),)))
    assert "[31m[red]evil" in shown(made) and "\x1b" not in shown(made)
