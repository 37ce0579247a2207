"""A command of the engine that has begun and not ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dev.sandbox import processes


@dataclass
class Underway:
    """A pulumi command that runs: the engine with its program, its language host and its plugins,
    all in one session.
    """

    engine: subprocess.Popen[bytes]
    log: Path

    def shown(self) -> str:
        """What it has printed yet."""
        return self.log.read_text()

    def until(self, holds: Callable[[], bool], limit: float = 60) -> None:
        """Wait until a condition holds, which must be so before the command ends."""
        deadline = time.monotonic() + limit
        while not holds():
            assert self.engine.poll() is None, self.shown()
            assert time.monotonic() < deadline, self.shown()
            time.sleep(0.02)

    def session(self) -> list[processes.Process]:
        """Who of it lives."""
        return [process for process in processes.everybody() if process.session == self.engine.pid]

    def kill(self) -> None:
        """SIGKILL to every process of it, as the kernel does when memory is short; returns when all
        are gone.
        """
        if self.engine.poll() is None:
            os.killpg(self.engine.pid, signal.SIGKILL)
            self.engine.wait()
        while left := self.session():  # plugins are in process groups of their own
            processes.send(left, signal.SIGKILL)
            time.sleep(0.01)

    def plugins(self) -> list[processes.Process]:
        """Our providers among its processes."""
        return [one for one in self.session() if "alb_mutual_tls.provider" in processes.command_line(one.pid)]

    def interrupt(self) -> float:
        """Ctrl-C, as a terminal sends it; returns after how many seconds the command has ended."""
        began = time.monotonic()
        os.killpg(self.engine.pid, signal.SIGINT)
        self.engine.wait(90)
        return time.monotonic() - began
