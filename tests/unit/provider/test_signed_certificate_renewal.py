"""Certificates that are renewed or refused, and what is said of the former one."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.pki.material import (
    DAY,
    FIELDS,
    NOW,
    authority,
    key,
    key_pem,
    key_usage,
    pem,
    request,
    subordinate,
)
from tests.unit.provider.signing_engine import CSR, OTHER, ROOT, Engine, client_inputs, cross_inputs


def test_renewal_is_a_change_of_not_after_at_the_right_second(engine: Engine) -> None:
    engine.up(client_inputs())
    first, id = dict(engine.state), engine.id
    engine.clock.now += 60 * DAY - timedelta(seconds=1)
    assert engine.refresh()["readyForRenewal"] is False
    assert engine.changes(client_inputs()) == {}
    engine.clock.now += timedelta(seconds=1)
    assert engine.refresh()["readyForRenewal"] is True
    assert engine.preview(client_inputs())["notAfter"] is UNKNOWN
    assert engine.said == [
        "INFO: mtls-client-one: the certificate ends on 2027-02-21T12:00:00Z (30 days left) and is issued"
        " anew"
    ]
    assert engine.up(client_inputs()) == {"notAfter": Kind.UPDATE}
    assert engine.state["notAfter"] == "2027-04-22T12:00:00Z"
    assert (engine.state["readyForRenewal"], engine.id) == (False, id)
    renewed = bundle.load_one(engine.state["certificatePem"])
    assert renewed.public_key() == bundle.load_one(first["certificatePem"]).public_key()
    assert engine.state["serialNumber"] != first["serialNumber"]
    assert engine.changes(client_inputs()) == {}


def test_a_client_named_like_an_authority_in_cas_is_refused_when_issued_and_in_the_preview(
    engine: Engine,
) -> None:
    top = authority("top")
    chain = pem(subordinate(top, FIELDS["commonName"]).certificate) + pem(top.certificate)
    named = client_inputs(
        subject={"commonName": FIELDS["commonName"].upper()},
        existingAuthorityPems=[pem(OTHER.certificate), chain],
    )
    bare = client_inputs(
        subject={"commonName": FIELDS["commonName"].upper()}, existingAuthorityPems=[pem(OTHER.certificate)]
    )
    subject = subordinate(top, FIELDS["commonName"]).certificate.subject.rfc4514_string()
    says = (
        f"mtls-client-one: the client's subject is that of the authority {subject}; give the client another"
        " commonName"
    )
    assert engine.check(named) == []
    for inputs in (named, {**named, "issuerPrivateKeyPem": UNKNOWN}):
        with pytest.raises(UserError) as caught:
            engine.preview(inputs)
        assert str(caught.value) == says
    with pytest.raises(UserError):
        engine.up(named)
    engine.preview({**named, "existingAuthorityPems": UNKNOWN})
    engine.up(bare)
    assert engine.state["certificatePem"]
    # What was issued before is no reason to fail: switching a listener off must work.
    assert engine.changes(named) == engine.changes(named) == {}
    assert engine.said == [f"WARNING: {says}"]


def test_a_certificate_that_ended_long_ago_is_renewed(engine: Engine) -> None:
    engine.up(client_inputs())
    engine.clock.now += 400 * DAY
    assert engine.up(client_inputs()) == {"notAfter": Kind.UPDATE}


def test_a_certificate_that_ends_with_its_authority_is_reported_and_not_renewed(engine: Engine) -> None:
    """It would be due again right after its renewal, in every preview."""
    short = authority("root a", end=NOW + 40 * DAY)
    inputs = client_inputs(issuerCertificatePem=pem(short.certificate))
    engine.up(inputs)
    assert engine.state["notAfter"] == "2027-01-02T12:00:00Z"
    assert [text for text in engine.said if "earlier than the 90 days asked for" in text] == engine.said != []
    engine.said.clear()
    engine.clock.now += 20 * DAY
    assert engine.refresh()["readyForRenewal"] is False
    assert engine.changes(inputs) == engine.changes(inputs) == {}
    (warning,) = engine.said
    assert (
        "the certificate ends on 2027-01-02T12:00:00Z (20 days left), and so does its authority; rotate"
        in warning
    )


def test_a_cross_certificate_is_never_renewed(engine: Engine) -> None:
    engine.up(cross_inputs())
    engine.clock.now += 5000 * DAY
    assert engine.refresh()["readyForRenewal"] is False
    assert engine.changes(cross_inputs()) == {}


def test_a_renewal_below_an_expired_authority_stops_nothing_else(engine: Engine) -> None:
    """Switching the listeners off must work although the authority has ended."""
    engine.up(client_inputs())
    engine.clock.now += 4000 * DAY
    assert engine.check(client_inputs()) == []
    assert engine.changes(client_inputs()) == {}
    (warning,) = engine.said
    assert "the certificate ended on 2027-02-21T12:00:00Z, and so does its authority" in warning


def test_delete_forgets_and_read_of_nothing_is_refused(engine: Engine) -> None:
    engine.up(client_inputs())
    engine.handler.delete(engine.request(), engine.id, engine.inputs, engine.state)
    with pytest.raises(UserError, match="cannot be imported"):
        engine.handler.read(engine.request(), "id", {}, {})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kind": "server"}, "kind: unknown kind of certificate 'server'; give one of client, cross"),
        (
            {"color": "red"},
            ": unknown property color of a client certificate; remove it, the properties are kind,",
        ),
        ({"subjectCertificatePem": "x"}, ": unknown property subjectCertificatePem of a client certificate"),
        ({"csrPem": None}, ": csrPem is missing; give it, a client certificate needs kind,"),
        ({"csrPem": 7}, ": csrPem is not text; give it in PEM"),
        ({"csrPem": "x"}, ": csrPem: the certificate signing request is not PEM of PKCS#10"),
        (
            {"csrPem": request(key("RSA1024"))},
            ": csrPem: the certificate signing request is refused: its key is RSA of 1024 bits",
        ),
        (
            {"issuerCertificatePem": "x"},
            ": issuerCertificatePem: the PEM holds 0 certificates where one is needed",
        ),
        (
            {"issuerCertificatePem": pem(ROOT.certificate) + key_pem(ROOT.private_key)},
            ": issuerCertificatePem: the PEM contains a private key",
        ),
        (
            {"issuerPrivateKeyPem": "x"},
            ": issuerPrivateKeyPem: the private key is not PEM of an RSA or ECDSA key",
        ),
        (
            {"issuerPrivateKeyPem": key_pem(key("foreign"))},
            ": issuerPrivateKeyPem: the private key is not the key of the authority CN=root a",
        ),
        ({"subject": {}}, "subject: has no field; give at least commonName"),
        ({"subject": "CN=x"}, "subject: is not an object of subject fields"),
        ({"subject": {"countryName": "cn"}}, "subject: countryName 'cn' is not a country code"),
        ({"subject": {"CN": "x"}}, "subject: CN is not a subject field; the fields are countryName"),
        (
            {"subject": {"commonName": "Root A"}},
            "subject: the client's subject is that of the authority CN=root a",
        ),
        ({"uris": "urn:x"}, "uris: is not a list of URIs"),
        ({"uris": ["x"]}, "uris: the URI 'x' is not an absolute URI"),
        ({"uris": ["urn:x", "urn:x"]}, "uris: the URI 'urn:x' stands there twice; remove one"),
        ({"validityDays": 0}, "validityDays: validityDays 0 is outside 1 to 3650"),
        ({"validityDays": 3651}, "validityDays: validityDays 3651 is outside 1 to 3650"),
        ({"validityDays": 1.5}, "validityDays: validityDays 1.5 is not a whole number of days"),
        ({"validityDays": True}, "validityDays: validityDays True is not a whole number of days"),
        ({"renewBeforeDays": 90}, "renewBeforeDays: renewBeforeDays 90 is not less than validityDays 90"),
        ({"renewBeforeDays": -1}, "renewBeforeDays: renewBeforeDays -1 is less than 0"),
    ],
)
def test_a_bad_input_is_refused_in_one_sentence(engine: Engine, changed: Properties, says: str) -> None:
    (failure,) = engine.check(client_inputs(**changed))
    assert failure.startswith(says)


def test_everything_that_is_wrong_is_told_at_once(engine: Engine) -> None:
    assert (
        len(engine.check(client_inputs(subject={"countryName": "cn", "x": "y"}, uris=["x"], validityDays=0)))
        == 4
    )


def test_the_engine_never_prints_a_private_key_because_no_failure_names_its_property(engine: Engine) -> None:
    """The engine prints the value of the property that a failure names, secret or not."""
    for changed in (
        {"issuerPrivateKeyPem": "-----BEGIN x"},
        {"issuerPrivateKeyPem": 7},
        {"csrPem": CSR + key_pem(key("client"))},
    ):
        for property, text in (failure.split(":", 1) for failure in engine.check(client_inputs(**changed))):
            assert property == ""
            assert "BEGIN" not in text


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"subjectCertificatePem": pem(ROOT.certificate)}, "cannot be cross-certified by itself"),
        (
            {"subjectCertificatePem": pem(authority("root b", usage=key_usage("crl_sign")).certificate)},
            "lacks keyCertSign",
        ),
    ],
)
def test_a_preview_refuses_what_cannot_be_cross_certified(
    engine: Engine, changed: Properties, says: str
) -> None:
    with pytest.raises(UserError, match=f"^mtls-client-one: .*{says}"):
        engine.preview(cross_inputs(**changed))


@pytest.mark.parametrize("kind", ["client", "cross"])
def test_inputs_that_passed_once_are_not_checked_again_nor_is_cryptography_imported(kind: str) -> None:
    """A no-op preview of many clients costs no parsing, and a provider process no import of
    0.1 s.
    """
    code = """
