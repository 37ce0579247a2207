"""The handler of `albmtls:index:IssuedCertificates`: what makes a difference, what is said, what
stands in the state.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.issued import authority_identity
from alb_mutual_tls.plugin.handler import Handler, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.pki.material import DAY, NOW, authority, client, key, pem

ROOT, OTHER = authority("root a"), authority("root b")
ONE, TWO = pem(client(ROOT)), pem(client(ROOT, key("two"), subject={"commonName": "two"}, validity_days=365))
LATER = pem(client(ROOT, now=NOW + 60 * DAY))


class Engine:
    """Calls the handler in the order of the real engine; keeps the state.

    `said` is what the user sees.
    """

    def __init__(self) -> None:
        self.now = NOW
        self.handler: Handler = IssuedCertificates(self.clock)
        self.said: list[str] = []
        self.inputs: Properties = {}
        self.state: Mapping[str, Any] = {}

    def clock(self) -> datetime:
        return self.now

    def request(self, preview: bool = False) -> Request:
        urn = f"urn:pulumi:dev::alb-mutual-tls::{IssuedCertificates.token}::mtls-issued"
        return Request(
            urn,
            "mtls-issued",
            preview,
            0.0,
            threading.Event(),
            lambda severity, text, _: self.said.append(f"{severity}: {text}"),
        )

    def changes(self, inputs: Properties) -> dict[str, Kind]:
        assert self.handler.check(self.request(), self.inputs, inputs) == (inputs, [])
        return self.handler.diff(self.request(), "mtls-issued", self.state, self.inputs, inputs).changes

    def preview(self, inputs: Properties) -> Mapping[str, Any]:
        return self.handler.update(self.request(preview=True), "mtls-issued", self.state, self.inputs, inputs)

    def up(self, inputs: Properties) -> dict[str, Kind]:
        if not self.state:
            _, self.state = self.handler.create(self.request(), inputs)
            changes: dict[str, Kind] = {}
        elif changes := self.changes(inputs):
            self.state = self.handler.update(self.request(), "mtls-issued", self.state, self.inputs, inputs)
        self.inputs = inputs
        return changes

    def outstanding(self) -> list[tuple[str, str, str]]:
        return [(one["client"], one["reason"], one["notAfter"]) for one in self.state["outstanding"]]


@pytest.fixture
def engine() -> Engine:
    return Engine()


def having(roots: tuple[str, ...] = (pem(ROOT.certificate),), **clients: Any) -> Properties:
    return {"current": clients, "rootCertificatePems": list(roots)}


def test_the_state_holds_the_inputs_an_entry_of_each_client_and_what_is_outstanding(engine: Engine) -> None:
    """The names stand in users' state."""
    engine.up(having(one=ONE, two=TWO))
    engine.up(having(two=TWO))
    assert sorted(engine.state) == ["certificates", "current", "outstanding", "rootCertificatePems"]
    assert sorted(engine.state["certificates"]["two"]) == [
        "acceptedBy",
        "fingerprint",
        "holder",
        "notAfter",
        "serialNumber",
    ]
    (gone,) = engine.state["outstanding"]
    assert sorted(gone) == [
        "acceptedBy",
        "client",
        "fingerprint",
        "notAfter",
        "reason",
        "serialNumber",
        "since",
    ]
    assert (gone["since"], gone["acceptedBy"]) == (
        "2026-11-23T12:00:00Z",
        [authority_identity(ROOT.certificate)],
    )


def test_a_first_preview_knows_that_nothing_is_outstanding(engine: Engine) -> None:
    id, planned = engine.handler.create(engine.request(preview=True), having(one=UNKNOWN))
    assert (id, planned["outstanding"], planned["certificates"]) == ("", [], UNKNOWN)


def test_a_listener_that_is_taken_out_of_the_configuration_while_it_is_on_is_told_in_the_preview_once(
    engine: Engine,
) -> None:
    engine.up({**having(one=ONE), "listeners": {"alb:443": True, "alb:8443": False, "other:443": True}})
    left = {**having(one=ONE), "listeners": {"other:443": False}}
    assert engine.changes(left) == engine.changes(left) == {}
    assert engine.said == [
        "WARNING: alb:443 is given back as it was before this stack: unless that asked for certificates,"
        " alb:443 will let everybody in without a client certificate"
    ]
    assert (
        engine.handler.check(engine.request(), {}, {**left, "listeners": {"x": "yes"}})[1][0].property
        == "listeners"
    )


def test_a_stack_without_clients_has_an_empty_record(engine: Engine) -> None:
    engine.up(having())
    assert (engine.state["certificates"], engine.state["outstanding"]) == ({}, [])
    assert engine.changes(having()) == {}


def test_only_what_changed_makes_a_difference_and_time_does_not(engine: Engine) -> None:
    engine.up(having(one=ONE, two=TWO))
    assert engine.changes(having(one=LATER, two=TWO)) == {'current["one"]': Kind.UPDATE}
    assert engine.changes(having(two=TWO, three=UNKNOWN)) == {
        'current["one"]': Kind.DELETE,
        'current["three"]': Kind.ADD,
    }
    assert engine.changes(having(one=UNKNOWN, two=TWO)) == {'current["one"]': Kind.UPDATE}
    assert engine.changes({"current": UNKNOWN, "rootCertificatePems": [UNKNOWN]}) == {
        "current": Kind.UPDATE,
        "rootCertificatePems": Kind.UPDATE,
    }
    engine.up(having(two=TWO))
    engine.now += 5000 * DAY
    assert engine.changes(having(two=TWO)) == {}
    assert engine.said[1:] == []


