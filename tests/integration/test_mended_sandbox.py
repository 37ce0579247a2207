"""A story that fails on its way is found failed, and no other one is."""

from __future__ import annotations

from pathlib import Path

from tests.integration.engine import Sandbox, Stack


def test_a_sandbox_on_which_a_story_failed_is_begun_anew_and_one_that_is_as_before_goes_on(
    sandbox: Sandbox, program: Path
) -> None:
    first = sandbox.albconfig()
    sandbox.mend(first)
    assert sandbox.albconfig()["metadata"]["uid"] == first["metadata"]["uid"]

    Stack("given-up", program, sandbox).up()
    assert "albmtls/443-https" in sandbox.claims()
    sandbox.mend(first)
    assert "albmtls/443-https" not in sandbox.claims()
    assert sandbox.albconfig()["spec"] == first["spec"]

    next_one = Stack("given-up", program, sandbox)
    next_one.up()
    assert next_one.verify().returncode == 0
    next_one.remove()
