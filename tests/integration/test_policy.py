"""The policy pack on the real engine: what it refuses, what it lets pass, and its settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import REPOSITORY, Sandbox, Stack

PACK = REPOSITORY / "policy"
OPEN = "listener 443 of AlbConfig alb lets everybody in: set caEnabled to true"
UNPROTECTED = (
    "a destroy would open listener 443 of AlbConfig alb: set deletionProtection to true, or remove it"
)
NOT_RENEWED = (
    "a run has 0 days to renew the certificates of clients.web, and 7 are wanted: raise its renewBeforeDays"
    " or validityDays"
)


@pytest.fixture(scope="module")
def production(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack whose name says production, and which does none of what is demanded."""
    made = Stack("eu-production", program, sandbox)
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}})
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def careless(production: Stack) -> None:
    production.set(caEnabled=False, deletionProtection=False, clients={"web": {"renewBeforeDays": 0}})


def judged(stack: Stack, command: str = "preview", config: Path | None = None) -> tuple[bool, dict[str, str]]:
    """Whether a command with the pack gets to its end, and what the pack says, with its level."""
    options = () if command == "preview" else ("--yes", "--skip-preview")
    settings = () if config is None else ("--policy-pack-config", str(config))
    done = stack.pulumi(command, *options, "--suppress-progress", "--policy-pack", str(PACK), *settings)
    shown = done.stdout + done.stderr
    assert f"alb-mutual-tls@v0.1.0 (local: {PACK})" in shown, shown
    found = re.findall(r"- \[(\w+)\] +[\w-]+ +\(.+\)\n.*\n +(.+)", shown)
    return done.returncode == 0, {sentence: level for level, sentence in found}


def test_a_careless_stack_of_production_is_refused_with_all_reasons_and_nothing_is_changed(
    production: Stack,
) -> None:
    every = dict.fromkeys((OPEN, UNPROTECTED, NOT_RENEWED), "mandatory")
    since = len(production.sandbox.audit_log())
    assert judged(production) == (False, every)
    passed, said = judged(production, "up")
    assert not passed
    assert NOT_RENEWED in said or OPEN in said  # an update ends with the first
    assert production.sandbox.patches(since) == []


def test_a_stack_that_does_what_is_demanded_is_deployed(production: Stack) -> None:
    production.set(caEnabled=True, deletionProtection=True, clients={"web": {}})
    assert judged(production, "up") == (True, {})
    assert production.sandbox.listeners()[443]["caEnabled"] is True
    production.set(deletionProtection=False)
    production.up()  # so that it can be removed


def test_levels_days_and_what_counts_as_production_are_settings(production: Stack, tmp_path: Path) -> None:
    def setting(**policies: Any) -> Path:
        file = tmp_path / "policy.json"
        file.write_text(json.dumps({name.replace("_", "-"): value for name, value in policies.items()}))
        return file

    elsewhere = {"production": "^live$"}
    only_days = setting(listener_closed=elsewhere, listener_protected=elsewhere)
    assert judged(production, config=only_days) == (False, {NOT_RENEWED: "mandatory"})
    relaxed = setting(all="advisory", client_renewed={"enforcementLevel": "disabled"})
    assert judged(production, config=relaxed) == (True, {OPEN: "advisory", UNPROTECTED: "advisory"})
    production.set(caEnabled=True, deletionProtection=True, clients={"web": {}})
    longer = setting(client_renewed={"renewBeforeDays": 45})
    passed, said = judged(production, config=longer)
    assert not passed
    assert [sentence.partition(" to renew")[0] for sentence in said] == ["a run has 30 days"]
