"""The emergency of docs/rotation.md, by its own commands: a client's key was stolen, and everybody
with an old bundle is rejected at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.documentation import commands
from tests.integration.engine import REPOSITORY, Sandbox, Stack, run, succeed
from tests.integration.traffic import Traffic

pytestmark = pytest.mark.campaign

PAGE = commands("rotation.md")
AT_LEAST = 200
"""Requests of each bundle in each phase."""
STOLEN, OLD, NEW = "partner, stolen", "client, old", "client, new"


@pytest.fixture
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack with two clients, the default authority and deletion protection."""
    made = Stack("cut-off", program, sandbox)
    made.set(clients={"client": {}, "partner": {}}, deletionProtection=True)
    made.up()
    yield made
    made.set(deletionProtection=False)
    made.up()
    made.remove()


@pytest.fixture
def traffic(stack: Stack) -> Iterator[Traffic]:
    made = Traffic(stack.sandbox.server_ca, (stack.sandbox.listener_base + 443,))
    yield made
    made.end()
    print(made.table())


def ci_preview(stack: Stack) -> str:
    """What a pull request is told; its first line is the verdict."""
    command = (REPOSITORY / "ci/preview", "--stack", stack.name, "--cwd", stack.directory)
    told = succeed(run(*command, env=stack.sandbox.env | stack.env)).replace("\\", "")
    assert told.splitlines()[0].startswith(f"**{stack.name}: every client of alb:443 is rejected until")
    return told


def test_a_stolen_certificate_is_rejected_at_once_and_the_others_get_in_again_with_new_ones(
    stack: Stack, traffic: Traffic, handover: Path, tmp_path: Path
) -> None:
    traffic.start(STOLEN, stack.client(tmp_path / "stolen", "partner"))
    traffic.start(OLD, stack.client(tmp_path / "old"))
    with traffic.during("before", AT_LEAST):
        stack.type(PAGE["Before the first time"])
    *settings, up = PAGE["Cut off"].splitlines()
    stack.type("\n".join(settings))
    sentence = "every client of alb:443 is rejected until it has installed a new certificate: client"
    previewed = stack.preview()
    for told in (previewed.stdout + previewed.stderr, ci_preview(stack)):
        assert sentence in told
        assert "let in until" not in told
        assert "stays valid until" not in told
    with traffic.during("while pulumi up runs"):
        began = time.monotonic()
        stack.type(up)
        print(f"pulumi up took {time.monotonic() - began:.1f} s")
    with traffic.during("cut off", AT_LEAST):
        first = min(traffic.first_rejection[traffic.phases[1], bundle] for bundle in (STOLEN, OLD))
        print(f"first rejection {first - began:.1f} s after pulumi up was started")
    with traffic.during("re-issued", AT_LEAST):
        stack.type(PAGE["Let the others in again"])
        traffic.start(NEW, (handover / "client.crt", handover / "client.key"))
    wished = dict(stack.config)
    stack.set(cutOff=False, trustedAuthority="root")
    assert "would trust an authority that no client has a certificate of" in stack.fails("preview")
    stack.config = wished
    with traffic.during("cleaned up", AT_LEAST):
        stack.type(PAGE["Clean up"])
        stack.unchanged()
        assert stack.verify().returncode == 0
    traffic.end()

    assert traffic.tally.failures == []
    for bundle in (STOLEN, OLD):
        passed, rejected, _ = traffic.tally.of("before", bundle)
        assert passed >= AT_LEAST
        assert rejected == 0
        for phase in ("cut off", "re-issued", "cleaned up"):
            passed, rejected, _ = traffic.tally.of(phase, bundle)
            assert passed == 0
            assert rejected >= AT_LEAST
    assert [traffic.tally.of(phase, NEW)[1] for phase in traffic.phases] == [0] * 5
