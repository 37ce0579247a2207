"""What `mtls plan` tells people of the recorded plans."""

from __future__ import annotations

from functools import partial

import pytest

from alb_mutual_tls.operations.deployment.plan_report import print_for_people
from alb_mutual_tls.operations.deployment.summary import of_preview
from tests.screens import shown
from tests.unit.operations.deployment.recorded import NAMES, recorded


def told(name: str, *, wide: bool = False, columns: int = 10_000) -> str:
    return shown(partial(print_for_people, of_preview("dev", recorded(name))), wide=wide, columns=columns)


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_comes_first_and_nothing_is_cut_at_eighty_columns(name: str) -> None:
    summary = of_preview("dev", recorded(name))
    assert told(name).splitlines()[0] == f"dev: {summary.verdict}"
    narrow = told(name, columns=80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "".join(f"dev: {summary.verdict}".split()) in "".join(narrow.split())
    assert "BEGIN" not in told(name, wide=True)


def test_a_listener_that_opens_is_told_with_its_state_before_and_after() -> None:
    lines = told("disable").splitlines()
    assert lines[0] == "dev: listener alb:443 will let everybody in without a client certificate"
    row = next(line for line in lines if line.startswith("alb:443 "))
    assert "  on, CA " in row and "  off, CA " in row
    assert not any(line.startswith("warning: alb:443 will let everybody in") for line in lines)


def test_each_resource_stands_there_only_where_everything_is_wanted() -> None:
    assert "ListenerClientAuthentication" in told("enable", wide=True)
    assert "ListenerClientAuthentication" not in told("enable")


def test_what_is_refused_says_why_and_nothing_of_a_plan() -> None:
    assert told("refused").splitlines()[0].startswith("dev: refused: AlbConfig alb has no listener on port")
    assert "to change" not in told("refused")
