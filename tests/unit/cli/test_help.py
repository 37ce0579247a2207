"""What the help says, docs/cli.md, completion and the version."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from alb_mutual_tls.cli import reference
from alb_mutual_tls.cli.commands import app
from alb_mutual_tls.tokens import VERSION
from tests.unit.cli.run import Run

ROOT = Path(__file__).resolve().parents[3]


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(get_command(app)))


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    made = "python -m alb_mutual_tls.cli.reference > docs/cli.md"
    assert (ROOT / "docs/cli.md").read_text() == reference.page(), f"write it anew: {made}"


def test_no_summary_is_cut_off_and_the_order_is_that_of_a_users_life(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = Run(capsys, "--help").out
    for name, command in COMMANDS.items():
        assert " " in name or command.short_help in shown, name
    listed = shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    names = [line.split()[0] for line in listed]
    assert names.index("verify") < names.index("status") < names.index("rehearse")
    assert names[-1] == "off"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_two_examples_of_itself(name: str) -> None:
    examples = [line.strip() for line in COMMANDS[name].epilog.splitlines()[2:]]
    assert len(examples) == 2
    assert all(f"mtls {name}" in example for example in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_h_is_help(capsys: pytest.CaptureFixture[str], name: str) -> None:
    shown = Run(capsys, *name.split(), "-h").out
    assert shown.startswith(f"Usage: mtls {name} ")
    assert shown == Run(capsys, *name.split(), "--help").out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert Run(capsys, "--version").out == f"mtls {VERSION}\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("./mtls sta", "status"), ("./mtls clients exp", "export"), ("./mtls verify --inse", "--insecure")],
)
def test_bash_completes_commands_and_options(typed: str, offered: str) -> None:
    script = (
        'eval "$(./mtls --show-completion bash)"; read -ra COMP_WORDS <<< "$1";'
        ' COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mtls_completion ./mtls; echo "${COMPREPLY[@]}"'
    )
    command = ["bash", "-c", script, "bash", typed]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout.split(), done.stderr) == ([offered], "")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--json", "--output", "yaml"), "--output yaml and --json are both given: leave one of them out"),
        (("--wide", "--json"), "--json and --wide are both given: leave one of them out"),
    ],
)
def test_two_ways_of_printing_at_once_are_refused(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], sentence: str
) -> None:
    done = Run(capsys, "status", *options)
    assert (done.code, json.loads(done.out)["error"], done.err) == (2, sentence, "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("verify --nope", "no such option: --nope; see mtls verify --help"),
        ("statu", "no such command 'statu': did you mean 'status'? See mtls --help"),
        (
            "clients export a --format jks --output o",
            "--format jks: choose pem, fullchain, p12, truststore, curl, kubernetes;"
            " see mtls clients export --help",
        ),
        ("kubeconfig", "missing option '--output' / '-o'; see mtls kubeconfig --help"),
    ],
)
def test_a_wrong_word_is_one_sentence_for_people_and_the_document_for_machines(
    capsys: pytest.CaptureFixture[str], words: str, sentence: str
) -> None:
    done = Run(capsys, *words.split())
    assert (done.code, done.out, done.err) == (2, "", f"mtls: {sentence}\n")
    document = json.loads(Run(capsys, *words.split(), "--json").out)
    assert (document["error"], document["exitCode"], document["version"]) == (sentence, 2, 1)
