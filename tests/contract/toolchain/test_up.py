"""What `make up` decides by itself."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from dev import up


def lock(pid: object, hostname: str | None = None) -> dict[str, object]:
    return {
        "pid": pid,
        "username": "x",
        "hostname": socket.gethostname() if hostname is None else hostname,
        "timestamp": "2026-01-01T00:00:00Z",
    }


def ended() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_lock_of_an_update_that_was_killed_is_released() -> None:
    assert up.is_dead(lock(ended()))


def test_the_lock_of_an_update_that_runs_is_left_alone() -> None:
    assert not up.is_dead(lock(os.getpid()))
    assert not up.is_dead(lock(1))


def test_the_lock_of_another_machine_or_of_unknown_form_is_left_alone() -> None:
    assert not up.is_dead(lock(ended(), "another-machine"))
    assert not up.is_dead(lock(None))
    assert not up.is_dead({})


def test_the_time_of_each_stage_is_told_also_when_it_fails() -> None:
    now = [0.0]
    stages = up.Stages(clock=lambda: now[0])
    with stages.stage("sandbox"):
        now[0] += 3
    with pytest.raises(up.Failed), stages.stage("pulumi up"):
        now[0] += 65
        raise up.Failed("no")
    assert stages.summary() == "sandbox 0:03, pulumi up 1:05; 1:08 in all"


def test_a_program_that_fails_is_named_with_its_code() -> None:
    with pytest.raises(up.Failed, match=r"`sh -c exit 7` ended with code 7"):
        up.run(["sh", "-c", "exit 7"], os.environ)


def test_an_unknown_command_shows_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert up.main(["sideways"]) == 2
    assert "up|preview|down" in capsys.readouterr().err
