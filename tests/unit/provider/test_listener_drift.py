"""The handler against a cluster and an ALB in memory: what it makes of changes that others
have made.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.exact_json import Document
from tests.unit.provider.fakes import CA_1, CA_2, ON, World, alb, raised, wanted


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
