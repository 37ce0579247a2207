"""A program that is missing fails what needs it once, with the reason: pytest on a small tree of
tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.toolchain.places import HERE
from tests.programs import PROGRAMS, path

MODULE = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_one(number: int) -> None:
    pass
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Tests in places of the list: two need certtool and keytool, three certtool, and two
    neither.
    """
    for name, count in (
        ("pki/test_pki_exports.py", 2),
        ("pki/test_pki_verifiers.py", 3),
        ("pki/test_pki_lint.py", 2),
    ):
        file = tmp_path / "tests" / "contract" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(MODULE.format(count=count))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run(tree: Path, *arguments: str, without: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run pytest where PATH has all programs of the list but some."""
    programs = tree / "programs"
    programs.mkdir()
    for program in PROGRAMS:
        found = shutil.which(program.name, path=path(os.environ))
        if program.name not in without:
            (programs / program.name).symlink_to(found or "/bin/true")
    listed = tree / "listed.py"  # the plugin, without the directories that it adds to PATH
    listed.write_text(
        "import os, tests.programs\n"
        "tests.programs.path = lambda base: base['PATH']\n"
        "from tests.started import pytest_collection_modifyitems\n"
    )
    environment = {
        "PATH": str(programs),
        "PYTHONPATH": f"{HERE.repository}:{tree}",
        "HOME": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-p", "listed", "--import-mode=importlib", "-rf", *arguments]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def outcome(shown: str) -> dict[str, int]:
    last = [line for line in shown.splitlines() if re.search(r" in [\d.]+s", line)][-1]
    return {what: int(count) for count, what in re.findall(r"(\d+) (passed|failed|error|skipped)", last)}


@pytest.mark.parametrize("side_by_side", [(), ("-n", "2", "--dist", "loadfile")])
def test_a_missing_program_fails_each_module_that_needs_it_once_and_no_other(
    tree: Path,
    side_by_side: tuple[str, ...],
) -> None:
    code, shown = run(tree, *side_by_side, without=("keytool",))
    assert code == 1
    assert outcome(shown) == {"passed": 5, "failed": 1}, shown
    needing = "tests/contract/pki/test_pki_exports.py needs"
    (said,) = {line.strip() for line in shown.splitlines() if line.startswith(needing)}
    assert re.fullmatch(
        rf"{needing} keytool, which is not there \(.+\): (?:run `make test-toolchain`, or )?"
        r"install it with `apt-get install default-jre-headless`; 2 tests were not run",
        said,
    )


def test_two_missing_programs_are_said_in_one_sentence_for_each_module(tree: Path) -> None:
    code, shown = run(tree, without=("keytool", "certtool"))
    assert code == 1
    assert outcome(shown) == {"passed": 2, "failed": 2}, shown
    assert "test_pki_exports.py needs certtool, which is not there" in shown
    assert ", and keytool, which is not there" in shown
    assert "; 3 tests were not run" in shown


def test_only_the_tests_that_were_asked_for_count(tree: Path) -> None:
    assert outcome(run(tree, "-k", "test_pki_lint", without=("keytool",))[1]) == {"passed": 2}


def test_with_all_programs_there_nothing_changes(tree: Path) -> None:
    assert outcome(run(tree)[1]) == {"passed": 7}
