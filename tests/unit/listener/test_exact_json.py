"""Numbers are written back digit for digit, and `true` is not `1`."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from alb_mutual_tls.listener.exact_json import dumps, loads, same
from tests.unit.listener.corpus import ODD, others


@pytest.mark.parametrize(
    "text",
    [
        "0.00001",
        "1e-5",
        "1E+5",
        "1.10",
        "-0.0",
        "12345678901234567890123",
        '{"a":[1.0,null,true,"ü/~"]}',
        '"\\u0000"',
    ],
)
def test_what_is_read_is_written_as_it_was(text: str) -> None:
    assert dumps(loads(text)) == text


@given(others)
def test_what_is_written_is_read_back(value: object) -> None:
    assert same(loads(dumps(value)), value)
    assert json.loads(dumps(value)) == json.loads(json.dumps(value))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "[-Infinity]", "", "{", "01"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text)


def test_only_the_same_json_is_the_same() -> None:
    assert not same(True, 1)
    assert not same([0], [False])
    assert not same({"a": 1}, {"a": True})
    assert not same({"a": None}, {})
    assert not same([1], [1, 2])
    assert same(loads("1.0"), 1)
    assert all(same(value, value) for value in ODD)
