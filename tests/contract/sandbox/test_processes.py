"""Processes are told apart although pids are reused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dev.sandbox import processes
from dev.sandbox.processes import Identity, Process

HERE = Path("/somewhere/of/ours")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as child:
        yield child
        child.kill()


def process(pid: int, session: int, started: int) -> Process:
    return Process(pid, "nginx", session, started)


def test_a_name_with_blanks_and_parentheses_does_not_shift_the_fields() -> None:
    text = "42 (a) (b c) S 1 42 41 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1"
    assert processes.parse_stat(text) == ("a) (b c", "S", 41, 987654)


def test_the_same_pid_with_another_start_time_or_boot_is_another_process(
    sleeper: subprocess.Popen[bytes],
) -> None:
    identity = processes.identify(sleeper.pid)
    assert processes.lives(identity)
    assert not processes.lives(replace(identity, started=identity.started - 1))
    assert not processes.lives(replace(identity, boot="another"))


def test_a_zombie_does_not_live() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not processes.lives(processes.identify(child.pid))


def test_a_process_that_is_gone_has_no_identity() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    with pytest.raises(ProcessLookupError):
        processes.identify(child.pid)


def test_workers_of_a_leader_that_is_gone_are_found_by_session_and_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leader = Identity(100, 5000, processes.boot())
    monkeypatch.setattr(processes, "working_directory", {101: HERE, 102: HERE, 103: Path("/other")}.get)
    everybody = [
        process(101, 100, 5001),
        process(102, 100, 4000),
        process(103, 100, 6000),
        process(104, 104, 6000),
    ]
    assert processes.session_of(leader, everybody, HERE) == [everybody[0]]


def test_everybody_in_the_session_of_a_living_leader_belongs_to_it() -> None:
    leader = Identity(100, 5000, processes.boot())
    everybody = [process(100, 100, 5000), process(101, 100, 5001), process(7, 7, 1)]
    assert processes.session_of(leader, everybody, HERE) == everybody[:2]


def test_a_session_whose_pid_was_given_to_somebody_else_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "working_directory", lambda _: HERE)
    everybody = [process(100, 100, 9000), process(101, 100, 9001)]
    assert processes.session_of(Identity(100, 5000, processes.boot()), everybody, HERE) == []
    assert processes.session_of(Identity(100, 9000, "another boot"), everybody, HERE) == []


def test_ending_asks_first_and_kills_who_does_not_listen(sleeper: subprocess.Popen[bytes]) -> None:
    stubborn = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        found = [one for child in (sleeper, deaf) if (one := processes.find(child.pid))]
        assert [one.pid for one in processes.end(found, 0.3)] == [deaf.pid]
        assert (sleeper.wait(), deaf.wait()) == (-signal.SIGTERM, -signal.SIGKILL)


def test_a_reused_pid_is_not_signalled(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda _, number: sent.append(number))
    found = processes.find(sleeper.pid)
    assert found
    processes.end([replace(found, started=found.started - 1)], 0.1)
    assert sent == []


def test_command_line_and_program_of_a_process(sleeper: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while not processes.command_line(
        sleeper.pid
    ):  # the kernel shows it a moment after the program was loaded
        assert time.monotonic() < deadline
    assert processes.command_line(sleeper.pid) == ["sleep", "600"]
    assert (processes.program(sleeper.pid) or "") in ("sleep", "coreutils", "busybox")
    assert processes.working_directory(sleeper.pid) == Path.cwd()
