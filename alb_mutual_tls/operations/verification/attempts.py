"""The connections of a run: in parallel, bounded, with little waiting for silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.operations.verification.outcome import (
    TIMED_OUT,
    ConnectionFailed,
    Destination,
    Outcome,
    TlsVersion,
)
from alb_mutual_tls.threads import threads
from alb_mutual_tls.waiting import waiting

if TYPE_CHECKING:
    from alb_mutual_tls.pki.forged import ClientCredential

AT_ONCE: Final = 32
"""Connections of a whole run at any moment.

Most of them wait: for the network, and for what does not answer.
"""
NOT_TRIED: Final = ConnectionFailed("not tried, because the first attempt here got no answer in time")


@dataclass(frozen=True)
class Attempt:
    """A connection to be made.

    `version` is None for plain HTTP; `resumed_from`: with a TLS session that nobody has got there.
    """

    to: Destination
    version: TlsVersion | None
    credential: ClientCredential | None = None
    resumed_from: Destination | None = None


def carry_out(attempts: Sequence[Attempt], probe: Callable[[Attempt], Outcome]) -> list[Outcome]:
    """The outcomes of all attempts, in their order; `probe` makes one.

    The first attempt at each address and port in each TLS version goes ahead. When it gets no
    answer in time, the others are spared, so that a silent address takes one time-out and not one
    for each case. What `probe` raises is raised.
    """
    endpoints: dict[tuple[str, int, TlsVersion | None], list[int]] = {}
    for number, attempt in enumerate(attempts):
        endpoints.setdefault((attempt.to.address, attempt.to.port, attempt.version), []).append(number)
    behind = {first: rest for first, *rest in endpoints.values()}
    outcomes: dict[int, Outcome] = {}
    finished: SimpleQueue[tuple[int, Future[Outcome]]] = SimpleQueue()
    with threads(AT_ONCE) as pool:

        def start(number: int) -> None:
            pool.submit(probe, attempts[number]).add_done_callback(
                lambda future: finished.put((number, future))
            )

        for number in list(behind):
            start(number)
        with waiting(lambda: f"handshakes, {len(outcomes)} of {len(attempts)} done"):
            while len(outcomes) < len(attempts):
                number, future = finished.get()
                outcomes[number] = future.result()
                rest = behind.pop(number, [])
                if outcomes[number] == TIMED_OUT:
                    outcomes |= dict.fromkeys(rest, NOT_TRIED)
                else:
                    for following in rest:
                        start(following)
    return [outcomes[number] for number in range(len(attempts))]
