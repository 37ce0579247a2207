"""A change that is planned anew where somebody else wrote first."""

from __future__ import annotations

import pytest

from alb_mutual_tls.cluster.rewrite import TRIES, Again, rewrite
from alb_mutual_tls.errors import UserError


class Attempts:
    """Fails so many times; counts."""

    def __init__(self, failures: int, kind: type[Exception] = Again) -> None:
        self.failures, self.kind, self.calls = failures, kind, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            error = UserError(f"conflict {self.calls}")
            raise Again(error) if self.kind is Again else error
        return "written"


def test_a_change_is_planned_anew_after_growing_pauses() -> None:
    pauses: list[float] = []
    attempts = Attempts(3)
    assert rewrite(attempts, pauses.append) == "written"
    assert attempts.calls == 4
    assert all(0.02 <= pause <= 0.2 * number for number, pause in enumerate(pauses, 1))


def test_the_last_error_is_raised_when_the_tries_are_used_up() -> None:
    attempts = Attempts(TRIES)
    with pytest.raises(UserError, match=f"^conflict {TRIES}$"):
        rewrite(attempts, lambda _: None)
    assert attempts.calls == TRIES


def test_within_a_time_there_are_as_many_tries_as_it_takes() -> None:
    assert rewrite(Attempts(5 * TRIES), lambda _: None, seconds=60) == "written"
    with pytest.raises(UserError, match=r"^conflict 1$"):
        rewrite(Attempts(1), lambda _: None, seconds=0)


def test_any_other_error_ends_it_at_once() -> None:
    attempts = Attempts(1, UserError)
    with pytest.raises(UserError, match=r"^conflict 1$"):
        rewrite(attempts, lambda _: None)
    assert attempts.calls == 1
