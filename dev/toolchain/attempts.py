"""Downloads that failed are remembered for a day, so that a second run does not wait for them
again.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

MEMORY: Final = 24 * 60 * 60
"""Seconds until a failed download is tried again."""


class Attempts:
    """Failed downloads, a small file for each in a directory."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self.clock = clock

    def failure(self, what: str) -> str | None:
        """Why `what` failed within the last day; None: it did not, or nobody tried."""
        try:
            content = json.loads(self._file(what).read_text(encoding="utf-8"))
            age = self.clock() - float(content["time"])
            return str(content["reason"]) if 0 <= age < MEMORY else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, what: str, reason: str) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._file(what).write_text(
            json.dumps({"time": self.clock(), "reason": reason}) + "\n", encoding="utf-8"
        )

    def _file(self, what: str) -> Path:
        return self.directory / (re.sub(r"[^A-Za-z0-9.]+", "-", what) + ".json")
