"""`make oracle`: which answers differ, and whether the list of the documentation is true."""

from __future__ import annotations

from typing import Any

import pytest

from alb_mutual_tls.wire import UNKNOWN
from tests.oracle.comparison import NOTHING, Difference, compare, rows, verdict
from tests.oracle.listed import PAGE, listed

ONE = Difference("create", "refused", "409: it | is there", "conflict")
OTHER = Difference("delete", "live finalizers", NOTHING, "[foreground]")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"id": "9b2d1d1e-55f4-4f2e-9a64-1d2a3b4c5d6e"}, {"id": "00000000-55f4-4f2e-9a64-1d2a3b4c5d6e"}),
        ({"manager": "pulumi-kubernetes-01234567"}, {"manager": "pulumi-kubernetes-89abcdef"}),
        ({"at": "2026-01-01T00:00:00Z"}, {"at": "2026-01-01T00:00:01Z"}),
        ({"metadata": {"resourceVersion": "1"}}, {"metadata": {"resourceVersion": "2"}}),
        ({"said": 'open "/tmp/oracle-a/x"'}, {"said": 'open "/tmp/oracle-b/x"'}),
        ({"said": "dial 127.0.0.1:14443"}, {"said": "dial 127.0.0.1:15443"}),
    ],
)
def test_what_is_another_one_in_each_run_is_no_difference(one: Any, other: Any) -> None:
    assert compare("call", one, other) == []


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"id": "a"}, {"id": "b"}, ("id", "a", "b")),
        (
            {"said": "dial 127.0.0.1:9"},
            {"said": "dial 127.0.0.1:14443"},
            ("said", "dial 127.0.0.1:9", "dial 127.0.0.1:<port>"),
        ),
        ({"state": {"data": {"tls.crt": "x"}}}, {"state": {"data": UNKNOWN}}, None),
        ({"state": {"a": 1}}, {"state": {"a": 1, "b": {}}}, ("state b", NOTHING, "{}")),
        ({"live": {}}, {"live": {"a": {"b": 1}}}, ("live", "{}", '{"a": {"b": 1}}')),
        ({"resourceVersion": "1"}, {}, ("resourceVersion", "<count>", NOTHING)),
        ({"replaces": []}, {"replaces": ["type"]}, ("replaces", "[]", '["type"]')),
        ({"it": True}, {"it": "true"}, None),
    ],
)
def test_every_other_value_is_a_difference(one: Any, other: Any, found: tuple[str, str, str] | None) -> None:
    differences = compare("call", one, other)
    assert differences
    if found:
        assert differences == [Difference("call", *found)]


def test_a_list_is_true_only_if_it_names_all_differences_and_no_other() -> None:
    assert verdict([ONE, OTHER], [OTHER, ONE]) == []
    assert verdict([ONE], []) == [f"not in the list: {rows([ONE])[0]}"]
    assert verdict([], [ONE]) == [f"in the list, and gone: {rows([ONE])[0]}"]
    changed = Difference(ONE.call, ONE.what, ONE.stand_in, "another conflict")
    assert len(verdict([changed], [ONE])) == 2


def test_a_row_is_read_as_it_is_printed_and_only_in_its_section() -> None:
    def found(call: str) -> Difference:
        (one,) = compare(call, {"said": "a | `b`\n\n  c" + "d" * 500}, {"said": ""})
        return one

    (row,) = rows([found("read"), found("diff, all")], "[5](#five)")
    page = f"# Page\n\n## one\n\n| call | what |\n|---|---|\n{row}\n\n## two\n\ntext\n"
    assert listed("one", page) == dict.fromkeys([found("diff, all"), found("read")], "[5](#five)")
    assert listed("two", page) == {}


@pytest.mark.parametrize("plugin", ["kubernetes", "tls", "alicloud"])
def test_each_row_of_the_documentation_can_be_read(plugin: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = page.split(f"\n## {plugin}\n")[1].split("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("| `")]
    reasons = listed(plugin, page)
    assert sorted(rows(reasons)) == sorted(f"{line.rsplit('|', 2)[0]}| ? |" for line in written)
