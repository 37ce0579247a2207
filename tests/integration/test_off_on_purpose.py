"""Always off on purpose: whatever is broken, switching off works, and everybody is let in then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import CAS, STS, Sandbox, Stack

QUICK = {"keyAlgorithm": "ECDSA-P256"}


@pytest.fixture(scope="module")
def first(sandbox: Sandbox) -> dict[str, Any]:
    """The AlbConfig's spec before any of it."""
    spec: dict[str, Any] = sandbox.albconfig()["spec"]
    return spec


@pytest.fixture(scope="module")
def shared(first: dict[str, Any], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    made = Stack("on-purpose", program, sandbox)
    made.set(authorities={"root": QUICK})
    yield made
    made.remove()
    assert sandbox.albconfig()["spec"] == first


@pytest.fixture
def stack(shared: Stack) -> Stack:
    """A stack that is up and asks for certificates."""
    shared.set(caEnabled=True)
    shared.up()
    assert shared.get()[0] in (0, 400)
    return shared


def switched_off(stack: Stack) -> str:
    """Switch off, which must work; everybody is let in then. Returns what was said, in one line."""
    stack.set(caEnabled=False)
    done = stack.carry_out("up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert stack.get() == (200, "old")
    assert stack.sandbox.listeners()[443]["caEnabled"] is False
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.campaign
def test_off_works_beside_a_quic_listener_that_appeared_later(first: dict[str, Any], stack: Stack) -> None:
    sandbox = stack.sandbox
    quic = {"port": 443, "protocol": "QUIC", "certificates": first["listeners"][1]["certificates"]}
    sandbox.edit({"op": "add", "path": "/spec/listeners/-", "value": quic})
    try:
        assert "shares its port with a QUIC listener" in switched_off(stack)
        stack.set(caEnabled=True)
        assert "QUIC" in stack.refused()
    finally:
        sandbox.edit({"op": "remove", "path": "/spec/listeners/2"})
    stack.up()
    assert stack.get()[0] in (0, 400)


@pytest.mark.parametrize("actions", [pytest.param(CAS, id="CAS", marks=pytest.mark.campaign), pytest.param(CAS + STS, id="CAS and STS")])
def test_off_works_while_nobody_answers(stack: Stack, actions: tuple[str, ...]) -> None:
    endpoint = f"at 127.0.0.1:{stack.sandbox.port_base + 80} did not answer"
    with stack.sandbox.failing(actions):
        assert endpoint in switched_off(stack)
        if "GetCallerIdentity" in actions:  # on again needs to know whose listener it is
            stack.set(caEnabled=True)
            assert endpoint in " ".join(stack.fails("up").split())
            assert stack.get() == (200, "old")
    stack.set(caEnabled=True)
    stack.up()
    assert stack.get()[0] in (0, 400)
    stack.unchanged()
