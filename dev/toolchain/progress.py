"""What is being done, how long it has taken and how much is left.

It is one line that changes on a terminal, and plain lines elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TextIO

HEARTBEAT: Final = 15.0
"""Seconds between lines where they cannot be overwritten (CI, pipes)."""

DOWNLOADS: Final = "downloads"
"""A line of its own in the estimate: how fast a package came says nothing of how fast the builds
will be.
"""

_REDRAW: Final = 0.5


@dataclass
class Step:
    """A piece of work with its expected duration in seconds.

    `line` tells apart what runs side by side.
    """

    name: str
    expected: float
    line: str = "builds"
    started: float | None = None
    ended: float | None = None

    def elapsed(self, now: float) -> float:
        if self.started is None:
            return 0.0
        return (self.ended if self.ended is not None else now) - self.started


def remaining(steps: Sequence[Step], now: float) -> float:
    """Seconds until all steps are done, estimated from their expected durations.

    Steps of one line follow each other, lines run side by side. Where the steps already done took
    longer (or less) than expected, the rest is expected to do so too, within a factor of four.
    """
    left = 0.0
    for line in {step.line for step in steps}:
        own = [step for step in steps if step.line == line]
        done = [step for step in own if step.ended is not None]
        expected = sum(step.expected for step in done)
        pace = (
            min(max(sum(step.elapsed(now) for step in done) / expected, 0.25), 4.0) if expected > 0 else 1.0
        )
        left = max(
            left,
            sum(max(step.expected * pace - step.elapsed(now), 0.0) for step in own if step.ended is None),
        )
    return left


def duration(seconds: float) -> str:
    """`0:07`, `3:05`, `1:02:03`."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


@dataclass
class Progress:
    """Reports steps on a stream; all methods may be called from any thread."""

    stream: TextIO
    terminal: bool
    clock: Callable[[], float] = time.monotonic
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._started = self._spoke = self.clock()
        self._drawn = ""

    def plan(self, name: str, expected: float, line: str = "builds") -> Step:
        """Announce a step to come, so that the estimate counts it."""
        step = Step(name, expected, line)
        with self._lock:
            self.steps.append(step)
        return step

    def drop(self, step: Step) -> None:
        """A planned step is not needed."""
        with self._lock:
            self.steps.remove(step)

    @contextmanager
    def doing(self, step: Step) -> Iterator[None]:
        """Report a step as begun, and as done when the block ends well."""
        step.started = self.clock()
        self.say(f"{step.name} (usually {duration(step.expected)}){self._left()}")
        yield
        step.ended = self.clock()
        self.say(f"{step.name}: done in {duration(step.elapsed(step.ended))}")

    def say(self, text: str) -> None:
        """Print a line."""
        with self._lock:
            self._erase()
            self.stream.write(f"[{duration(self.clock() - self._started)}] {text}\n")
            self.stream.flush()
            self._spoke = self.clock()

    def tick(self) -> None:
        """Draw the line again, or give a sign of life.

        It is to be called often while something runs.
        """
        with self._lock:
            now = self.clock()
            if now - self._spoke < (_REDRAW if self.terminal else HEARTBEAT):
                return
            running = [step for step in self.steps if step.started is not None and step.ended is None]
            if not running:
                return
            text = "; ".join(
                f"{step.name} {duration(step.elapsed(now))} of about {duration(step.expected)}"
                for step in running
            )
            if not self.terminal:
                self.say(f"{text}{self._left()}")
                return
            self._erase()
            self._drawn = f"[{duration(now - self._started)}] {text}{self._left()}"[:200]
            self.stream.write(self._drawn)
            self.stream.flush()
            self._spoke = now

    def close(self) -> None:
        with self._lock:
            self._erase()
            self.stream.flush()

    def _left(self) -> str:
        return f"; about {duration(remaining(self.steps, self.clock()))} left in all"

    def _erase(self) -> None:
        if self._drawn:
            self.stream.write("\r\x1b[2K")
            self._drawn = ""
