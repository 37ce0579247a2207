"""`pulumi new` with this repository as the template, on the real engine."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.integration.engine import REPOSITORY, Sandbox, run, succeed


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone of the repository has: nothing that was made in this checkout."""
    ignored = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()
    made = [line.strip("/") for line in ignored if line.endswith("/") and not line.startswith("!")]
    shutil.copytree(
        REPOSITORY,
        tmp_path / "clone",
        symlinks=True,
        ignore=shutil.ignore_patterns(".git", "venv", *made),
    )
    return tmp_path / "clone"


@pytest.fixture
def env(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """A state of its own, as the engine offers no project of a name that has stacks already."""
    (tmp_path / "state").mkdir()
    # What `pulumi new` does last is to install the packages, for which tests ask no index.
    return sandbox.env | {"PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}", "PIP_NO_INDEX": "1"}


def test_a_new_project_has_the_programs_name_and_what_was_answered_and_its_preview_works(
    clone: Path, env: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    project = tmp_path / "new"
    answers = {
        "alicloud:region": "cn-hangzhou",
        "kubernetes:context": "alb-mutual-tls-sandbox",
    }
    given = [word for key, value in answers.items() for word in ("-c", f"{key}={value}")]
    done = run(
        "pulumi",
        "new",
        clone,
        "--dir",
        project,
        "--stack",
        "first",
        "--yes",
        *given,
        env=env,
        cwd=tmp_path,
    )
    assert "Created project 'alb-mutual-tls'" in done.stdout, done.stdout + done.stderr
    file = project / "Pulumi.first.yaml"
    document = yaml.safe_load(file.read_text())
    assert document["config"] == answers | {
        "alb-mutual-tls:caEnabled": "false",
        "alb-mutual-tls:clients": '{"client": {}}',
        "alb-mutual-tls:listeners": '{"https": {"albConfig": "alb", "port": 443}}',
    }
    made = yaml.safe_load((project / "Pulumi.yaml").read_text())
    template = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())
    assert "template" not in made
    assert {key: made[key] for key in ("name", "runtime", "plugins", "options")} == {
        key: template[key] for key in ("name", "runtime", "plugins", "options")
    }

    shutil.rmtree(project / ".venv", ignore_errors=True)
    (project / ".venv").symlink_to(REPOSITORY / ".venv")
    api = f"127.0.0.1:{sandbox.port_base + 80}"
    document["config"] |= {
        "kubernetes:kubeconfig": str(sandbox.directory / "kubeconfig"),
        "alicloud:protocol": "HTTP",
        "alicloud:endpoints": dict.fromkeys(("alb", "cas", "sts"), api),
    }
    file.write_text(yaml.safe_dump(document))
    # The stand-ins serve the sandbox's own state and no other.
    succeed(run("pulumi", "stack", "init", "first", env=sandbox.env, cwd=project))
    preview = ("preview", "--stack", "first", "--suppress-progress", "--diff")
    previewed = succeed(run("pulumi", *preview, env=sandbox.env, cwd=project))
    assert re.search(r'albConfig +: "alb"', previewed)
    assert "alb-mutual-tls-client-client" in previewed
    succeed(run("pulumi", "stack", "rm", "--yes", "first", env=sandbox.env, cwd=project))
