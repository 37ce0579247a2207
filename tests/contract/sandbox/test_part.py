"""A part: its pid file, its states, its last words."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dev.sandbox import processes
from dev.sandbox.part import Part, State, complaint, read_identity, tail, write_identity
from dev.sandbox.processes import Identity


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    """A part that sleeps, with a child that does so too, in a directory of its own."""
    script = (
        "import subprocess; subprocess.Popen(['sleep', '600']); own = subprocess.Popen(['sleep', '600']);"
        f" print('begun', flush=True); own.wait()#{tmp_path}"
    )
    made = Part(
        name="sleeper",
        command=(sys.executable, "-c", script),
        directory=tmp_path,
        pid_file=tmp_path / "pids" / "sleeper.pid",
        log=tmp_path / "logs" / "sleeper.log",
        program="python",
        marker=f"#{tmp_path} ",
        probe=lambda: None,
    )
    yield made
    made.end(5)


def await_begun(part: Part) -> None:
    deadline = time.monotonic() + 20
    while tail(part.log, 1) != ["begun"]:
        assert time.monotonic() < deadline, tail(part.log, 20)
        time.sleep(0.01)


def test_a_part_is_stopped_running_crashed_running_stopped(part: Part) -> None:
    assert part.state() == (State.STOPPED, "")
    child = part.start()
    assert part.state() == (State.RUNNING, "")
    assert part.pid() == child.pid
    child.kill()
    child.wait()
    assert part.state() == (State.CRASHED, "its process is gone")
    assert part.pid() is None
    part.end(5)
    assert part.state() == (State.STOPPED, "")


def test_a_part_that_lives_and_does_not_work_is_not_ready(part: Part) -> None:
    with part.start():
        assert replace(part, probe=lambda: "no answer").state() == (State.NOT_READY, "no answer")
        part.end(5)


def test_a_paused_part_is_called_so_without_being_asked_and_goes_on(part: Part) -> None:
    with part.start():
        await_begun(part)
        asked = replace(part, probe=lambda: pytest.fail("a paused part was asked"))
        assert part.pause()
        assert asked.state() == (
            State.PAUSED,
            "it answers nobody until `python -m dev.sandbox start` lets it go on",
        )
        assert part.resume()
        assert part.state() == (State.RUNNING, "")
        assert not part.resume()
        part.end(5)
    assert not part.pause()


def test_a_paused_part_ends_when_it_is_asked_to(part: Part) -> None:
    with part.start():
        await_begun(part)
        part.pause()
        assert part.end(5) == []
        assert part.left() == []


def test_a_part_of_an_earlier_boot_is_stopped_not_crashed(part: Part) -> None:
    part.pid_file.parent.mkdir()
    part.pid_file.write_text(write_identity(Identity(1, 1, "earlier")))
    assert part.state() == (State.STOPPED, "")
    assert part.left() == []


def test_ending_reaches_children_also_when_their_parent_was_killed(part: Part) -> None:
    with part.start() as child:
        await_begun(part)
        assert len(part.left()) == 3
        child.kill()
        child.wait()
        assert len(part.left()) == 2
        assert part.end(5) == []
        assert part.left() == []
        assert not part.pid_file.exists()


def test_a_part_whose_pid_file_was_lost_is_found_by_its_command_line(part: Part) -> None:
    with part.start():
        await_begun(part)
        part.pid_file.unlink()
        assert len(part.left()) == 3
        part.end(5)


def test_a_pid_file_with_the_pid_of_somebody_else_harms_nobody(part: Part) -> None:
    ours = processes.identify(os.getpid())
    part.pid_file.parent.mkdir()
    part.pid_file.write_text(write_identity(replace(ours, started=ours.started - 1)))
    assert part.pid() is None
    assert part.left() == []
    part.end(1)
    assert not part.pid_file.exists()


@pytest.mark.parametrize("text", ["", "\n", "17", "17 18", "x y z", "1 2 3 4"])
def test_an_illegible_pid_file_counts_as_none(part: Part, text: str) -> None:
    assert read_identity(text) is None
    part.pid_file.parent.mkdir()
    part.pid_file.write_text(text)
    assert part.state() == (State.STOPPED, "")
    part.end(1)
    assert not part.pid_file.exists()


def test_an_identity_survives_the_pid_file() -> None:
    identity = Identity(17, 4711, "boot")
    assert read_identity(write_identity(identity)) == identity


def test_the_log_of_the_run_before_is_kept(part: Part) -> None:
    part.log.parent.mkdir()
    part.log.write_text("why it crashed\n")
    with part.start():
        await_begun(part)
        part.end(5)
    assert part.log.with_name("sleeper.log.1").read_text() == "why it crashed\n"


def test_a_part_gets_nothing_of_the_callers_environment_that_could_mislead_it(
    part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETCD_DATA_DIR", "/elsewhere")
    with part.start() as child:
        await_begun(part)
        names = {entry.split("=")[0] for entry in Path(f"/proc/{child.pid}/environ").read_text().split("\0")}
        part.end(5)
    assert "ETCD_DATA_DIR" not in names
    assert "PATH" in names


def test_a_part_opens_a_session_of_its_own_and_holds_none_of_our_files(part: Part) -> None:
    with part.start() as child:
        await_begun(part)
        assert os.getsid(child.pid) == child.pid
        targets = {str(Path(f"/proc/{child.pid}/fd/{number}").readlink()) for number in (0, 1, 2)}
        part.end(5)
    assert targets == {"/dev/null", str(part.log)}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            [
                '{"level":"warn","msg":"w"}',
                '{"level":"fatal","msg":"open wal failed","error":"crc mismatch"}',
            ],
            "open wal failed: crc mismatch",
        ),
        (
            [
                "panic: cannot use none as id",
                "",
                "goroutine 1 [running]:",
                "main.main()",
                "\tmain.go:31 +0x28",
            ],
            "panic: cannot use none as id",
        ),
        (
            ["I1 fine", "E1123 22:00:00.1 1 run.go:1] bind failed", "I1 fine"],
            "E1123 22:00:00.1 1 run.go:1] bind failed",
        ),
        (["[notice] x", "[emerg] bind() failed", "[notice] y"], "[emerg] bind() failed"),
        (
            ["Traceback (most recent call last):", '  File "x", line 1', "builtins.ValueError: no"],
            "builtins.ValueError: no",
        ),
        (["the port is taken", "  at x.go:1"], "the port is taken"),
        ([], None),
    ],
)
def test_the_line_that_tells_why_is_found(lines: list[str], told: str | None) -> None:
    assert complaint(lines) == told


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    file = tmp_path / "log"
    assert tail(file, 2) == []
    file.write_text("a\nb\n\nc")
    assert tail(file, 2) == ["b", "c"]
