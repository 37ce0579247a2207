"""The tables and plots that `make bench` writes."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks.growth import Measured
from benchmarks.page import BEGIN, END, growth_table, plots, written

MEASURED = [
    Measured("clients", 1, 1.0, 100.0, 10_000, [2.0, 1.0, 9.0]),
    Measured("clients", 101, 4.0, 200.0, 310_000, [3.0]),
    Measured("members", 1, 1.0, 100.0, 10_000, [2.0]),
    Measured("members", 101, 1.5, 110.0, 170_000, [2.1]),
    Measured("listeners", 20, 2.0, 100.0, 80_000, [2.2]),
]


def test_the_table_tells_what_one_more_costs_and_the_ratio_to_openssl() -> None:
    rows = growth_table(MEASURED, {101: 2.0}).splitlines()[2:]
    assert rows[0] == "| 1 client | 1.0 |  | 100 | 2.00 | 0.01 |  |  |"
    assert rows[1] == "| 101 clients | 4.0 | 2.00 of 2.0 s | 200 | 3.00 | 0.31 | 10.0 | 3.0 |"
    assert rows[3] == "| 101 members of a group | 1.5 | 0.75 of 2.0 s | 110 | 2.10 | 0.17 | 1.0 | 1.6 |"
    assert rows[4].startswith("| 20 listeners | 2.0 |  |")


def test_plots_are_svg_with_a_line_for_each_kind() -> None:
    drawn = dict(plots(MEASURED, {101: 2.0}))
    assert sorted(drawn) == ["preview.svg", "up.svg"]
    for name, count in (("up.svg", 3), ("preview.svg", 3)):
        lines = ElementTree.fromstring(drawn[name]).findall("{http://www.w3.org/2000/svg}polyline")
        assert len(lines) == count


def test_what_was_measured_takes_the_place_of_what_was_before() -> None:
    page = f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n"
    assert written(page, "new") == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nThe end.\n"
