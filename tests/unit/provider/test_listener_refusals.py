"""The handler against a cluster and an ALB in memory: what it takes, and what it refuses
in the preview already.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from alb_mutual_tls.errors import Unreachable, UserError, WrongPlace
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.wire import UNKNOWN
from tests.unit.provider.fakes import CA_2, C, World, alb, raised, wanted


def test_check_fills_in_defaults_and_accepts_what_is_not_known_yet() -> None:
    world = World()
    given = dict.fromkeys(("caCertificateId", "trustedFingerprint", "issuingFingerprint", "owner"), UNKNOWN)
    checked, failures = world.handler.check(
        world.request(), {}, {"albConfig": "alb", "port": 443, "caEnabled": True, **given}
    )
    assert failures == []
    steering = {
        key: checked[key]
        for key in ("caCertificateExisting", "awaitListener", "awaitTimeoutSeconds", "takeOver", "cutOff")
    }
    assert steering == {
        "caCertificateExisting": False,
        "awaitListener": True,
        "awaitTimeoutSeconds": 180,
        "takeOver": False,
        "cutOff": False,
    }


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("caEnabled", "true", "caEnabled is 'true': give true or false, without quotes"),
        ("caEnabled", 1, "caEnabled is 1: give true or false, without quotes"),
        ("caEnabled", None, "caEnabled is missing: give true or false, without quotes"),
        (
            "caCertificateExisting",
            "yes",
            "caCertificateExisting is 'yes': give true or false, without quotes",
        ),
        ("port", 0, "port is 0: give a whole number from 1 to 65535"),
        ("port", 65536, "port is 65536: give a whole number from 1 to 65535"),
        ("port", 443.5, "port is 443.5: give a whole number from 1 to 65535"),
        ("port", True, "port is True: give a whole number from 1 to 65535"),
        ("port", "443", "port is '443': give a whole number from 1 to 65535"),
        (
            "albConfig",
            "",
            "albConfig is '': give the name of an AlbConfig (lower-case letters, digits, - and .)",
        ),
        (
            "albConfig",
            "a/../b",
            "albConfig is 'a/../b': give the name of an AlbConfig (lower-case letters, digits, - and .)",
        ),
        (
            "caCertificateId",
            "",
            (
                "caCertificateId is '': give the id of a CA certificate in CAS (it is empty after a failed"
                " upload)"
            ),
        ),
        (
            "trustedFingerprint",
            "A" * 64,
            (
                f"trustedFingerprint is '{'A' * 64}': give a SHA-256 fingerprint of 64 lower-case hexadecimal"
                " digits"
            ),
        ),
        (
            "crossFingerprints",
            ["a"],
            (
                "crossFingerprints is ['a']: give a list of SHA-256 fingerprints of 64 lower-case hexadecimal"
                " digits"
            ),
        ),
        ("owner", "dev", "owner is 'dev': give the identity of a StackIdentity (8 hexadecimal digits)"),
        (
            "awaitTimeoutSeconds",
            0,
            "awaitTimeoutSeconds is 0: give a whole number of seconds from 1 to 86400",
        ),
        (
            "caenabled",
            True,
            (
                "ListenerClientAuthentication has no property caenabled: remove it, the properties are"
                " albConfig, port, caEnabled, caCertificateId, caCertificateExisting, trustedFingerprint,"
                " trustedNotAfter, issuingFingerprint, crossFingerprints, owner, awaitListener,"
                " awaitTimeoutSeconds, takeOver, cutOff"
            ),
        ),
    ],
)
def test_check_refuses_each_wrong_input_by_name(key: str, value: Any, reason: str) -> None:
    world = World()
    _, failures = world.handler.check(world.request(), {}, wanted(**{key: value}))
    assert [(failure.property, failure.reason) for failure in failures] == [(key, reason)]


@pytest.mark.parametrize(
    ("document", "inputs", "sentence"),
    [
        (
            alb(),
            {"albConfig": "other"},
            (
                "there is no AlbConfig other in the cluster cluster-1, it has alb: correct albConfig in"
                " listeners, or make the AlbConfig first"
            ),
        ),
        (
            alb(),
            {"port": 8443},
            (
                "AlbConfig alb has no listener on port 8443, it has 80/HTTP, 443/HTTPS: correct the port in"
                " listeners, or add the listener to the AlbConfig"
            ),
        ),
        (
            alb(),
            {"port": 80},
            (
                "port 80 of AlbConfig alb speaks HTTP, and only HTTPS listeners can ask for client"
                " certificates; AlbConfig alb has 80/HTTP, 443/HTTPS: name an HTTPS port in listeners, or set"
                " protocol: HTTPS on the listener"
            ),
        ),
        (
            alb(config={"edition": "Basic"}),
            {},
            (
                "the ALB of AlbConfig alb is of the edition Basic, which has no client authentication: set"
                " spec.config.edition to Standard or StandardWithWaf"
            ),
        ),
        (
            alb({"port": 443, "protocol": "QUIC"}, {"port": 443, "protocol": "HTTPS"}),
            {},
            (
                "listener 443/HTTPS of AlbConfig alb shares its port with a QUIC listener, which clients"
                " prefer and which cannot ask for certificates: remove the QUIC listener"
            ),
        ),
        (
            alb({"port": 443, "protocol": "HTTPS", "caEnabled": "true"}),
            {},
            (
                'caEnabled of listener 443/HTTPS of AlbConfig alb is the text "true", neither true nor false,'
                " so the controller refuses the AlbConfig: correct it there"
            ),
        ),
    ],
)
def test_switching_on_is_refused_and_switching_off_is_not(
    document: Document, inputs: dict[str, Any], sentence: str
) -> None:
    world = World(document)
    before = copy.deepcopy(world.cluster.documents)
    for preview in (True, False):
        assert (
            raised(UserError, lambda: world.handler.create(world.request(preview=preview), wanted(**inputs)))  # noqa: B023
            == sentence
        )
    assert world.cluster.documents == before
    world.handler.create(world.request(preview=True), wanted(caEnabled=False, **inputs))
    assert any(sentence in warning for warning in world.warnings())
    world.handler.create(world.request(), wanted(caEnabled=False, **inputs))


def test_what_is_off_where_there_is_no_listener_is_kept_in_state_until_there_is_one() -> None:
    world = World(alb({"port": 80, "protocol": "HTTP"}))
    off = wanted(caEnabled=False)
    state = world.create(off)
    assert world.changes(state, off) == {}
    assert world.refresh(state) == state
    world.delete(state)
    world.cluster.documents["alb"] = alb()
    live = world.refresh(state)
    assert live is not None
    assert world.changes(live, off) == {"caCertificateId": "UPDATE", "owner": "UPDATE"}
    state = world.update(live, off)
    assert state["previous"] == "{}"
    assert world.listener()["caEnabled"] is False


def test_switching_off_works_with_a_quic_listener_that_appeared_later_and_without_sts() -> None:
    world = World()
    state = world.create(wanted())
    world.cluster.documents["alb"]["spec"]["listeners"].append({"port": 443, "protocol": "QUIC"})
    world.configuration.account = Unreachable("STS cannot be reached")
    assert world.refresh(state) == state
    off = world.update(state, wanted(caEnabled=False, trustedFingerprint=C, caCertificateId=CA_2))
    assert world.listener()["caEnabled"] is False
    assert off["account"] == "1234567890123456"
    assert raised(Unreachable, lambda: world.update(off, wanted())) == "STS cannot be reached"


@pytest.mark.parametrize("place", ["cluster", "account"])
def test_another_cluster_or_account_is_an_error_and_never_gone(place: str) -> None:
    world = World()
    state = world.create(wanted())
    written = copy.deepcopy(world.cluster.documents)
    if place == "cluster":
        world.cluster.identity = "cluster-2"
    else:
        world.configuration.account = "999"
    for act in (
        lambda: world.refresh(state),
        lambda: world.update(state, wanted(caEnabled=False)),
        lambda: world.delete(state),
    ):
        raised(WrongPlace, act)
    assert world.cluster.documents == written


def test_a_resource_without_state_cannot_be_imported_and_says_why() -> None:
    assert "cannot be imported" in raised(UserError, lambda: World().refresh({}))
