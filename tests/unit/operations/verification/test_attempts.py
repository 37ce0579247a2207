"""Connections at once: in order, with a bound, and never waiting long for what does not answer."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.verification.attempts import AT_ONCE, NOT_TRIED, Attempt, carry_out
from alb_mutual_tls.operations.verification.outcome import (
    CLOSED,
    TIMED_OUT,
    Answered,
    Destination,
    Outcome,
    TlsVersion,
)

PATIENCE = 10
"""Seconds until a test that hangs fails."""


def attempts(*ports: int, each: int = 1, version: TlsVersion | None = TlsVersion.TLS_1_3) -> list[Attempt]:
    return [
        Attempt(Destination("192.0.2.1", port, "a", "a", f"/{number}"), version)
        for port in ports
        for number in range(each)
    ]


def answer(attempt: Attempt) -> Outcome:
    return Answered(200, attempt.to.path, str(attempt.to.port))


def test_outcomes_come_in_the_order_of_the_attempts_whichever_is_answered_first() -> None:
    last = threading.Event()

    def probe(attempt: Attempt) -> Outcome:
        if attempt.to.port == 3:
            last.set()
        assert last.wait(PATIENCE)
        return answer(attempt)

    wanted = attempts(1, 2, 3, each=2)
    assert carry_out(wanted, probe) == [answer(attempt) for attempt in wanted]
    assert carry_out([], probe) == []


@dataclass
class Swamp:
    """Ports below 100 swallow everything until all others have been answered; ports from 100 on
    answer.
    """

    others: int
    probed: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._lock, self._answered = threading.Lock(), threading.Event()

    def probe(self, attempt: Attempt) -> Outcome:
        with self._lock:
            self.probed[attempt.to.port] += 1
        if attempt.to.port < 100:
            assert self._answered.wait(PATIENCE), "somebody waited for a place that does not answer"
            return TIMED_OUT
        with self._lock:
            self.others -= 1
            if not self.others:
                self._answered.set()
        return answer(attempt)


def test_places_that_swallow_everything_are_tried_once_in_each_tls_version_and_nobody_waits_for_them() -> (
    None
):
    swamp = Swamp(others=3 * AT_ONCE)
    dead = [attempt for version in TlsVersion for attempt in attempts(*range(1, 9), each=20, version=version)]
    outcomes = carry_out([*dead, *attempts(100, 101, 102, each=AT_ONCE)], swamp.probe)
    assert {port: count for port, count in swamp.probed.items() if port < 100} == dict.fromkeys(
        range(1, 9), len(TlsVersion)
    )
    found = Counter(outcomes[: len(dead)])
    assert found == {TIMED_OUT: 8 * len(TlsVersion), NOT_TRIED: len(dead) - 8 * len(TlsVersion)}


def test_a_place_that_does_not_answer_in_one_tls_version_is_tried_in_the_other_one() -> None:
    old, new = attempts(1, each=2, version=TlsVersion.TLS_1_2), attempts(1, each=2)
    outcomes = carry_out(
        [*old, *new], lambda attempt: TIMED_OUT if attempt.version is TlsVersion.TLS_1_2 else answer(attempt)
    )
    assert outcomes == [TIMED_OUT, NOT_TRIED, *map(answer, new)]


def test_only_the_first_attempt_decides_whether_a_place_answers() -> None:
    wanted = attempts(1, each=4)
    outcomes = carry_out(wanted, lambda attempt: TIMED_OUT if attempt.to.path == "/1" else answer(attempt))
    assert [outcome == TIMED_OUT for outcome in outcomes] == [False, True, False, False]
    assert NOT_TRIED not in carry_out(wanted, lambda _: CLOSED)


def test_there_are_never_more_connections_than_the_bound() -> None:
    lock, now, most = threading.Lock(), 0, 0
    full = threading.Barrier(AT_ONCE)

    def probe(attempt: Attempt) -> Outcome:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        full.wait(PATIENCE)
        with lock:
            now -= 1
        return answer(attempt)

    carry_out(attempts(*range(1, 3 * AT_ONCE + 1)), probe)
    assert most == AT_ONCE


def test_an_error_ends_the_run_without_the_attempts_that_are_still_to_come() -> None:
    made = []

    def probe(attempt: Attempt) -> Outcome:
        made.append(attempt)
        raise UserError("the file cannot be used: give another one")

    with pytest.raises(UserError, match="give another one"):
        carry_out(attempts(1, each=500), probe)
    assert len(made) == 1
