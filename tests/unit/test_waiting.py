"""What is told of waiting, and how long anybody waits."""

from __future__ import annotations

import io
import time

import pytest

from alb_mutual_tls import waiting
from alb_mutual_tls.waiting import limit, limited, told


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.02)
    monkeypatch.setattr(waiting, "PATIENCE_OF_A_LOG", 0.02)


def until_told(out: io.StringIO, text: str) -> None:
    end = time.monotonic() + 10
    while text not in out.getvalue():
        assert time.monotonic() < end, out.getvalue()
        time.sleep(0.005)


def test_what_takes_long_is_told_with_its_end_and_once_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    with told(out), waiting.waiting("the cluster", 30):
        until_told(out, "waiting for the cluster: 0 s, 30 s at most\n")
    assert out.getvalue().count("waiting") == 1


def test_many_slow_calls_of_one_place_are_a_line_each_half_minute() -> None:
    out = io.StringIO()
    line = waiting._Line(out)
    for now in (100.0, 103.0, 129.0, 131.0):
        line.show(waiting._Waited("ALB", 30, since=now - 2), now)
    assert out.getvalue() == "waiting for ALB: 2 s, 30 s at most\n" * 2


def test_a_terminal_shows_one_line_that_goes_away() -> None:
    out = Terminal()
    with told(out):
        with waiting.waiting(lambda: "CAS"):
            until_told(out, "\r\x1b[Kwaiting for CAS: 0 s")
        assert out.getvalue().endswith("\r\x1b[K")
    assert "\n" not in out.getvalue()


def test_what_is_quick_and_what_no_command_line_tells_stays_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_OF_A_LOG", 60.0)
    out = io.StringIO()
    with told(out), waiting.waiting("nothing"):
        pass
    with waiting.waiting("in a provider"):
        pass
    assert (out.getvalue(), *capsys.readouterr()) == ("", "", "")


def test_the_shorter_of_a_limit_and_what_is_usual_counts() -> None:
    assert limited(30) == 30
    with limit(5):
        assert (limited(30), limited(2)) == (5, 2)
        with limit(None):
            assert limited(30) == 5
    assert limited(30) == 30