import sys, threading, json
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
inputs, state = json.load(sys.stdin)
handler, request = SignedCertificate(), Request("", "x", True, 0.0, threading.Event(), print)
assert handler.check(request, inputs, inputs) == (inputs, [])
assert handler.read(request, "id", inputs, state).state == state
assert handler.diff(request, "id", state, inputs, inputs).changes == {}
sys.exit("cryptography" in sys.modules)
"""
    inputs = client_inputs(validityDays=3650) if kind == "client" else cross_inputs()
    state = {**inputs, "certificatePem": "x", "notAfter": "2999-01-01T00:00:00Z", "readyForRenewal": False}
    assert (
        subprocess.run(
            [sys.executable, "-c", code], input=json.dumps([inputs, state]), text=True, check=False
        ).returncode
        == 0
    )


@pytest.mark.parametrize(
    ("changed", "severity", "why"),
    [
        ({"csrPem": request(key("another"))}, "WARNING", "csrPem"),
        ({"csrPem": UNKNOWN}, "WARNING", "csrPem"),
        ({"subject": {"commonName": "renamed"}, "uris": []}, "WARNING", "subject, uris"),
        ({"validityDays": 30, "renewBeforeDays": 10}, "WARNING", "validityDays"),
    ],
)
def test_who_gets_another_certificate_is_told_in_the_preview_until_when_the_former_one_is_accepted(
    engine: Engine, changed: Properties, severity: str, why: str
) -> None:
    engine.up(client_inputs())
    engine.preview(client_inputs(**changed))
    assert [said for said in engine.said if "left out" not in said] == [
        f"{severity}: mtls-client-one: issued anew because of {why}, but whoever holds the former certificate"
        " is let in until 2027-02-21T12:00:00Z wherever its authority is trusted, and only a cut-off ends it"
        " earlier (docs/rotation.md)"
    ]


def test_another_authority_is_told_without_saying_who_is_let_in_since_a_cut_off_lets_nobody_in(
    engine: Engine,
) -> None:
    engine.up(client_inputs())
    engine.preview(
        client_inputs(
            issuerCertificatePem=pem(OTHER.certificate), issuerPrivateKeyPem=key_pem(OTHER.private_key)
        )
    )
    assert [said for said in engine.said if "left out" not in said] == [
        "INFO: mtls-client-one: issued anew by another authority, and the former certificate counts only"
        " where its own is still trusted"
    ]


def test_a_former_certificate_that_has_ended_and_one_of_an_authority_are_not_worth_a_word(
    engine: Engine,
) -> None:
    engine.up(client_inputs())
    engine.clock.now += 90 * DAY
    engine.preview(client_inputs(subject={"commonName": "renamed"}))
    assert not [said for said in engine.said if "former" in said]
    crossing = Engine()
    crossing.up(cross_inputs())
    crossing.up(cross_inputs(subjectCertificatePem=pem(authority("root c").certificate)))
    assert crossing.said == []
