"""A stack in which default providers are forbidden (`pulumi:disable-default-providers`), as
organizations do it: from its first day, or from some day on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox.layout import ACCOUNT_ID, ACK_CLUSTER_ID
from tests.integration.engine import Sandbox, Stack

FORBIDDEN = "pulumi:disable-default-providers"


@pytest.fixture
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """Everything that a stack can declare: a generated authority, a client with its key in a
    Secret, both guards.
    """
    sandbox.namespace("explicit")
    made = Stack("explicit", program, sandbox)
    made.set(accountId=ACCOUNT_ID, ackClusterId=ACK_CLUSTER_ID)
    made.set(
        authorities={"root": {"keyAlgorithm": "ECDSA-P256"}},
        clients={"partner": {"secret": {"namespace": "explicit", "name": "partner-tls"}}},
    )
    yield made
    made.remove()


def test_a_stack_without_default_providers_is_deployed_and_destroyed_by_explicit_ones_alone(
    stack: Stack,
) -> None:
    stack.config[FORBIDDEN] = ["*"]
    stack.up()
    assert providers(stack) == {
        "albmtls": {"albmtls"},
        "kubernetes": {"kubernetes"},
        "tls": {"tls"},
    }
    stack.unchanged()
    stack.destroy()
    assert "resources" not in stack.export()["deployment"]


def test_who_forbids_default_providers_later_gets_one_provider_and_no_change_and_may_go_back(
    stack: Stack,
) -> None:
    stack.up()
    before = resources(stack)
    (default,) = providers(stack)["tls"]
    assert default.startswith("default")
    stack.unchanged()

    stack.config[FORBIDDEN] = ["*"]
    assert steps(stack) == ["+ pulumi:providers:tls: (create)"]
    stack.up()
    assert providers(stack)["tls"] == {"tls"}
    assert resources(stack) == before
    stack.unchanged()
    stack.config["alb-mutual-tls:clients"]["second"] = {}
    stack.up()
    made = {urn.rpartition("::")[2] for urn in resources(stack).keys() - before.keys()}
    assert made == {"alb-mutual-tls-client-second"}
    assert of_tls(before).items() <= of_tls(resources(stack)).items()

    before = resources(stack)
    del stack.config[FORBIDDEN]
    assert steps(stack) == ["- pulumi:providers:tls: (delete)"]
    stack.up()
    assert resources(stack) == before


def providers(stack: Stack) -> dict[str, set[str]]:
    """The names of the providers that made the stack's resources, by their package."""
    found: dict[str, set[str]] = {}
    for item in stack.export()["deployment"]["resources"]:
        if reference := item.get("provider"):
            _, _, kind, named = reference.split("::")[:4]
            found.setdefault(kind.removeprefix("pulumi:providers:"), set()).add(named)
    return found


def resources(stack: Stack) -> dict[str, Any]:
    """Every resource but providers and the stack, by its URN, with what is known of it."""
    return {
        urn: kept
        for urn, kept in stack.kept().items()
        if "::pulumi:providers:" not in urn and "::pulumi:pulumi:Stack::" not in urn
    }


def of_tls(kept: dict[str, Any]) -> dict[str, Any]:
    return {urn: known for urn, known in kept.items() if "$tls:" in urn}


def steps(stack: Stack) -> list[str]:
    """What a preview would do, but for refreshing and for what stays."""
    done = stack.preview()
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"^ *([-+~]+ [\w:]+: \((?!refresh)\w+\))", done.stdout, re.MULTILINE)
    return [str(step) for step in found]
