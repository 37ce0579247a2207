"""The table of `make bench`."""

from __future__ import annotations

from typing import cast

from benchmarks.preview import Program, table
from tests.integration.engine import Stack


def test_the_table_shows_medians_and_their_ratio_to_the_first_program() -> None:
    stack = cast(Stack, None)
    empty = Program("empty program", stack, wall=[1.0, 0.8, 5.0], processor=[0.9, 0.7, 0.8])
    dev = Program("stack dev", stack, wall=[2.5, 2.0, 3.0], processor=[2.0, 3.0, 4.0])
    assert table([empty, dev]).splitlines()[2:] == [
        "| empty program | 1.00 (0.80 - 5.00) | 1.00 | 0.80 |",
        "| stack dev | 2.50 (2.00 - 3.00) | 2.50 | 3.00 |",
    ]
