"""Run other programs, each with a log.

They give a sign of life while they work, and end when the work is called off.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class CommandFailed(Exception):
    """A program ended badly; `output` is what it said."""

    def __init__(self, arguments: Sequence[str], code: int, output: str) -> None:
        super().__init__(f"{Path(arguments[0]).name} ended with code {code}")
        self.code = code
        self.output = output

    @property
    def reason(self) -> str:
        """The last thing it said, on one line."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1][:300] if lines else str(self)


class CalledOff(Exception):
    """Work that ran beside has failed, so this one was ended."""


@dataclass(frozen=True)
class Runner:
    """How programs are run: `tick` is called while one works, `off` ends it."""

    logs: Path
    tick: Callable[[], None]
    off: threading.Event

    def run(
        self,
        arguments: Sequence[str],
        log: str,
        environment: Mapping[str, str],
        directory: Path | None = None,
        limit: float | None = None,
    ) -> str:
        """Run a program to its end and answer what it said on both streams.

        Args:
            arguments: the program and its arguments.
            log: name of the log file (appended to).
            environment: of the program, whole.
            directory: to run it in.
            limit: seconds, after which it is ended.
        Raises:
            CommandFailed: it ended badly, or could not be started, or took too long.
            CalledOff: `off` was set.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        file = self.logs / f"{log}.log"
        with file.open("ab") as stream:
            stream.write(f"$ {' '.join(arguments)}\n".encode())
            stream.flush()
            start = stream.tell()
            try:
                process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                    env=dict(environment),
                    cwd=directory,
                    start_new_session=True,
                )
            except OSError as error:
                raise CommandFailed(arguments, 127, str(error)) from error
            try:
                code = self._wait(process, limit)
            except BaseException:
                _end(process)
                raise
        output = file.read_bytes()[start:].decode(errors="replace")
        if code is None:
            raise CommandFailed(arguments, 124, f"{output}\nno answer within {limit:g} s")
        if code != 0:
            raise CommandFailed(arguments, code, output)
        return output

    def _wait(self, process: subprocess.Popen[bytes], limit: float | None) -> int | None:
        deadline = time.monotonic() + limit if limit is not None else None
        while True:
            try:
                return process.wait(0.2)
            except subprocess.TimeoutExpired:
                self.tick()
            if self.off.is_set():
                raise CalledOff
            if deadline is not None and time.monotonic() > deadline:
                _end(process)
                return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started (it leads a process group of its own)."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(3)
            return
        except ProcessLookupError:
            process.wait()
            return
        except subprocess.TimeoutExpired:
            continue
