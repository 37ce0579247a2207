"""A stack of the version before goes on: no certificate that fits is issued anew."""

from __future__ import annotations

from typing import Any

import pytest

from alb_mutual_tls.pki import register
from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.pki.material import DAY, NOW, authority, key, pem, request
from tests.unit.pki.material import client as issued
from tests.unit.provider.register_engine import CSR, ISSUER, ROOT, Engine, client, having

GONE = {
    "client": "gone",
    "serialNumber": "1",
    "notAfter": "2027-01-01T00:00:00Z",
    "fingerprint": "0" * 64,
    "acceptedBy": ["a"],
    "reason": "removed",
    "since": "2026-11-01T00:00:00Z",
}


@pytest.fixture
def engine() -> Engine:
    """The state of the version before, with a client and one that has gone."""
    engine = Engine()
    certificate = pem(issued(ROOT))
    engine.inputs = {"current": {"one": certificate}, "rootCertificatePems": [pem(ROOT.certificate)]}
    remembered = {
        "serialNumber": "2",
        "notAfter": "x",
        "fingerprint": "y",
        "holder": "z",
        "acceptedBy": ["a"],
    }
    engine.state = {**engine.inputs, "certificates": {"one": remembered}, "outstanding": [GONE]}
    return engine


def test_a_certificate_that_fits_stays_and_the_preview_says_so(engine: Engine) -> None:
    certificate = engine.state["current"]["one"]
    assert register.certificates(engine.preview(having(one=client())))["one"]["certificatePem"] == certificate
    assert engine.up(having(one=client())) == {"current": Kind.DELETE}
    assert engine.pem("one") == certificate
    assert (
        engine.said
        == [
            "INFO: this register now holds the certificates of clients (1), which stay as they are, and the"
            " resources that held them go"
        ]
        * 2
    )
    assert engine.outstanding() == [("gone", "removed", "2027-01-01T00:00:00Z")]
    assert "a" in engine.state["client:one"]["acceptedBy"]
    assert "current" not in engine.state
    assert engine.changes(having(one=client())) == {}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"csrPem": request(key("another"))}, "csrPem"),
        ({"subject": {"commonName": "renamed"}}, "subject"),
        ({"uris": []}, "uris"),
        ({"validityDays": 91}, "validityDays"),
        ({"uris": [UNKNOWN]}, "uris"),
    ],
)
def test_one_that_does_not_fit_is_issued_anew_and_named_in_the_preview(
    engine: Engine, changed: Properties, name: str
) -> None:
    wanted = having(one=client(**changed))
    assert engine.changes(wanted) == {"current": Kind.DELETE, "clients.one": Kind.UPDATE}
    assert engine.preview(wanted)["client:one"] is UNKNOWN
    assert engine.said[-1].startswith(f"WARNING: client one: issued anew because of {name}, but whoever")


def test_one_of_another_authority_is_issued_anew(engine: Engine) -> None:
    other = authority("root c")
    wanted = {**having(one=client()), "issuerCertificatePem": pem(other.certificate)}
    assert engine.handler.diff(engine.request(), "", engine.state, engine.inputs, wanted).changes == {
        "current": Kind.DELETE,
        "clients.one": Kind.UPDATE,
    }


def test_one_that_ended_early_with_its_authority_fits(engine: Engine) -> None:
    short = authority("root a", end=NOW + 40 * DAY)
    engine.state = {**engine.state, "current": {"one": pem(issued(short))}}
    assert engine.changes({**having(one=client()), "issuerCertificatePem": pem(short.certificate)}) == {
        "current": Kind.DELETE
    }


def test_renewals_and_changed_clients_come_with_it(engine: Engine) -> None:
    engine.now += 60 * DAY
    assert engine.changes(having(one=client())) == {
        "current": Kind.DELETE,
        "client:one.notAfter": Kind.UPDATE,
    }
    wanted: Any = having(two=client(csrPem=CSR))
    assert engine.changes(wanted) == {
        "current": Kind.DELETE,
        "clients.one": Kind.DELETE,
        "clients.two": Kind.ADD,
    }


def test_a_stack_without_clients_shows_no_change(engine: Engine) -> None:
    engine.state = {
        "current": {},
        "rootCertificatePems": [pem(ROOT.certificate)],
        "certificates": {},
        "outstanding": [],
    }
    assert engine.changes({"clients": {}, "rootCertificatePems": [pem(ROOT.certificate)]}) == {}
    assert ISSUER.keys() <= having().keys()
