"""What is issued, renewed, kept and refused by the handler of `albmtls:index:SignedCertificate`;
the clock stands where a test puts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.plugin.handler import Difference, Handler, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.pki.material import (
    DAY,
    FIELDS,
    NOW,
    URIS,
    authority,
    key,
    key_pem,
    key_usage,
    pem,
    request,
    subordinate,
)

ROOT, OTHER = authority("root a"), authority("root b")
CSR = request(common_name=FIELDS["commonName"])


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Engine:
    """Calls the handler in the order of the real engine: check, diff, then create or update; keeps
    the state.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.handler: Handler = SignedCertificate(self.clock)
        self.said: list[str] = []
        self.inputs: Properties = {}
        self.state: Mapping[str, Any] = {}
        self.id = ""

    def request(self, preview: bool = False) -> Request:
        urn = "urn:pulumi:dev::alb-mutual-tls::albmtls:index:SignedCertificate::mtls-client-one"
        return Request(
            urn,
            "mtls-client-one",
            preview,
            0.0,
            threading.Event(),
            lambda severity, text, _: self.said.append(f"{severity}: {text}"),
        )

    def check(self, inputs: Properties) -> list[str]:
        _, failures = self.handler.check(self.request(), self.inputs, inputs)
        return [f"{failure.property}: {failure.reason}" for failure in failures]

    def difference(self, inputs: Properties) -> Difference:
        return self.handler.diff(self.request(), self.id, self.state, self.inputs, inputs)

    def changes(self, inputs: Properties) -> dict[str, Kind]:
        return self.difference(inputs).changes

    def preview(self, inputs: Properties) -> Mapping[str, Any]:
        if not self.state:
            return self.handler.create(self.request(preview=True), inputs)[1]
        return self.handler.update(self.request(preview=True), self.id, self.state, self.inputs, inputs)

    def up(self, inputs: Properties) -> dict[str, Kind]:
        assert self.check(inputs) == []
        changes: dict[str, Kind] = {}
        if not self.state:
            self.id, self.state = self.handler.create(self.request(), inputs)
        elif changes := self.changes(inputs):
            self.state = self.handler.update(self.request(), self.id, self.state, self.inputs, inputs)
        self.inputs = inputs
        return changes

    def refresh(self) -> Mapping[str, Any]:
        found = self.handler.read(self.request(), self.id, self.inputs, self.state)
        assert isinstance(found, Reading)
        assert (found.id, found.inputs) == (self.id, self.inputs)
        self.state = found.state
        return self.state


@pytest.fixture
def engine() -> Engine:
    return Engine()


def client_inputs(**changed: Any) -> Properties:
    return {
        "kind": "client",
        "issuerCertificatePem": pem(ROOT.certificate),
        "issuerPrivateKeyPem": key_pem(ROOT.private_key),
        "csrPem": CSR,
        "subject": dict(FIELDS),
        "uris": list(URIS),
        "validityDays": 90,
        "renewBeforeDays": 30,
        **changed,
    }


def cross_inputs(**changed: Any) -> Properties:
    return {
        "kind": "cross",
        "issuerCertificatePem": pem(ROOT.certificate),
        "issuerPrivateKeyPem": key_pem(ROOT.private_key),
        "subjectCertificatePem": pem(OTHER.certificate),
        "sign": True,
        **changed,
    }


# --- issued


def test_a_client_certificate_is_issued_with_its_times_and_numbers(engine: Engine) -> None:
    engine.up(client_inputs())
    certificate = bundle.load_one(engine.state["certificatePem"])
    certificate.verify_directly_issued_by(ROOT.certificate)
    assert engine.state["notBefore"] == "2026-11-23T11:55:00Z"
    assert engine.state["notAfter"] == "2027-02-21T12:00:00Z"
    assert engine.state["fingerprint"] == engine.id == certificate.fingerprint(hashes.SHA256()).hex()
    assert int(engine.state["serialNumber"], 16) == certificate.serial_number
    assert engine.state["readyForRenewal"] is False
    assert {name: engine.state[name] for name in client_inputs()} == client_inputs()
    assert engine.said == []


def test_a_cross_certificate_is_issued(engine: Engine) -> None:
    engine.up(cross_inputs())
    certificate = bundle.load_one(engine.state["certificatePem"])
    certificate.verify_directly_issued_by(ROOT.certificate)
    assert certificate.public_key() == OTHER.certificate.public_key()
    assert engine.state["notAfter"] == "2036-11-20T12:00:00Z"


