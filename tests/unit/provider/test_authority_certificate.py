"""The certificate of a generated authority: what it is, what replaces it, and that time
does not.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from alb_mutual_tls.pki.profile import BACKDATE
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.authority_certificate import AuthorityCertificate
from alb_mutual_tls.wire import UNKNOWN
from tests.unit.pki.material import DAY, NOW, authority, key_pem

KEY = key_pem(authority("root").private_key)
INPUTS = {
    "privateKeyPem": KEY,
    "subject": {"commonName": "root 1a2b3c4d", "organizationName": "alibaba"},
    "validityDays": 30,
}
OF_TLS = {
    "privateKeyPem": KEY,
    "isCaCertificate": True,
    "allowedUses": ["cert_signing", "crl_signing"],
    "setSubjectKeyId": True,
    "validityPeriodHours": 720,
    "earlyRenewalHours": 0,
    "readyForRenewal": True,
    "subject": {"commonName": "root 1a2b3c4d", "organization": "alibaba", "country": None},
    "certPem": "its certificate",
}
"""A state of `tls.SelfSignedCert` whose certificate has ended."""


def request(*, preview: bool = False) -> Request:
    return Request("urn", "mtls-authority-root", preview, 0.0, threading.Event(), lambda *_: None)


def handler(days: float = 0) -> Handler:
    return AuthorityCertificate(lambda: NOW + days * DAY)


def changes(state: Mapping[str, Any], inputs: dict[str, Any], days: float = 0) -> dict[str, str]:
    return {
        key: kind.value for key, kind in handler(days).diff(request(), "1", state, {}, inputs).changes.items()
    }


def test_it_is_a_root_by_the_profile_and_valid_for_the_days_asked_for() -> None:
    inputs, failures = handler().check(request(), {}, INPUTS)
    assert failures == []
    id, state = handler().create(request(), inputs)
    made = x509.load_pem_x509_certificate(state["certPem"].encode())
    assert id == str(made.serial_number)
    assert made.subject.rfc4514_string() == made.issuer.rfc4514_string() == "CN=root 1a2b3c4d,O=alibaba"
    assert (made.not_valid_before_utc, made.not_valid_after_utc) == (NOW - BACKDATE, NOW + timedelta(days=30))
    constraints = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value) == (
        True,
        x509.BasicConstraints(ca=True, path_length=None),
    )
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    made.verify_directly_issued_by(made)
    assert (
        handler().create(request(preview=True), {**INPUTS, "privateKeyPem": UNKNOWN})[1]["certPem"] is UNKNOWN
    )


@pytest.mark.parametrize("days", [0, 29, 30, 31, 4000])
def test_time_never_replaces_it(days: float) -> None:
    state = handler().create(request(), INPUTS)[1]
    assert changes(state, INPUTS, days) == {}
    refreshed = handler(days).read(request(), "1", INPUTS, state)
    assert refreshed is not None
    assert refreshed.state == state


@pytest.mark.parametrize("days", [0, 31])
def test_a_state_of_the_plugin_tls_is_taken_over_as_it_is_also_when_that_would_replace_it(
    days: float,
) -> None:
    assert changes(OF_TLS, INPUTS, days) == {}
    assert changes(OF_TLS, {**INPUTS, "subject": {"commonName": "root 1a2b3c4d"}}, days) == {
        "subject": "UPDATE_REPLACE"
    }
    assert changes(OF_TLS, {**INPUTS, "validityDays": 31}, days) == {"validityDays": "UPDATE_REPLACE"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("privateKeyPem", key_pem(authority("other").private_key)),
        ("subject", {"commonName": "x"}),
        ("validityDays", 7),
    ],
)
def test_another_key_name_or_life_is_another_authority(name: str, value: object) -> None:
    state = handler().create(request(), INPUTS)[1]
    assert changes(state, {**INPUTS, name: value}) == {name: "UPDATE_REPLACE"}
    assert changes(state, {**INPUTS, name: UNKNOWN}) == {name: "UPDATE_REPLACE"}


@pytest.mark.parametrize("days", [0, 36501, True, "7", 1.5])
def test_days_that_cannot_be_are_refused_without_naming_the_key(days: object) -> None:
    _, failures = handler().check(request(), {}, {**INPUTS, "validityDays": days})
    assert [failure.property for failure in failures] == ["validityDays"]
    _, failures = handler().check(request(), {}, {"privateKeyPem": KEY})
    assert [failure.property for failure in failures] == [""]
