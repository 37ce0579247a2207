"""The scripts of `ci/` and the command line behind them, as far as no engine is needed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pipeline.commands.options import write_text

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["preview", "drift"])
def test_a_script_starts_its_command_from_wherever_it_is_called(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [REPOSITORY / "ci" / name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == f"ci: missing option '--stack' / '-s'; see ci/{name} --help\n"


def test_without_an_engine_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    command = [str(REPOSITORY / "ci/preview"), "--stack", "prod", "--cwd", str(tmp_path)]
    done = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("ci: there is no program pulumi on PATH: ")


def test_a_summary_goes_to_its_file_and_its_verdict_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_text("**prod: no change**\n", "prod: no change", tmp_path / "summary.md")
    assert (tmp_path / "summary.md").read_text() == "**prod: no change**\n"
    assert capsys.readouterr() == ("", "prod: no change\n")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UserError,
        match=(
            r"--output \S+/no/summary.md cannot be written \(No such file or directory\): give a path"
            r" that can"
        ),
    ):
        write_text("", "", tmp_path / "no/summary.md")
