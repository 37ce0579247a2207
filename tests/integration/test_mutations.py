"""An ALB that does not do what its configuration says must not pass: each mutation of the sandbox
turns `mtls verify` red or undecided.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine import Sandbox, Stack, succeed

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    made = Stack("mutations", program, sandbox)
    made.up()
    yield made
    made.remove()


@pytest.mark.parametrize(
    ("mutation", "exit_code"),
    [
        ("ignores-ca-enabled", 1),
        ("accepts-any-certificate", 1),
        ("asks-by-server-name", 1),
        ("resumes-sessions", 1),
        ("trusts-another-ca", 1),
        ("answers-400", 2),
    ],
)
def test_an_alb_that_fails_to_authenticate_is_not_called_good(
    stack: Stack, mutation: str, exit_code: int
) -> None:
    assert stack.verify().returncode == 0
    succeed(stack.sandbox("fault", "alb", mutation))
    try:
        done = stack.verify()
    finally:
        succeed(stack.sandbox("fault", "alb", "none"))
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert json.loads(done.stdout)
    assert stack.verify().returncode == 0
