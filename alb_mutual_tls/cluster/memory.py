"""What was read once, for all who ask for it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Any


class Memory:
    """Values by key, each read once, also when many ask at the same moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)
        self._values: dict[Hashable, Any] = {}

    def get(self, key: Hashable, read: Callable[[], Any]) -> Any:
        """The value, read by whoever asks first; what `read` raises is not kept."""
        with self._lock:
            reading = self._reading[key]
        with reading:
            if key not in self._values:
                self._values[key] = read()
            return self._values[key]

    def forget(self, key: Hashable) -> None:
        """Read it anew when it is asked for next."""
        with self._lock:
            self._values.pop(key, None)
