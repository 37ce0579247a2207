"""A configuration that leads to another cluster or account is refused before the engine writes it into state."""

from __future__ import annotations

from typing import Any

import pytest

from alb_mutual_tls.errors import WrongPlace
from alb_mutual_tls.provider.place import recorded
from alb_mutual_tls.provider.properties import UNKNOWN


class World:
    """Where each context and access key leads; `asked` counts."""

    def __init__(self, **configuration: Any) -> None:
        self.configuration = configuration

    def has_cluster(self) -> bool:
        return "context" in self.configuration

    def cluster(self) -> World:
        return self

    def uid(self) -> str:
        return f"cluster of {self.configuration['context']}"

    def account_id(self) -> str:
        return f"account of {self.configuration.get('profile', 'default')}"


def nobody(_: Any) -> World:
    raise AssertionError("nobody is to be asked")


def test_the_first_configuration_is_recorded() -> None:
    found = recorded({}, {"context": "a"}, lambda new: World(**new))
    assert found == {"context": "a", "cluster": "cluster of a", "account": "account of default"}


def test_the_same_configuration_asks_nobody() -> None:
    old = {"context": "a", "cluster": "cluster of a", "account": "account of default"}
    assert recorded(old, {"context": "a"}, nobody) == old


def test_another_configuration_of_the_same_place_is_taken() -> None:
    old = {"context": "a", "cluster": "cluster of a", "account": "account of default"}
    assert recorded(old, {"context": "a", "region": "x"}, lambda new: World(**new)) == {**old, "region": "x"}


def test_a_kubeconfig_of_another_cluster_is_refused_and_both_are_named() -> None:
    old = {"context": "a", "cluster": "cluster of a", "account": "account of default"}
    with pytest.raises(WrongPlace, match=r"UID cluster of a, .* UID cluster of b: set kubernetes:kubeconfig"):
        recorded(old, {"context": "b"}, lambda new: World(**new))


def test_credentials_of_another_account_are_refused_and_both_are_named() -> None:
    old = {"cluster": "cluster of a", "account": "account of default"}
    with pytest.raises(WrongPlace, match=r"account account of default, .* account account of other"):
        recorded(old, {"profile": "other"}, lambda new: World(**new))


def test_a_configuration_that_is_not_known_yet_keeps_the_record() -> None:
    assert recorded({"cluster": "x", "account": "y"}, {"kubeconfig": UNKNOWN}, nobody) == {
        "kubeconfig": UNKNOWN,
        "cluster": "x",
        "account": "y",
    }


def test_a_program_without_a_cluster_records_the_account_only() -> None:
    assert recorded({}, {}, lambda new: World(**new)) == {"account": "account of default"}


def test_a_record_cannot_be_set_by_the_program() -> None:
    assert recorded({}, {"account": "chosen"}, lambda new: World(**new)) == {"account": "account of default"}
