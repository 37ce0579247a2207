"""docs/operations.md by its own commands: a first rollout, clients that are locked out, the kill
switch with and without the engine, a lost state.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.console import clear
from tests.integration.documentation import commands
from tests.integration.engine import Sandbox, Stack, run, succeed
from tests.integration.probing import shut

pytestmark = pytest.mark.campaign

PAGE = commands("operations.md")
ROLLOUT = ["1. Deploy with authentication off", "2. Hand the certificates out", "3. Rehearse", "4. Switch on"]
LOOK, OFF = "Minute 1: look", "Minute 2: let everybody in"
GLASS = "Minute 2, when `pulumi up` cannot run: break the glass"
KEEP, ON = "Minute 3: keep it off", "Back on"
LOCKED, LOST = "The stack is locked", "The state is lost"
NEXT, INSTALLED = "An authority that can sign, in the place of one that cannot", "When all have installed"
QUICK = {"keyAlgorithm": "ECDSA-P256"}
CLAIM = "albmtls/443-https"


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack that is not up yet, with a second authority whose CA can be put where it does not
    belong; the tests of this module follow each other.
    """
    spec = sandbox.albconfig()["spec"]
    made = Stack("operations", program, sandbox)
    made.set(authorities={"root": QUICK, "other": QUICK}, issuingAuthority="root", trustedAuthority="root")
    yield made
    made.remove()
    # A stack that took over what a lost one had made restores what it found, as it found it.
    sandbox.edit(
        {"op": "replace", "path": "/spec", "value": spec},
        {"op": "replace", "path": "/metadata/annotations", "value": {}},
    )
    clear(sandbox)


@pytest.fixture(scope="module")
def handover(program: Path) -> Iterator[Path]:
    directory = program / "handover"
    yield directory
    for one in (directory, program / "handover-next"):
        shutil.rmtree(one)


@pytest.fixture(scope="module")
def client(handover: Path) -> tuple[Path, Path]:
    """Certificate and key as they are handed out."""
    return handover / "client.crt", handover / "client.key"


def look(stack: Stack, commands: str) -> list[tuple[int, str]]:
    """Exit code and output of each command, whatever comes of it."""
    env = stack.sandbox.env | stack.env | {"SSL_CERT_FILE": str(stack.sandbox.server_ca)}
    succeed(stack.pulumi("stack", "select"))
    done = [run("bash", "-c", command, env=env, cwd=stack.directory) for command in commands.splitlines()]
    return [(one.returncode, one.stdout + one.stderr) for one in done]


def let_in(stack: Stack, client: tuple[Path, Path], *, everybody: bool) -> None:
    """The client gets in, and who has no certificate does so only if everybody does."""
    assert stack.get(client) == (200, "old")
    assert (stack.get() == (200, "old")) is everybody


def lock_out(stack: Stack, client: tuple[Path, Path]) -> None:
    """Somebody writes the CA of another authority into the AlbConfig by hand."""
    authorities = json.loads(succeed(stack.pulumi("stack", "export")))["deployment"]["resources"]
    (other,) = [
        one["id"]
        for one in authorities
        if one["type"] == "albmtls:index:CaCertificate" and "other" in one["urn"]
    ]
    stack.sandbox.edit(
        {"op": "replace", "path": "/spec/listeners/1/caCertificates", "value": [{"CertificateId": other}]}
    )
    until(lambda: stack.get(client)[0] != 200)


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_first_rollout_changes_nothing_for_anybody_until_it_is_switched_on(
    stack: Stack, client: tuple[Path, Path]
) -> None:
    for step in ROLLOUT[:3]:
        stack.type(PAGE[step])
        assert stack.get() == (200, "old")
    let_in(stack, client, everybody=True)
    stack.type(PAGE[ROLLOUT[3]])
    let_in(stack, client, everybody=False)
    stack.unchanged()


