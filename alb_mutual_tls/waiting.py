"""Waiting for others: told on standard error, and limited by --timeout.

Only a command line tells. Elsewhere, as in the provider, nothing of this is seen.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TextIO

PATIENCE: Final = 2.0
"""Seconds of silence on a terminal."""
PATIENCE_OF_A_LOG: Final = 10.0
"""Seconds of silence where no terminal shows a line that goes away."""
_REPEAT: Final = 30.0
"""Seconds between two lines about the same, where no terminal shows one line that changes."""

_limits: Final[list[float]] = []
_active: Final[list[_Waited]] = []
_lines: Final[list[_Line]] = []
_changed: Final = threading.Condition()


@dataclass(eq=False)
class _Waited:
    """Something that is waited for since `since`, for `seconds` at most."""

    what: str | Callable[[], str]
    seconds: float | None
    since: float = field(default_factory=time.monotonic)

    def sentence(self, now: float) -> str:
        what = self.what if isinstance(self.what, str) else self.what()
        most = "" if self.seconds is None else f", {self.seconds:.0f} s at most"
        return f"waiting for {what}: {now - self.since:.0f} s{most}"


@contextmanager
def waiting(what: str | Callable[[], str], seconds: float | None = None) -> Iterator[None]:
    """Tell what is waited for while the block runs, for `seconds` at most."""
    waited = _Waited(what, seconds)
    with _changed:
        _active.append(waited)
        _changed.notify_all()
    try:
        yield
    finally:
        with _changed:
            _active.remove(waited)
            for line in _lines:
                line.clear()  # before anybody prints something after it
            _changed.notify_all()


def limited(seconds: float) -> float:
    """The seconds to wait for an answer: so many, or what `--timeout` leaves of them."""
    return min([seconds, *_limits])


@contextmanager
def limit(seconds: float | None) -> Iterator[None]:
    """Wait no longer than so many seconds for any answer within the block."""
    given = [] if seconds is None else [seconds]
    _limits.extend(given)
    try:
        yield
    finally:
        for one in given:
            _limits.remove(one)


@contextmanager
def told(stream: TextIO | None = None) -> Iterator[None]:
    """Tell on standard error what is waited for within the block.

    A terminal shows one line that changes and goes away; elsewhere a line is written now and then.
    """
    line, over = _Line(stream or sys.stderr), threading.Event()
    _lines.append(line)
    teller = threading.Thread(target=_tell, args=(line, over), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        with _changed:
            _changed.notify_all()
        teller.join(1.0)
        _lines.remove(line)


class _Line:
    """The line of a terminal, or lines of a file."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._drawn = False
        self.patience = PATIENCE if self._terminal else PATIENCE_OF_A_LOG
        self._told: dict[str | Callable[[], str], float] = {}
        """When a line was last written about something."""

    def show(self, waited: _Waited, now: float) -> None:
        if self._terminal:
            self._out.write(f"\r\x1b[K{waited.sentence(now)}")
            self._out.flush()
            self._drawn = True
        elif now - self._told.get(waited.what, -_REPEAT) >= _REPEAT:
            self._told[waited.what] = now
            self._out.write(f"{waited.sentence(now)}\n")
            self._out.flush()

    def clear(self) -> None:
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._drawn = False


def _tell(line: _Line, over: threading.Event) -> None:
    with _changed:
        while not over.is_set():
            now = time.monotonic()
            slow = [waited for waited in _active if now - waited.since >= line.patience]
            if slow:
                line.show(slow[-1], now)
            else:
                line.clear()
            soonest = min((waited.since + line.patience - now for waited in _active), default=None)
            _changed.wait(1.0 if slow else soonest)
        line.clear()
