"""Guards for starting and stopping a sandbox.

One start or stop runs at a time. Interruptions arrive where they can be dealt with.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from alb_mutual_tls.errors import UserError

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(UserError):
    """Ctrl-C, SIGTERM or a closed terminal."""


class Interruption:
    """A signal that is remembered until somebody asks for it.

    So none arrives between starting a process and writing its pid down.
    """

    def __init__(self) -> None:
        self._signal: int | None = None

    def note(self, number: int, _frame: FrameType | None) -> None:
        self._signal = number

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self._signal is not None:
            raise Interrupted(f"interrupted by {signal.Signals(self._signal).name}")


@contextmanager
def interruption() -> Iterator[Interruption]:
    """While it lasts, signals that would end the process are noted only."""
    noted = Interruption()
    before = {number: signal.signal(number, noted.note) for number in _SIGNALS}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def locked(
    file: Path, check: Callable[[], None], say: Callable[[str], None], limit: float = 120.0
) -> Iterator[None]:
    """Hold a lock file; waits for who holds it.

    Args:
        check: called while waiting; may raise.
        say: told once that it has to wait.
        limit: seconds.
    Raises:
        UserError: another one has held it for longer than the limit.
    """
    deadline = time.monotonic() + limit
    told = False
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(file, descriptor):
                break
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "?"
            if not told:
                say(f"waiting for another start or stop of this sandbox (pid {holder})")
                told = True
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise UserError(
                    f"process {holder} has been starting or stopping this sandbox for {limit:.0f} s; end it"
                    " first"
                ) from None
            time.sleep(0.05)
        os.close(descriptor)
        check()
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _is_still(file: Path, descriptor: int) -> bool:
    """Whether the lock file is still the one that was opened.

    False if it was deleted (`stop --purge`) between opening and locking it.
    """
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
