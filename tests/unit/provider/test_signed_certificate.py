"""What is signed, kept and refused by the handler of `albmtls:index:SignedCertificate`; the clock
stands where a test puts it.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cryptography import x509

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.plugin.handler import Kind, Reading
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.pki.material import DAY, authority, key, key_pem, key_usage, pem
from tests.unit.provider.signing_engine import (
    LIMITED,
    OTHER,
    ROOT,
    Engine,
    as_signed_before,
    cross_inputs,
)


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


@pytest.mark.parametrize(
    "changed",
    [
        {"subjectCertificatePem": pem(authority("root c").certificate)},
        {
            "issuerCertificatePem": pem(authority("root d").certificate),
            "issuerPrivateKeyPem": key_pem(key("of root d")),
        },
    ],
)
def test_a_changed_input_signs_anew_in_place(engine: Engine, changed: Properties) -> None:
    engine.up(cross_inputs())
    first, id = engine.state["certificatePem"], engine.id
    assert engine.preview(cross_inputs(**changed))["certificatePem"] is UNKNOWN
    assert engine.up(cross_inputs(**changed)) == dict.fromkeys(changed, Kind.UPDATE)
    assert engine.state["certificatePem"] != first
    assert engine.id == id


@pytest.mark.parametrize("name", ["issuerCertificatePem", "issuerPrivateKeyPem", "subjectCertificatePem"])
def test_a_first_preview_with_unknown_inputs_passes(engine: Engine, name: str) -> None:
    assert engine.check(cross_inputs(**{name: UNKNOWN})) == []
    assert engine.preview(cross_inputs(**{name: UNKNOWN}))["certificatePem"] is UNKNOWN


def test_time_changes_nothing(engine: Engine) -> None:
    engine.up(cross_inputs())
    engine.clock.now += 5000 * DAY
    assert engine.refresh() == engine.state
    assert engine.changes(cross_inputs()) == {}


def test_delete_forgets_and_read_of_nothing_is_refused(engine: Engine) -> None:
    engine.up(cross_inputs())
    engine.handler.delete(engine.request(), engine.id, engine.inputs, engine.state)
    with pytest.raises(UserError, match="cannot be imported"):
        engine.handler.read(engine.request(), "id", {}, {})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kind": "server"}, "kind: unknown kind of certificate 'server'; give cross"),
        ({"kind": "client"}, "kind: unknown kind of certificate 'client'; give cross"),
        (
            {"color": "red"},
            ": unknown property color of a cross certificate; remove it, the properties are kind,",
        ),
        ({"subjectCertificatePem": None}, ": subjectCertificatePem is missing; give it, a cross certificate"),
        ({"subjectCertificatePem": 7}, ": subjectCertificatePem is not text; give it in PEM"),
        ({"issuerPrivateKeyPem": "x"}, ": issuerPrivateKeyPem: the private key is not PEM of an RSA"),
        (
            {"issuerPrivateKeyPem": key_pem(key("foreign"))},
            ": issuerPrivateKeyPem: the private key is not the key of the authority CN=root a",
        ),
    ],
)
def test_a_bad_input_is_refused_in_one_sentence(engine: Engine, changed: Properties, says: str) -> None:
    (failure,) = engine.check(cross_inputs(**changed))
    assert failure.startswith(says)


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
    with pytest.raises(UserError, match=f"^mtls-b-by-a: .*{says}"):
        engine.preview(cross_inputs(**changed))


def test_a_client_of_the_version_before_is_read_and_left_alone_until_it_goes(engine: Engine) -> None:
    state = {"kind": "client", "certificatePem": "x", "notAfter": "2026-01-01T00:00:00Z"}
    inputs = {"kind": "client", "renewBeforeDays": 30}
    assert engine.handler.read(engine.request(), "id", inputs, state) == Reading("id", state, inputs)
    assert engine.handler.diff(engine.request(), "id", state, inputs, inputs).changes == {}
    engine.handler.delete(engine.request(), "id", inputs, state)


def test_inputs_that_passed_once_are_not_checked_again_nor_is_cryptography_imported() -> None:
    """A provider process without anything to do is spared an import of 0.1 s."""
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
    inputs = cross_inputs()
    state = {**inputs, "certificatePem": "x", "notAfter": "2999-01-01T00:00:00Z"}
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps([inputs, state]), text=True, check=False
    )
    assert done.returncode == 0
