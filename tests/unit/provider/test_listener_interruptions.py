"""The handler among other writers, lost answers, and an ALB that takes its time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alb_mutual_tls.alibaba.openapi import NotPermitted
from alb_mutual_tls.cluster.cluster import Event
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener.claim import ClaimedByAnother
from alb_mutual_tls.listener.enforced import CaReference, ListenerState
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.plugin.handler import PartiallyMade
from alb_mutual_tls.plugin.request import Cancelled
from tests.examples import examples
from tests.unit.provider.fakes import CA_1, CA_2, KEY, ON, World, alb, raised, wanted

# --- other writers


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda document: document["spec"]["listeners"].insert(0, {"port": 8080, "protocol": "HTTP"}),
        lambda document: document["spec"]["listeners"].reverse(),
        lambda document: document["spec"]["listeners"].pop(0),
        lambda document: document["spec"]["listeners"][1].update(caEnabled=False),
        lambda document: document["metadata"].update(annotations={"somebody": "else"}),
    ],
)
def test_a_writer_in_between_makes_it_plan_anew_and_loses_nothing(
    meanwhile: Callable[[Document], None],
) -> None:
    world = World()
    world.cluster.before_patch.append(meanwhile)
    expected = copy.deepcopy(world.cluster.documents["alb"])
    meanwhile(expected)
    state = world.create(wanted())
    assert {key: world.listener()[key] for key in ON} == ON
    ours = next(item for item in expected["spec"]["listeners"] if item["port"] == 443)
    ours |= ON
    assert world.cluster.documents["alb"]["spec"] == expected["spec"]
    world.delete(state)


def test_a_listener_that_is_deleted_in_between_is_told() -> None:
    world = World()
    world.cluster.before_patch.append(lambda document: document["spec"]["listeners"].pop())
    assert "has no listener on port 443" in raised(UserError, lambda: world.create(wanted()))


def test_a_stack_that_claims_in_between_is_refused() -> None:
    world = World()
    other = World()
    other.create(wanted(owner="99999999"))
    claim = other.annotations()[KEY]
    world.cluster.before_patch.append(lambda document: document["metadata"].update(annotations={KEY: claim}))
    raised(ClaimedByAnother, lambda: world.create(wanted()))
    assert "caEnabled" not in world.listener()


def test_a_writer_that_never_stops_ends_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr("alb_mutual_tls.cluster.rewrite.random.uniform", lambda *_: 0.0)
    flips = [
        lambda document, on=on: document["spec"]["listeners"][1].update(caEnabled=on)
        for on in (True, False) * 10
    ]
    world.cluster.before_patch.extend(flips)
    sentence = raised(UserError, lambda: world.create(wanted()))
    assert sentence.startswith(
        "listener 443/HTTPS of AlbConfig alb could not be written, 8 times in a row: AlbConfig alb was"
        " changed by somebody else"
    )
    assert sentence.endswith("pause whoever else writes that listener, then run pulumi up again")


def test_a_lost_answer_is_looked_up_and_nothing_is_written_twice() -> None:
    world = World(alb({"port": 443, "protocol": "HTTPS", "caEnabled": None}))

    def lose() -> None:
        raise Unreachable("the cluster cannot be reached: connection reset")

    world.cluster.after_patch.append(lose)
    state = world.create(wanted())
    assert state["previous"] == '{"caEnabled":null}'
    assert len(world.cluster.patches) == 1
    world.cluster.after_patch.append(lose)
    world.said.clear()
    world.delete(state)
    assert world.listener() == {"port": 443, "protocol": "HTTPS", "caEnabled": None}
    assert world.warnings() == ["alb:443 will let everybody in without a client certificate"]
    assert len(world.cluster.patches) == 2


# --- the truth


def test_it_waits_until_alb_shows_what_was_wished() -> None:
    world = World()
    world.alb.slow = 2
    assert world.create(wanted(awaitTimeoutSeconds=30))["confirmed"] is True
    assert world.alb.looks == 3
    waiting, still_waiting, confirmed = (
        sentence for severity, sentence in world.said if severity == "STATUS"
    )
    assert waiting.startswith("waiting for ALB to confirm")
    assert still_waiting.startswith("waiting for ALB to confirm")
    assert confirmed.startswith(
        "ALB confirms that listener 443/HTTPS of AlbConfig alb asks for client certificates"
    )


def test_without_waiting_alb_is_not_asked() -> None:
    world = World()
    assert world.create(wanted(awaitListener=False))["confirmed"] is True
    assert world.alb.looks == 0


def test_a_time_out_keeps_the_resource_tells_what_alb_shows_and_the_next_run_asks_again() -> None:
    world = World()
    shown = ListenerState("lsn-1", "alb-of-alb", 443, "Running", False, (CaReference(CA_2, "Associated"),))
    world.alb.answer = lambda: shown
    world.cluster.events = [Event("FailedApplyModel", "CertificateId\nnot found", "2026-11-23T22:00:00Z")]
    with pytest.raises(PartiallyMade) as made:
        world.create(wanted())
    assert made.value.id == "alb/443"
    assert made.value.reasons == [
        "ALB did not confirm within 1 s that listener 443/HTTPS of AlbConfig alb asks for client"
        f" certificates of CA certificate {CA_1}: load balancer alb-of-alb shows status Running, CaEnabled"
        f" false, CA certificate {CA_2} (Associated); the last warnings of AlbConfig alb are"
        " FailedApplyModel: CertificateId not found (2026-11-23T22:00:00Z); perhaps ALB does not know the CA"
        " certificate, because it reads the other half of CAS than cas.aliyuncs.com: set"
        " alicloud:endpoints.cas to the half of the ALB (docs/configuration.md); the AlbConfig is written:"
        " look at it (kubectl describe albconfig alb), and run pulumi up to check again"
    ]
    live = world.refresh(made.value.state)
    assert live is not None
    assert live["confirmed"] is False
    assert world.changes(live, wanted()) == {"confirmed": "UPDATE"}
    world.alb.answer = None
    done = world.update(live, wanted())
    assert done["confirmed"] is True
    assert len(world.cluster.patches) == 1


def test_a_time_out_over_a_ca_certificate_that_alb_has_does_not_speak_of_the_halves_of_cas() -> None:
    world = World()
    shown = ListenerState("lsn-1", "alb-of-alb", 443, "Running", False, (CaReference(CA_1, "Associating"),))
    world.alb.answer = lambda: shown
    with pytest.raises(PartiallyMade) as made:
        world.create(wanted())
    assert "half of CAS" not in made.value.reasons[0]


def test_an_albconfig_without_a_load_balancer_is_waited_for() -> None:
    world = World()
    del world.cluster.documents["alb"]["status"]
    with pytest.raises(
        PartiallyMade, match=r"AlbConfig alb has no load balancer yet \(status.loadBalancer.id\)"
    ):
        world.create(wanted())


def test_ctrl_c_while_waiting_keeps_the_resource() -> None:
    world = World()
    world.cluster.after_patch.append(world.cancelled.set)
    world.alb.answer = lambda: None
    with pytest.raises(PartiallyMade, match="cancelled before ALB confirmed"):
        world.create(wanted(awaitTimeoutSeconds=600))


def test_a_cancelled_run_writes_nothing_any_more() -> None:
    world = World()
    world.cancelled.set()
    with pytest.raises(Cancelled):
        world.create(wanted())
    assert world.cluster.patches == []


def test_without_permission_it_says_that_enforcement_was_not_confirmed() -> None:
    world = World()

    def refuse() -> ListenerState | None:
        raise NotPermitted("RAM forbids alb:GetListenerAttribute")

    world.alb.answer = refuse
    assert world.create(wanted())["confirmed"] is True
    assert world.warnings() == [
        "the AlbConfig is written, but it was not confirmed that ALB enforces it: RAM forbids"
        " alb:GetListenerAttribute"
    ]


def test_an_error_after_the_patch_never_loses_the_resource() -> None:
    world = World()

    def refuse() -> ListenerState | None:
        raise UserError("the access key is unknown")

    world.alb.answer = refuse
    with pytest.raises(PartiallyMade, match="could not be found out: the access key is unknown"):
        world.create(wanted())


# --- other writers at every point, made up


def _insert(document: Document) -> None:
    document["spec"]["listeners"].insert(0, {"port": 8080, "protocol": "HTTP"})


def _reverse(document: Document) -> None:
    document["spec"]["listeners"].reverse()


def _remove_another(document: Document) -> None:
    document["spec"]["listeners"] = [item for item in document["spec"]["listeners"] if item["port"] != 80]


def _remove_ours(document: Document) -> None:
    document["spec"]["listeners"] = [item for item in document["spec"]["listeners"] if item["port"] != 443]


def _flip(document: Document) -> None:
    for item in document["spec"]["listeners"]:
        if item["port"] == 443:
            item["caEnabled"] = not item.get("caEnabled")


def _annotate(document: Document) -> None:
    document["metadata"].setdefault("annotations", {})["somebody"] = "else"


def _write_status(document: Document) -> None:
    document["status"]["phase"] = "Configuring"


@given(
    st.lists(
        st.sampled_from([_insert, _reverse, _remove_another, _remove_ours, _flip, _annotate, _write_status]),
        max_size=7,
    )
)
@settings(max_examples=examples(100))
def test_whatever_others_write_in_between_it_lands_on_the_right_listener_or_ends_in_one_sentence(
    writers: list[Callable[[Document], None]],
) -> None:
    world = World()
    world.cluster.before_patch.extend(writers)
    expected = copy.deepcopy(world.cluster.documents["alb"])
    with mock.patch("alb_mutual_tls.cluster.rewrite.random.uniform", lambda *_: 0.0):
        try:
            state = world.create(wanted())
        except UserError as error:
            assert "\n" not in str(error)
            state = None
    for writer in writers[: len(writers) - len(world.cluster.before_patch)]:
        writer(expected)
    now = world.cluster.documents["alb"]
    if state is not None:
        ours = [item for item in expected["spec"]["listeners"] if item["port"] == 443]
        assert len(ours) == 1
        ours[0] |= ON
        expected["metadata"].setdefault("annotations", {})[KEY] = now["metadata"]["annotations"][KEY]
    assert now == expected