def test_what_has_ended_is_forgotten_with_the_next_update(engine: Engine) -> None:
    engine.up(having(one=ONE, two=TWO))
    engine.up(having(two=TWO))
    engine.now += 100 * DAY
    assert engine.outstanding() == [("one", "removed", "2027-02-21T12:00:00Z")]
    engine.up(having())
    assert engine.outstanding() == [("two", "removed", "2027-11-23T12:00:00Z")]


def test_a_removed_client_is_told_in_the_preview_with_the_date(engine: Engine) -> None:
    engine.up(having(one=ONE, two=TWO))
    assert engine.preview(having(one=UNKNOWN))["outstanding"] is UNKNOWN
    (warning,) = engine.said
    assert (
        warning == "WARNING: client two is removed, but whoever holds its certificate is let in until"
        " 2027-11-23T12:00:00Z wherever its authority is trusted: ALB knows no revocation, and only a"
        " cut-off ends it earlier (docs/rotation.md)"
    )
    assert engine.state["outstanding"] == []
    engine.said.clear()
    engine.up(having(one=ONE))
    assert engine.said == [warning]


@pytest.mark.parametrize("roots", [[UNKNOWN], [pem(OTHER.certificate)]])
def test_of_a_client_that_is_removed_in_a_cut_off_nobody_says_that_it_is_let_in(
    engine: Engine, roots: list[Any]
) -> None:
    engine.up(having(one=ONE, two=TWO))
    engine.preview({"current": {"two": UNKNOWN}, "rootCertificatePems": roots})
    assert engine.said == []
    engine.preview(
        {"current": {"two": UNKNOWN}, "rootCertificatePems": [*roots, pem(ROOT.certificate)]}
    )  # as in a rotation
    assert "client one is removed, but whoever holds its certificate is let in until" in engine.said[0]


def test_a_removed_client_whose_certificates_have_ended_is_not_worth_a_word(engine: Engine) -> None:
    engine.up(having(one=ONE))
    engine.now += 90 * DAY
    engine.up(having())
    assert engine.said == []
    assert engine.outstanding() == []


def test_a_renewal_says_nothing_and_is_remembered(engine: Engine) -> None:
    engine.up(having(one=ONE))
    engine.now += 60 * DAY
    engine.up(having(one=LATER))
    assert engine.said == []
    assert engine.outstanding() == [("one", "renewed", "2027-02-21T12:00:00Z")]


def test_a_run_that_was_killed_after_a_renewal_loses_nothing(engine: Engine) -> None:
    """The state still has the first certificate as the current one."""
    engine.up(having(one=ONE))
    engine.now += 60 * DAY
    assert engine.changes(having(one=LATER)) == {
        'current["one"]': Kind.UPDATE
    }  # killed here, before the update
    engine.now += DAY
    assert engine.changes(having(one=LATER)) == {'current["one"]': Kind.UPDATE}
    engine.up(having(one=LATER))
    assert engine.outstanding() == [("one", "renewed", "2027-02-21T12:00:00Z")]


def test_a_run_that_was_killed_before_the_removed_resource_was_deleted_loses_nothing(engine: Engine) -> None:
    engine.up(having(one=ONE))
    # killed here: the record is written, the client's resource is not deleted yet
    engine.up(having())
    assert engine.changes(having()) == {}
    assert engine.outstanding() == [("one", "removed", "2027-02-21T12:00:00Z")]


def test_in_a_rotation_the_roots_of_both_phases_are_remembered(engine: Engine) -> None:
    a, b = pem(ROOT.certificate), pem(OTHER.certificate)
    engine.up(having((a, b), one=ONE))
    assert engine.up(having((a,), one=ONE)) == {"rootCertificatePems": Kind.UPDATE}
    engine.up(having((a,)))
    (gone,) = engine.state["outstanding"]
    assert gone["acceptedBy"] == sorted(map(authority_identity, (ROOT.certificate, OTHER.certificate)))


def test_read_keeps_what_is_known_and_import_is_refused(engine: Engine) -> None:
    engine.up(having(one=ONE))
    assert engine.handler.read(engine.request(), "mtls-issued", engine.inputs, engine.state) == Reading(
        "mtls-issued", engine.state, engine.inputs
    )
    with pytest.raises(UserError, match="cannot be imported"):
        engine.handler.read(engine.request(), "x", {}, {})


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (
            {"current": {}, "rootCertificatePems": [], "color": "red"},
            "IssuedCertificates has no property color",
        ),
        ({"rootCertificatePems": []}, "current is not an object of texts"),
        ({"current": {"a": 7}, "rootCertificatePems": []}, "current is not an object of texts"),
        ({"current": {}}, "rootCertificatePems is not a list of texts"),
        ({"current": {}, "rootCertificatePems": [None]}, "rootCertificatePems is not a list of texts"),
    ],
)
def test_inputs_that_cannot_be_are_refused(engine: Engine, inputs: Properties, says: str) -> None:
    _, (failure,) = engine.handler.check(engine.request(), {}, inputs)
    assert failure.reason.startswith(says)
