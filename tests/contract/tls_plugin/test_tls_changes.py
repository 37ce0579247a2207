"""Diff and read: what replaces, and what a refresh leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.wire import UNKNOWN
from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.provider import SelfSignedCert

KeyPem = Callable[..., str]


@pytest.fixture
def inputs(key_pem: KeyPem) -> dict[str, Any]:
    return {"subject": {"commonName": "client"}, "privateKeyPem": key_pem()}


@pytest.fixture
def state(driver: Any, inputs: dict[str, Any]) -> Any:
    return driver.create(CertRequest, **inputs)


def test_the_inputs_it_was_made_with_are_no_change(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    assert driver.changes(CertRequest, state, **inputs) == {}


def test_defaults_written_out_are_no_change(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    assert driver.changes(CertRequest, state, **inputs, dnsNames=None) == {}
    key = driver.create(PrivateKey, algorithm="ED25519")
    spelled = {"algorithm": "ED25519", "rsaBits": 2048, "ecdsaCurve": "P224"}
    assert driver.changes(PrivateKey, key, **spelled) == {}


def test_keys_of_the_bridge_are_no_change(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    bridged = inputs | {"__defaults": [], "subject": {"__defaults": [], "commonName": "client"}}
    assert driver.changes(CertRequest, state, **bridged) == {}
    assert driver.check(CertRequest, **bridged) == []
    made = driver.create(CertRequest, **bridged)
    assert made["subject"] == {"commonName": "client"}
    assert "__defaults" not in made


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"subject": {"commonName": "other"}}, {"subject": "UPDATE_REPLACE"}),
        ({"subject": {"commonName": UNKNOWN}}, {"subject": "UPDATE_REPLACE"}),
        ({"privateKeyPem": UNKNOWN}, {"privateKeyPem": "UPDATE_REPLACE"}),
        ({"subject": None}, {"subject": "DELETE_REPLACE"}),
    ],
)
def test_all_inputs_of_a_request_replace(
    driver: Any, inputs: dict[str, Any], state: Any, change: dict[str, Any], expected: Any
) -> None:
    assert driver.changes(CertRequest, state, **(inputs | change)) == expected


def test_an_input_that_is_new_replaces(driver: Any, inputs: dict[str, Any], state: Any) -> None:
    former = {name: value for name, value in state.items() if name != "subject"}
    assert driver.changes(CertRequest, former, **inputs) == {"subject": "ADD_REPLACE"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"algorithm": "RSA"}, {"algorithm": "UPDATE_REPLACE"}),
        ({"ecdsaCurve": "P384"}, {"ecdsaCurve": "UPDATE_REPLACE"}),
        ({"ecdsaCurve": None}, {"ecdsaCurve": "UPDATE_REPLACE"}),
        ({"rsaBits": 4096}, {"rsaBits": "UPDATE_REPLACE"}),
    ],
)
def test_all_inputs_of_a_key_replace(driver: Any, change: dict[str, Any], expected: Any) -> None:
    inputs = {"algorithm": "ECDSA", "ecdsaCurve": "P256"}
    state = driver.create(PrivateKey, **inputs)
    assert driver.changes(PrivateKey, state, **(inputs | change)) == expected


@pytest.mark.parametrize("kind", [PrivateKey, CertRequest])
def test_keys_and_requests_have_nothing_that_can_change_in_place(driver: Any, kind: Any) -> None:
    with pytest.raises(UserError, match="can change in place"):
        kind().update(driver.request(), "id", {}, {}, {})


@pytest.mark.parametrize(("hours", "ready"), [(-3, False), (-1, True), (0, True), (99, True)])
def test_a_refresh_marks_the_certificate_of_an_earlier_version_that_is_due_and_removes_nothing(
    driver: Any, hours: int, ready: bool
) -> None:
    """The time has the form in which Go writes it."""
    end = datetime.now(UTC) - timedelta(hours=hours)
    state: dict[str, Any] = {
        "id": "1",
        "earlyRenewalHours": 2,
        "readyForRenewal": False,
        "validityEndTime": f"{end:%Y-%m-%dT%H:%M:%S}.577151145Z",
    }
    read = SelfSignedCert().read(driver.request(), state["id"], {"subject": {}}, state)
    assert read is not None
    assert (read.id, read.state, read.inputs) == (
        state["id"],
        state | {"readyForRenewal": ready},
        {"subject": {}},
    )


def test_a_certificate_is_never_made(driver: Any) -> None:
    (failure,) = driver.check(SelfSignedCert, subject={"commonName": "root"})
    assert failure.reason.startswith("the tls stand-in makes no SelfSignedCert: declare an authority")


def test_a_refresh_of_a_key_returns_the_state(driver: Any) -> None:
    state = driver.create(PrivateKey, algorithm="ED25519")
    read = PrivateKey().read(driver.request(), state["id"], {"algorithm": "ED25519"}, state)
    assert read is not None
    assert read.state == state


@pytest.mark.parametrize("kind", [PrivateKey, CertRequest, SelfSignedCert])
def test_nothing_can_be_imported(driver: Any, kind: Any) -> None:
    with pytest.raises(UserError, match="cannot be imported or read by its id 'abc'"):
        kind().read(driver.request(), "abc", {}, {})
