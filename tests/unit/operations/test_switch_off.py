"""`mtls off` on a cluster: what it writes, what it notes, and that nobody in between keeps the
listener on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from alb_mutual_tls.cluster.cluster import Cluster
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.operations import switch_off as operation
from tests.unit.provider.fakes import KEY, ON, World, alb, raised, wanted

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def off(world: World) -> list[str]:
    """Look, switch off, and what is told."""
    cluster = cast(Cluster, world.cluster)
    before = operation.look(cluster, "alb", 443)
    note = operation.switch_off(cluster, before, now=NOW, pause=lambda _: None)
    return operation.told(before, note)


def claimed() -> World:
    world = World()
    world.create(wanted())
    world.cluster.patches.clear()
    return world


def writes(world: World) -> list[str]:
    return [
        operation["path"]
        for patch in world.cluster.patches
        for operation in patch
        if operation["op"] != "test"
    ]


def test_it_writes_ca_enabled_and_a_note_into_the_claim_and_keeps_everything_else() -> None:
    world = claimed()
    before, document = json.loads(world.annotations()[KEY]), world.cluster.documents["alb"]
    told = off(world)
    assert (
        told[0]
        == "alb:443 is off: everybody is let in without a client certificate. Its CA certificates stay as"
        " they are."
    )
    assert writes(world) == ["/spec/listeners/1/caEnabled", "/metadata/annotations/albmtls~1443-https"]
    assert {key: world.listener()[key] for key in ON} == {**ON, "caEnabled": False}
    after = json.loads(world.annotations()[KEY])
    assert after.pop("switchedOff")["at"] == "2026-11-30T12:00:00Z"
    assert after == before
    assert world.cluster.documents["alb"]["spec"]["listeners"][0] == document["spec"]["listeners"][0]


def test_the_next_refresh_tells_it_and_the_next_update_takes_it_back_or_the_note_away() -> None:
    world = claimed()
    state = world.update(world.create(wanted()), wanted())
    off(world)
    live = world.refresh(state)
    assert live is not None
    assert any(
        warning.startswith("alb:443 was switched off with ./mtls off by ") for warning in world.warnings()
    )
    assert world.changes(live, wanted()) == {"caEnabled": "UPDATE", "switchedOff": "UPDATE"}
    assert world.changes(live, wanted(caEnabled=False)) == {"switchedOff": "UPDATE"}
    for inputs in (wanted(caEnabled=False), wanted()):
        again = world.update(live, inputs)
        assert "switchedOff" not in again
        assert "switchedOff" not in json.loads(world.annotations()[KEY])
        assert world.listener()["caEnabled"] is inputs["caEnabled"]


@pytest.mark.parametrize("annotation", [None, "{torn"])
def test_without_a_claim_that_can_be_read_it_writes_ca_enabled_alone_and_says_so(
    annotation: str | None,
) -> None:
    world = World(alb({"port": 443, "protocol": "HTTPS", **ON}))
    if annotation:
        world.cluster.documents["alb"]["metadata"]["annotations"] = {KEY: annotation}
    told = off(world)
    assert writes(world) == ["/spec/listeners/0/caEnabled"]
    assert any(line.startswith("Nothing was noted on the AlbConfig: ") for line in told)
    assert world.annotations() == ({KEY: annotation} if annotation else {})


def test_a_listener_that_is_off_is_left_alone() -> None:
    world = World(alb({"port": 443, "protocol": "HTTPS"}))
    assert off(world) == ["alb:443 is off already, so nothing was written."]
    assert world.cluster.patches == []


def _write(document: dict[str, Any]) -> None:
    document["spec"]["listeners"][1]["caEnabled"] = True
    document["spec"]["listeners"].reverse()


def test_somebody_who_writes_at_the_same_moment_and_an_answer_that_is_lost_keep_nothing_on() -> None:
    def lose() -> None:
        raise Unreachable("the cluster cannot be reached: connection reset")

    world = claimed()
    world.cluster.before_patch.append(_write)
    world.cluster.after_patch.append(lose)
    told = off(world)
    assert world.listener()["caEnabled"] is False
    assert any("keeps its claim, with a note: by " in line for line in told)
    assert len(world.cluster.patches) == 1


def test_somebody_who_writes_all_the_time_is_named_in_one_sentence() -> None:
    world = claimed()
    world.cluster.before_patch += [_write] * 8
    sentence = raised(UserError, lambda: off(world))
    assert sentence.startswith(
        "alb:443 could not be switched off, 8 times in a row: AlbConfig alb was changed by somebody else"
    )


def test_a_tool_that_writes_the_listeners_from_a_source_of_its_own_is_named() -> None:
    world = claimed()
    entry = {
        "manager": "argocd-controller",
        "operation": "Apply",
        "fieldsV1": {"f:spec": {"f:listeners": {}}},
    }
    world.cluster.documents["alb"]["metadata"]["managedFields"] = [entry]
    assert any(
        line.startswith("argocd-controller also writes the listeners of AlbConfig alb, and may undo this")
        for line in off(world)
    )


@pytest.mark.parametrize(
    ("look", "part"),
    [
        (lambda cluster: operation.look(cluster, "alp", 443), "there is no AlbConfig alp in"),
        (lambda cluster: operation.look(cluster, "alb", 444), "has no listener on port 444"),
    ],
)
def test_what_is_not_there_is_named(look: Callable[[Any], object], part: str) -> None:
    assert part in raised(UserError, lambda: look(claimed().cluster))
