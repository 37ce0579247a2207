"""Faults of the OpenAPI endpoint on demand.

`python -m dev.sandbox fault api ...` sets them. The module says which fault a request meets, and
how often it was met so far.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from dev.sandbox import faults
from dev.sandbox.cloud.errors import ApiError
from dev.sandbox.cloud.store import Store
from dev.sandbox.layout import Layout, write_atomically

Act = Callable[[], dict[str, Any]]


class Silence(Exception):
    """A request gets no answer.

    After `seconds` its connection ends, by a reset or in good order.

    Attributes:
        result: of what was done nevertheless.
    """

    def __init__(self, seconds: float, *, reset: bool, result: str) -> None:
        super().__init__(result)
        self.seconds = seconds
        self.reset = reset
        self.result = result


class Misbehaviour:
    """Lets requests meet the faults that faults.json has for their action.

    Args:
        layout: where faults.json is, read for each request, and how often each fault was met, which
        survives a restart. store: what slow lists show the past of. clock: seconds since 1970.
    """

    def __init__(self, layout: Layout, store: Store, clock: Callable[[], float]) -> None:
        self._layout = layout
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._hidden: Counter[tuple[str, int]] = Counter()

    def meet(self, action: str) -> dict[str, Any] | None:
        """The fault that a request for an action meets, which is counted; None for none."""
        wished = faults.wished(self._layout).get(faults.API, {})
        fault: dict[str, Any] | None = wished.get(action)
        if fault is None or fault["kind"] == faults.SLOW:
            return fault
        with self._lock:
            used = faults.spent(self._layout)
            if used.get(fault["id"], 0) >= fault["times"]:
                return None
            counted = {one["id"]: used.get(one["id"], 0) + (one is fault) for one in wished.values()}
            write_atomically(self._layout.faults_spent_file, json.dumps(counted) + "\n")
        return fault

    def carry_out(self, fault: dict[str, Any], act: Act) -> dict[str, Any]:
        """What a request with a fault is answered.

        Raises:
            ApiError: it is refused.
            Silence: it is not answered.
        """
        match fault["kind"]:
            case "throttle":
                raise ApiError(400, "Throttling.User", "Request was denied due to user flow control.")
            case "5xx":
                raise ApiError(
                    503,
                    "ServiceUnavailable",
                    "The request has failed due to a temporary failure of the server.",
                )
            case "reset":
                raise Silence(0, reset=True, result="not done")
            case "timeout-before":
                raise Silence(fault["seconds"], reset=False, result="not done")
            case "timeout-after":
                result = "OK"
                try:
                    act()
                except ApiError as error:
                    result = error.code
                raise Silence(fault["seconds"], reset=False, result=result)
            case _:
                return self._be_slow(fault, act)

    def _be_slow(self, fault: dict[str, Any], act: Act) -> dict[str, Any]:
        def hides(number: int, when: float) -> bool:
            if when < fault["since"]:
                return False
            if fault["seconds"] is not None:
                return bool(self._clock() - when < fault["seconds"])
            with self._lock:
                self._hidden[fault["id"], number] += 1
                return bool(self._hidden[fault["id"], number] <= fault["times"])

        with self._store.lagging(hides):
            return act()
