"""`mtls status`: what ends, what is due, who is still let in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alb_mutual_tls.operations.status.certificates import client_status
from tests.unit.operations.status.statuses import (
    OTHER,
    ROOT,
    SHORT,
    certificate,
    having,
    judged,
    left,
    shown,
    told,
)
from tests.unit.pki.material import DAY, NOW, authority, pem, subordinate


@pytest.mark.parametrize(
    ("day", "within", "code", "says"),
    [
        (0, None, 0, ""),
        (59.9, "14d", 0, ""),
        (60, None, 0, ""),  # due, which a pulumi up settles
        (
            60,
            "14d",
            1,
            "is due for renewal since 2027-01-22T12:00:00Z: run pulumi up, and hand the new one over",
        ),
        (80, "14d", 1, "ends on 2027-02-21T12:00:00Z, in 10 days: run pulumi up, and hand the new one over"),
        (89, "1d", 1, "ends on 2027-02-21T12:00:00Z, in 1 day: run pulumi up"),
        (90, None, 1, "ended on 2027-02-21T12:00:00Z: run pulumi up"),
        (
            0,
            "91d",
            1,
            (
                "in 90 days, and is renewed from 2027-01-22T12:00:00Z on: raise its renewBeforeDays, or give"
                " a shorter --fail-within"
            ),
        ),
    ],
)
def test_a_client_falls_short_when_it_has_ended_or_with_fail_within_when_it_ends_soon_or_is_due(
    day: float, within: str | None, code: int, says: str
) -> None:
    made = judged(having(one=(90, 30)), day=day, within=within)
    assert made.exit_code == code
    assert ([says] if says else []) == [
        says
        for text in told(made)
        if text.startswith("fell short: the certificate of client one") and says in text
    ]
    assert len(made.findings) == code


def test_a_client_says_when_it_is_renewed_and_whether_that_is_due() -> None:
    one = having(one=(90, 30)).clients[0]
    found = client_status("mtls", one, NOW + 59 * DAY)
    assert (found.renewal, found.due, found.ends_with_authority) == (NOW + 60 * DAY, False, False)
    assert client_status("mtls", one, NOW + 60 * DAY).due
    assert "due" in shown(judged(having(one=(90, 30)), day=60))
    assert "from 2027-01-22T12:00:00Z" in shown(judged(having(one=(90, 30)), day=59), wide=True)


def test_a_group_is_one_row_with_the_first_end() -> None:
    members = {f"fleet/n{number}": (90 + number, 30) for number in range(3)}
    text = shown(judged(having(web=(90, 30), **members)))
    assert "fleet: 3 clients, the first" in text
    assert "web" in text
    assert "fleet/n1" not in text


def test_a_client_that_ends_with_its_authority_has_no_renewal_to_come() -> None:
    inventory = replace(
        having(), clients=(certificate("one", 90, 30, SHORT),), authorities={"root": pem(ROOT.certificate)}
    )
    made = judged(inventory, day=35, within="14d")
    (found,) = made.clients
    assert (found.not_after, found.renewal, found.due, found.ends_with_authority) == (
        NOW + 40 * DAY,
        None,
        False,
        True,
    )
    assert "none, it ends with its authority" in shown(made)
    assert (
        "fell short: the certificate of client one ends on 2027-01-02T12:00:00Z, in 5 days, with its"
        " authority: rotate" in told(made)[1]
    )


def test_a_client_that_ended_before_its_authority_did_is_not_to_be_renewed_either() -> None:
    inventory = replace(having(), clients=(certificate("one", 10, 3, SHORT),))
    assert client_status("mtls", inventory.clients[0], NOW + 39 * DAY).due
    found = client_status("mtls", inventory.clients[0], NOW + 41 * DAY)
    assert (found.due, found.renewal, found.ends_with_authority) == (False, None, True)


def test_an_authority_in_use_that_ends_soon_falls_short_and_one_that_is_only_uploaded_does_not() -> None:
    inventory = replace(having(), authorities={"root": pem(ROOT.certificate), "old": pem(SHORT.certificate)})
    assert judged(inventory, day=50, within="14d").exit_code == 0
    inventory = replace(inventory, issuing_authority="old")
    assert told(judged(inventory, day=39, within="1d")) == [
        "fell short: authority old (issuing) ends on 2027-01-02T12:00:00Z, in 1 day: rotate to a new one"
        " (docs/rotation.md)"
    ]
    assert judged(inventory, day=39).exit_code == 0
    assert judged(inventory, day=40).exit_code == 1


def test_a_subordinate_that_signs_stands_beside_the_root_that_is_trusted() -> None:
    sub = subordinate(ROOT)
    made = judged(replace(having(), clients=(certificate("one", 90, 30, sub),)))
    assert [(one.name, one.roles, one.subject) for one in made.authorities] == [
        ("root", ("trusted", "issuing"), "CN=root a"),
        ("root (subordinate)", ("issuing",), "CN=sub"),
    ]


def test_outstanding_certificates_are_listed_until_they_end_and_whether_the_trusted_ca_accepts_them() -> None:
    inventory = replace(
        having(),
        outstanding=(left("gone", 50, ROOT), left("other", 60, OTHER), left("crossed", 70, OTHER, ROOT)),
    )
    made = judged(inventory, day=1, within="365d")
    assert [(one.client, one.accepted, made.days_left(one.not_after)) for one in made.outstanding] == [
        ("gone", True, 49),
        ("other", False, 59),
        ("crossed", True, 69),
    ]
    assert made.exit_code == 0  # there is nothing that pulumi up could do about it
    assert [one.client for one in judged(inventory, day=60).outstanding] == ["crossed"]
    assert "ALB knows no revocation" in shown(made)


def test_a_longer_certificate_of_the_same_authority_accepts_the_same_clients() -> None:
    inventory = replace(having(), outstanding=(left("gone", 50, ROOT),))
    longer = authority("root a", end=NOW + 5000 * DAY)
    inventory = replace(
        inventory, component=replace(inventory.component, ca_certificate_pem=pem(longer.certificate))
    )
    assert judged(inventory).outstanding[0].accepted


def test_a_state_without_a_record_says_so_and_decides_nothing_by_it() -> None:
    made = judged(replace(having(), outstanding=None))
    assert made.exit_code == 0
    (note,) = told(made)
    assert (
        "which certificates of removed clients are still accepted is not known" in note
        and "run pulumi up" in note
    )
    assert "note: which certificates" in shown(made)
