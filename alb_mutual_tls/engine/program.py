"""The program pulumi: where it is, and commands that only read a stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.engine.messages import message
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.waiting import waiting

_GRACE_SECONDS: Final = 0.25


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


def stack_name(directory: Path, stack: str | None) -> str:
    """The name of the stack: the given one, else the one that is selected.

    Raises UserError where none is.
    """
    return stack or pulumi(directory, None, "stack", "--show-name").strip()


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
    with closing(Asked(directory, stack, *arguments)) as asked:
        return asked.answer_json()


def pulumi(directory: Path, stack: str | None, *arguments: str) -> str:
    """What a pulumi command prints that only reads the stack.

    Raises UserError with one sentence for what it says when it fails.
    """
    with closing(Asked(directory, stack, *arguments)) as asked:
        return asked.answer()


class Asked:
    """A pulumi command that only reads the stack, and that works until its answer is wanted.

    It needs no thread, so that Ctrl-C ends all that were started. Raises UserError where there is
    no program pulumi.
    """

    def __init__(self, directory: Path, stack: str | None, *arguments: str) -> None:
        self._directory, self._stack, self._arguments = directory, stack, arguments
        command = [pulumi_program(), "--non-interactive", "--color", "never", "--cwd", str(directory)]
        self._process = subprocess.Popen(
            [*command, *arguments, *(["--stack", stack] if stack is not None else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )

    def answer(self) -> str:
        """What it prints; raises UserError as `pulumi` does."""
        with waiting(f"pulumi {' '.join(self._arguments[:2])}"):
            out, said = self._process.communicate()
        if self._process.returncode != 0:
            command = " ".join(self._arguments)
            raise _failed(said, directory=self._directory, stack=self._stack, command=command)
        return out

    def answer_json(self) -> Any:
        """The JSON that it prints; raises UserError as `pulumi` does, and where it is no JSON."""
        try:
            return json.loads(self.answer())
        except ValueError:
            command = " ".join(word for word in self._arguments if not word.startswith("--"))
            raise UserError(
                f"`pulumi {command}` in {self._directory} printed no JSON: run it by hand to see what it says"
            ) from None

    def close(self) -> None:
        """End it, where its answer has not been waited for.

        A terminal's Ctrl-C has reached it too, so that it may be ending by itself.
        """
        with self._process as process:  # closes the pipes and waits
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _failed(said: str, *, directory: Path, stack: str | None, command: str) -> UserError:
    """What pulumi printed, as one sentence that says what to do."""
    known = message(said)
    if known is not None and known.sentence is not None:
        kind = NoneSelected if known.selects_nothing else UserError
        return kind(known.sentence.format(directory=directory, stack=stack or "of that name"))
    lines = [line.removeprefix("error: ").strip() for line in said.splitlines() if line.strip()]
    return UserError(f"`pulumi {command}` failed in {directory} and said: {next(iter(lines), 'nothing')}")
