"""One process of the sandbox, from its start to its end.

It is started, found again, asked how it is, and ended with all of its descendants.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from alb_mutual_tls.errors import UserError
from dev.sandbox import binaries, processes
from dev.sandbox.layout import Layout, write_atomically
from dev.sandbox.processes import Identity, Process

_INHERITED: Final = ("HOME", "LANG", "LOGNAME", "TMPDIR", "TZ", "USER")
"""All that parts get of the caller's environment, besides PATH: etcd refuses to start on a stray
ETCD_DATA_DIR.
"""


_ERROR: Final = re.compile(
    r'"level":"(?:error|panic|fatal)"|^panic: |^[EF]\d{4} |\[emerg\]|^[Ee]rror:'
    r" |^[\w.]+(?:Error|Exception|Unreachable): "
)
_STACK: Final = re.compile(r"^\s|^goroutine \d|^[\w./*()-]+\(.*\)$|^created by ")


class State(StrEnum):
    """How a part is."""

    RUNNING = "running"
    NOT_READY = "not ready"
    PAUSED = "paused"
    CRASHED = "crashed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Part:
    """What a process of the sandbox is; whether it runs is looked up each time."""

    name: str
    command: tuple[str, ...]
    directory: Path
    """Its working directory."""
    pid_file: Path
    log: Path
    program: str
    """How the name of its program's file begins."""
    marker: str
    """Text in its command line that no other sandbox's process has, with a blank at the end."""
    probe: Callable[[], str | None]
    """None if the part does its work, else what it lacks."""
    after: tuple[str, ...] = ()
    """Parts that must be ready before this one is started."""
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, layout: Layout, name: str, **more: Any) -> Self:
        """Return a part that works in a sandbox's directory.

        Its pid file and log are where they belong.
        """
        pid_file = layout.pids / f"{name}.pid"
        return cls(name=name, directory=layout.directory, pid_file=pid_file, log=layout.log(name), **more)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process in a session of its own.

        It outlives the caller's shell and holds none of its files open.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env={
                    **inherited,
                    "PATH": os.pathsep.join(binaries.directories(os.environ)),
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        write_atomically(self.pid_file, write_identity(processes.identify(process.pid)))
        return process

    def identity(self) -> Identity | None:
        """Of the process started last, as the pid file has it; None without a legible one."""
        try:
            return read_identity(self.pid_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def pid(self) -> int | None:
        """None if it does not live."""
        identity = self.identity()
        return identity.pid if identity and processes.lives(identity) else None

    def state(self) -> tuple[State, str]:
        """How the part is, and what it lacks if it is not ready."""
        identity = self.identity()
        if identity and processes.lives(identity):
            if processes.is_paused(identity.pid):
                return State.PAUSED, "it answers nobody until `python -m dev.sandbox start` lets it go on"
            lack = self.probe()
            return (State.NOT_READY, lack) if lack else (State.RUNNING, "")
        # stop removes the pid file, and nothing survives a reboot; who is gone otherwise, ended on
        # its own or was killed.
        if identity and identity.boot == processes.boot():
            return State.CRASHED, "its process is gone"
        return State.STOPPED, ""

    def left(self) -> list[Process]:
        """Return every living process of this part.

        They are those of the recorded session, and of sessions whose record was lost (a deleted
        directory).
        """
        everybody = list(processes.everybody())
        identity = self.identity()
        found = processes.session_of(identity, everybody, self.directory) if identity else []
        sessions = {
            process.session
            for process in everybody
            if process.pid == process.session and self._is_mine(process.pid)
        }
        found += [process for process in everybody if process.session in sessions and process not in found]
        return sorted(found, key=lambda process: process.pid != process.session)

    def pause(self) -> bool:
        """Stop the part's process without ending it: whoever asks it waits in vain.

        Returns whether there was one.
        """
        processes.send(self.left(), signal.SIGSTOP)
        while (pid := self.pid()) is not None and not processes.is_paused(pid):
            time.sleep(0.01)
        return pid is not None

    def resume(self) -> bool:
        """Let a paused part go on; returns whether it was paused."""
        pid = self.pid()
        if pid is None or not processes.is_paused(pid):
            return False
        processes.send(self.left(), signal.SIGCONT)
        return True

    def end(self, limit: float) -> list[Process]:
        """End the part; its pid file goes when nothing is left of it.

        Args:
            limit: seconds between SIGTERM and SIGKILL.
        Returns:
            those that had to be killed.
        Raises:
            UserError: something is left of it, or belongs to another user.
        """
        killed: list[Process] = []
        for _ in range(3):  # who dies may leave children that were born in the meantime
            left = self.left()
            if not left:
                self.pid_file.unlink(missing_ok=True)
                return killed
            try:
                killed += processes.end(left, limit)
            except PermissionError:
                raise UserError(
                    f"{self.name} (pid {left[0].pid}) belongs to another user; stop the sandbox as that user"
                ) from None
        raise UserError(
            f"{self.name} (pid {self.left()[0].pid}) cannot be ended, not even by SIGKILL; see `ps -o"
            " stat,wchan -p PID`"
        )

    def last_words(self, lines: int) -> list[str]:
        """The last lines of its log, without empty ones."""
        return tail(self.log, lines)

    def complaint(self) -> str | None:
        """The line of its log that most likely tells why it ended."""
        return complaint(tail(self.log, 200))

    def _is_mine(self, pid: int) -> bool:
        if not (processes.program(pid) or "").startswith(self.program):
            return False
        return self.marker in " ".join(processes.command_line(pid)) + " "


def write_identity(identity: Identity) -> str:
    return f"{identity.pid} {identity.started} {identity.boot}\n"


def read_identity(text: str) -> Identity | None:
    """Return the identity in a pid file.

    None if the text is not one (cut off, or somebody else's).
    """
    words = text.split()
    if len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    return Identity(int(words[0]), int(words[1]), words[2])


def tail(file: Path, lines: int, window: int = 65536) -> list[str]:
    """The last lines of a file, without empty ones; none if there is no file."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - window))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


def complaint(lines: Sequence[str]) -> str | None:
    """Return the last line that tells of an error.

    Else it is the last line that is not of a Go stack. None without lines.

    Knows the forms of zap (etcd), klog (kube-apiserver), nginx, Go panics and Python exceptions.
    """
    told = [line for line in lines if _ERROR.search(line)]
    plain = [line for line in lines if not _STACK.match(line)]
    chosen = next(iter(told[-1:] or plain[-1:] or lines[-1:]), None)
    if chosen and chosen.startswith("{"):
        try:
            entry = json.loads(chosen)
            return ": ".join(str(entry[key]) for key in ("msg", "error") if entry.get(key))
        except ValueError:
            pass
    return chosen
