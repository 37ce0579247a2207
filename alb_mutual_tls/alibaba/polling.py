"""Looking at an API again and again, until something shows or time is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

PAUSES: Final = (0.25, 0.5, 1.0, 2.0)
"""Between looks, in seconds; the last one repeats.

The ALB API allows some 10 requests per second and user.
"""


class Wait:
    """The pauses between looks, for `seconds` in all.

    `pause` sleeps for a number of seconds, and may raise to end the wait. `now` is a clock in
    seconds; without one only the pauses count as time.
    """

    def __init__(
        self, seconds: float, pause: Callable[[float], None], now: Callable[[], float] | None = None
    ) -> None:
        self._pause = pause
        self._slept = 0.0
        self._now = now or (lambda: self._slept)
        self._end = self._now() + seconds
        self.pauses = 0
        """How many there were."""

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return self._now() >= self._end

    def pause(self) -> None:
        """Sleep until the next look, the last one at the end of the time."""
        seconds = min(PAUSES[min(self.pauses, len(PAUSES) - 1)], max(0.0, self._end - self._now()))
        self._pause(seconds)
        self._slept += seconds
        self.pauses += 1
