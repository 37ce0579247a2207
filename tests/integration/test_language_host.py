"""What the engine does with programs and components in Python: the language host.

Small programs that need no sandbox, under the engine of the toolchain.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dev.sandbox import processes
from dev.toolchain import python_environment
from dev.toolchain.places import HERE
from dev.toolchain.versions import load
from tests.integration.engine import run, succeed
from tests.integration.underway import Underway

SHOWS = """\
import pathlib, sys
import pulumi
pulumi.export("prefix", sys.prefix)
pulumi.export("setting", pulumi.Config().require_secret("setting"))
pulumi.export("stack", f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}")
pulumi.export("directory", str(pathlib.Path.cwd()))
"""
WAITS = """\
import pathlib, signal, time
{before}
pathlib.Path("runs").touch()
time.sleep(600)
"""
GONE = 310.0
"""Seconds after which an official language host has missed its engine; ours takes one."""


@dataclass
class Project:
    """A directory with a program, a stack, and the environment of its engine."""

    directory: Path
    env: dict[str, str]

    def pulumi(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return run("pulumi", *arguments, "--non-interactive", env=self.env, cwd=self.directory)

    def begin(self) -> Underway:
        """`pulumi up` in a session of its own, until the program runs."""
        log = self.directory / "log"
        with log.open("w") as output:
            engine = subprocess.Popen(
                ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
                env=self.env,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        underway = Underway(engine, log)
        underway.until((self.directory / "runs").exists)
        return underway


Make = Callable[..., Project]


def environment(directory: Path) -> Path:
    """A virtual environment without pip, with the checkout's packages save those with plugins."""
    venv.create(directory, symlinks=True, with_pip=False)
    (packages,) = directory.glob("lib/python*/site-packages")
    (installed,) = HERE.venv.glob("lib/python*/site-packages")
    for found in installed.iterdir():
        if not found.name.startswith(tuple(f"pulumi_{name}" for name in load().plugins)):
            (packages / found.name).symlink_to(found)
    return directory


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a project with `runtime.options` and a program."""
    uv = python_environment.find_uv(HERE, os.environ)
    env = {
        "PATH": os.pathsep.join([os.environ["PATH"], *([str(uv.parent)] if uv else [])]),
        "HOME": str(tmp_path),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }

    def make(options: dict[str, str], program: str) -> Project:
        directory = tmp_path / "a program"
        directory.mkdir()
        runtime = {"name": "python", "options": options}
        flow = yaml.safe_dump({"name": "small", "runtime": runtime}, default_flow_style=True)
        (directory / "Pulumi.yaml").write_text(flow)
        (directory / "__main__.py").write_text(program)
        project = Project(directory, env)
        succeed(project.pulumi("stack", "init", "one"))
        return project

    return make


@pytest.mark.parametrize("toolchain", ["pip", "uv"])
def test_a_program_runs_in_the_environment_that_its_project_names(
    make: Make, toolchain: str, tmp_path: Path
) -> None:
    project = make({"toolchain": toolchain, "virtualenv": "its own [venv]"}, SHOWS)
    own = environment(project.directory / "its own [venv]")
    succeed(project.pulumi("config", "set", "--secret", "setting", "a b"))
    succeed(project.pulumi("up", "--yes", "--skip-preview"))
    shown = yaml.safe_load(succeed(project.pulumi("stack", "output", "--json", "--show-secrets")))
    assert shown == {
        "prefix": str(own),
        "setting": "a b",
        "stack": "organization/small/one",
        "directory": str(project.directory),
    }
    assert "[secret]" in succeed(project.pulumi("stack", "output"))


def test_a_project_that_names_no_environment_gets_the_python_of_path(make: Make) -> None:
    project = make({}, SHOWS)
    own = environment(project.directory / "elsewhere")
    project.env["PATH"] = f"{own / 'bin'}{os.pathsep}{project.env['PATH']}"
    succeed(project.pulumi("config", "set", "setting", "x"))
    succeed(project.pulumi("up", "--yes", "--skip-preview"))
    assert succeed(project.pulumi("stack", "output", "prefix")).strip() == str(own)


def test_an_environment_that_is_not_there_is_named_with_what_makes_it(make: Make) -> None:
    project = make({"toolchain": "pip", "virtualenv": "missing"}, SHOWS)
    done = project.pulumi("preview")
    shown = done.stdout + done.stderr
    assert done.returncode != 0, shown
    assert f'"{project.directory}/missing" doesn\'t exist' in shown
    assert "-m venv" in shown


def test_a_machine_without_python_is_told_so(make: Make, tmp_path: Path) -> None:
    project = make({}, SHOWS)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(shutil.which("pulumi", path=project.env["PATH"]) or "")
    project.env["PATH"] = str(tmp_path / "bin")
    done = run(tmp_path / "bin" / "pulumi", "preview", env=project.env, cwd=project.directory)
    shown = done.stdout + done.stderr
    assert done.returncode != 0, shown
    assert "Have you installed Python" in shown


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
        ("def :", "SyntaxError"),
        ("import sys; sys.exit(3)", "3"),
    ],
)
def test_a_program_that_fails_is_shown_once_with_its_reason(make: Make, program: str, said: str) -> None:
    project = make({"virtualenv": "venv"}, program)
    environment(project.directory / "venv")
    done = project.pulumi("preview", "--suppress-progress")
    shown = done.stdout + done.stderr
    assert done.returncode != 0, shown
    assert said in shown
    assert "KeyboardInterrupt" not in shown


@pytest.mark.parametrize(
    "before",
    ["", "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)"],
    ids=["a program", "a program that ignores signals"],
)
def test_ctrl_c_ends_a_program_that_waits_and_leaves_no_process(make: Make, before: str) -> None:
    project = make({"virtualenv": "venv"}, WAITS.format(before=before))
    environment(project.directory / "venv")
    underway = project.begin()
    try:
        assert underway.interrupt() < 30
        _nobody_is_left(underway, 5)
    finally:
        underway.kill()
    assert "Traceback" not in underway.shown()


@pytest.mark.parametrize(
    "before",
    ["", "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)"],
    ids=["a program", "a program that ignores signals"],
)
@pytest.mark.timeout(400)
def test_a_killed_engine_leaves_no_process(make: Make, before: str) -> None:
    project = make({"virtualenv": "venv"}, WAITS.format(before=before))
    environment(project.directory / "venv")
    underway = project.begin()
    try:
        assert len(underway.session()) > 2
        os.kill(underway.engine.pid, signal.SIGKILL)
        underway.engine.wait()
        _nobody_is_left(underway, GONE)
    finally:
        underway.kill()


def _nobody_is_left(underway: Underway, limit: float) -> None:
    deadline = time.monotonic() + limit
    while left := underway.session():
        assert time.monotonic() < deadline, [processes.command_line(one.pid) for one in left]
        time.sleep(0.05)


COMPONENT = """\
from typing import Optional, TypedDict
import pulumi
from pulumi.provider.experimental import component_provider_host

