"""What the register `albmtls:index:IssuedCertificates` issues, keeps, remembers and says; the clock
stands where a test puts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.issued import authority_identity
from alb_mutual_tls.pki.keys import load_private_key, same_key
from alb_mutual_tls.plugin.handler import Kind, Reading
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.pki.material import DAY, FIELDS, NOW, authority, key, key_pem, pem, request, subordinate
from tests.unit.provider.register_engine import (
    BY_OTHER,
    CSR,
    ISSUER,
    OTHER,
    ROOT,
    Engine,
    client,
    group,
    having,
)

ONE = client()
TWO = client(csrPem=request(key("two")), subject={"commonName": "two"}, validityDays=365)
PREFIX = "spiffe://0a1b2c3d.alb-mutual-tls/client/fleet/"


@pytest.fixture
def engine() -> Engine:
    return Engine()


def told(engine: Engine) -> list[str]:
    """What was said, but for what a request asks for in vain."""
    return [said for said in engine.said if "left out" not in said]


# --- issued


def test_the_state_holds_the_inputs_the_certificate_of_each_client_and_what_is_outstanding(
    engine: Engine,
) -> None:
    """The names stand in users' state."""
    engine.up(having(one=ONE, two=TWO))
    engine.up(having(two=TWO))
    assert sorted(engine.state) == sorted({*having(), "client:two", "outstanding"})
    assert sorted(engine.state["client:two"]) == [
        "acceptedBy",
        "certificatePem",
        "fingerprint",
        "holder",
        "notAfter",
        "notBefore",
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


def test_private_keys_are_secrets_of_the_state() -> None:
    assert IssuedCertificates.secret_outputs == {"issuerPrivateKeyPem", "privateKeys"}


def test_a_certificate_has_its_times_names_and_key_whatever_the_request_asks_for(engine: Engine) -> None:
    engine.up(having(one=ONE))
    issued, certificate = engine.state["client:one"], bundle.load_one(engine.pem("one"))
    certificate.verify_directly_issued_by(ROOT.certificate)
    assert issued["notBefore"] == "2026-11-23T11:55:00Z"
    assert issued["notAfter"] == "2027-02-21T12:00:00Z"
    assert issued["fingerprint"] == bundle.fingerprint(engine.pem("one"))
    assert int(issued["serialNumber"], 16) == certificate.serial_number
    assert same_key(certificate.public_key(), key("client").public_key())
    assert engine.said == []


def test_a_client_may_give_its_public_key_alone(engine: Engine) -> None:
    form = PublicFormat.SubjectPublicKeyInfo
    public = key("two").public_key().public_bytes(Encoding.PEM, form).decode()
    wish = {name: value for name, value in TWO.items() if name != "csrPem"}
    engine.up(having(two={**wish, "publicKeyPem": public}))
    assert same_key(bundle.load_one(engine.pem("two")).public_key(), key("two").public_key())


def test_what_a_request_asks_for_in_vain_is_told_with_the_client(engine: Engine) -> None:
    engine.up(having(two=TWO))
    assert engine.said == [
        "INFO: client two: the request asks for commonName 'asked for' in the subject, which the"
        " configuration does not grant, so it is left out"
    ]


def test_a_stack_without_clients_has_an_empty_register_and_no_issuer(engine: Engine) -> None:
    nobody = {"clients": {}, "rootCertificatePems": [pem(ROOT.certificate)]}
    engine.up(nobody)
    assert engine.state == {**nobody, "outstanding": []}
    assert engine.changes(nobody) == {}
    assert engine.up(having(one=ONE)) == {
        "clients.one": Kind.ADD,
        "issuerCertificatePem": Kind.ADD,
        "issuerPrivateKeyPem": Kind.ADD,
    }
    engine.up(nobody)
    assert engine.outstanding() == [("one", "removed", "2027-02-21T12:00:00Z")]
    assert not [said for said in engine.said if "another authority" in said]


def test_a_preview_issues_nothing_and_leaves_open_what_it_cannot_know(engine: Engine) -> None:
    planned = engine.preview(having(one=ONE))
    assert (planned["client:one"], planned["outstanding"]) == (UNKNOWN, [])
    engine.up(having(one=ONE))
    assert engine.preview(having(one=ONE, two=TWO))["client:two"] is UNKNOWN
    assert engine.is_kept("one", having(one=ONE, two=TWO))


@pytest.mark.parametrize(
    "unknown",
    [
        {"csrPem": UNKNOWN},
        {"uris": UNKNOWN},
        {"uris": [UNKNOWN, "urn:x"]},
        {"subject": {"commonName": UNKNOWN, "organizationName": "x"}},
        {"subject": UNKNOWN},
        {"validityDays": UNKNOWN},
        {"renewBeforeDays": UNKNOWN},
    ],
)
def test_a_first_preview_with_unknown_inputs_passes(engine: Engine, unknown: Properties) -> None:
    wanted = having(one=client(**unknown))
    assert engine.check(wanted) == []
    assert engine.preview(wanted)["client:one"] is UNKNOWN
    of_unknown = {**having(one=ONE), "issuerCertificatePem": UNKNOWN, "issuerPrivateKeyPem": UNKNOWN}
    assert engine.check(of_unknown) == []
    assert engine.preview(of_unknown)["client:one"] is UNKNOWN


def test_a_preview_fails_as_the_update_would_and_names_the_client(engine: Engine) -> None:
    expired = authority("root a", end=NOW - timedelta(hours=1))
    wanted = {**having(one=ONE), "issuerCertificatePem": pem(expired.certificate)}
    for act in (engine.preview, engine.up):
        with pytest.raises(
            UserError,
            match="client one: the authority CN=root a cannot sign: it expired on 2026-11-23T11:00:00Z",
        ):
            act(wanted)


def test_one_client_that_cannot_be_certified_keeps_all_from_being_issued(engine: Engine) -> None:
    engine.up(having(one=ONE))
    before = dict(engine.state)
    wrong = client(csrPem=request(key("of root a")))
    with pytest.raises(UserError, match="client wrong: the certificate signing request has the authority's"):
        engine.up(having(one=client(validityDays=80), wrong=wrong))
    assert engine.state == before


def test_a_client_named_like_an_authority_in_cas_is_refused_when_issued_and_in_the_preview(
    engine: Engine,
) -> None:
    top = authority("top")
    chain = pem(subordinate(top, FIELDS["commonName"]).certificate) + pem(top.certificate)
    wish = client(subject={"commonName": FIELDS["commonName"].upper()})
    named = {**having(one=wish), "existingAuthorityPems": [pem(OTHER.certificate), chain]}
    subject = subordinate(top, FIELDS["commonName"]).certificate.subject.rfc4514_string()
    says = (
        f"client one: the client's subject is that of the authority {subject}; give the client another"
        " commonName"
    )
    for wanted in (named, {**named, "issuerPrivateKeyPem": UNKNOWN}):
        with pytest.raises(UserError) as caught:
            engine.preview(wanted)
        assert str(caught.value) == says
    with pytest.raises(UserError):
        engine.up(named)
    engine.preview({**named, "existingAuthorityPems": UNKNOWN})
    engine.up({**named, "existingAuthorityPems": [pem(OTHER.certificate)]})
    engine.said.clear()
    # What was issued before is no reason to fail: switching a listener off must work.
    assert engine.changes(named) == engine.changes(named) == {}
    assert engine.said == [f"WARNING: {says}"]


# --- kept, and issued anew


def test_only_what_changed_makes_a_difference_and_is_issued_anew(engine: Engine) -> None:
    engine.up(having(one=ONE, two=TWO))
    first, second = engine.pem("one"), engine.pem("two")
    assert engine.changes(having(one=ONE, two=TWO)) == {}
    wanted = having(one=client(uris=[]), two=TWO)
    assert not engine.is_kept("one", wanted)
    assert engine.is_kept("two", wanted)
    assert engine.up(wanted) == {"clients.one.uris": Kind.UPDATE}
    assert engine.pem("one") != first
    assert engine.pem("two") == second
    assert engine.changes(having(two=TWO, three=ONE)) == {
        "clients.one": Kind.DELETE,
        "clients.three": Kind.ADD,
    }


def test_a_name_with_a_dot_is_quoted_in_the_path(engine: Engine) -> None:
    dotted = {**having(), "clients": {"a.b": ONE}}
    engine.up(having())
    assert engine.up(dotted) == {'clients["a.b"]': Kind.ADD}
    engine.now += 60 * DAY
    assert engine.changes(dotted) == {'["client:a.b"].notAfter': Kind.UPDATE}


@pytest.mark.parametrize(
    "changed",
    [
        {"csrPem": request(key("another"))},
        {"csrPem": UNKNOWN},
        {"subject": {"commonName": "renamed"}},
        {"uris": []},
        {"validityDays": 91},
    ],
)
def test_a_changed_wish_is_issued_anew_and_what_that_means_is_told(
    engine: Engine, changed: Properties
) -> None:
    engine.up(having(one=ONE))
    wanted, (name,) = having(one=client(**changed)), changed
    assert engine.changes(wanted) == {f"clients.one.{name}": Kind.UPDATE}
    assert engine.preview(wanted)["client:one"] is UNKNOWN
    assert told(engine) == [
        f"WARNING: client one: issued anew because of {name}, but whoever holds the former certificate is let"
        " in until 2027-02-21T12:00:00Z wherever its authority is trusted, and only a cut-off ends it earlier"
        " (docs/rotation.md)"
    ]


def test_another_authority_is_told_without_saying_who_is_let_in_since_a_cut_off_lets_nobody_in(
    engine: Engine,
) -> None:
    engine.up(having(one=ONE, two=TWO))
    engine.said.clear()
    wanted = {**having(one=ONE, two=TWO), **BY_OTHER}
    assert engine.up(wanted) == dict.fromkeys(BY_OTHER, Kind.UPDATE)
    assert told(engine) == [
        "INFO: clients one, two: issued anew by another authority, and the former certificate counts only"
        " where its own is still trusted"
    ]
    bundle.load_one(engine.pem("two")).verify_directly_issued_by(OTHER.certificate)


def test_a_former_certificate_that_has_ended_is_not_worth_a_word(engine: Engine) -> None:
    engine.up(having(one=ONE))
    engine.now += 90 * DAY
    engine.preview(having(one=client(subject={"commonName": "renamed"})))
    engine.preview({**having(one=ONE), **BY_OTHER})
    assert told(engine) == []


def test_white_space_in_pem_is_no_change(engine: Engine) -> None:
    engine.up(having(one=ONE))
    assert engine.changes(having(one=client(csrPem=CSR.replace("\n", "\r\n") + "\n"))) == {}


def test_another_time_of_renewal_is_kept_in_state_and_issues_nothing(engine: Engine) -> None:
    engine.up(having(one=ONE))
    certificate, later = engine.pem("one"), having(one=client(renewBeforeDays=10))
    assert engine.is_kept("one", later)
    assert engine.up(later) == {"clients.one.renewBeforeDays": Kind.UPDATE}
    assert engine.pem("one") == certificate
    assert engine.changes(later) == {}


# --- renewed


def test_renewal_is_a_change_of_the_end_at_the_right_second(engine: Engine) -> None:
    engine.up(having(one=ONE, two=TWO))
    first, other = dict(engine.state["client:one"]), engine.pem("two")
    engine.now += 60 * DAY - timedelta(seconds=1)
    assert engine.changes(having(one=ONE, two=TWO)) == {}
    engine.now += timedelta(seconds=1)
    engine.said.clear()
    assert engine.preview(having(one=ONE, two=TWO))["client:one"] is UNKNOWN
    assert told(engine) == [
        "INFO: client one: the certificate ends on 2027-02-21T12:00:00Z (30 days left) and is issued anew"
    ]
    assert engine.up(having(one=ONE, two=TWO)) == {"client:one.notAfter": Kind.UPDATE}
    renewed = engine.state["client:one"]
    assert (renewed["notAfter"], renewed["holder"]) == ("2027-04-22T12:00:00Z", first["holder"])
    assert renewed["serialNumber"] != first["serialNumber"]
    assert engine.pem("two") == other
    assert engine.changes(having(one=ONE, two=TWO)) == {}
    assert engine.outstanding() == [("one", "renewed", "2027-02-21T12:00:00Z")]


def test_a_time_of_renewal_that_has_come_already_issues_at_once(engine: Engine) -> None:
    engine.up(having(one=ONE))
    engine.now += 20 * DAY
    assert engine.up(having(one=client(renewBeforeDays=80))) == {
        "clients.one.renewBeforeDays": Kind.UPDATE,
        "client:one.notAfter": Kind.UPDATE,
    }


def test_a_certificate_that_ended_long_ago_is_renewed(engine: Engine) -> None:
    engine.up(having(one=ONE))
    engine.now += 400 * DAY
    assert engine.up(having(one=ONE)) == {"client:one.notAfter": Kind.UPDATE}


def test_a_certificate_that_ends_with_its_authority_is_reported_and_not_renewed(engine: Engine) -> None:
    """It would be due again right after its renewal, in every preview."""
    short = authority("root a", end=NOW + 40 * DAY)
    wanted = {**having(one=ONE), "issuerCertificatePem": pem(short.certificate)}
    engine.up(wanted)
    assert engine.state["client:one"]["notAfter"] == "2027-01-02T12:00:00Z"
    (warning,) = engine.said
    assert warning.startswith("WARNING: client one: the certificate ends on 2027-01-02T12:00:00Z with its")
    engine.said.clear()
    engine.now += 20 * DAY
    assert engine.changes(wanted) == engine.changes(wanted) == {}
    assert engine.said == [
        "WARNING: client one: the certificate ends on 2027-01-02T12:00:00Z (20 days left), and so does its"
        " authority; rotate to a new authority"
    ]


def test_a_renewal_below_an_expired_authority_stops_nothing_else(engine: Engine) -> None:
    """Switching the listeners off must work although the authority has ended."""
    engine.up(having(one=ONE))
    engine.now += 4000 * DAY
    assert engine.changes(having(one=ONE)) == {}
    (warning,) = engine.said
    assert "the certificate ended on 2027-02-21T12:00:00Z, and so does its authority" in warning


# --- groups


def test_a_group_gets_a_key_and_a_certificate_for_each_name(engine: Engine) -> None:
    fleet = {**having(), "groups": {"fleet": group("a", "b")}}
    assert engine.preview(fleet)["group:fleet"] == {"a": UNKNOWN, "b": UNKNOWN}
    engine.up(fleet)
    assert sorted(engine.state["privateKeys"]) == ["fleet/a", "fleet/b"]
    for name in ("a", "b"):
        certificate = bundle.load_one(engine.pem(f"fleet/{name}"))
        private_key = load_private_key(engine.state["privateKeys"][f"fleet/{name}"])
        assert isinstance(private_key, ec.EllipticCurvePrivateKey)
        assert private_key.curve.name == "secp256r1"
        assert same_key(certificate.public_key(), private_key.public_key())
        assert certificate.subject.rfc4514_string() == f"CN={name},O=fleet"
        assert f"{PREFIX}{name}".encode() in certificate.tbs_certificate_bytes
    assert engine.changes(fleet) == {}


def test_another_name_leaves_keys_and_certificates_of_the_others_alone(engine: Engine) -> None:
    engine.up({**having(), "groups": {"fleet": group("a", "b")}})
    before, keys = engine.state["group:fleet"], engine.state["privateKeys"]
    more = {**having(), "groups": {"fleet": group("a", "c")}}
    assert engine.preview(more)["group:fleet"] == {"a": before["a"], "c": UNKNOWN}
    assert engine.up(more) == {"groups.fleet.names": Kind.UPDATE}
    assert engine.state["group:fleet"]["a"] == before["a"]
    assert engine.state["privateKeys"]["fleet/a"] == keys["fleet/a"]
    assert sorted(engine.state["privateKeys"]) == ["fleet/a", "fleet/c"]
    assert engine.outstanding() == [("fleet/b", "removed", "2027-02-21T12:00:00Z")]


def test_a_renewed_member_keeps_its_key_and_another_algorithm_makes_another(engine: Engine) -> None:
    fleet = {**having(), "groups": {"fleet": group("a", "b.c")}}
    engine.up(fleet)
    key_of_a = engine.state["privateKeys"]["fleet/a"]
    engine.now += 60 * DAY
    assert engine.up(fleet) == {
        "group:fleet.a.notAfter": Kind.UPDATE,
        'group:fleet["b.c"].notAfter': Kind.UPDATE,
    }
    assert engine.said == [
        "INFO: clients fleet/a, fleet/b.c: each certificate ends on 2027-02-21T12:00:00Z (30 days left) and"
        " is issued anew"
    ]
    assert engine.state["privateKeys"]["fleet/a"] == key_of_a
    stronger = {**having(), "groups": {"fleet": group("a", "b.c", keyAlgorithm="ECDSA-P384")}}
    assert engine.preview(fleet)["privateKeys"] == engine.state["privateKeys"]
    assert engine.preview(stronger)["privateKeys"] is UNKNOWN
    engine.up(stronger)
    assert engine.state["privateKeys"]["fleet/a"] != key_of_a


def test_a_thousand_names_are_told_in_one_sentence(engine: Engine) -> None:
    names = [f"n{number}" for number in range(1000)]
    engine.up({**having(), "groups": {"fleet": group(*names)}})
    engine.up(having())
    (said,) = engine.said
    assert said.startswith("WARNING: clients fleet/n0, fleet/n1, fleet/n10, ")
    assert " and 980 more are removed, but whoever holds a certificate of theirs is let in until" in said


# --- remembered


def test_what_has_ended_is_forgotten_with_the_next_update(engine: Engine) -> None:
    engine.up(having(one=ONE, two=TWO))
    engine.up(having(two=TWO))
    engine.now += 100 * DAY
    assert engine.outstanding() == [("one", "removed", "2027-02-21T12:00:00Z")]
    engine.up(having())
    assert engine.outstanding() == [("two", "removed", "2027-11-23T12:00:00Z")]


def test_a_removed_client_is_told_in_the_preview_with_the_date(engine: Engine) -> None:
    engine.up(having(one=ONE, two=TWO))
    engine.said.clear()
    assert engine.preview(having(one=ONE))["outstanding"] is UNKNOWN
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
    engine.said.clear()
    engine.preview(having(tuple(roots), two=TWO))
    assert engine.said == []
    engine.preview(having((*roots, pem(ROOT.certificate)), two=TWO))  # as in a rotation
    assert "client one is removed, but whoever holds its certificate is let in until" in engine.said[0]


def test_a_removed_client_whose_certificates_have_ended_is_not_worth_a_word(engine: Engine) -> None:
    engine.up(having(one=ONE))
    engine.now += 90 * DAY
    engine.up(having())
    assert told(engine) == []
    assert engine.outstanding() == []


def test_in_a_rotation_the_roots_of_both_phases_are_remembered(engine: Engine) -> None:
    a, b = pem(ROOT.certificate), pem(OTHER.certificate)
    engine.up(having((a, b), one=ONE))
    certificate = engine.pem("one")
    assert engine.up(having((a,), one=ONE)) == {"rootCertificatePems": Kind.UPDATE}
    assert engine.pem("one") == certificate
    engine.up(having((a,)))
    (gone,) = engine.state["outstanding"]
    assert gone["acceptedBy"] == sorted(map(authority_identity, (ROOT.certificate, OTHER.certificate)))


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


def test_read_keeps_what_is_known_import_is_refused_and_delete_forgets(engine: Engine) -> None:
    engine.up(having(one=ONE))
    assert engine.handler.read(engine.request(), "mtls-issued", engine.inputs, engine.state) == Reading(
        "mtls-issued", engine.state, engine.inputs
    )
    engine.handler.delete(engine.request(), "mtls-issued", engine.inputs, engine.state)
    with pytest.raises(UserError, match="cannot be imported"):
        engine.handler.read(engine.request(), "x", {}, {})


def test_inputs_that_passed_once_are_not_checked_again_nor_is_cryptography_imported(engine: Engine) -> None:
    """A no-op preview of many clients costs no parsing, and a provider process no import of
    0.1 s.
    """
    code = """
import sys, threading, json
from datetime import UTC, datetime
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
inputs, state = json.load(sys.stdin)
handler = IssuedCertificates(lambda: datetime(2026, 11, 24, tzinfo=UTC))
request = Request("", "x", True, 0.0, threading.Event(), print)
assert handler.check(request, inputs, inputs) == (inputs, [])
assert handler.read(request, "id", inputs, state).state == state
assert handler.diff(request, "id", state, inputs, inputs).changes == {}
sys.exit("cryptography" in sys.modules)
"""
    inputs = {**having(one=ONE), "groups": {"fleet": group("a", "b")}}
    engine.up(inputs)
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps([inputs, engine.state]), text=True, check=False
    )
    assert done.returncode == 0
    assert ISSUER.keys() < inputs.keys()
    assert key_pem(key("client")) not in json.dumps(engine.state)
