"""Processes of this machine as /proc shows them.

A process is told apart also after its pid was given to somebody else.

A pid alone names nobody: pids are reused. A process is named by its pid, its start time and the
boot it belongs to (proc_pid_stat(5), field 22).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """A process that is never mixed up with another one.

    It is named by pid, start time (clock ticks since boot) and id of the boot.
    """

    pid: int
    started: int
    boot: str


@dataclass(frozen=True)
class Process:
    """A living process (zombies are not listed)."""

    pid: int
    name: str
    session: int
    started: int
    """Clock ticks since boot."""


def boot() -> str:
    """Id of the machine's current boot."""
    return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()


def parse_stat(text: str) -> tuple[str, str, int, int]:
    """Read name, state, session and start time from a line of /proc/<pid>/stat.

    The name may hold blanks and parentheses.
    """
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    return name, fields[0], int(fields[3]), int(fields[19])


def _stat(pid: int) -> tuple[str, str, int, int] | None:
    """What `parse_stat` tells of a process, zombies included; None if there is none."""
    text = _text(pid, "stat")
    return parse_stat(text) if text else None


def find(pid: int) -> Process | None:
    """The process with this pid, if it lives."""
    if not (found := _stat(pid)):
        return None
    name, state, session, started = found
    return None if state in "ZX" else Process(pid, name, session, started)


def everybody() -> Iterator[Process]:
    """All living processes."""
    for entry in os.listdir(_PROC):  # noqa: PTH208 -- os.listdir does not fail when a process ends meanwhile
        if entry.isdigit() and (process := find(int(entry))):
            yield process


def identify(pid: int) -> Identity:
    """The identity of a process that was just started.

    Raises:
        ProcessLookupError: it is gone already and was reaped.
    """
    if not (found := _stat(pid)):
        raise ProcessLookupError(pid)
    return Identity(pid, found[3], boot())


def lives(identity: Identity) -> bool:
    """Whether this very process still lives."""
    process = find(identity.pid)
    return process is not None and process.started == identity.started and identity.boot == boot()


def session_of(leader: Identity, processes: Iterable[Process], directory: Path) -> list[Process]:
    """Return who is left of the session that `leader` opened.

    They are the leader and its descendants, also when the leader is gone (workers of a killed
    nginx).

    When the leader is gone, its pid may lead another session today; hence only processes that work
    in `directory` count then.
    """
    if leader.boot != boot():
        return []
    members = [
        process
        for process in processes
        if process.session == leader.pid and process.started >= leader.started
    ]
    head = next((process for process in members if process.pid == leader.pid), None)
    if head:
        return members if head.started == leader.started else []
    return [process for process in members if working_directory(process.pid) == directory]


def working_directory(pid: int) -> Path | None:
    """None if it is not ours to see."""
    return _link(pid, "cwd")


def command_line(pid: int) -> list[str]:
    """The process's arguments; empty if it is not ours to see.

    A process that sets its title (nginx) has it as words here.
    """
    text = _text(pid, "cmdline").rstrip("\0")
    return [word for word in text.split("\0" if "\0" in text else " ") if word]


def parent(pid: int) -> int | None:
    """Return the pid of the process's parent.

    An orphan's parent is the process that takes care of orphans.

    None if it does not live.
    """
    text = _text(pid, "stat")
    return int(text[text.rindex(")") + 2 :].split()[1]) if text else None


def variable(pid: int, name: str) -> str | None:
    """Return a variable of the environment that the process was started with.

    None without it, or if it is not ours to see.
    """
    values = (line.partition("=") for line in _text(pid, "environ").split("\0"))
    return next((value for found, sign, value in values if found == name and sign), None)


def program(pid: int) -> str | None:
    """The name of the program's file; None if it is not ours to see."""
    file = _link(pid, "exe")
    return file.name if file else None


def is_paused(pid: int) -> bool:
    """Whether a process was stopped by SIGSTOP and not continued yet."""
    found = _stat(pid)
    return found is not None and found[1] == "T"


def _text(pid: int, file: str) -> str:
    """A file of /proc/<pid>; empty if it is not ours to see."""
    try:
        return (_PROC / str(pid) / file).read_text(errors="replace", encoding="utf-8")
    except OSError:
        return ""


def _link(pid: int, file: str) -> Path | None:
    try:
        return Path(str((_PROC / str(pid) / file).readlink()).removesuffix(" (deleted)"))
    except OSError:
        return None


def end(processes: Iterable[Process], limit: float) -> list[Process]:
    """Send SIGTERM, and SIGKILL after `limit` seconds.

    Returns those that had to be killed, when all are gone.

    Only processes that are still the same are signalled.
    """
    left = list(processes)
    send(left, signal.SIGTERM)
    send(left, signal.SIGCONT)  # a paused one takes no SIGTERM
    left = _await_end(left, limit)
    send(left, signal.SIGKILL)
    _await_end(left, 5.0)
    return left


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Signal processes, as far as they are still the same."""
    for process in processes:
        try:
            # A pidfd holds on to the process, so that between look and signal the pid cannot become
            # somebody else's.
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            if _same(process):
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)


def _await_end(processes: list[Process], limit: float) -> list[Process]:
    deadline = time.monotonic() + limit
    left = [process for process in processes if _same(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [process for process in left if _same(process)]
    return left


def _same(process: Process) -> bool:
    now = find(process.pid)
    return now is not None and now.started == process.started
