"""A group of clients on the real engine: keys, certificates, and what changes with its names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine import REPOSITORY, Sandbox, Stack, run, succeed

NAMES = [f"device-{number:02}" for number in range(20)]


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack with a client and a group whose names stand in a file."""
    made = Stack("groups", program, sandbox)
    (program / "fleet.txt").write_text("# devices\n" + "\n".join(NAMES) + "\n")
    made.set(
        authorities={"root": {"keyAlgorithm": "ECDSA-P256"}},
        clients={"web": {}},
        clientGroups={"fleet": {"namesFile": "fleet.txt", "validityDays": 30}},
    )
    made.up()
    yield made
    made.remove()
    (program / "fleet.txt").unlink()


def test_each_member_gets_in_with_its_own_key_and_no_key_stands_in_the_clear(
    stack: Stack, tmp_path: Path
) -> None:
    assert sorted(stack.issued()) == [*(f"fleet/{name}" for name in NAMES), "web"]
    assert len(set(stack.private_keys().values())) == len(NAMES) + 1
    assert "PRIVATE KEY" not in json.dumps(stack.export())
    command = ("clients", "export", "--group", "fleet", "--output", tmp_path / "out")
    options = ("--stack", stack.name, "--cwd", stack.directory)
    succeed(run(REPOSITORY / "mtls", *command, *options, env=stack.sandbox.env, cwd=stack.directory))
    folders = sorted(folder.name for folder in (tmp_path / "out").iterdir())
    assert folders == NAMES
    last = tmp_path / "out" / NAMES[-1] / f"fleet-{NAMES[-1]}"
    assert stack.get((last.with_suffix(".crt"), last.with_suffix(".key"))) == (200, "old")
    stack.unchanged()


def test_a_change_of_names_leaves_the_others_their_keys_and_certificates(stack: Stack) -> None:
    before, keys = stack.issued(), stack.private_keys()
    file = stack.directory / "fleet.txt"
    file.write_text("\n".join([*NAMES[1:], "device-new"]) + "\n")
    shown = stack.preview()
    assert "client fleet/device-00 is removed, but whoever holds its certificate" in (
        shown.stdout + shown.stderr
    )
    stack.up()
    after = stack.issued()
    assert sorted(after) == [*(f"fleet/{name}" for name in NAMES[1:]), "fleet/device-new", "web"]
    now = stack.private_keys()
    for name in (*(f"fleet/{name}" for name in NAMES[1:]), "web"):
        assert after[name]["certificatePem"] == before[name]["certificatePem"]
        assert now[name] == keys[name]
    stack.unchanged()


def test_an_update_without_the_register_lets_a_new_client_wait(stack: Stack) -> None:
    """Such as one of a listener alone in an incident."""
    stack.set(clients={"web": {}, "later": {}})
    (listener,) = [urn for urn in stack.kept() if "ListenerClientAuthentication::" in urn]
    succeed(stack.pulumi("up", "--yes", "--skip-preview", "--suppress-progress", "--target", listener))
    assert "later" not in stack.issued()
    stack.up()
    assert "later" in stack.issued()


def test_a_group_that_goes_is_told_in_one_sentence(stack: Stack) -> None:
    stack.set(clientGroups={})
    done = stack.carry_out("up")
    shown = succeed(done) + done.stderr
    assert "clients fleet/device-01, fleet/device-02, " in shown
    assert "are removed, but whoever holds a certificate of theirs is let in until" in shown
    assert sorted(stack.issued()) == ["later", "web"]
    assert stack.private_keys().keys() == {"web", "later"}
