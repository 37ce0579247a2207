"""Test parameters of what comes in several mixes of key algorithms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import pytest


class Mixed(Protocol):
    """Something in several mixes."""

    @property
    def mixes(self) -> Sequence[tuple[str, ...]]: ...


T = TypeVar("T", bound=Mixed)


def cells(entries: Iterable[T], name: Callable[[T], str]) -> list[Any]:
    """Each entry in each mix; all but one mix of an entry are left to `make test-all`.

    That one is quick: keys of RSA take seconds to make.
    """
    made = []
    for entry in entries:
        main = min(entry.mixes, key=lambda mix: sum(algorithm.startswith("RSA") for algorithm in mix))
        for mix in entry.mixes:
            marks = () if mix == main else pytest.mark.campaign
            made.append(pytest.param(entry, mix, id=f"{name(entry)} - {', '.join(mix)}", marks=marks))
    return made
