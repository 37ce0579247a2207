"""`mtls init`: the dialogue, as far as it goes without a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from alb_mutual_tls.cli.commands.init import next_steps
from tests.unit.cli.run import Run

KUBECONFIG = """
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: one, context: {cluster: c}}, {name: two, context: {cluster: c}}]
current-context: two
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    return file


def test_without_a_terminal_the_contexts_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kubeconfig: Path
) -> None:
    answers = ("--stack-name", "prod", "--region", "cn-hangzhou", "--cwd", str(tmp_path))
    done = Run(capsys, "init", *answers, "--kubeconfig", str(kubeconfig))
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "mtls: --context is not given, and there is no terminal to ask at: give one of one, two\n"
    )


def test_a_file_that_is_there_is_told_before_any_question(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    done = Run(capsys, "init", "--stack-name", "prod", "--cwd", str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert "Pulumi.prod.yaml exists already and is never overwritten" in done.err
    assert (tmp_path / "Pulumi.prod.yaml").read_text() == "config: {}\n"


def test_a_terminal_lists_the_choices_and_takes_a_number(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kubeconfig: Path
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[str] = []

    def answer(question: str, *, default: str, err: bool) -> str:
        asked.append(f"{question} [{default}]")
        return "1" if question.startswith("Context") else default

    monkeypatch.setattr("typer.prompt", answer)
    answers = ("--stack-name", "prod", "--cwd", str(tmp_path), "--timeout", "1")
    done = Run(capsys, "init", *answers, "--kubeconfig", str(kubeconfig))
    assert asked == ["Region of the ALB [cn-hangzhou]", "Context of the cluster [two]"]
    assert "  1  one\n  2  two\n" in done.err
    assert "context one" in done.err and done.code == 2  # nobody answers there


def test_what_comes_next_never_says_that_a_listener_which_is_on_lets_everybody_in() -> None:
    off = next_steps("prod", ["partner"], on=False)
    assert [line.partition("  ")[0] for line in off] == [
        "pulumi stack init prod",
        "pulumi up",
        "./mtls clients export partner --output out",
        "./mtls verify",
        "pulumi config set caEnabled true && pulumi up",
    ]
    on = next_steps("prod", [], on=True)
    assert not any("let in" in line or "caEnabled" in line for line in on)
    assert on[1].endswith("# leaves the listener on, as it is")
