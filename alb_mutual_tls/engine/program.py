"""The program pulumi: where it is, and commands that only read a stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.errors import UserError


class NoneSelected(UserError):
    """There is no stack to take: no engine, no project, no backend, or none is selected in it."""


def project_directory(given: Path | None) -> Path:
    """The directory of the Pulumi project: the given one, else around the current directory, else
    this checkout.
    """
    if given is not None:
        if not given.is_dir():
            raise UserError(f"--cwd {given} is no directory: give the one with Pulumi.yaml")
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
        kind = NoneSelected if re.search(_NONE_SELECTED, done.stderr) else UserError
        raise kind(explain(done.stderr, directory=directory, stack=stack, command=" ".join(arguments)))
    return done.stdout


_NONE_SELECTED: Final = r"no stack selected|no Pulumi\.yaml|PULUMI_ACCESS_TOKEN must be set|not logged in"


EXPLANATIONS: Final = (
    (
        r"no stack selected",
        "no stack is selected in {directory}: choose one with --stack NAME or `pulumi stack select NAME`",
    ),
    (
        r"no stack named '([^']*)'",
        "there is no stack {stack} in {directory}: `pulumi stack ls` lists those that exist",
    ),
    (
        r"incorrect passphrase",
        (
            "the passphrase in PULUMI_CONFIG_PASSPHRASE is not the one of this stack: for the sandbox, source"
            " .sandbox/env"
        ),
    ),
    (
        r"passphrase must be set",
        (
            "the stack's secrets need a passphrase: set PULUMI_CONFIG_PASSPHRASE or"
            " PULUMI_CONFIG_PASSPHRASE_FILE; for the sandbox, source .sandbox/env"
        ),
    ),
    (
        r"no Pulumi\.yaml project file",
        "there is no Pulumi.yaml in {directory} or above: run this in the project's directory or give --cwd",
    ),
    (
        r"PULUMI_ACCESS_TOKEN must be set|not logged in",
        (
            "pulumi is not logged in to the backend that holds the state: run `pulumi login`, or set"
            " PULUMI_BACKEND_URL; for the sandbox, source .sandbox/env"
        ),
    ),
)


def explain(stderr: str, *, directory: Path, stack: str | None, command: str = "stack export") -> str:
    """What pulumi printed, as one sentence that says what to do."""
    for pattern, sentence in EXPLANATIONS:
        if re.search(pattern, stderr):
            return sentence.format(directory=directory, stack=stack or "of that name")
    lines = [line.removeprefix("error: ").strip() for line in stderr.splitlines() if line.strip()]
    said = next((line for line in lines), "nothing")
    return f"`pulumi {command}` failed in {directory} and said: {said}"
