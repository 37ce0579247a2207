"""How every command ends whose reader goes away, whose output is lost, or that is interrupted:
never as if a listener had fallen short.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from alb_mutual_tls.cli.commands import app as mtls
from alb_mutual_tls.entry import ExitCode
from alb_mutual_tls.pipeline.commands import app as ci
from tests.contract.cli.laboratory import ON, Authority, Laboratory

ROOT: Final = Path(__file__).parents[3]


def names(app: Any, module: str) -> list[tuple[str, ...]]:
    """The commands of an application, as they are started."""
    own = [(module, one.name or one.callback.__name__) for one in app.registered_commands]
    return own + [
        (module, group.name, one.name or one.callback.__name__)
        for group in app.registered_groups
        for one in group.typer_instance.registered_commands
    ]


COMMANDS: Final = [*names(mtls, "alb_mutual_tls.cli"), *names(ci, "alb_mutual_tls.pipeline")]
LABELS: Final = [" ".join(one) for one in COMMANDS]


def start(
    command: tuple[str, ...], stdout: int, env: dict[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.Popen[str]:
    """In a session of its own, as a shell starts it: with SIGINT not ignored, which workers of
    pytest-xdist have.
    """
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**(env or os.environ), "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(
    command: tuple[str, ...], reader: str, env: dict[str, str] | None = None, cwd: Path = ROOT
) -> tuple[int, str]:
    """The exit code and standard error of a command whose standard output goes to `nobody` (a
    closed pipe), `somebody` or a `full` disk.
    """
    if reader == "nobody":
        there, stdout = os.pipe()
        os.close(there)
    else:
        stdout = os.open("/dev/full" if reader == "full" else os.devnull, os.O_WRONLY)
    try:
        process = start(command, stdout, env, cwd)
    finally:
        os.close(stdout)
    said = process.communicate(timeout=60)[1]
    assert "Traceback" not in said and "Exception ignored" not in said, said
    return process.returncode, said


LOST: Final = (
    r"(mtls|ci): standard output cannot be written: No space left on device: free some space, or write to"
    r" another place\n"
)


@pytest.mark.parametrize("command", COMMANDS, ids=LABELS)
def test_a_reader_that_goes_away_is_no_verdict_and_a_full_disk_is_told(command: tuple[str, ...]) -> None:
    assert ended((*command, "--help"), "nobody") == (ExitCode.GOOD, "")
    code, said = ended((*command, "--help"), "full")
    assert code == ExitCode.UNDECIDED
    assert re.fullmatch(LOST, said)


@pytest.mark.parametrize(("directives", "code"), [(ON, ExitCode.GOOD), ("", ExitCode.BAD)])
def test_a_verdict_is_the_same_whoever_reads_the_report(
    laboratory: Laboratory, project: Any, directives: str, code: int
) -> None:
    ports = laboratory.nginx(directives.format(folder=laboratory.folder))
    kubeconfig = laboratory.cluster(
        {"port": 443, "protocol": "HTTPS", "caEnabled": True}, listen_ports=[{"HTTPS": 443}]
    )
    env = project(ports.https, kubeconfig=kubeconfig)
    for form in ((), ("--json",)):
        command = ("alb_mutual_tls.cli", "verify", "--ca-file", str(laboratory.server_ca_file), *form)
        for reader in ("somebody", "nobody"):
            assert ended(command, reader, env, laboratory.folder) == (code, "")
        lost, said = ended(command, "full", env, laboratory.folder)
        assert (lost, bool(re.fullmatch(LOST, said))) == (ExitCode.UNDECIDED, True)


def test_streams_that_are_closed_from_the_beginning_are_no_verdict_either() -> None:
    shell = f"{sys.executable} -m alb_mutual_tls.cli --help"
    for closed, code in ((">&-", 2), ("2>&-", 0), (">&- 2>&-", 2), ("2> /dev/full", 0)):
        done = subprocess.run(
            ["sh", "-c", f"{shell} {closed}"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (closed, done.stderr)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment with a `pulumi` that says when it has begun, and then waits for ever."""
    folder, begun = tmp_path / "bin", tmp_path / "begun"
    folder.mkdir()
    os.mkfifo(begun)
    (tmp_path / "Pulumi.yaml").write_text("name: p\n")
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    (tmp_path / "ca.pem").write_text(Authority.make("root").pem)
    (folder / "pulumi").write_text(
        f"#!{sys.executable}\nimport os, signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        f"os.write(os.open({str(begun)!r}, os.O_RDWR), b'begun')\nsignal.pause()\n"
    )
    (folder / "pulumi").chmod(0o755)
    yield {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


ARGUMENTS: Final = {
    "export": ("alice", "--output", "out"),
    "inspect": ("ca.pem", "--against-stack"),
    "kubeconfig": ("--output", "kubeconfig"),
    "init": ("--stack-name", "dev", "--region", "r", "--listener", "alb:443", "--kubeconfig", "kubeconfig"),
    "off": ("--listener", "https", "--yes"),
    "report": ("--output", "report.html"),
}
"""Those that a command needs before it asks pulumi for anything."""
KUBECONFIG: Final = """
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: pulumi}}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
"""
"""The program that waits is this one's credential plugin, for who asks the cluster first."""


def await_begun(process: subprocess.Popen[str], opened: int) -> None:
    """Until what the process has started says so; it fails where the process has ended before."""
    while not select.select([opened], [], [], 0.1)[0]:
        assert process.poll() is None, process.communicate()
    assert os.read(opened, 5) == b"begun"


@pytest.mark.parametrize("command", COMMANDS, ids=LABELS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_interrupted_ends_as_one_who_is_interrupted(
    waiting: dict[str, str], tmp_path: Path, command: tuple[str, ...], number: signal.Signals
) -> None:
    arguments = (
        ("--stack", "dev", "--cwd", str(tmp_path))
        if command[0].endswith("pipeline")
        else ARGUMENTS.get(command[-1], ())
    )
    opened = os.open(tmp_path / "begun", os.O_RDWR)
    process = start((*command, *arguments), subprocess.PIPE, waiting, tmp_path)
    try:
        await_begun(process, opened)
        os.killpg(process.pid, number)
        out, said = process.communicate(timeout=60)
    finally:
        os.close(opened)
        if process.poll() is None:
            process.kill()
    assert process.returncode in (128 + number, -number), (
        out,
        said,
    )  # SIGTERM ends who has nothing to clean up at once
    assert "Traceback" not in said and "internal error" not in said, said


@pytest.mark.parametrize("command", ["verify", "status"])
def test_who_is_interrupted_alone_ends_every_pulumi_that_it_has_started(
    waiting: dict[str, str], tmp_path: Path, command: str
) -> None:
    opened = os.open(tmp_path / "begun", os.O_RDWR)
    process = start(("alb_mutual_tls.cli", command), subprocess.PIPE, waiting, tmp_path)
    try:
        for _ in range(3):  # the state, the stack file and the history, side by side
            await_begun(process, opened)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    finally:
        os.close(opened)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 128 + signal.SIGINT


def test_the_page_has_the_exit_codes_that_the_code_knows() -> None:
    page = (ROOT / "docs/exit-codes.md").read_text()
    assert re.findall(r"^\| (\d) \|", page, re.MULTILINE) == [str(int(code)) for code in ExitCode]
    for other in ("docs/pipelines.md", "docs/verify.md", "README.md", "README.ja.md", "README.zh.md"):
        assert "exit-codes.md" in (ROOT / other).read_text()
