"""Where a deployment that turned out bad can go back to, and that the way back never lets in whom
the state before did not.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.engine.events import ResourceState, Step
from alb_mutual_tls.operations.deployment import rollback
from alb_mutual_tls.operations.deployment.proof import Verification
from alb_mutual_tls.operations.deployment.rollback import NoWayBack, StateBefore, WayBack, way_back, widened
from alb_mutual_tls.stack.history import HistoryEntry, Value
from alb_mutual_tls.tokens import COMPONENT, LISTENER_CLIENT_AUTHENTICATION
from alb_mutual_tls.verdict import Verdict

HELD = Verification(Verdict.HELD, "held: 15 checks held at 1 listener")
SHORT = Verification(Verdict.FELL_SHORT, "fell short: 1 check held at 1 listener, 14 fell short")
UNDECIDED = Verification(Verdict.NOT_DECIDED, "not decided: the listener does not answer")
NOTHING = Verification(Verdict.NOT_CHECKED, "no listener is declared")
PARENT = "urn:pulumi:prod::p::alb-mutual-tls:index:AlbMutualTls"


def before(
    verification: Verification | None = HELD, *, deployed: bool = True, unknown: str = ""
) -> StateBefore:
    return StateBefore(deployed, verification, unknown, {}, frozenset())


def urn(port: int) -> str:
    return f"{PARENT}$albmtls:index:ListenerClientAuthentication::alb-mutual-tls-alb-{port}"


def step(op: str, port: int, old: bool | None, new: bool | None) -> Step:
    def state(on: bool | None) -> ResourceState | None:
        return (
            None
            if on is None
            else ResourceState(inputs={"albConfig": "alb", "port": float(port), "caEnabled": on})
        )

    return Step(urn(port), LISTENER_CLIENT_AUTHENTICATION, op, ("caEnabled",), state(old), state(new))


def resource(port: int, *, on: bool, previous: str = "{}", **more: Any) -> dict[str, Any]:
    inputs = {"albConfig": "alb", "port": float(port), "caEnabled": on}
    return {
        "urn": urn(port),
        "type": LISTENER_CLIENT_AUTHENTICATION,
        "inputs": inputs,
        "outputs": {"previous": previous},
        **more,
    }


def exported(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"deployment": {"resources": list(resources)}}


def test_a_good_state_is_gone_back_to_with_its_configuration() -> None:
    assert way_back(before(), []) == WayBack("the configuration of the last deployment")
    assert way_back(before(NOTHING), []) == WayBack("the configuration of the last deployment")


@pytest.mark.parametrize("verification", [SHORT, UNDECIDED])
def test_a_state_that_was_not_good_is_not_gone_back_to(verification: Verification) -> None:
    assert way_back(before(verification), []) == NoWayBack(
        f"the state before was not good either ({verification.summary})"
    )


def test_without_the_former_configuration_there_is_no_way_back() -> None:
    assert way_back(before(unknown="the secret k was changed"), []) == NoWayBack("the secret k was changed")


def test_a_first_deployment_is_switched_off_or_gives_back_what_was_on_before() -> None:
    first = before(None, deployed=False)
    off = way_back(first, [])
    assert isinstance(off, WayBack) and off.edit == ("alb-mutual-tls:caEnabled", "false")
    back = way_back(first, ["alb:443"])
    assert isinstance(back, WayBack) and back.edit == ("alb-mutual-tls:listeners", "{}")


def test_no_way_back_is_forced_by_a_cut_off() -> None:
    last = HistoryEntry(
        "update",
        True,
        False,
        {"alb-mutual-tls:cutOff": Value("true"), "alb-mutual-tls:caEnabled": Value("true")},
    )
    assert rollback.guarded(last).configuration == {"alb-mutual-tls:caEnabled": Value("true")}


@pytest.mark.parametrize(
    ("one", "gives_back", "found"),
    [
        (step("update", 443, True, False), False, ["alb:443"]),
        (step("update", 443, True, False), True, ["alb:443"]),
        (step("delete", 443, True, None), False, ["alb:443"]),
        (step("delete", 443, True, None), True, []),
        (step("update", 443, False, True), False, []),
        (step("same", 443, True, True), False, []),
        (step("same", 443, False, False), False, ["alb:443"]),
        (step("refresh", 443, True, False), False, []),
        (step("update", 8443, True, False), False, []),
    ],
)
def test_a_listener_that_demanded_certificates_and_would_not_is_found(
    one: Step, gives_back: bool, found: list[str]
) -> None:
    assert widened([one], {"alb:443"}, gives_back=gives_back) == found


@given(st.dictionaries(st.integers(1, 65535), st.tuples(st.booleans(), st.booleans()), max_size=5))
def test_whatever_a_way_back_does_it_is_let_through_only_if_all_stay_on_that_were(
    listeners: dict[int, tuple[bool, bool]],
) -> None:
    on = {f"alb:{port}" for port, (was, _) in listeners.items() if was}
    steps = [step("update", port, not becomes, becomes) for port, (_, becomes) in listeners.items()]
    lost = sorted(f"alb:{port}" for port, (was, becomes) in listeners.items() if was and not becomes)
    assert widened(steps, on, gives_back=False) == lost


def test_the_state_tells_what_is_deployed_protected_and_on() -> None:
    state = exported(
        {"urn": PARENT, "type": COMPONENT},
        resource(443, on=True, protect=True),
        resource(8443, on=False),
        resource(9443, on=True, delete=True),
    )
    assert rollback.is_deployed(state)
    assert rollback.protected(state) == {PARENT: False, urn(443): True, urn(8443): False}
    assert rollback.demanding(state) == {"alb:443"}
    nothing: dict[str, Any] = {"deployment": None}
    assert not rollback.is_deployed(nothing) and rollback.demanding(nothing) == frozenset()


@pytest.mark.parametrize(
    ("previous", "on"),
    [
        ("{}", False),
        ('{"caEnabled": false}', False),
        ('{"caEnabled": true, "caCertificates": [{"CertificateId": "1"}]}', True),
        ('{"CAEnabled": true}', True),
        (json.dumps({"caEnabled": "true"}), False),
        ("", False),
    ],
)
def test_what_a_listener_was_before_the_stack_took_hold_of_it_counts_once(previous: str, on: bool) -> None:
    state = exported(resource(443, on=True, previous=previous))
    assert rollback.previously_demanding(state, []) == ({"alb:443"} if on else frozenset())
    assert rollback.previously_demanding(state, [urn(443)]) == frozenset()
