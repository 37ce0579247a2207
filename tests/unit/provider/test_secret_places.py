"""`SecretPlaces`: in one cluster, into nobody else's Secret, and none left behind."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.host import UNKNOWN, Kind, Properties, Request
from alb_mutual_tls.provider.secret_places import SecretPlaces
from tests.unit.listener.fakes import FakeCluster, FakeConfiguration

OWNER = "0a1b2c3d"
INPUTS: Properties = {"owner": OWNER, "secrets": ["shop/web-tls"]}
STATE = {**INPUTS, "cluster": "cluster-1"}


@dataclass
class Secrets(FakeCluster):
    """A cluster with the metadata of Secrets by place."""

    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def secret_metadata(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self.secrets.get(f"{namespace}/{name}")

    def delete_secret(self, namespace: str, name: str, uid: str) -> None:
        assert self.secrets.pop(f"{namespace}/{name}")["uid"] == uid


def owned(by: str) -> dict[str, Any]:
    return {"uid": "uid-1", "labels": {"albmtls/identity": by}}


def places(cluster: Secrets) -> SecretPlaces:
    return SecretPlaces(cast(Configuration, FakeConfiguration(cluster, cast(Any, None))))


def call(*, preview: bool = False) -> Request:
    return Request(urn="u", name="mtls-secrets", preview=preview, timeout=0, cancelled=threading.Event(), log=lambda *_: None)


def test_a_place_that_is_free_or_the_stacks_own_is_taken_and_the_cluster_remembered() -> None:
    for secrets in ({}, {"shop/web-tls": owned(OWNER)}):
        assert places(Secrets({}, secrets=secrets)).create(call(), INPUTS) == ("cluster-1", STATE)


@pytest.mark.parametrize(
    ("found", "whose"),
    [
        ({"uid": "1"}, "was not made by this program"),
        ({"uid": "1", "labels": {"app": "shop"}}, "was not made by this program"),
        (owned("ffffffff"), "belongs to the stack with the identity ffffffff"),
    ],
)
def test_somebody_elses_secret_is_refused_by_create_and_diff_in_one_sentence(found: dict[str, Any], whose: str) -> None:
    handler = places(Secrets({}, secrets={"shop/web-tls": found}))
    sentence = f"Secret shop/web-tls is there already and {whose}: give clients.NAME.secret another name, or delete it if nobody needs it"
    for act in (lambda: handler.create(call(preview=True), INPUTS), lambda: handler.diff(call(), "cluster-1", STATE, INPUTS, INPUTS)):
        with pytest.raises(UserError) as refused:
            act()
        assert str(refused.value) == sentence


def test_a_stack_whose_identity_is_not_known_yet_owns_nothing() -> None:
    handler = places(Secrets({}, secrets={"shop/web-tls": owned(OWNER)}))
    with pytest.raises(UserError, match="is there already"):
        handler.create(call(preview=True), {**INPUTS, "owner": UNKNOWN})
    assert places(Secrets({})).create(call(preview=True), {**INPUTS, "owner": UNKNOWN})[0] == "cluster-1"


def test_another_cluster_is_refused_by_everything() -> None:
    cluster = Secrets({}, identity="cluster-2", secrets={"shop/web-tls": owned(OWNER)})
    handler = places(cluster)
    for act in (
        lambda: handler.diff(call(), "cluster-1", STATE, INPUTS, INPUTS),
        lambda: handler.read(call(), "cluster-1", INPUTS, STATE),
        lambda: handler.update(call(), "cluster-1", STATE, INPUTS, {**INPUTS, "secrets": []}),
        lambda: handler.delete(call(), "cluster-1", INPUTS, STATE),
    ):
        with pytest.raises(WrongPlace, match="what the stack has delivered into Secrets belongs to cluster cluster-1"):
            act()
    assert cluster.secrets


def test_no_change_is_none_and_another_place_is_a_change_in_place() -> None:
    handler = places(Secrets({}))
    assert handler.diff(call(), "cluster-1", STATE, INPUTS, INPUTS).changes == {}
    wanted = {**INPUTS, "secrets": ["shop/other", "shop/web-tls"]}
    assert handler.diff(call(), "cluster-1", STATE, INPUTS, wanted).changes == {"secrets": Kind.UPDATE}
    assert handler.update(call(), "cluster-1", STATE, INPUTS, wanted) == {**STATE, **wanted}


def test_a_secret_of_the_stack_that_was_left_behind_goes_with_its_place_and_no_other_does() -> None:
    cluster = Secrets({}, secrets={"shop/web-tls": owned(OWNER), "shop/other": owned("ffffffff"), "shop/third": owned(OWNER)})
    handler = places(cluster)
    state = {**STATE, "secrets": ["shop/gone", "shop/other", "shop/third", "shop/web-tls"]}
    handler.update(call(preview=True), "cluster-1", state, INPUTS, {**INPUTS, "secrets": ["shop/third"]})
    assert len(cluster.secrets) == 3
    handler.update(call(), "cluster-1", state, INPUTS, {**INPUTS, "secrets": ["shop/third"]})
    assert sorted(cluster.secrets) == ["shop/other", "shop/third"]
    handler.delete(call(), "cluster-1", INPUTS, {**state, "secrets": ["shop/third"]})
    assert sorted(cluster.secrets) == ["shop/other"]
