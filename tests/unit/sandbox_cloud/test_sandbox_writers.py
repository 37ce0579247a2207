"""What the writer of AlbConfigs writes, and how he puts it back."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.sandbox.cloud import seeds
from dev.sandbox.cloud.writers import ANNOTATION, FIELD, disturbed, is_disturbed, restored

listeners = st.lists(
    st.fixed_dictionaries(
        {
            "port": st.one_of(st.integers(1, 5), st.just("443")),
            "protocol": st.sampled_from(["HTTP", "HTTPS", None]),
        }
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda listener: (str(listener["port"]), str(listener["protocol"])),
)


def albconfig(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"metadata": {"name": "alb", "annotations": {"mine": "1"}}, "spec": {"listeners": deepcopy(items)}}


@given(listeners, st.integers(1, 15))
def test_after_any_number_of_writes_everything_can_be_put_back(
    items: list[dict[str, Any]], times: int
) -> None:
    written = albconfig(items)
    for _ in range(times):
        after = disturbed(written)
        assert after is not None
        written = after
    assert sum(listener.get(FIELD, 0) for listener in written["spec"]["listeners"]) == times
    assert is_disturbed(written)
    assert restored(written) == albconfig(items)


def test_each_write_moves_the_first_listener_to_the_end_and_leaves_the_read_one_as_it_is() -> None:
    before = deepcopy(seeds.ALBCONFIG)
    written = disturbed(before)
    assert before == seeds.ALBCONFIG
    assert written is not None
    assert [listener["port"] for listener in written["spec"]["listeners"]] == [443, 80]
    assert [listener.get(FIELD) for listener in written["spec"]["listeners"]] == [1, None]


def test_what_others_changed_meanwhile_stays_and_their_new_listeners_come_last() -> None:
    written = disturbed(albconfig([{"port": 80, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS"}]))
    assert written is not None
    written["spec"]["listeners"].insert(0, {"port": 8443, "protocol": "HTTPS"})
    written["spec"]["listeners"][1]["caEnabled"] = True
    back = restored(written)
    assert back is not None
    assert back["spec"]["listeners"] == [
        {"port": 80, "protocol": "HTTP"},
        {"port": 443, "protocol": "HTTPS", "caEnabled": True},
        {"port": 8443, "protocol": "HTTPS"},
    ]
    assert ANNOTATION not in back["metadata"]["annotations"]


@pytest.mark.parametrize(
    "spec", [None, {}, {"listeners": None}, {"listeners": []}, {"listeners": ["443"]}, {"listeners": "443"}]
)
def test_an_albconfig_without_listeners_is_left_alone(spec: Any) -> None:
    document = {"metadata": {"name": "alb"}, "spec": spec}
    assert disturbed(document) is None
    assert restored(document) is None
