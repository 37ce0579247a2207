"""How the workflow of GitHub Actions keeps its OIDC token fresh, run by bash as a runner does, with
GitHub's answers made up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

WORKFLOW = Path(__file__).resolve().parents[3] / "examples/workflows/github-actions/alb-mutual-tls-run.yml"


def program(file: Path, body: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A checkout whose `curl` has an answer the first and the third time, and whose `sleep` lets
    three rounds pass.
    """
    bin_ = tmp_path / "bin"
    program(
        bin_ / "curl",
        'cat > /dev/null; echo x >> asked; n=$(grep -c x asked); [ "$n" != 2 ] && echo "token $n"',
    )
    program(bin_ / "jq", 'read -r value && echo "$value"')
    program(bin_ / "sleep", 'echo x >> rounds; [ "$(grep -c x rounds)" -le 2 ] || exec /bin/sleep 30')
    program(tmp_path / "mtls", ":")
    program(
        tmp_path / "ci/deploy",
        'until [ -e rounds ] && [ "$(grep -c x rounds)" = 3 ]; do /bin/sleep 0.02; done\nexit ${ENDS:-0}',
    )
    return tmp_path


def ends(runner: Path, **variables: str) -> int:
    (step,) = [
        one
        for one in yaml.safe_load(WORKFLOW.read_text())["jobs"]["run"]["steps"]
        if "token()" in one.get("run", "")
    ]
    env = {
        "PATH": f"{runner}/bin:{os.environ['PATH']}",
        "RUNNER_TEMP": str(runner),
        "STACK": "prod",
        "COMMAND": "deploy",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://127.0.0.1/?",
        **variables,
    }
    (runner / "step.sh").write_text(step["run"])
    running = subprocess.Popen(["bash", "-e", "step.sh"], cwd=runner, env=env, start_new_session=True)
    try:
        return running.wait(20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_a_token_that_cannot_be_renewed_once_is_kept_and_renewed_later(runner: Path) -> None:
    assert ends(runner) == 0
    assert (runner / "oidc-token").read_text() == "token 3\n"


@pytest.mark.parametrize("code", ["1", "2"])
def test_the_run_ends_as_the_script_of_ci_does(runner: Path, code: str) -> None:
    assert ends(runner, ENDS=code) == int(code)