class GreetingArgs(TypedDict):
    name: pulumi.Input[str]

class Greeting(pulumi.ComponentResource):
    text: pulumi.Output[str]
    def __init__(self, name: str, args: GreetingArgs, opts: Optional[pulumi.ResourceOptions] = None):
        super().__init__("greetings:index:Greeting", name, {}, opts)
        self.text = pulumi.Output.concat("hello ", args["name"])
        self.register_outputs({"text": self.text})

if __name__ == "__main__":
    component_provider_host(name="greetings", components=[Greeting])
"""


@pytest.fixture
def component(tmp_path: Path) -> Path:
    """A component of two lines, as a plugin in Python."""
    directory = tmp_path / "a component"
    directory.mkdir()
    plugin = "runtime: {name: python, options: {virtualenv: venv}}\n"
    (directory / "PulumiPlugin.yaml").write_text(plugin)
    (directory / "__main__.py").write_text(COMPONENT)
    environment(directory / "venv")
    return directory


def test_a_component_in_python_serves_a_program_in_yaml(make: Make, component: Path) -> None:
    project = make({}, "")
    program = {
        "name": "small",
        "runtime": "yaml",
        "packages": {"greetings": str(component)},
        "resources": {"it": {"type": "greetings:index:Greeting", "properties": {"name": "you"}}},
        "outputs": {"text": "${it.text}"},
    }
    (project.directory / "Pulumi.yaml").write_text(yaml.safe_dump(program))
    succeed(project.pulumi("up", "--yes", "--skip-preview"))
    assert succeed(project.pulumi("stack", "output", "text")).strip() == "hello you"


def test_the_python_package_of_a_component_can_be_written(
    make: Make, component: Path, tmp_path: Path
) -> None:
    project = make({}, "")
    out = tmp_path / "sdk"
    command = ("package", "gen-sdk", component, "--language", "python", "--out", out)
    succeed(run("pulumi", *command, env=project.env, cwd=project.directory))
    (package,) = out.rglob("pulumi_greetings/greeting.py")
    own = environment(tmp_path / "venv")
    metadata = package.parents[1] / "pulumi_greetings-1.0.0.dist-info" / "METADATA"  # as if installed
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: pulumi_greetings\nVersion: 1.0.0\n")
    asked = "import pulumi_greetings; print(pulumi_greetings.Greeting.__name__)"
    place = {"PYTHONPATH": str(package.parents[1])}
    assert succeed(run(own / "bin/python", "-c", asked, env=place)) == "Greeting\n"
