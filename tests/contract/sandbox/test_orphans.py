"""A language host waits for its engine for ever, also when that was killed: stopping a sandbox ends
those that worked on it, and nobody else's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.sandbox import lifecycle, processes
from dev.sandbox.layout import Layout

HOST = "pulumi-language-python"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts a program of the host's name that waits for ever, for a sandbox in a directory; its
    engine is killed, or lives on. Gives its pid.
    """
    for name, program in ((HOST, "sleep"), ("pulumi", "sh")):
        shutil.copy(shutil.which(program) or program, tmp_path / name)
    engines: list[subprocess.Popen[bytes]] = []

    def start(directory: Path, *, engine_lives: bool = False) -> int:
        told = tmp_path / f"pid{len(engines)}"
        script = f'"{tmp_path / HOST}" 600 & echo $! > "{told}.new" && mv "{told}.new" "{told}"; wait'
        engines.append(
            subprocess.Popen(
                [tmp_path / "pulumi", "-c", script],
                env={**os.environ, "ALB_MUTUAL_TLS_SANDBOX": str(directory.resolve())},
            )
        )
        deadline = time.monotonic() + 20
        while not told.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        if not engine_lives:
            engines[-1].kill()
            engines[-1].wait()
        return int(told.read_text())

    yield start
    for engine in engines:
        engine.kill()
        engine.wait()
    processes.end(
        [one for one in processes.everybody() if str(tmp_path) in " ".join(processes.command_line(one.pid))],
        5,
    )


def test_stopping_a_sandbox_ends_language_hosts_that_have_outlived_their_engine(
    host: Callable[..., int], tmp_path: Path
) -> None:
    left = host(tmp_path / "sandbox")
    others = [host(tmp_path / "other"), host(tmp_path / "sandbox", engine_lives=True)]
    told: list[str] = []
    lifecycle.stop(Layout(tmp_path / "sandbox"), told.append)
    assert told == [f"pulumi-language (pid {left}) had outlived its engine and was ended"]
    assert processes.find(left) is None
    assert all(processes.find(pid) for pid in others)
