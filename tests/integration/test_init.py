"""`mtls init` at a cluster, and the stack that its file deploys."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.engine import REPOSITORY, Sandbox, run, succeed


def init(sandbox: Sandbox, project: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    endpoint = sandbox.layout.openapi_endpoint
    apis = [word for name in ("alb", "cas", "sts") for word in ("--endpoint", f"{name}={endpoint}")]
    where = ("--kubeconfig", str(sandbox.directory / "kubeconfig"), "--cwd", str(project))
    command = ("init", *answers, *where, *apis, "--protocol", "http")
    return run(REPOSITORY / "mtls", *command, env=sandbox.env, cwd=project)


def test_the_file_of_init_deploys_and_everybody_is_still_let_in(
    sandbox: Sandbox, program: Path, request: pytest.FixtureRequest
) -> None:
    project = program
    file = project / "Pulumi.begun.yaml"
    request.addfinalizer(lambda: file.unlink(missing_ok=True))
    answers = ("--stack-name", "begun", "--region", "cn-hangzhou", "--client", "partner")
    told = succeed(init(sandbox, project, *answers, "--listener", "alb:443"))
    assert told.splitlines()[1] == "  pulumi stack init begun"

    def pulumi(*words: str) -> str:
        return succeed(run("pulumi", *words, "--non-interactive", env=sandbox.env, cwd=project))

    pulumi("stack", "init", "begun")
    pulumi("config", "set", "deletionProtection", "false", "--stack", "begun")
    try:
        pulumi("up", "--yes", "--skip-preview", "--stack", "begun")
        listener = sandbox.listeners()[443]
        assert (listener["caEnabled"], len(listener["caCertificates"])) == (False, 1)
    finally:
        pulumi("destroy", "--yes", "--skip-preview", "--stack", "begun")
        pulumi("stack", "rm", "begun", "--yes", "--preserve-config")
    again = init(sandbox, project, *answers, "--listener", "alb:443")
    assert again.returncode == 2
    assert "is never overwritten" in again.stderr


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ((), "--stack-name is not given, and there is no terminal to ask at: give it"),
        (
            ("--stack-name", "x", "--region", "cn-hangzhou"),
            "--listener is not given, and there is no terminal to ask at: give one of alb:443",
        ),
        (
            ("--stack-name", "x", "--region", "cn-hangzhou", "--listener", "alb:444"),
            "listener alb:444: AlbConfig alb has no listener on port 444, it has 80/HTTP, 443/HTTPS",
        ),
        (
            ("--stack-name", "x", "--region", "cn-hangzhou", "--listener", "other:443"),
            "has no AlbConfig other, it has alb",
        ),
        (
            ("--stack-name", "x", "--region", "cn-hangzhou", "--context", "none"),
            "has no context none, it has ",
        ),
        (("--stack-name", "a/b"), "is not a stack file"),
    ],
)
def test_what_cannot_be_begun_is_one_sentence_and_no_file(
    sandbox: Sandbox, program: Path, answers: tuple[str, ...], sentence: str
) -> None:
    done = init(sandbox, program, *answers)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr and done.stderr.count("\n") == 1
    assert not list(program.glob("Pulumi.x.yaml"))
