"""The handler against a cluster and an ALB in memory: what it writes, refuses, shows and gives
back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from alb_mutual_tls.errors import Unreachable, UserError, WrongPlace
from alb_mutual_tls.listener.bypasses import NOT_LOOKED_AT
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.wire import UNKNOWN
from tests.unit.provider.fakes import CA_1, CA_2, KEY, ON, C, World, alb, raised, wanted

# --- check


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
                " trustedCertificatePem, issuingFingerprint, crossFingerprints, owner, awaitListener,"
                " awaitTimeoutSeconds, takeOver, cutOff"
            ),
        ),
    ],
)
def test_check_refuses_each_wrong_input_by_name(key: str, value: Any, reason: str) -> None:
    world = World()
    _, failures = world.handler.check(world.request(), {}, wanted(**{key: value}))
    assert [(failure.property, failure.reason) for failure in failures] == [(key, reason)]


# --- create, toggle, delete


def test_create_writes_our_two_keys_and_a_claim_and_delete_takes_them_back() -> None:
    world = World()
    before = copy.deepcopy(world.cluster.documents["alb"])
    id, state = world.handler.create(world.request(), wanted())
    assert id == "alb/443"
    assert world.listener() == {
        "port": 443,
        "protocol": "HTTPS",
        "certificates": [{"CertificateId": "1"}],
        **ON,
    }
    assert list(world.annotations()) == [KEY]
    assert state == {
        **wanted(),
        "protocol": "HTTPS",
        "cluster": "cluster-1",
        "albConfigUid": "uid-of-alb",
        "account": "1234567890123456",
        "claimId": state["claimId"],
        "previous": "{}",
        "appliedCaCertificateId": CA_1,
        "formerFingerprints": [],
        "trustedWhileOn": wanted()["trustedFingerprint"],
        "confirmed": True,
    }
    assert world.refresh(state) == state
    assert world.changes(state, wanted()) == {}
    world.delete(state)
    assert world.cluster.documents["alb"]["spec"] == before["spec"]
    assert world.annotations() == {}
    assert len(world.cluster.patches) == 2
    assert world.warnings() == ["alb:443 will let everybody in without a client certificate"]


def test_a_toggle_is_a_change_of_ca_enabled_and_keeps_the_ca_certificates() -> None:
    world = World()
    state = world.create(wanted())
    assert world.changes(state, wanted(caEnabled=False)) == {"caEnabled": "UPDATE"}
    state = world.update(state, wanted(caEnabled=False))
    assert {key: world.listener()[key] for key in ON} == {**ON, "caEnabled": False}
    assert world.changes(state, wanted()) == {"caEnabled": "UPDATE"}
    world.update(state, wanted())
    assert {key: world.listener()[key] for key in ON} == ON
    writes = [
        [operation["path"] for operation in patch if operation["op"] != "test"]
        for patch in world.cluster.patches[1:]
    ]
    assert writes == [["/spec/listeners/1/caEnabled"], ["/spec/listeners/1/caEnabled"]]


def test_a_preview_plans_and_refuses_and_changes_nothing() -> None:
    world = World()
    before = copy.deepcopy(world.cluster.documents)
    unknown = dict.fromkeys(("caCertificateId", "trustedFingerprint", "issuingFingerprint", "owner"), UNKNOWN)
    for inputs in (wanted(), wanted(**unknown)):
        _, outputs = world.handler.create(world.request(preview=True), inputs)
        assert outputs["claimId"] is UNKNOWN
        assert outputs["appliedCaCertificateId"] == inputs["caCertificateId"]
    state = world.create(wanted())
    written = copy.deepcopy(world.cluster.documents)
    preview = world.handler.update(world.request(preview=True), "alb/443", state, {}, wanted(caEnabled=False))
    assert preview == {**state, "caEnabled": False}
    assert world.cluster.documents == written != before
    assert world.alb.looks == 1


@pytest.mark.parametrize("key", ["awaitListener", "awaitTimeoutSeconds", "takeOver", "cutOff"])
def test_what_only_steers_is_no_difference(key: str) -> None:
    world = World()
    assert world.changes(world.create(wanted()), wanted(**{key: 77})) == {}


@pytest.mark.parametrize(("key", "value"), [("albConfig", "internal"), ("port", 8443)])
def test_another_albconfig_or_port_is_another_listener(key: str, value: Any) -> None:
    world = World()
    assert world.changes(world.create(wanted()), wanted(**{key: value, "trustedFingerprint": C})) == {
        key: "UPDATE_REPLACE",
        "trustedFingerprint": "UPDATE",
    }


def test_previous_values_come_back_byte_for_byte() -> None:
    listener = {
        "port": "443",
        "PROTOCOL": "HTTPS",
        "CaEnabled": None,
        "cacertificates": [{"CertificateId": 2**60, "IsDefault": None}],
    }
    world = World(alb(listener))
    before = copy.deepcopy(world.cluster.documents["alb"]["spec"])
    state = world.create(wanted())
    assert (
        state["previous"]
        == '{"CaEnabled":null,"cacertificates":[{"CertificateId":1152921504606846976,"IsDefault":null}]}'
    )
    world.delete(world.update(state, wanted(caEnabled=False)))
    assert world.cluster.documents["alb"]["spec"] == before


# --- refusals, in the preview already


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


# --- drift


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        (lambda listener: listener.update(caEnabled=False), {"caEnabled": "UPDATE"}),
        (lambda listener: listener.pop("caEnabled"), {"caEnabled": "UPDATE"}),
        (
            lambda listener: listener.update(caCertificates=[{"CertificateId": CA_2}]),
            {"caCertificateId": "UPDATE"},
        ),
        (lambda listener: listener.update(caCertificates=[]), {"caCertificateId": "UPDATE"}),
    ],
)
def test_edits_by_hand_are_shown_and_repaired(
    edit: Callable[[Document], object], changes: dict[str, str]
) -> None:
    world = World()
    state = world.create(wanted())
    edit(world.cluster.documents["alb"]["spec"]["listeners"][1])
    live = world.refresh(state)
    assert live is not None
    assert {key: live[key] for key in ("previous", "claimId", "appliedCaCertificateId")} == {
        key: state[key] for key in ("previous", "claimId", "appliedCaCertificateId")
    }
    assert world.changes(live, wanted()) == changes
    assert world.update(live, wanted()) == state
    assert {key: world.listener()[key] for key in ON} == ON


def test_delete_leaves_values_that_somebody_else_wrote_and_says_so() -> None:
    world = World()
    state = world.create(wanted())
    world.cluster.documents["alb"]["spec"]["listeners"][1]["caCertificates"] = [{"CertificateId": CA_2}]
    world.delete(state)
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_2}]
    assert world.annotations() == {}
    assert world.warnings() == [
        f"listener 443/HTTPS of AlbConfig alb is left as it is (caEnabled true, {CA_2}), because somebody has"
        f" changed what this stack wrote (CA certificate {CA_1}): look at it with kubectl get albconfig alb"
        " -o yaml"
    ]


def test_a_removed_listener_is_missed_until_it_is_back() -> None:
    world = World()
    state = world.create(wanted())
    removed = world.cluster.documents["alb"]["spec"]["listeners"].pop(1)
    missed = world.refresh(state)
    assert missed is not None
    assert world.changes(missed, wanted()) == {"caEnabled": "UPDATE"}
    assert "has no listener on port 443" in raised(UserError, lambda: world.update(missed, wanted()))
    world.cluster.documents["alb"]["spec"]["listeners"].append(
        {"port": 443, "protocol": "HTTPS", "certificates": removed["certificates"]}
    )
    found = world.refresh(missed)
    assert found is not None
    assert world.update(found, wanted()) == state


def test_a_removed_listener_that_is_off_is_not_missed_and_keeps_its_claim() -> None:
    world = World()
    state = world.create(wanted(caEnabled=False))
    removed = world.cluster.documents["alb"]["spec"]["listeners"].pop(1)
    assert world.refresh(state) == state
    changed = world.update(state, wanted(caEnabled=False, caCertificateId=CA_2))
    assert "client authentication is off, and there is nothing to switch off" in world.warnings()[-1]
    assert {key: changed[key] for key in ("claimId", "previous", "appliedCaCertificateId")} == {
        key: state[key] for key in ("claimId", "previous", "appliedCaCertificateId")
    }
    world.cluster.documents["alb"]["spec"]["listeners"].append(removed)
    world.delete(changed)
    assert world.listener() == find_listener(alb(), 443).fields
    assert world.annotations() == {}


@pytest.mark.parametrize("enabled", [True, False])
def test_the_claim_on_a_removed_listener_goes_with_the_resource(enabled: bool) -> None:
    world = World()
    state = world.create(wanted(caEnabled=enabled))
    del world.cluster.documents["alb"]["spec"]["listeners"][1]
    missed = world.refresh(state)
    assert missed is not None
    world.delete(missed)
    assert world.annotations() == {}
    assert world.refresh(state) is None


@pytest.mark.parametrize("text", ["not ours", None])
def test_a_removed_listener_whose_claim_is_not_ours_any_more_is_gone(text: str | None) -> None:
    world = World()
    state = world.create(wanted())
    del world.cluster.documents["alb"]["spec"]["listeners"][1]
    world.cluster.documents["alb"]["metadata"]["annotations"] = {"albmtls/443-https": text} if text else {}
    assert world.refresh(state) is None


def test_a_removed_albconfig_is_gone() -> None:
    world = World()
    state = world.create(wanted())
    del world.cluster.documents["alb"]
    assert world.refresh(state) is None
    world.delete(state)


def test_an_albconfig_that_was_made_anew_is_gone_and_left_alone() -> None:
    world = World()
    state = world.create(wanted())
    world.cluster.documents["alb"]["metadata"]["uid"] = "another"
    written = copy.deepcopy(world.cluster.documents)
    assert world.refresh(state) is None
    world.delete(state)
    assert world.cluster.documents == written


# --- the wrong place


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


# --- warnings


@pytest.mark.parametrize(
    ("edition", "named"),
    [
        ("Standard", False),
        ("StandardWithWaf", False),
        ("STANDARD", False),
        (None, False),
        ("", False),
        ("Extensible", True),
        ("New", True),
    ],
)
def test_an_edition_that_is_not_documented_to_have_client_authentication_is_named_while_it_is_on(
    edition: str | None, named: bool
) -> None:
    world = World(alb(config={"edition": edition}))
    state = world.create(wanted())
    doubts = [warning for warning in world.warnings() if f"is of the edition {edition}" in warning]
    assert len(doubts) == named
    world.said.clear()
    world.update(state, wanted(caEnabled=False))
    assert world.warnings() == ["alb:443 will let everybody in without a client certificate"]


def test_where_no_bypass_is_looked_for_is_said_once_and_only_where_client_authentication_is_on() -> None:
    world = World(alb(), alb(name="other"))
    world.create(wanted(caEnabled=False))
    assert ("INFO", NOT_LOOKED_AT) not in world.said
    for name in ("alb", "other"):
        world.handler.create(world.request(name, preview=True), wanted(albConfig=name, takeOver=True))
    assert world.said.count(("INFO", NOT_LOOKED_AT)) == 1


def test_bypasses_and_other_owners_are_told_in_preview_and_up() -> None:
    world = World()
    world.cluster.classes = [
        {
            "metadata": {"name": "c"},
            "spec": {
                "controller": "ingress.k8s.alibabacloud/alb",
                "parameters": {"kind": "AlbConfig", "name": "alb"},
            },
        }
    ]
    world.cluster.members = [
        {
            "metadata": {
                "name": "i",
                "namespace": "n",
                "annotations": {"alb.ingress.kubernetes.io/listen-ports": '[{"HTTP":80},{"HTTPS":443}]'},
            },
            "spec": {"ingressClassName": "c", "rules": [{"host": "demo.alb.ingress.top"}]},
        }
    ]
    world.cluster.documents["alb"]["metadata"]["managedFields"] = [
        {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:listeners": {}}}}
    ]
    world.handler.create(world.request(preview=True), wanted())
    previewed = world.warnings()
    world.said.clear()
    state = world.create(wanted())
    assert world.warnings() == previewed
    assert [sentence.split(" ")[0] for sentence in previewed] == ["argocd-controller", "demo.alb.ingress.top"]
    world.said.clear()
    world.update(state, wanted(caEnabled=False))
    assert [sentence for sentence in world.warnings() if "argocd" not in sentence] == [
        "alb:443 will let everybody in without a client certificate"
    ]
