"""The pauses between looks: one row for everything that waits."""

from __future__ import annotations

from alb_mutual_tls.alibaba.polling import PAUSES, Wait


def test_the_pauses_grow_and_the_last_one_ends_with_the_time() -> None:
    slept: list[float] = []
    wait = Wait(7.0, slept.append)
    while not wait.over:
        wait.pause()
    assert slept == [*PAUSES, 2.0, 1.25]
    assert wait.pauses == len(slept)


def test_what_lasts_between_the_pauses_counts_where_there_is_a_clock() -> None:
    instants = iter([100.0, 100.5, 108.0, 110.5])
    slept: list[float] = []
    wait = Wait(10.0, slept.append, lambda: next(instants))
    assert not wait.over
    wait.pause()
    assert slept == [0.25]
    assert wait.over


def test_no_time_is_no_pause() -> None:
    assert Wait(0.0, lambda _: None).over