def test_locked_out_clients_get_in_again_by_the_kill_switch(stack: Stack, client: tuple[Path, Path]) -> None:
    lock_out(stack, client)
    (verified, _), (status, shown) = look(stack, PAGE[LOOK])
    assert (verified, status) == (1, 1)
    assert "fell short: listener https (AlbConfig alb port 443): desired is on" in " ".join(shown.split())
    began = time.monotonic()
    stack.type("\n".join(PAGE[OFF].splitlines()[:2]))
    print(f"the kill switch took {time.monotonic() - began:.1f} s")
    let_in(stack, client, everybody=True)
    stack.type(PAGE[OFF].splitlines()[2])
    stack.set(caEnabled=True)
    stack.up()


def test_a_broken_glass_is_drift_that_only_a_whole_up_undoes(
    stack: Stack, sandbox: Sandbox, client: tuple[Path, Path]
) -> None:
    claim = json.loads(sandbox.claims()[CLAIM])
    lock_out(stack, client)
    began = time.monotonic()
    stack.type(PAGE[GLASS])
    until(
        lambda: all(stack.get(who) == (200, "old") for who in (None, client, None, client))
    )  # no server of before answers any more
    print(f"breaking the glass took {time.monotonic() - began:.1f} s")
    let_in(stack, client, everybody=True)
    noted = json.loads(sandbox.claims()[CLAIM])
    assert noted.pop("switchedOff").keys() == {"by", "at"}
    assert noted == claim

    (_, _), (status, _) = look(stack, PAGE[LOOK])
    assert status == 1
    preview = " ".join(stack.preview().stdout.split())
    assert "~ caEnabled : false => true" in preview
    certificates = [f"--target={one}" for one in stack.kept() if "IssuedCertificates" in one]
    succeed(
        stack.pulumi("up", "--yes", "--skip-preview", *certificates)
    )  # ci/renew is limited in the same way
    let_in(stack, client, everybody=True)

    stack.type(PAGE[KEEP])
    let_in(stack, client, everybody=True)
    stack.unchanged()
    stack.type(PAGE[ON])
    let_in(stack, client, everybody=False)


def test_a_lock_is_taken_away_and_the_next_up_goes_on(stack: Stack) -> None:
    lock = (
        stack.sandbox.layout.state
        / ".pulumi/locks/organization/alb-mutual-tls"
        / stack.name
        / "left-behind.json"
    )
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(
        json.dumps(
            {"pid": 1, "username": "somebody", "hostname": "elsewhere", "timestamp": "2026-01-01T00:00:00Z"}
        )
    )
    assert "the stack is currently locked by 1 lock" in stack.fails("up")
    stack.type(PAGE[LOCKED])


def test_a_lost_state_rejects_nobody_and_the_listener_is_this_stacks_again(
    stack: Stack, sandbox: Sandbox, client: tuple[Path, Path]
) -> None:
    lost = sandbox.claims()[CLAIM]
    succeed(stack.pulumi("stack", "rm", "--yes", "--force", "--preserve-config"))
    stack.pulumi("stack", "init", stack.name)
    assert "belongs to stack " in " ".join(stack.fails("preview").split())
    for key in ("issuingAuthority", "trustedAuthority"):
        stack.config.pop(f"alb-mutual-tls:{key}")
    with shut(sandbox):
        stack.type(PAGE[LOST])
    let_in(stack, client, everybody=False)
    assert sandbox.claims()[CLAIM] != lost
    stack.unchanged()


def test_another_authority_takes_the_place_of_one_without_a_key(
    stack: Stack, client: tuple[Path, Path]
) -> None:
    stack.type(PAGE[NEXT])
    folder = stack.directory / "handover-next"
    new = folder / "client.crt", folder / "client.key"
    for one in (client, new):
        let_in(stack, one, everybody=True)
    stack.type(PAGE[INSTALLED])
    let_in(stack, new, everybody=False)
    assert stack.get(client)[0] in (0, 400)


def test_no_command_of_the_page_is_left_out() -> None:
    assert list(PAGE) == [*ROLLOUT, LOOK, OFF, GLASS, KEEP, ON, LOCKED, LOST, NEXT, INSTALLED]
