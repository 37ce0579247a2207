"""`SecretPlace` and `ClusterIdentity`: into nobody else's Secret, in one cluster, and none left
behind.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from alb_mutual_tls.cluster.api import Forbidden
from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.plugin.handler import Handler, Kind
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.cluster_identity import ClusterIdentity
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.secret_place import SecretPlace
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.unit.provider.fakes import FakeCluster, FakeConfiguration

OWNER = "0a1b2c3d"
PLACE = "shop/web-tls"
INPUTS: Properties = {"namespace": "shop", "name": "web-tls", "cluster": "cluster-1", "owner": OWNER}


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


def configuration(cluster: Secrets) -> Configuration:
    return cast(Configuration, FakeConfiguration(cluster, cast(Any, None)))


def place(secret: dict[str, Any] | None = None, *, cluster: str = "cluster-1") -> tuple[Handler, Secrets]:
    """The handler, in a cluster that has this Secret."""
    found = Secrets({}, identity=cluster, secrets={} if secret is None else {PLACE: secret})
    return SecretPlace(configuration(found)), found


def call(told: list[str] | None = None) -> Request:
    def log(severity: str, message: str, urn: str) -> None:
        if told is not None:
            told.append(message)

    return Request(urn="u", name="it", preview=False, timeout=0, cancelled=threading.Event(), log=log)


def test_a_secret_that_may_not_be_read_is_a_warning_where_nothing_is_made() -> None:
    handler, secrets = place(owned(OWNER))

    def forbid(namespace: str, name: str) -> None:
        raise Forbidden("the cluster forbids user ci to get secrets", 403, "forbidden")

    secrets.secret_metadata = forbid  # type: ignore[method-assign]
    told: list[str] = []
    assert handler.diff(call(told), PLACE, INPUTS, INPUTS, INPUTS).changes == {}
    assert told == [
        f"whether Secret {PLACE} is still this stack's was not looked at, what is known of it is kept: the"
        " cluster forbids user ci to get secrets"
    ]
    with pytest.raises(Forbidden):
        handler.create(call(), INPUTS)


@pytest.mark.parametrize("secret", [None, owned(OWNER)])
def test_a_place_that_is_free_or_the_stacks_own_is_taken(secret: dict[str, Any] | None) -> None:
    handler, _ = place(secret)
    assert handler.create(call(), INPUTS) == (PLACE, INPUTS)
    assert handler.diff(call(), PLACE, INPUTS, INPUTS, INPUTS).changes == {}


@pytest.mark.parametrize(
    ("secret", "whose"),
    [
        ({"uid": "1"}, "was not made by this program"),
        ({"uid": "1", "labels": {"app": "shop"}}, "was not made by this program"),
        (owned("ffffffff"), "belongs to the stack with the identity ffffffff"),
    ],
)
def test_somebody_elses_secret_is_refused_by_create_and_diff_in_one_sentence(
    secret: dict[str, Any], whose: str
) -> None:
    handler, _ = place(secret)
    sentence = (
        f"Secret {PLACE} is there already and {whose}: give clients.NAME.secret another name, or delete it if"
        " nobody needs it"
    )
    for act in (
        lambda: handler.create(call(), INPUTS),
        lambda: handler.diff(call(), PLACE, INPUTS, INPUTS, INPUTS),
    ):
        with pytest.raises(UserError) as refused:
            act()
        assert str(refused.value) == sentence


def test_a_stack_whose_identity_is_not_known_yet_owns_nothing() -> None:
    unknown = {**INPUTS, "owner": UNKNOWN, "cluster": UNKNOWN}
    with pytest.raises(UserError, match="is there already"):
        place(owned(OWNER))[0].create(call(), unknown)
    assert place()[0].create(call(), unknown)[0] == PLACE


def test_in_another_cluster_nothing_is_taken_or_deleted() -> None:
    handler, cluster = place(owned(OWNER), cluster="cluster-2")
    for act in (
        lambda: handler.create(call(), INPUTS),
        lambda: handler.diff(call(), PLACE, INPUTS, INPUTS, INPUTS),
        lambda: handler.delete(call(), PLACE, INPUTS, INPUTS),
    ):
        with pytest.raises(
            WrongPlace, match="what the stack has delivered into Secrets belongs to cluster cluster-1"
        ):
            act()
    assert cluster.secrets


def test_a_new_owner_is_a_change_in_place_and_another_name_is_another_place() -> None:
    handler, _ = place()
    assert handler.diff(call(), PLACE, INPUTS, INPUTS, {**INPUTS, "owner": "ffffffff"}).changes == {
        "owner": Kind.UPDATE
    }
    assert (
        handler.update(call(), PLACE, INPUTS, INPUTS, {**INPUTS, "owner": "ffffffff"})["owner"] == "ffffffff"
    )
    assert handler.diff(call(), PLACE, INPUTS, INPUTS, {**INPUTS, "name": "x"}).changes == {
        "name": Kind.UPDATE_REPLACE
    }


def test_the_secret_goes_with_its_place_and_one_that_lost_its_label_stays_with_a_warning() -> None:
    told: list[str] = []
    handler, cluster = place(owned(OWNER))
    handler.delete(call(told), PLACE, INPUTS, INPUTS)
    handler.delete(call(told), PLACE, INPUTS, INPUTS)  # gone already
    assert (cluster.secrets, told) == ({}, [])
    handler, cluster = place({"uid": "1"})
    handler.delete(call(told), PLACE, INPUTS, INPUTS)
    assert told == [
        f"Secret {PLACE} is left where it is: it does not carry this stack's label albmtls/identity={OWNER}"
        " any more"
    ]
    assert PLACE in cluster.secrets


def test_the_cluster_is_remembered_and_every_other_refused_also_when_nothing_changes() -> None:
    here, elsewhere = (
        ClusterIdentity(configuration(Secrets({}))),
        ClusterIdentity(configuration(Secrets({}, identity="cluster-2"))),
    )
    assert here.create(call(), {}) == ("cluster-1", {"uid": "cluster-1"})
    assert here.diff(call(), "cluster-1", {"uid": "cluster-1"}, {}, {}).changes == {}
    reading = here.read(call(), "cluster-1", {}, {})
    assert reading is not None and reading.state == {"uid": "cluster-1"}
    for act in (
        lambda: elsewhere.diff(call(), "cluster-1", {"uid": "cluster-1"}, {}, {}),
        lambda: elsewhere.read(call(), "cluster-1", {}, {"uid": "cluster-1"}),
    ):
        with pytest.raises(WrongPlace, match="belongs to cluster cluster-1"):
            act()
