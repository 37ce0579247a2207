"""Holds tests to the list of programs: only listed ones are started, and a missing one is said
once.

The list is tests/programs.py. The hooks do not stand in conftest.py, so that a test can try them on
a tree of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any, Final

import pytest

from dev.toolchain import packaged
from dev.toolchain.downloads import Attempts
from dev.toolchain.places import HERE
from dev.toolchain.versions import load
from tests.programs import CAMPAIGNS, PROGRAMS, TOOLCHAIN, Program, absent, path

# Also where pytest is started by hand: what `make test` finds is found.
os.environ["PATH"] = path(os.environ)

# --- Programs that are started


_EVENTS: Final = ("subprocess.Popen", "os.exec", "os.posix_spawn")
_LISTED: Final = {program.name: program for program in PROGRAMS}
_OWN: Final = frozenset(os.path.realpath(program) for program in (sys.executable, HERE.python))
_SHELLS: Final = ("sh", "bash", "dash", "zsh")
_BUILT_IN: Final = frozenset({"echo", "kill", "printf", "pwd", "test"})
_COMMENT: Final = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
_WORD: Final = "(?:then|do|else|if|while|until|exec)\\b"
_START: Final = rf"(?:^|[;&|({{!]|\b{_WORD})\s*(?:\w+=\S*\s+)*"
_COMMAND: Final = re.compile(rf"{_START}(?!{_WORD})([a-z][\w.+-]*)", re.MULTILINE)
"""The first word of a command in a shell's text, near enough."""


def not_listed(
    arguments: Sequence[str],
    executable: str,
    variables: Mapping[str, str],
    test: PurePath | None = None,
) -> list[str]:
    """The names of programs that a command starts and that are not on the list.

    Of a shell's text these are the first words of its commands. Not counted are Python itself, what
    the checkout or a test has written, and what is not there.

    Args:
        arguments: the command, with the program's name in front.
        executable: the program, by its name or its file.
        variables: the environment that it is looked for in.
        test: the module, relative to the checkout, that a program of the toolchain has to be listed
        for.
    """
    wanted = [executable]
    if Path(executable).name in _SHELLS:
        texts = [text for option, text in pairwise(arguments) if re.fullmatch("-[a-z]*c", option)]
        words = [word for text in texts for word in _COMMAND.findall(_COMMENT.sub("", text))]
        wanted += [word for word in words if word not in _BUILT_IN]
    found = {name: shutil.which(name, path=variables.get("PATH", os.defpath)) for name in wanted}
    started = [(name, Path(file)) for name, file in found.items() if file]
    return [name for name, file in started if not _is_listed(name, test) and not _is_ours(file)]


def _is_listed(name: str, test: PurePath | None) -> bool:
    program = _LISTED.get(Path(name).name)
    if program is None:
        return False
    return test is None or not program.source.startswith(TOOLCHAIN) or program.is_needed_by(test)


def _is_ours(file: Path) -> bool:
    if os.path.realpath(file) in _OWN:
        return True
    place = file.absolute()
    if place.is_relative_to(HERE.repository):
        return not place.is_relative_to(HERE.toolchain) and not place.is_relative_to(HERE.venv)
    written = (*_basetemp, Path(tempfile.gettempdir()))
    return any(place.is_relative_to(one) for one in written)


_basetemp: list[Path] = []


def _watch(event: str, details: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    executable, arguments = details[0], details[1]
    variables = details[-1] if event != "os.exec" else details[2]
    variables = os.environ if variables is None else variables
    given = {os.fsdecode(name): os.fsdecode(value) for name, value in variables.items()}
    running = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    test = PurePath(running) if running else None
    unlisted = not_listed([os.fsdecode(one) for one in arguments], os.fsdecode(executable), given, test)
    if unlisted:
        names = " and ".join(unlisted)
        # Of the kind that no `except Exception` of the code under test hides.
        place = f"for {running} " if running else ""
        rule = f"{names} is started and not listed {place}in tests/programs.py"
        pytest.fail(f"{rule}; add where it comes from, and what needs it")


sys.addaudithook(_watch)


@pytest.fixture(scope="session", autouse=True)
def _below(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where tests write programs of their own."""
    _basetemp.append(tmp_path_factory.getbasetemp())


# --- Programs that are missing

_FOR_CAMPAIGNS: Final = "python3 -m dev.toolchain campaigns"


def why(program: Program) -> str:
    """Why a program is not there, and what to do, for the inside of a sentence."""
    for one in load().packaged:
        if program.name in one.programs:
            reason = Attempts(HERE.attempts).failure(packaged.attempt(one))
            if reason is None:
                command = _FOR_CAMPAIGNS if one.campaigns else "make test-toolchain"
                return f"nobody has looked for it yet): run `{command}`, or install it with {one.remedy}"
            return f"{reason}): install it with {one.remedy}"
    command = _FOR_CAMPAIGNS if program.source == CAMPAIGNS else "make test-toolchain"
    return f"{program.source}): run `{command}`, or install it"


def sentence(place: str, needed: Sequence[Program], count: int) -> str:
    """What is said in the place of tests that are not run."""
    reasons = ", and ".join(f"{one.name}, which is not there ({why(one)}" for one in needed)
    return f"{place} needs {reasons}; {count} test{'s were' if count != 1 else ' was'} not run"


class Missed(pytest.Item):
    """Stands for all tests of a folder or module that cannot be run."""

    sentence: str

    def runtest(self) -> None:
        pytest.fail(self.sentence, pytrace=False)

    def reportinfo(self) -> tuple[str, None, str]:
        return self.nodeid.partition("::")[0], None, self.name


@pytest.hookimpl(trylast=True)  # after -k and -m have chosen
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Put one failing test in the place of those that need what is not there: many would hide the
    reason.
    """
    lacking = absent(os.environ)
    if not lacking:
        return
    kept: list[pytest.Item] = []
    missed: dict[str, list[Sequence[Program]]] = {}
    for item in items:
        module = PurePath(os.path.relpath(item.path, session.config.rootpath))
        needed = [program for program in lacking if program.is_needed_by(module)]
        if needed:
            missed.setdefault(_widest(lacking, module), []).append(needed)
        else:
            kept.append(item)
    for place, tests in missed.items():
        stand_in = Missed.from_parent(session, name="programs", nodeid=f"{place}::programs")
        programs = dict.fromkeys(program for needed in tests for program in needed)
        stand_in.sentence = sentence(place, list(programs), len(tests))
        kept.append(stand_in)
    items[:] = kept


def _widest(lacking: Sequence[Program], module: PurePath) -> str:
    """Of the folders and modules on the list that the tests of a module belong to, the widest."""
    places = [place for program in lacking for place in program.needed_by]
    return min((place for place in places if module.is_relative_to(place)), key=len)