def test_a_cross_certificate_that_is_not_to_be_signed_is_none_until_it_is(engine: Engine) -> None:
    assert engine.preview(cross_inputs(sign=False))["certificatePem"] == ""
    engine.up(cross_inputs(sign=False))
    assert [engine.state[name] for name in ("certificatePem", "fingerprint", "notAfter")] == ["", "", ""]
    assert engine.id == "unsigned"
    assert engine.changes(cross_inputs(sign=False)) == {}
    assert engine.difference(cross_inputs()).stables == ()
    assert engine.preview(cross_inputs())["certificatePem"] is UNKNOWN
    assert engine.up(cross_inputs()) == {"sign": Kind.UPDATE}
    bundle.load_one(engine.state["certificatePem"]).verify_directly_issued_by(ROOT.certificate)


def test_a_cross_certificate_that_was_signed_is_kept_while_it_is_not_to_be_signed_and_afterwards(
    engine: Engine,
) -> None:
    engine.up(cross_inputs())
    signed = engine.state["certificatePem"]
    for sign in (False, True):
        assert "certificatePem" in engine.difference(cross_inputs(sign=sign)).stables
        assert engine.preview(cross_inputs(sign=sign))["certificatePem"] == signed
        assert engine.up(cross_inputs(sign=sign)) == {"sign": Kind.UPDATE}
        assert engine.state["certificatePem"] == signed
        assert engine.changes(cross_inputs(sign=sign)) == {}


def test_a_cross_certificate_of_another_authority_is_not_kept_in_the_place_of_one_that_is_not_to_be_signed(
    engine: Engine,
) -> None:
    engine.up(cross_inputs())
    engine.up(cross_inputs(sign=False, subjectCertificatePem=pem(authority("root c").certificate)))
    assert engine.state["certificatePem"] == ""


LIMITED = pem(authority("root b", constraints=x509.BasicConstraints(True, 0)).certificate)


def as_signed_before(engine: Engine) -> None:
    """The state that an earlier version left: a cross certificate without the limits of the
    authority that it certifies.
    """
    engine.up(cross_inputs())
    wide = {
        name: engine.state[name]
        for name in ("certificatePem", "fingerprint", "serialNumber", "notBefore", "notAfter")
    }
    engine.up(cross_inputs(subjectCertificatePem=LIMITED))
    engine.state = {**engine.state, **wide}
    engine.said.clear()


def test_a_cross_certificate_that_lacks_a_limit_is_signed_anew_once_and_says_why(engine: Engine) -> None:
    as_signed_before(engine)
    wanted = cross_inputs(subjectCertificatePem=LIMITED)
    wide = engine.state["certificatePem"]
    assert engine.difference(wanted).stables == ()
    assert engine.preview(wanted)["certificatePem"] is UNKNOWN
    engine.said.clear()
    assert engine.up(wanted) == {"certificatePem": Kind.UPDATE}
    (warning,) = engine.said
    assert "is signed anew, because it lacks path length of the authority that it certifies" in warning
    assert engine.state["certificatePem"] != wide
    found = bundle.load_one(engine.state["certificatePem"]).extensions.get_extension_for_class(
        x509.BasicConstraints
    )
    assert found.value.path_length == 0
    assert engine.changes(wanted) == {}


def test_a_cross_certificate_that_lacks_a_limit_is_kept_where_none_is_to_be_signed_or_it_has_ended(
    engine: Engine,
) -> None:
    as_signed_before(engine)
    assert engine.changes(cross_inputs(subjectCertificatePem=LIMITED, sign=False)) == {"sign": Kind.UPDATE}
    wide = engine.state["certificatePem"]
    engine.up(cross_inputs(subjectCertificatePem=LIMITED, sign=False))
    assert engine.state["certificatePem"] == wide
    engine.up(cross_inputs(subjectCertificatePem=LIMITED))
    as_signed_before(engine)
    engine.clock.now += 5000 * DAY
    assert engine.changes(cross_inputs(subjectCertificatePem=LIMITED)) == {}


def test_whether_to_sign_is_true_or_false_and_true_where_nothing_is_said(engine: Engine) -> None:
    assert engine.check(cross_inputs(sign="yes")) == ["sign: sign is 'yes': give true or false"]
    inputs = {name: value for name, value in cross_inputs().items() if name != "sign"}
    assert engine.handler.check(engine.request(), {}, inputs) == (cross_inputs(), [])


def test_the_private_key_is_a_secret_of_the_state() -> None:
    assert SignedCertificate.secret_outputs == {"issuerPrivateKeyPem"}


def test_a_preview_issues_nothing_and_leaves_open_what_it_cannot_know(engine: Engine) -> None:
    planned = engine.preview(client_inputs())
    assert {name: value for name, value in planned.items() if value is UNKNOWN} == dict.fromkeys(
        ("certificatePem", "notBefore", "notAfter", "fingerprint", "serialNumber"), UNKNOWN
    )
    assert planned["subject"] == FIELDS


