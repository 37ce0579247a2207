"""The program pulumi: where it is, and commands that only read a stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alb_mutual_tls.engine.messages import message
from alb_mutual_tls.errors import UserError


class NoneSelected(UserError):
    """No stack is available.

    There is no engine, no project or no backend, or no stack is selected.
    """


def project_directory(given: Path | None) -> Path:
    """Return the directory of the Pulumi project.

    That is the given one, else the one around the current directory, else this checkout. Where no
    project is found it is the current directory. Raises UserError when the given one is not a
    directory.
    """
    if given is not None:
        if not given.is_dir():
            raise UserError(f"--cwd {given} is not a directory: give the one with Pulumi.yaml")
        return given
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (folder / "Pulumi.yaml").is_file() or (folder / "Pulumi.yml").is_file():
            return folder
    return here


def pulumi_program() -> str:
    """The path of the program pulumi; raises UserError where there is none."""
    program = shutil.which("pulumi")
    if program is None:
        raise NoneSelected(
            "there is no program pulumi on PATH: source .sandbox/env (made by `make up`), or install it from"
            " pulumi.com/docs/install"
        )
    return program


def export(directory: Path, stack: str | None, *, secrets: bool = True) -> Mapping[str, Any]:
    """The deployment of the stack, with its secrets decrypted or as they are.

    Raises UserError with one sentence for what pulumi says.
    """
    exported: Mapping[str, Any] = pulumi_json(
        directory, stack, "stack", "export", *(["--show-secrets"] if secrets else [])
    )
    return exported


def pulumi_json(directory: Path, stack: str | None, *arguments: str) -> Any:
    """The JSON that a pulumi command prints which only reads the stack.

    Raises UserError as `pulumi` does, and where it prints something else.
    """
    try:
        return json.loads(pulumi(directory, stack, *arguments))
    except ValueError:
        command = " ".join(word for word in arguments if not word.startswith("--"))
        raise UserError(
            f"`pulumi {command}` in {directory} printed no JSON: run it by hand to see what it says"
        ) from None


def pulumi(directory: Path, stack: str | None, *arguments: str) -> str:
    """What a pulumi command prints that only reads the stack.

    Raises UserError with one sentence for what it says when it fails.
    """
    command = [pulumi_program(), "--non-interactive", "--color", "never", "--cwd", str(directory), *arguments]
    if stack is not None:
        command += ["--stack", stack]
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", check=False, stdin=subprocess.DEVNULL, env=environment
    )
    if done.returncode != 0:
        raise _failed(done.stderr, directory=directory, stack=stack, command=" ".join(arguments))
    return done.stdout


def _failed(said: str, *, directory: Path, stack: str | None, command: str) -> UserError:
    """What pulumi printed, as one sentence that says what to do."""
    known = message(said)
    if known is not None and known.sentence is not None:
        kind = NoneSelected if known.selects_nothing else UserError
        return kind(known.sentence.format(directory=directory, stack=stack or "of that name"))
    lines = [line.removeprefix("error: ").strip() for line in said.splitlines() if line.strip()]
    return UserError(f"`pulumi {command}` failed in {directory} and said: {next(iter(lines), 'nothing')}")
