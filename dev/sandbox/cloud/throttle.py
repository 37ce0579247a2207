"""Flow control by action and user, and refusal of repeated requests (nonce)."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import Final

from dev.sandbox.cloud.errors import ApiError
from dev.sandbox.cloud.signature import MAXIMUM_SKEW

QUERIES_PER_SECOND: Final = 10
"""Documented for the CAS actions; taken for the others too."""


class Throttle:
    """A limit on how often a user calls an action within any second.

    A refused call does not count.
    """

    def __init__(self, queries_per_second: int | None = QUERIES_PER_SECOND) -> None:
        self._limit = queries_per_second
        self._calls: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def admit(self, user: str, action: str, now: float) -> None:
        """Count a call at time `now` (seconds).

        Raises:
            ApiError: `Throttling.User`, there were too many.
        """
        if self._limit is None:
            return
        with self._lock:
            calls = self._calls[user, action]
            while calls and calls[0] <= now - 1:
                calls.popleft()
            if len(calls) >= self._limit:
                raise ApiError(400, "Throttling.User", "Request was denied due to user flow control.")
            calls.append(now)


class Nonces:
    """Nonces seen while their date is still acceptable.

    They live in memory, so a restart forgets them.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def use(self, user: str, nonce: str, now: float) -> None:
        """Note a nonce.

        Raises:
            ApiError: `SignatureNonceUsed`.
        """
        with self._lock:
            # Oldest first, as dicts keep their order.
            for key, seen in list(self._seen.items()):
                if seen > now - 2 * MAXIMUM_SKEW:
                    break
                del self._seen[key]
            if (user, nonce) in self._seen:
                raise ApiError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self._seen[user, nonce] = now
