"""What is issued, renewed, kept and refused by the handler of `albmtls:index:SignedCertificate`;
the clock stands where a test puts it.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.pki.material import (
    DAY,
    FIELDS,
    NOW,
    authority,
    key,
    key_pem,
    pem,
    request,
)
from tests.unit.provider.signing_engine import (
    CSR,
    LIMITED,
    OTHER,
    ROOT,
    Engine,
    as_signed_before,
    client_inputs,
    cross_inputs,
)

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
