"""Diff, update and read: what replaces, what is due, and what a refresh leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.wire import UNKNOWN
from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.self_signed_cert import SelfSignedCert

KeyPem = Callable[..., str]
HOUR = 3600 * 10**9
INPUTS: dict[str, Any] = {
    "isCaCertificate": True,
    "allowedUses": ["cert_signing"],
    "validityPeriodHours": 10,
    "earlyRenewalHours": 2,
    "subject": {"commonName": "root"},
}


@pytest.fixture
def inputs(key_pem: KeyPem) -> dict[str, Any]:
    return INPUTS | {"privateKeyPem": key_pem()}


@pytest.fixture
def state(driver: Any, inputs: dict[str, Any]) -> Any:
    return driver.create(SelfSignedCert, **inputs)


def test_the_inputs_it_was_made_with_are_no_change(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    assert driver.changes(SelfSignedCert, state, **inputs) == {}


def test_defaults_written_out_are_no_change(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    spelled = inputs | {"setSubjectKeyId": False, "setAuthorityKeyId": False, "dnsNames": None}
    assert driver.changes(SelfSignedCert, state, **spelled) == {}


def test_keys_of_the_bridge_are_no_change(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    bridged = inputs | {"__defaults": [], "subject": {"__defaults": [], "commonName": "root"}}
    assert driver.changes(SelfSignedCert, state, **bridged) == {}
    assert driver.check(SelfSignedCert, **bridged) == []
    made = driver.create(SelfSignedCert, **bridged)
    assert made["subject"] == {"commonName": "root"}
    assert "__defaults" not in made


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"subject": {"commonName": "other"}}, {"subject": "UPDATE_REPLACE"}),
        ({"subject": {"commonName": UNKNOWN}}, {"subject": "UPDATE_REPLACE"}),
        ({"privateKeyPem": UNKNOWN}, {"privateKeyPem": "UPDATE_REPLACE"}),
        ({"allowedUses": ["crl_signing"]}, {"allowedUses": "UPDATE_REPLACE"}),
        ({"uris": ["spiffe://x"]}, {"uris": "ADD_REPLACE"}),
        ({"validityPeriodHours": 11}, {"validityPeriodHours": "UPDATE_REPLACE"}),
        ({"isCaCertificate": False}, {"isCaCertificate": "UPDATE_REPLACE"}),
        ({"setAuthorityKeyId": True}, {"setAuthorityKeyId": "UPDATE_REPLACE"}),
        ({"setSubjectKeyId": True}, {"setSubjectKeyId": "UPDATE_REPLACE"}),
        ({"maxPathLength": 1}, {"maxPathLength": "ADD_REPLACE"}),
        ({"subject": None}, {"subject": "DELETE_REPLACE"}),
        ({"earlyRenewalHours": 3}, {"earlyRenewalHours": "UPDATE"}),
        ({"earlyRenewalHours": None}, {"earlyRenewalHours": "UPDATE"}),
    ],
)
def test_all_inputs_but_early_renewal_replace(
    driver: Any, inputs: dict[str, Any], state: Any, change: dict[str, Any], expected: Any
) -> None:
    assert driver.changes(SelfSignedCert, state, **(inputs | change)) == expected


def test_leaving_the_path_length_out_later_is_no_change(driver: Any, inputs: dict[str, Any]) -> None:
    state = driver.create(SelfSignedCert, **inputs, maxPathLength=1)
    assert driver.changes(SelfSignedCert, state, **inputs) == {}


@pytest.mark.parametrize("kind", [PrivateKey, CertRequest])
def test_keys_and_requests_have_nothing_that_can_change_in_place(kind: Any) -> None:
    assert all(item.replaces for item in kind.inputs)


def test_a_write_only_key_shows_as_change_by_its_version_only(driver: Any, key_pem: KeyPem) -> None:
    state = driver.create(SelfSignedCert, **INPUTS, privateKeyPemWo=key_pem(), privateKeyPemWoVersion=1)
    assert (
        driver.changes(
            SelfSignedCert, state, **INPUTS, privateKeyPemWo=key_pem("ED25519"), privateKeyPemWoVersion=1
        )
        == {}
    )
    changed = driver.changes(
        SelfSignedCert, state, **INPUTS, privateKeyPemWo=key_pem("ED25519"), privateKeyPemWoVersion=2
    )
    assert changed == {"privateKeyPemWoVersion": "UPDATE_REPLACE"}


def test_an_update_keeps_the_certificate(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    handler = SelfSignedCert(lambda: driver.now)
    updated = handler.update(driver.request(), state["id"], state, inputs, inputs | {"earlyRenewalHours": 5})
    assert updated == state | {"earlyRenewalHours": 5}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(7.99, {}), (8, {"readyForRenewal": "UPDATE_REPLACE"}), (20, {"readyForRenewal": "UPDATE_REPLACE"})],
)
def test_a_certificate_is_replaced_from_its_early_renewal_on(
    driver: Any, inputs: dict[str, Any], state: Any, hours: float, expected: Any
) -> None:
    driver.now += int(hours * HOUR)
    assert driver.changes(SelfSignedCert, state, **inputs) == expected


def test_a_longer_early_renewal_can_make_it_due_at_once(
    driver: Any, inputs: dict[str, Any], state: Any
) -> None:
    driver.now += 4 * HOUR
    assert driver.changes(SelfSignedCert, state, **(inputs | {"earlyRenewalHours": 5})) == {
        "earlyRenewalHours": "UPDATE"
    }
    changed = driver.changes(SelfSignedCert, state, **(inputs | {"earlyRenewalHours": 6}))
    assert changed == {"earlyRenewalHours": "UPDATE", "readyForRenewal": "UPDATE_REPLACE"}


@pytest.mark.parametrize(("hours", "ready"), [(7, False), (9, True), (99, True)])
def test_a_refresh_marks_what_is_due_and_removes_nothing(
    driver: Any, inputs: dict[str, Any], state: Any, hours: int, ready: bool
) -> None:
    driver.now += hours * HOUR
    read = SelfSignedCert(lambda: driver.now).read(driver.request(), state["id"], inputs, state)
    assert read is not None
    assert (read.id, read.state, read.inputs) == (state["id"], state | {"readyForRenewal": ready}, inputs)


def test_a_mark_goes_away_when_early_renewal_shrinks(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    driver.now += 9 * HOUR
    marked = state | {"readyForRenewal": True}
    assert driver.changes(SelfSignedCert, marked, **(inputs | {"earlyRenewalHours": 0})) == {
        "earlyRenewalHours": "UPDATE",
        "readyForRenewal": "UPDATE",
    }


@pytest.mark.parametrize(("validity", "early"), [(0, 0), (5, 5)])
def test_a_certificate_due_from_the_start_says_so(
    driver: Any, inputs: dict[str, Any], validity: int, early: int
) -> None:
    state = driver.create(
        SelfSignedCert, **(inputs | {"validityPeriodHours": validity, "earlyRenewalHours": early})
    )
    assert state["readyForRenewal"] is True


def test_a_refresh_of_a_key_returns_the_state(driver: Any) -> None:
    state = driver.create(PrivateKey, algorithm="ED25519")
    read = PrivateKey().read(driver.request(), state["id"], {"algorithm": "ED25519"}, state)
    assert read is not None
    assert read.state == state


def test_a_key_cannot_be_imported(driver: Any) -> None:
    with pytest.raises(UserError, match="cannot be imported or read by its id 'abc'"):
        PrivateKey().read(driver.request(), "abc", {}, {})
