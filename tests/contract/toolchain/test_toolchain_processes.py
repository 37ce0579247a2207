"""Running programs: what they said is kept, and none is left behind."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from dev.toolchain import golang
from dev.toolchain.places import Places
from dev.toolchain.processes import CalledOff, CommandFailed, Runner
from dev.toolchain.versions import load

VARIABLES = {"PATH": "/usr/bin:/bin"}


def runner(directory: Path, off: threading.Event | None = None) -> Runner:
    return Runner(directory, lambda: None, off or threading.Event())


def test_what_a_program_says_is_answered_and_logged(tmp_path: Path) -> None:
    assert runner(tmp_path).run(["sh", "-c", "echo out; echo err >&2"], "x", VARIABLES) == "out\nerr\n"
    assert runner(tmp_path).run(["echo", "again"], "x", VARIABLES) == "again\n"
    assert (
        tmp_path / "x.log"
    ).read_text() == "$ sh -c echo out; echo err >&2\nout\nerr\n$ echo again\nagain\n"


def test_a_program_that_fails_gives_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        runner(tmp_path).run(["sh", "-c", "echo first; echo last; exit 3"], "x", VARIABLES)
    assert (caught.value.code, caught.value.reason) == (3, "last")


def test_a_program_that_does_not_exist_is_a_failure_like_others(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no-such-program"):
        runner(tmp_path).run(["/no-such-program"], "x", VARIABLES)


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        runner(tmp_path).run(["sh", "-c", "sleep 60 & echo $!; wait"], "x", VARIABLES, limit=0.5)
    assert "no answer within 0.5 s" in caught.value.reason
    _is_gone(int((tmp_path / "x.log").read_text().splitlines()[1]))


def test_work_that_is_called_off_ends_what_runs(tmp_path: Path) -> None:
    off = threading.Event()

    def tick() -> None:
        if len((tmp_path / "x.log").read_text().splitlines()) > 1:
            off.set()

    with pytest.raises(CalledOff):
        Runner(tmp_path, tick, off).run(["sh", "-c", "echo $$; exec sleep 60"], "x", VARIABLES)
    _is_gone(int((tmp_path / "x.log").read_text().splitlines()[1]))


def _is_gone(pid: int) -> None:
    """It was sent SIGKILL, on which it may still have to act.

    A process that its new parent has not yet collected is gone, too.
    """
    deadline = time.monotonic() + 10
    while _state(pid) not in (None, "Z"):
        assert time.monotonic() < deadline, f"process {pid} is {_state(pid)}"
        time.sleep(0.01)


def _state(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return None


def test_a_build_is_stripped_stamped_and_independent_of_where_it_is_made() -> None:
    module = load().modules["etcd"]
    arguments = golang.build_arguments(
        Path("go"), Path("etcd"), "go.etcd.io/etcd/server/v3", {"a.Version": "v1"}, Path("out/etcd")
    )
    assert arguments[:4] == ["go", "build", "-C", "etcd"]
    assert "-trimpath" in arguments
    assert "-ldflags=-s -w -X=a.Version=v1" in arguments
    assert arguments[-3:] == ["-o", "out/etcd", module.programs["etcd"]]


def test_a_machine_without_a_home_still_has_caches_for_go(tmp_path: Path) -> None:
    assert golang.environment({}, Places(tmp_path))["GOCACHE"].startswith(str(tmp_path))
    assert "GOCACHE" not in golang.environment({"HOME": "/home/x"}, Places(tmp_path))


def test_a_full_disk_is_named_as_such() -> None:
    assert "disk is full" in golang.explain("etcd", "x\nwrite: no space left on device\n", Path("log"))
