"""`ci/preview` and `ci/drift` as a pipeline calls them, on the real engine: what they say, how they
end, and that they write nothing.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.engine.run import run as run_engine
from tests.integration.engine import REPOSITORY, Sandbox, Stack, run

OFF = {"op": "replace", "path": "/spec/listeners/1/caEnabled", "value": False}
ON = {**OFF, "value": True}


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """Deployed, with client authentication off, and two clients."""
    made = Stack("pipeline", program, sandbox)
    made.set(
        caEnabled=False,
        authorities={"root": {"keyAlgorithm": "ECDSA-P256"}},
        clients={"client": {}, "partner": {}},
    )
    made.up()
    yield made
    made.env.clear()
    made.remove()


def script(stack: Stack, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of `ci/` on the stack as it is configured now."""
    stack.command("preview")  # writes its file
    place = ("--stack", stack.name, "--cwd", str(stack.directory))
    return run(
        REPOSITORY / "ci" / name, *place, *arguments, env=stack.sandbox.env | stack.env, cwd=stack.directory
    )


def told(stack: Stack, name: str, exit_code: int = 0) -> str:
    """The summary that a script prints, with this exit code."""
    done = script(stack, name)
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def verdict(summary: str) -> str:
    return summary.partition("\n")[0]


@contextmanager
def wished(stack: Stack, **keys: object) -> Iterator[None]:
    """Another configuration as long as this lasts, as on a pull request's branch."""
    before = dict(stack.config)
    stack.set(**keys)
    try:
        yield
    finally:
        stack.config = before


def checkpoint(stack: Stack) -> bytes:
    return (stack.sandbox.layout.state / ".pulumi/stacks/alb-mutual-tls" / f"{stack.name}.json").read_bytes()


def test_the_same_plan_is_the_same_summary_byte_by_byte_and_nothing_is_written(
    stack: Stack, tmp_path: Path
) -> None:
    state, albconfig = checkpoint(stack), stack.sandbox.albconfig()
    assert (
        told(stack, "preview")
        == "**pipeline: no change**\n<!-- alb-mutual-tls preview pipeline -->\n\nResources: 13 unchanged\n"
    )
    with wished(stack, caEnabled=True, clients={"client": {}}):
        first = told(stack, "preview")
        done = script(stack, "preview", "--output", str(tmp_path / "summary.md"))
        assert (done.returncode, done.stdout) == (0, "")
        assert (tmp_path / "summary.md").read_text() == first
    assert (
        verdict(first)
        == "**pipeline: listener alb:443 will demand client certificates; 1 client certificate removed**"
    )
    assert "| alb:443 | off → **on** |" in first
    assert re.search(r"\| client partner \| removed \| 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \|", first)
    assert checkpoint(stack) == state
    assert stack.sandbox.albconfig() == albconfig


def test_switching_off_is_said_as_plainly_as_switching_on(stack: Stack) -> None:
    stack.set(caEnabled=True)
    stack.up()
    with wished(stack, caEnabled=False):
        assert (
            verdict(told(stack, "preview"))
            == "**pipeline: listener alb:443 will let everybody in without a client certificate**"
        )


def test_a_refused_preview_says_why_and_ends_with_1(stack: Stack) -> None:
    with wished(stack, listeners={"https": stack.listener("alb", 8443)}):
        assert verdict(told(stack, "preview", 1)).startswith(
            "**pipeline: refused: AlbConfig alb has no listener on port 8443, it has 80/HTTP, 443/HTTPS"
        )


@pytest.mark.campaign
def test_what_a_runner_cannot_reach_or_open_is_not_checked(stack: Stack, sandbox: Sandbox) -> None:
    kubeconfig = sandbox.directory / "kubeconfig"
    good = kubeconfig.read_text()
    kubeconfig.write_text(good.replace(str(sandbox.port_base + 443), "9"))
    try:
        assert (
            verdict(told(stack, "preview", 2))
            == "**pipeline: not checked: the cluster cannot be reached from here**"
        )
    finally:
        kubeconfig.write_text(good)
    for variable, value, reason in (
        ("PULUMI_CONFIG_PASSPHRASE", "another-passphrase", "the passphrase is missing or wrong"),
        ("PULUMI_BACKEND_URL", "file:///no/such/directory", "the state cannot be reached from here"),
    ):
        stack.env = {variable: value}
        summary = told(stack, "preview", 2)
        assert verdict(summary) == f"**pipeline: not checked: {reason}**"
        assert "another-passphrase" not in summary
    stack.env = {}


@pytest.mark.campaign
def test_a_held_lock_stops_an_update_but_neither_a_preview_nor_the_search_for_drift(
    stack: Stack, sandbox: Sandbox
) -> None:
    locks = sandbox.layout.state / ".pulumi/locks/organization/alb-mutual-tls" / stack.name
    locks.mkdir(parents=True, exist_ok=True)
    lock = locks / "0f8fad5b-d9cb-469f-a165-70867728950e.json"
    lock.write_text('{"pid":1,"username":"deploy","hostname":"runner-7","timestamp":"2026-01-01T00:00:00Z"}')
    try:
        assert verdict(told(stack, "preview")) == "**pipeline: no change**"
        assert verdict(told(stack, "drift")) == "**pipeline: no drift**"
        refused = run_engine("up", directory=stack.directory, stack=stack.name, environment=sandbox.env)
        assert refused.failure is not None
        assert refused.failure.reason is FailureKind.LOCKED
    finally:
        lock.unlink()


@pytest.mark.campaign
def test_drift_is_found_and_told_from_a_change_that_is_not_deployed_yet(
    stack: Stack, sandbox: Sandbox
) -> None:
    stack.set(caEnabled=True)
    stack.up()
    sandbox.edit(OFF)
    state = checkpoint(stack)
    try:
        found = told(stack, "drift", 1)
        assert verdict(found) == "**pipeline: drift: listener alb:443 was changed, caEnabled true → false**"
        assert "| listener alb:443 | caEnabled | true | false | puts it back |" in found
        with wished(stack, clients={"client": {}}):
            assert verdict(told(stack, "drift", 1)).endswith(
                "caEnabled true → false; not deployed yet: 1 client certificate removed**"
            )
        with wished(
            stack, caEnabled=False
        ):  # in an incident: switched off by hand first, then in the configuration
            row = "| listener alb:443 | caEnabled | true | false | leaves it, for the configuration says so |"
            assert row in told(stack, "drift", 1)
        assert checkpoint(stack) == state
        assert sandbox.listeners()[443]["caEnabled"] is False
    finally:
        sandbox.edit(ON)


@pytest.mark.campaign
def test_a_cancelled_job_ends_the_engine_and_says_that_nothing_was_checked(stack: Stack) -> None:
    stack.command("preview")
    command = (REPOSITORY / "ci/preview", "--stack", stack.name, "--cwd", stack.directory)
    env = stack.sandbox.env | stack.env
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as job:
        assert job.stderr is not None
        assert job.stderr.readline()  # the engine has begun
        job.send_signal(signal.SIGTERM)
        summary, _ = job.communicate(timeout=60)
    assert job.returncode == 128 + signal.SIGTERM
    assert verdict(summary) == "**pipeline: not checked: it was interrupted before its end**"