@pytest.mark.parametrize(
    "unknown",
    [
        {"csrPem": UNKNOWN},
        {"issuerCertificatePem": UNKNOWN, "issuerPrivateKeyPem": UNKNOWN},
        {"issuerPrivateKeyPem": UNKNOWN},
        {"uris": UNKNOWN},
        {"uris": [UNKNOWN, "urn:x"]},
        {"subject": {"commonName": UNKNOWN, "organizationName": "x"}},
        {"subject": UNKNOWN},
        {"validityDays": UNKNOWN},
        {"renewBeforeDays": UNKNOWN},
    ],
)
def test_a_first_preview_with_unknown_inputs_passes(engine: Engine, unknown: Properties) -> None:
    inputs = client_inputs(**unknown)
    assert engine.check(inputs) == []
    assert engine.preview(inputs)["certificatePem"] is UNKNOWN


def test_a_preview_fails_as_the_update_would(engine: Engine) -> None:
    expired = authority("root a", end=NOW - timedelta(hours=1))
    inputs = client_inputs(issuerCertificatePem=pem(expired.certificate))
    for act in (engine.preview, engine.up):
        with pytest.raises(
            UserError,
            match="mtls-client-one: the authority CN=root a cannot sign: it expired on 2026-11-23T11:00:00Z",
        ):
            act(inputs)


# --- kept, and issued anew


def test_the_preview_after_up_is_empty(engine: Engine) -> None:
    engine.up(client_inputs())
    issued = dict(engine.state)
    engine.refresh()
    assert engine.changes(client_inputs()) == {}
    assert engine.state == issued


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"csrPem": request(key("another"))}, "client"),
        ({"subject": {"commonName": "renamed"}}, "client"),
        ({"uris": []}, "client"),
        ({"validityDays": 91}, "client"),
        (
            {
                "issuerCertificatePem": pem(OTHER.certificate),
                "issuerPrivateKeyPem": key_pem(OTHER.private_key),
            },
            "client",
        ),
        ({"subjectCertificatePem": pem(authority("root c").certificate)}, "cross"),
        (
            {
                "issuerCertificatePem": pem(authority("root d").certificate),
                "issuerPrivateKeyPem": key_pem(key("of root d")),
            },
            "cross",
        ),
    ],
)
def test_a_changed_input_issues_anew_in_place(engine: Engine, changed: Properties, kind: str) -> None:
    make = client_inputs if kind == "client" else cross_inputs
    engine.up(make())
    first, id = engine.state["certificatePem"], engine.id
    assert engine.preview(make(**changed))["certificatePem"] is UNKNOWN
    assert engine.up(make(**changed)) == dict.fromkeys(changed, Kind.UPDATE)
    assert engine.state["certificatePem"] != first
    assert engine.id == id
    assert {name: engine.state[name] for name in changed} == changed


def test_an_input_that_will_change_but_is_not_known_yet_is_shown(engine: Engine) -> None:
    engine.up(client_inputs())
    assert engine.changes(client_inputs(csrPem=UNKNOWN)) == {"csrPem": Kind.UPDATE}
    assert engine.preview(client_inputs(csrPem=UNKNOWN))["certificatePem"] is UNKNOWN


def test_white_space_in_pem_is_no_change(engine: Engine) -> None:
    engine.up(client_inputs())
    assert engine.changes(client_inputs(csrPem=CSR.replace("\n", "\r\n") + "\n")) == {}


def test_another_time_of_renewal_is_kept_in_state_and_issues_nothing(engine: Engine) -> None:
    engine.up(client_inputs())
    certificate = engine.state["certificatePem"]
    assert engine.preview(client_inputs(renewBeforeDays=10))["certificatePem"] == certificate
    assert "certificatePem" in engine.difference(client_inputs(renewBeforeDays=10)).stables
    assert engine.difference(client_inputs(renewBeforeDays=10, validityDays=91)).stables == ()
    assert engine.up(client_inputs(renewBeforeDays=10)) == {"renewBeforeDays": Kind.UPDATE}
    assert (engine.state["certificatePem"], engine.state["renewBeforeDays"]) == (certificate, 10)
    assert engine.changes(client_inputs(renewBeforeDays=10)) == {}


def test_a_time_of_renewal_that_has_come_already_issues_at_once(engine: Engine) -> None:
    engine.up(client_inputs())
    first = engine.state["certificatePem"]
    engine.clock.now += 20 * DAY
    assert engine.up(client_inputs(renewBeforeDays=80)) == {
        "renewBeforeDays": Kind.UPDATE,
        "notAfter": Kind.UPDATE,
    }
    assert engine.state["certificatePem"] != first


# --- renewed


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


# --- refused


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


# --- what is said of the former certificate


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
