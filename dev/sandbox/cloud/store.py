"""A JSON document on disk that survives `kill -9`.

Each change replaces the whole file at once.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from dev.sandbox.layout import write_atomically

_REMEMBERED: Final = 100
"""Changes whose past can be shown."""


class Store:
    """A JSON object in a file, kept in memory and written on every change.

    It is safe to use from several threads.

    Args:
        file: where it is; made (0600) by the first change.
        empty: the content of a new one.
    Raises:
        UserError: the file is damaged.
    """

    def __init__(self, file: Path, empty: dict[str, Any]) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._past: deque[tuple[int, float, dict[str, Any]]] = deque(maxlen=_REMEMBERED)
        self._changes = 0
        self._view = threading.local()
        self._listeners: list[Callable[[], None]] = []
        try:
            self._content: dict[str, Any] = {**empty, **json.loads(file.read_text(encoding="utf-8"))}
        except FileNotFoundError:
            self._content = json.loads(json.dumps(empty))
        except (ValueError, TypeError):
            raise UserError(f"{file} is damaged; delete it to start with an empty one") from None

    @contextmanager
    def reading(self) -> Iterator[dict[str, Any]]:
        """The content; not to be changed nor kept beyond the block."""
        with self._lock:
            yield getattr(self._view, "content", None) or self._content

    @contextmanager
    def lagging(self, hides: Callable[[int, float], bool]) -> Iterator[None]:
        """Let this thread read older content within the block.

        It is the content as it was before the oldest change that is hidden.

        Args:
            hides: tells of each remembered change, by its number and time (seconds since 1970),
            whether it is; asked once.
        """
        with self._lock:
            past = list(self._past)
        hidden = [content for number, when, content in past if hides(number, when)]
        self._view.content = hidden[0] if hidden else None
        try:
            yield
        finally:
            self._view.content = None

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """Give a copy to change, and write it at the end of the block.

        It then becomes the content, unless the block raises.
        """
        with self._lock:
            content = json.loads(json.dumps(self._content))
            yield content
            write_atomically(self._file, json.dumps(content, indent=1) + "\n")
            self._changes += 1
            self._past.append((self._changes, time.time(), self._content))
            self._content = content
        for listener in self._listeners:
            listener()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change, in the thread that made it."""
        self._listeners.append(listener)
