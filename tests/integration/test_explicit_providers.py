"""A stack in which default providers are forbidden (`pulumi:disable-default-providers`), as
organizations do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import Sandbox, Stack

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    made = Stack("explicit", program, sandbox)
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}}, clients={"partner": None})
    yield made
    made.remove()


def test_nothing_is_replaced_when_default_providers_are_forbidden_and_the_explicit_one_serves(
    stack: Stack,
) -> None:
    stack.up()
    before = made(stack)
    stack.config["pulumi:disable-default-providers"] = ["*"]
    stack.up()
    assert made(stack) == before
    stack.set(clients={"partner": None, "second": ""})
    stack.up()
    assert before.items() <= made(stack).items()
    assert any(urn.endswith("client-second") for urn in made(stack))


def made(stack: Stack) -> dict[str, Any]:
    """Every resource of tls, by its URN, with its id and what is known of it."""
    return {urn: kept for urn, kept in stack.kept().items() if "$tls:" in urn}
