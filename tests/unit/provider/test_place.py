"""A configuration that leads to another cluster or account is refused before the engine writes it
into state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from alb_mutual_tls.errors import Unreachable, UserError, WrongPlace
from alb_mutual_tls.provider.place import compare, recorded
from alb_mutual_tls.wire import UNKNOWN


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


@dataclass
class Guard:
    """A configuration with expectations; `account_error` and `cluster_error` are what asking ends
    in.
    """

    account: str | None = None
    ack_cluster_id: str | None = None
    account_error: UserError | None = None
    cluster_error: UserError | None = None
    asked: list[str] = field(default_factory=list)

    def account_id(self) -> str:
        return self._answer("account", self.account_error)

    def cluster(self) -> object:
        return self._answer("cluster", self.cluster_error)

    def _answer(self, name: str, error: UserError | None) -> str:
        self.asked.append(name)
        if error is not None:
            raise error
        return name


def test_without_expectations_nobody_is_asked() -> None:
    guard = Guard(account_error=WrongPlace("a"), cluster_error=WrongPlace("c"))
    compare(guard)
    assert guard.asked == []


@pytest.mark.parametrize(
    ("expected", "asked"), [({"account": "1"}, ["account"]), ({"ack_cluster_id": "c"}, ["cluster"])]
)
def test_only_what_is_expected_is_asked_for(expected: dict[str, str], asked: list[str]) -> None:
    guard = Guard(**expected)  # type: ignore[arg-type]
    compare(guard)
    assert guard.asked == asked


def test_every_wrong_place_is_told_at_once() -> None:
    with pytest.raises(WrongPlace, match=r"^the account is wrong; the cluster is wrong$"):
        compare(Guard("1", "c", WrongPlace("the account is wrong"), WrongPlace("the cluster is wrong")))


@pytest.mark.parametrize("error", [Unreachable("no answer"), UserError("no permission")])
def test_an_outage_is_left_to_the_resources_and_hides_no_wrong_place(error: UserError) -> None:
    compare(Guard("1", "c", error, error))
    with pytest.raises(WrongPlace, match=r"^the cluster is wrong$"):
        compare(Guard("1", "c", error, WrongPlace("the cluster is wrong")))
