"""Which known name a misspelt one is meant for."""

from __future__ import annotations

import pytest

from alb_mutual_tls.text import did_you_mean, near


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("caEnable", ["caEnabled", "clients"], "caEnabled"),
        ("CAENABLED", ["caEnabled", "clients"], "caEnabled"),
        ("partnr", ["partner", "shop"], "partner"),
        ("validity", ["validityDays", "uris"], "validityDays"),
        ("prod", ["staging", "corp"], None),
        ("web", [], None),
    ],
)
def test_a_name_that_is_off_by_a_letter_or_its_case_is_recognized_and_no_other(
    name: str, known: list[str], meant: str | None
) -> None:
    assert near(name, known) == meant
    assert did_you_mean(name, known) == (f"; did you mean {meant}?" if meant else "")


def test_the_only_name_that_there_is_is_not_said_twice() -> None:
    assert did_you_mean("root", ["root2"]) == ""
