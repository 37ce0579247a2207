"""Authentication is never off by accident: somebody without a certificate knocks all the time,
while stacks are renamed, moved and rotated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import Sandbox, Stack
from tests.integration.probing import shut

ANNOTATION = "albmtls/443-https"
QUICK = {"keyAlgorithm": "ECDSA-P256"}


@pytest.fixture
def first(sandbox: Sandbox) -> dict[str, Any]:
    """The AlbConfig's spec before any of it."""
    spec: dict[str, Any] = sandbox.albconfig()["spec"]
    return spec


@pytest.fixture
def stack(first: dict[str, Any], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack that is up; whatever happened to it, its end puts the first values back."""
    made = Stack("never-off", program, sandbox)
    made.set(authorities={"a": QUICK})
    made.up()
    yield made
    made.remove()
    assert sandbox.albconfig()["spec"] == first
    assert ANNOTATION not in sandbox.albconfig()["metadata"].get("annotations", {})


@pytest.fixture
def other(first: dict[str, Any], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """Another stack with the same listener, not up yet."""
    made = Stack("never-off-other", program, sandbox)
    made.set(authorities={"root": QUICK})
    yield made
    made.remove()


def claim(sandbox: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sandbox.albconfig()["metadata"]["annotations"][ANNOTATION])
    return found


def trusted(sandbox: Sandbox) -> Any:
    return next(
        item["caCertificates"] for item in sandbox.albconfig()["spec"]["listeners"] if item["port"] == 443
    )


@pytest.mark.campaign
def test_a_renamed_stack_keeps_its_listener_and_writes_nothing(
    stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    before = sandbox.albconfig()["metadata"]["generation"]
    with shut(sandbox):
        stack.rename("never-off-renamed")
        stack.unchanged()
        stack.up()
        assert stack.get(stack.client(tmp_path)) == (200, "old")
    assert sandbox.albconfig()["metadata"]["generation"] == before
    assert stack.verify().returncode == 0


def test_the_authority_is_changed_in_two_steps_and_no_client_is_locked_out(
    stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    old = stack.client(tmp_path / "old")
    before, previous = trusted(sandbox), claim(sandbox)["previous"]
    with shut(sandbox):
        # without overlap it is refused, also when the old authority goes at the same time
        for authorities in ({"a": QUICK, "b": QUICK}, {"b": QUICK}):
            stack.set(authorities=authorities, issuingAuthority="b", trustedAuthority="b")
            assert "set issuingAuthority to it first" in " ".join(stack.refused().split())
            assert trusted(sandbox) == before
            assert stack.get(old) == (200, "old")
        # what was refused may have made the authority b, but it was not issuing in a deployed state
        stack.set(authorities={"a": QUICK, "b": QUICK}, issuingAuthority="a", trustedAuthority="a")
        stack.up()
        stack.set(issuingAuthority="b")
        stack.up()
        both = stack.client(tmp_path / "both")
        assert trusted(sandbox) == before
        assert [stack.get(each) for each in (old, both)] == [(200, "old")] * 2
        stack.set(trustedAuthority="b")
        stack.up()
        assert trusted(sandbox) != before
        assert stack.get(both) == (200, "old")
        assert stack.get(old)[0] in (0, 400)
        stack.set(authorities={"b": QUICK})
        stack.up()
        assert stack.get(both) == (200, "old")
        stack.unchanged()
    assert claim(sandbox)["previous"] == previous
    assert stack.verify().returncode == 0


@pytest.mark.campaign
def test_a_listener_is_moved_to_another_stack_and_back_without_being_open_for_a_moment(
    stack: Stack, other: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    mine, previous = stack.client(tmp_path / "mine"), claim(sandbox)["previous"]
    with shut(sandbox):
        assert "takeOver" in other.refused()
        assert stack.get(mine) == (200, "old")
        other.set(takeOver=True)
        assert "would be taken over with another one, so everybody would be locked out" in " ".join(
            other.refused().split()
        )
        other.set(cutOff=True)
        other.up()
        theirs = other.client(tmp_path / "theirs")
        assert stack.get(theirs) == (200, "old")
        assert stack.get(mine)[0] in (0, 400)
        # the former owner neither takes it back by itself nor takes anything with it when it lets
        # go
        assert "takeOver" in stack.refused()
        wished = dict(stack.config)
        stack.set(listeners={})
        shown = stack.up()
        assert "is left as it is" in shown
        assert "has claimed it" in shown
        assert stack.get(theirs) == (200, "old")
        other.unchanged()
        assert claim(sandbox)["previous"] == previous
        stack.config = wished
        stack.set(takeOver=True, cutOff=True)
        stack.up()
        assert stack.get(mine) == (200, "old")
        assert stack.get(theirs)[0] in (0, 400)
        assert claim(sandbox)["previous"] == previous
        other.destroy()
        assert stack.get(mine) == (200, "old")
        stack.unchanged()
