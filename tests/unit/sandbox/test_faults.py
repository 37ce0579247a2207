"""Faults that are wished for and that are in force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.sandbox import faults
from dev.sandbox.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.cloud_directory.mkdir()
    return made


def test_unknown_names_are_refused_with_those_that_exist() -> None:
    with pytest.raises(UserError, match=r"alb has no fault 'x'; choose one of ignores-ca-enabled, .*, none"):
        faults.check("alb", "x")
    with pytest.raises(UserError, match="there are no faults of 'nlb'; targets are alb"):
        faults.check("nlb", "none")


def test_a_wish_is_written_and_none_takes_it_back(layout: Layout) -> None:
    assert faults.wished(layout) == {}
    faults.wish(layout, "alb", "answers-400")
    assert json.loads(layout.faults_file.read_text()) == {"alb": "answers-400"}
    assert faults.wished(layout) == {"alb": "answers-400"}
    faults.wish(layout, "alb", "none")
    assert faults.wished(layout) == {}


def test_waiting_ends_when_the_wish_is_in_force(layout: Layout) -> None:
    wished = faults.wish(layout, "alb", "answers-400")
    looks = iter([None, None])

    def alive() -> bool:
        if next(looks, "now") == "now":
            layout.faults_applied_file.write_text(json.dumps(wished))
        return True

    faults.await_applied(layout, alive)
    assert faults.applied(layout) == wished


def test_even_no_fault_must_be_confirmed_and_waiting_has_a_limit(layout: Layout) -> None:
    faults.wish(layout, "alb", "none")
    with pytest.raises(UserError, match="did not take the fault within 0 s"):
        faults.await_applied(layout, lambda: True, limit=0.05)


def test_waiting_ends_when_nobody_is_there_to_take_it(layout: Layout) -> None:
    faults.wish(layout, "alb", "answers-400")
    with pytest.raises(UserError, match="is not running"):
        faults.await_applied(layout, lambda: False)


def test_a_damaged_file_is_one_sentence(layout: Layout) -> None:
    layout.faults_file.write_text("{")
    with pytest.raises(UserError, match=r"faults.json is damaged; delete it"):
        faults.wished(layout)
