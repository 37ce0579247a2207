"""Times in the state have the form in which Go writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.toolchain.plugins.tls.instants import due, parse, rfc3339

NOW = 1_773_685_952_577_151_145


@pytest.fixture(params=["UTC0", "CET-1", "EST5"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield str(request.param)
    monkeypatch.undo()
    time.tzset()


def test_a_time_is_written_in_the_local_zone_with_nanoseconds(zone: str) -> None:
    expected = {
        "UTC0": "2026-03-16T18:32:32.577151145Z",
        "CET-1": "2026-03-16T19:32:32.577151145+01:00",
        "EST5": "2026-03-16T13:32:32.577151145-05:00",
    }
    assert rfc3339(NOW) == expected[zone]
    assert parse(rfc3339(NOW)) == NOW


@pytest.mark.parametrize(
    ("nanoseconds", "fraction"), [(0, ""), (500_000_000, ".5"), (1_000, ".000001"), (1, ".000000001")]
)
def test_trailing_zeros_of_the_fraction_are_left_out(nanoseconds: int, fraction: str) -> None:
    text = rfc3339(1_773_685_952 * 10**9 + nanoseconds)
    assert text[19 : 19 + len(fraction) + 1].rstrip("Z+-") == fraction


@given(st.integers(min_value=0, max_value=253_402_300_799 * 10**9 - 10**15))
def test_what_is_written_is_read_again(nanoseconds: int) -> None:
    assert parse(rfc3339(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "2026-03-16", "2026-03-16T18:32:32", "2026-03-16T18:32:32.x", "yesterday"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_due_is_from_the_early_renewal_on() -> None:
    end = "2026-03-16T20:32:32.577151145+02:00"
    assert due(end, 0, NOW)
    assert not due(end, 0, NOW - 1)
    assert due(end, 1, NOW - 3600 * 10**9)
    assert not due(end, 1, NOW - 3600 * 10**9 - 1)
