"""What goes wrong in a rehearsal, what an earlier one has left, and the report."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from alb_mutual_tls.alibaba.alb import Alb
from alb_mutual_tls.cluster.api import Forbidden, KubernetesError
from alb_mutual_tls.cluster.cluster import Conflict, Event
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.operations.printing import error_as_json
from alb_mutual_tls.operations.rehearsal import rehearsal as rehearsals
from alb_mutual_tls.operations.rehearsal.report import NOTHING, as_json, cleaning_as_json, print_for_people
from alb_mutual_tls.operations.verification.outcome import ConnectionFailed
from alb_mutual_tls.verdict import Verdict
from tests.screens import shown
from tests.unit.operations.rehearsal.rehearsals import (
    ELSEWHERE,
    GONE,
    HOST,
    LISTENER,
    Town,
    World,
    abandoned,
    before,
    cleaning,
    component,
    interrupt,
    lose_the_answer,
    refused,
)
from tests.unit.provider.fakes import alb


def test_somebody_else_who_writes_at_the_same_moment_is_planned_around(world: World) -> None:
    other = {"port": 8443, "protocol": "HTTPS"}
    world.cluster.before_patch.append(lambda document: document["spec"]["listeners"].insert(0, other))
    done = world.rehearse()
    assert (done.result.verdict, done.result.port) == (Verdict.HELD, 8444)
    assert [item["port"] for item in world.listeners] == [8443, 80, 443]


def test_a_listener_that_is_appended_with_the_same_port_at_the_same_moment_is_given_way(world: World) -> None:
    world.cluster.before_patch.append(
        lambda document: document["spec"]["listeners"].append({"port": 8443, "protocol": "HTTP"})
    )
    done = world.rehearse()
    assert (done.result.verdict, done.result.port) == (Verdict.HELD, 8444)
    assert [item["port"] for item in world.listeners] == [80, 443, 8443]


def test_whoever_writes_again_and_again_ends_it_with_nothing_added(world: World) -> None:
    world.cluster.before_patch = [lambda document: document["spec"]["listeners"].reverse()] * 9
    first = before(world)
    done = world.rehearse()
    assert "could not be added, 8 times in a row" in done.result.reason
    assert (done.result.exit_code, done.result.port, world.cluster.patches) == (2, None, [])
    assert sorted(map(str, world.listeners)) == sorted(map(str, first["spec"]["listeners"]))


def test_an_answer_that_is_lost_adds_it_once_and_takes_it_away(world: World) -> None:
    first = before(world)
    world.cluster.after_patch = [lose_the_answer, lose_the_answer]
    done = world.rehearse()
    assert done.result.verdict is Verdict.HELD
    assert len(world.cluster.patches) == 2
    world.unharmed(first)


def test_a_warning_of_the_controller_ends_it(world: World) -> None:
    first = before(world)
    world.cluster.events = [Event("FailedBuildModel", "an old one", "2026-01-01T00:00:00Z")]
    new = Event("FailedApplyModel", "apply failed. listenerPort: 8443", "2026-03-01T00:00:00Z")
    world.cluster.after_patch = [lambda: world.cluster.events.append(new)]
    done = world.rehearse()
    assert (
        "the controller does not take the temporary listener: FailedApplyModel: apply failed. listenerPort:"
        " 8443" in done.result.reason
    )
    assert done.result.exit_code == 2
    world.unharmed(first)


def test_an_alb_that_is_slow_is_waited_for_and_one_that_is_too_slow_is_not_decided(world: World) -> None:
    first = before(world)
    world.alb.slow = 3
    assert world.rehearse(wait=60.0).result.verdict is Verdict.HELD
    world.alb.slow = 10**6
    done = world.rehearse()
    assert (
        "ALB did not show the temporary listener within 0 s: load balancer alb-of-alb shows status Running"
        in done.result.reason
    )
    world.unharmed(first)


def test_where_alb_may_not_be_asked_the_port_itself_tells(world: World) -> None:
    def asks() -> Alb:
        raise UserError("grant the RAM action alb:ListListeners")

    world.asks = asks
    done = world.rehearse()
    assert done.result.verdict is Verdict.HELD
    assert (
        "whether ALB itself shows the temporary listener was not looked at: grant the RAM action"
        " alb:ListListeners" in done.result.notes
    )


def test_where_events_may_not_be_read_it_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: str) -> list[Event]:
        raise Forbidden("grant the verb list on events", 403, "")

    monkeypatch.setattr(world.cluster, "warning_events", forbidden)
    done = world.rehearse()
    assert done.result.verdict is Verdict.HELD
    assert len([note for note in done.result.notes if "grant the verb list on events" in note]) == 1


def test_a_port_that_stays_closed_is_not_decided(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = before(world)
    closed = ConnectionFailed("no answer in time")
    monkeypatch.setattr(Town, "over_tls", lambda town, to, *_: town.real if to.port == 1443 else closed)
    done = world.rehearse()
    assert "could not be reached at 127.0.0.1 port 9443 within 0 s (no answer in time)" in done.result.reason
    assert done.result.exit_code == 2
    world.unharmed(first)


def test_a_listener_that_somebody_takes_away_in_between_decides_nothing() -> None:
    def taken() -> None:
        world.cluster.documents["alb"]["spec"]["listeners"] = world.listeners[:2]

    world: World = World(during=taken)
    first = before(world)
    done = world.rehearse()
    assert (
        "somebody has changed the temporary listener 8443/HTTPS, or taken it away, during the rehearsal"
        in done.result.reason
    )
    assert done.result.exit_code == 2
    world.unharmed(first)


@pytest.mark.parametrize("anew", [True, False])
def test_an_albconfig_that_is_deleted_or_made_anew_in_between_leaves_nothing_behind(
    anew: bool, world: World
) -> None:
    def gone() -> None:
        document = world.cluster.documents.pop("alb")
        if anew:
            world.cluster.documents["alb"] = {
                **alb(),
                "metadata": {**document["metadata"], "uid": "u-2", "annotations": {}},
            }

    world.cluster.after_patch = [gone]
    done = world.rehearse()
    assert "was deleted or made anew meanwhile" in done.result.reason
    assert (done.result.exit_code, done.result.left) == (2, [])


@pytest.mark.parametrize("place", ["in the patch", "while trying"])
def test_ctrl_c_takes_it_away_and_decides_nothing(place: str) -> None:
    world = World(during=interrupt) if place == "while trying" else World()
    first = before(world)
    if place == "in the patch":
        world.cluster.after_patch = [interrupt]
    done = world.rehearse()
    assert done.result.reason == "interrupted: run the command again"
    assert (done.result.exit_code, done.result.left) == (2, [])
    world.unharmed(first)


def test_a_second_ctrl_c_ends_the_cleaning_and_says_what_is_left(world: World) -> None:
    world.cluster.after_patch = [interrupt]
    world.cluster.before_patch = [lambda _: None, lambda _: interrupt()]
    done = world.rehearse()
    assert done.result.left == [
        "the temporary listener 8443/HTTPS of AlbConfig alb and its annotation albmtls/8443-https-rehearsal"
        " could not be taken away (interrupted): run ./mtls rehearse --clean as soon as the cluster can be"
        " written"
    ]
    assert (done.result.exit_code, len(world.left())) == (2, 1)


def test_a_cluster_that_is_gone_at_the_end_is_tried_for_a_while_and_then_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsals, "CLEANING", 0.2)
    patch = world.cluster.patch_albconfig

    def gone(name: str, wanted: Any) -> Document:
        if world.cluster.patches:
            raise Unreachable("the cluster cannot be reached")
        return patch(name, wanted)

    monkeypatch.setattr(world.cluster, "patch_albconfig", gone)
    done = world.rehearse()
    assert done.result.report is not None
    assert done.result.report.verdict is Verdict.HELD
    assert (done.result.verdict, done.result.exit_code) == (Verdict.NOT_DECIDED, 2)
    (left,) = done.result.left
    assert "could not be taken away (the cluster cannot be reached): run ./mtls rehearse --clean" in left


@pytest.mark.parametrize(
    "errors",
    [
        [Unreachable("away")],
        [Conflict("overtaken"), Unreachable("away")],
        [KubernetesError("busy", 503, "")] * 3,
    ],
)
def test_a_cluster_that_comes_back_lets_it_be_taken_away(
    errors: list[UserError], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, pending, patch = before(world), list(errors), world.cluster.patch_albconfig

    def shaky(name: str, wanted: Any) -> Document:
        if world.cluster.patches and pending:
            raise pending.pop()
        return patch(name, wanted)

    monkeypatch.setattr(world.cluster, "patch_albconfig", shaky)
    assert world.rehearse().result.verdict is Verdict.HELD
    world.unharmed(first)


def test_one_that_somebody_changes_is_left_and_told() -> None:
    def change() -> None:
        world.listeners[-1]["caEnabled"] = False

    world: World = World(during=change)
    done = world.rehearse()
    assert (done.result.exit_code, len(world.listeners)) == (2, 3)
    (left,) = done.result.left
    assert "is no longer what was added, so it is left" in left


def test_what_a_killed_one_has_left_is_taken_away_first(world: World) -> None:
    first = before(world)
    abandoned(world, runner=GONE)
    again = world.rehearsal()
    assert (
        "take away the temporary listener 8443/HTTPS that was left behind, add a temporary listener, which"
        in again.prepare()
    )
    again.run()
    assert (again.result.verdict, again.result.port) == (Verdict.HELD, 8443)
    (sentence,) = again.result.cleaned
    assert f"(process {GONE.pid} on {GONE.host}, since " in sentence
    assert sentence.endswith("was left behind and has been taken away")
    world.unharmed(first)


def test_one_that_may_still_run_elsewhere_is_not_disturbed_until_its_time_is_up(world: World) -> None:
    abandoned(world, runner=ELSEWHERE)
    told = refused(world)
    assert f"is in progress (process {GONE.pid} on elsewhere, until " in told
    assert "or take its temporary listener away with ./mtls rehearse --clean" in told
    (left,) = world.left()
    assert left.claim is not None
    assert dt.timedelta(minutes=14) < left.claim.until - dt.datetime.now(dt.UTC) < dt.timedelta(minutes=16)
    overdue = world.cluster.documents["alb"]["metadata"]["annotations"]
    overdue[left.key] = overdue[left.key].replace('"until":"2', '"until":"1')
    assert world.rehearse().result.verdict is Verdict.HELD
    assert world.left() == []


def test_one_of_another_listener_or_another_stack_is_not_disturbed(world: World) -> None:
    world.listeners.append({"port": 444, "protocol": "HTTPS", "certificates": [{"CertificateId": "1"}]})
    other = replace(
        component(), listeners=(replace(LISTENER, name="admin", port=444, address="127.0.0.1:1444"),)
    )
    abandoned(world, stack=other, runner=ELSEWHERE)
    abandoned(world, stack=replace(component(), identity="ffffffff"), runner=GONE)
    done = world.rehearse()
    assert (done.result.verdict, done.result.port) == (Verdict.HELD, 8445)
    assert [one.claim.port for one in world.left() if one.claim] == [444, 443]
    assert any(
        "has the temporary listener 8444/HTTPS of a rehearsal of listener 443/HTTPS" in note
        for note in done.result.notes
    )


def test_one_that_was_changed_is_left_and_another_port_is_taken(world: World) -> None:
    abandoned(world, runner=GONE)
    world.listeners[-1]["description"] = "mine now"
    done = world.rehearse()
    assert (done.result.verdict, done.result.port) == (Verdict.HELD, 8444)
    assert any("is no longer what was added, so it is left" in note for note in done.result.notes)
    assert [item["port"] for item in world.listeners] == [80, 443, 8443]


def test_clean_takes_away_what_may_still_run_too(world: World) -> None:
    first = before(world)
    abandoned(world, runner=ELSEWHERE)
    assert cleaning(world, only=True, port=444).found == []
    made = cleaning(world)
    assert (
        made.question()
        == "Take away the temporary listener 8443/HTTPS of AlbConfig alb, also where its rehearsal still"
        " runs?"
    )
    made.run()
    world.unharmed(first)
    assert (made.exit_code, made.left) == (0, [])
    document = json.loads(cleaning_as_json(made))
    assert (document["version"], document["summary"], len(document["cleaned"])) == (
        1,
        "1 taken away, nothing is left",
        1,
    )
    assert (
        json.loads(cleaning_as_json(cleaning(world)))["summary"]
        == "there is no temporary listener to take away"
    )


def test_clean_leaves_and_tells_what_is_not_its_own(world: World) -> None:
    abandoned(world, stack=replace(component(), identity="ffffffff"))
    world.cluster.documents["alb"]["metadata"]["annotations"]["albmtls/9999-https-rehearsal"] = "{}"
    made = cleaning(world)
    made.run()
    assert (len(made.notes), len(made.left), made.exit_code, len(world.listeners)) == (1, 1, 2, 3)
    assert "annotation albmtls/9999-https-rehearsal of AlbConfig alb cannot be read" in made.left[0]


def test_clean_says_what_the_cluster_did_not_let_it_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(name: str, patch: Any) -> Document:
        raise Forbidden("grant the verb patch on albconfigs", 403, "")

    abandoned(world)
    made = cleaning(world)
    monkeypatch.setattr(world.cluster, "patch_albconfig", forbidden)
    made.run()
    assert (made.left, made.exit_code) == (["grant the verb patch on albconfigs"], 2)


def test_gitops_tools_and_bypasses_are_noted(world: World) -> None:
    metadata = world.cluster.documents["alb"]["metadata"]
    metadata["managedFields"] = [
        {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:listeners": {}}}}
    ]
    world.cluster.classes = [
        {
            "metadata": {"name": "alb"},
            "spec": {
                "controller": "ingress.k8s.alibabacloud/alb",
                "parameters": {"kind": "AlbConfig", "name": "alb"},
            },
        }
    ]
    listen = {"alb.ingress.kubernetes.io/listen-ports": '[{"HTTP":80},{"HTTPS":443},{"HTTPS":8443}]'}
    world.cluster.members = [
        {
            "metadata": {"name": "shop", "annotations": listen},
            "spec": {"ingressClassName": "alb", "rules": [{"host": HOST}]},
        }
    ]
    done = world.rehearse()
    assert done.result.port == 8444  # the Ingress would be served on 8443
    assert any(
        note.startswith("argocd-controller also writes spec.listeners of AlbConfig alb and may take")
        for note in done.result.notes
    )
    assert any(
        f"{HOST} can be reached without a client certificate on 80/HTTP" in note for note in done.result.notes
    )


def test_the_report_says_the_same_to_people_and_machines(world: World) -> None:
    result = world.rehearse(with_authority_key=True).result
    document = json.loads(as_json(result))
    assert document["version"] == 1
    assert (document["verdict"], document["exitCode"]) == ("would hold", 0)
    assert document["rehearsed"] == {
        "purpose": "enabling client authentication",
        "authority": "a",
        "caCertificateId": "ca-a",
        "port": 8443,
        "seconds": document["rehearsed"]["seconds"],
    }
    assert [(one["certificates"], one["need"], one["result"]) for one in document["depths"]] == [
        (1, "clients", "accepted"),
        (2, "a rotation", "accepted"),
        (3, "nothing yet", "accepted"),
    ]
    assert {check["port"] for check in document["checks"] if check["port"]} == {9443}
    text = shown(lambda screen: print_for_people(result, screen))
    assert "CA > 2 intermediates > client" in text
    assert text.splitlines()[0] == document["summary"]
    assert document["summary"].startswith(
        "would hold: enabling client authentication on listener 443/HTTPS of AlbConfig alb with authority a;"
        " the temporary listener 8443/HTTPS stood for "
    )
    for told in (as_json(result), text, repr(result)):
        assert "PRIVATE KEY" not in told


def test_what_is_left_and_why_nothing_was_decided_stand_in_the_report(world: World) -> None:
    world.cluster.after_patch = [interrupt]
    world.cluster.before_patch = [lambda _: None, lambda _: interrupt()]
    result = world.rehearse().result
    document = json.loads(as_json(result))
    assert (document["verdict"], document["error"], document["left"]) == (
        "not decided",
        "interrupted: run the command again",
        result.left,
    )
    assert f"LEFT: {result.left[0]}" in shown(lambda screen: print_for_people(result, screen))
    assert "1 NOT TAKEN AWAY" in document["summary"]
    assert json.loads(error_as_json("no", NOTHING))["summary"] == "not decided: no"
