"""Advice that names a command names the stack that the command line was about."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from alb_mutual_tls.entry import given_command, given_place, run


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([], ""),
        (["--json", "--timeout", "3"], ""),
        (["--stack", "prod"], " --stack prod"),
        (["-s", "prod", "--cwd", "a b"], " --stack prod --cwd 'a b'"),
        (["--stack=prod", "-Cinfra", "--component=mtls"], " --stack prod --cwd infra --component mtls"),
        (["--strict", "-s", "prod"], " --stack prod"),
    ],
)
def test_the_stack_of_a_command_line_is_repeated(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], place: str
) -> None:
    told: list[str] = []

    def app(**_: Any) -> None:
        told.extend((given_place(), given_command("ci/")))

    monkeypatch.setattr(sys, "argv", ["ci", "deploy", *arguments])
    with pytest.raises(SystemExit):
        run(lambda: app, "ci")
    assert told[0] == place
    assert told[1].startswith("ci/deploy")
    assert given_place() == ""  # outside of a command there is none
