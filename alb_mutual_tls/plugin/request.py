"""One call of the engine, as a handler sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from alb_mutual_tls.errors import UserError


class Cancelled(UserError):
    """The user pressed Ctrl-C, or the engine is gone."""


@dataclass
class Request:
    """What a handler knows of the call it serves.

    `timeout` is in seconds, 0 when none was given; `preview` says that nothing may be changed.
    """

    urn: str
    name: str
    preview: bool
    timeout: float
    cancelled: threading.Event
    log: Callable[[str, str, str], None]

    def warn(self, sentence: str) -> None:
        """Show a warning on the resource, in the preview and in the update."""
        self.log("WARNING", sentence, self.urn)

    def info(self, sentence: str) -> None:
        """Show a line on the resource."""
        self.log("INFO", sentence, self.urn)

    def status(self, sentence: str) -> None:
        """Show a line that the next one replaces, for instance what a wait is waiting for."""
        self.log("STATUS", sentence, self.urn)

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Pause for `seconds`; raises `Cancelled` at once when the user presses Ctrl-C."""
        if self.cancelled.wait(seconds):
            raise Cancelled(f"{self.name}: cancelled while waiting; run pulumi up again to go on")
