"""Plan a change of an AlbConfig and write it.

Where somebody else wrote first, the change is planned anew.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import count
from typing import Final, TypeVar

from alb_mutual_tls.errors import UserError

T = TypeVar("T")

TRIES: Final = 8
"""How often a change is planned anew."""


class Again(Exception):
    """The change is to be planned anew, because of an error.

    Somebody else wrote, or the answer got lost, perhaps after the patch was applied: the next look
    at the AlbConfig tells.
    """

    def __init__(self, error: UserError) -> None:
        super().__init__(str(error))
        self.error = error


def rewrite(attempt: Callable[[], T], pause: Callable[[float], None], *, seconds: float | None = None) -> T:
    """Call `attempt`, which reads, plans and writes, until it does not raise `Again`.

    It is called `TRIES` times at most, or for `seconds` where they are given. `pause` sleeps for a
    number of seconds between two of them. Then raises the error of the last `Again`.
    """
    end = None if seconds is None else time.monotonic() + seconds
    for number in count(1):
        try:
            return attempt()
        except Again as again:
            if number >= TRIES if end is None else time.monotonic() >= end:
                raise again.error from None
        pause(random.uniform(0.02, min(0.2 * number, 0.5)))  # noqa: S311
    raise AssertionError("the loop has no end")
