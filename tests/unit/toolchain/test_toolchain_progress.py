"""Progress: what is left, on a terminal and in a log."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.toolchain.progress import HEARTBEAT, Progress, Step, duration, remaining


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def step(
    expected: float, started: float | None = None, ended: float | None = None, line: str = "builds"
) -> Step:
    return Step("x", expected, line, started, ended)


def test_steps_of_one_line_follow_each_other() -> None:
    assert remaining([step(100, started=0), step(50)], now=30) == 120


def test_lines_run_side_by_side() -> None:
    assert remaining([step(100, started=0), step(40, started=0, line="python")], now=30) == 70
    assert remaining([step(10, started=0), step(40, started=0, line="python")], now=30) == 10


def test_a_machine_that_took_twice_as_long_is_expected_to_go_on_like_that() -> None:
    assert remaining([step(100, started=0, ended=200), step(50)], now=200) == 100


def test_a_step_that_took_no_time_does_not_promise_that_all_do() -> None:
    assert remaining([step(100, started=0, ended=0), step(200)], now=0) == 50


def test_a_step_that_takes_longer_than_expected_leaves_the_others() -> None:
    assert remaining([step(10, started=0), step(50)], now=500) == 50


@given(st.lists(st.tuples(st.floats(0, 1e4), st.sampled_from(["builds", "python"]))), st.floats(0, 1e5))
def test_what_is_left_is_never_negative_and_nothing_is_left_of_nothing(
    expected: list[tuple[float, str]], now: float
) -> None:
    assert remaining([step(seconds, started=0, line=line) for seconds, line in expected], now) >= 0
    assert remaining([step(seconds, started=0, ended=now, line=line) for seconds, line in expected], now) == 0


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (7.9, "0:07"), (185, "3:05"), (3723, "1:02:03")])
def test_durations_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_log_gets_plain_lines_and_a_sign_of_life_every_fifteen_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Progress(stream, terminal=False, clock=clock)
    etcd = progress.plan("etcd", 41)
    progress.plan("kubernetes", 233)
    with progress.doing(etcd):
        for _ in range(400):
            clock.now += 0.1
            progress.tick()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[0:00] etcd (usually 0:41); about 4:34 left in all"
    assert lines[-1].startswith("[0:40] etcd: done in 0:40") or lines[-1].startswith(
        "[0:39] etcd: done in 0:39"
    )
    assert len(lines) == 2 + int(40 // HEARTBEAT)
    assert "etcd 0:15 of about 0:41; about 4:1" in lines[1]
    assert "\r" not in stream.getvalue()


def test_a_terminal_gets_one_line_that_changes_and_is_gone_at_the_end() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Progress(stream, terminal=True, clock=clock)
    with progress.doing(progress.plan("etcd", 41)):
        for _ in range(3):
            clock.now += 1
            progress.tick()
    progress.close()
    assert stream.getvalue().count("\n") == 2
    assert stream.getvalue().count("\r\x1b[2K") == 3
    assert stream.getvalue().endswith("done in 0:03\n")


def test_a_step_that_is_not_needed_is_not_waited_for() -> None:
    progress = Progress(io.StringIO(), terminal=False, clock=Clock())
    progress.drop(progress.plan("release", 60))
    assert remaining(progress.steps, 0) == 0
