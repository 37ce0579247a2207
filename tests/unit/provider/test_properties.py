"""Property values between the wire and the handlers."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.wire import UNKNOWN, has_unknown

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), plain, max_size=4))
def test_what_is_written_is_what_is_read(properties: dict[str, Any]) -> None:
    assert from_struct(to_struct(properties)) == properties


def test_whole_numbers_are_integers_again() -> None:
    found = from_struct(to_struct({"port": 443, "ratio": 0.5}))
    assert found == {"port": 443, "ratio": 0.5}
    assert type(found["port"]) is int


def test_an_unknown_value_survives_wherever_it_stands() -> None:
    found = from_struct(to_struct({"id": UNKNOWN, "deep": [{"x": UNKNOWN}]}))
    assert found["id"] is UNKNOWN
    assert found["deep"][0]["x"] is UNKNOWN
    assert has_unknown(found)
    assert not has_unknown({"deep": [{"x": 1}]})


def test_an_unknown_value_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError):
        bool(UNKNOWN)


def test_secret_properties_are_marked_and_read_without_the_mark() -> None:
    struct = to_struct({"key": "hush", "open": "x", "absent": None}, {"key", "absent"})
    assert MessageToDict(struct)["key"] == {**SECRET, "value": "hush"}
    assert struct["open"] == "x"
    assert from_struct(struct) == {"key": "hush", "open": "x", "absent": None}
