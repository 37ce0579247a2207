"""The handler against a cluster and an ALB in memory: what it writes, gives back and warns
of.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from alb_mutual_tls.listener.bypasses import NOT_LOOKED_AT
from alb_mutual_tls.wire import UNKNOWN
from tests.unit.provider.fakes import CA_1, KEY, ON, C, World, alb, wanted


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
