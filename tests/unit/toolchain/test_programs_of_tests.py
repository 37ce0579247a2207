"""The list of the programs that tests start (tests/programs.py): it is whole, true and
documented.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.toolchain import versions
from dev.toolchain.places import HERE
from tests.programs import CAMPAIGNS, ENGINE, PATH, POSIX, PROGRAMS, PYTHON, SHELL, TESTS, TOOLCHAIN
from tests.started import not_listed

PACKAGED = {program: one for one in versions.load().packaged for program in one.programs}
BUILT = (ENGINE, TESTS, CAMPAIGNS)
UNPACKED = [one for one in PROGRAMS if one.source.startswith(TOOLCHAIN) and one.source not in BUILT]


def test_each_program_is_listed_once_and_with_a_source() -> None:
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)
    assert {program.source for program in PROGRAMS if program not in UNPACKED} == {
        *BUILT,
        PATH,
        POSIX,
        PYTHON,
        SHELL,
    }


def test_what_the_toolchain_unpacks_is_what_the_list_says() -> None:
    origins = {name: f"{TOOLCHAIN}{one.origin}" for name, one in PACKAGED.items()}
    assert {program.name: program.source for program in UNPACKED} == origins


def test_the_folders_and_modules_that_need_programs_are_there() -> None:
    places = {place for program in PROGRAMS for place in program.needed_by}
    assert [place for place in places if not (HERE.repository / place).exists()] == []


def test_the_page_of_the_toolchain_names_each_program() -> None:
    page = (HERE.repository / "docs" / "toolchain.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert [program.name for program in PROGRAMS if not any(f"`{program.name}`" in row for row in rows)] == []


# --- enforced


UNLISTED = "wc"


@pytest.mark.parametrize(
    "start",
    [
        lambda name: subprocess.run([name], check=False),
        lambda name: subprocess.run(name, shell=True, check=False),
        lambda name: subprocess.run(["sh", "-euc", f"true && A=b {name} <x"], check=False),
        lambda name: subprocess.run(["bash", "-c", f"# says\nif {name}; then :; fi"], check=False),
    ],
)
def test_a_test_that_starts_a_program_which_is_not_listed_fails(start: Callable[[str], object]) -> None:
    said = rf"{UNLISTED} is started and not listed for tests/unit/.*\.py in tests"
    with pytest.raises(pytest.fail.Exception, match=said):
        start(UNLISTED)


def test_a_test_whose_module_is_not_listed_for_a_program_of_the_toolchain_fails() -> None:
    with pytest.raises(
        pytest.fail.Exception,
        match=r"openssl is started and not listed for tests/unit/.*\.py in tests/programs\.py",
    ):
        subprocess.run(["openssl", "version"], check=False)


def test_python_what_the_checkout_has_what_a_test_wrote_and_what_is_not_there_need_not_be_listed(
    tmp_path: Path,
) -> None:
    written = tmp_path / "written"
    written.write_text("#!/bin/sh\nexit 0\n")
    written.chmod(0o755)
    assert subprocess.run([written], check=False).returncode == 0
    assert subprocess.run(["written"], env={"PATH": f"{tmp_path}:/bin:/usr/bin"}, check=False).returncode == 0
    assert not_listed([sys.executable], sys.executable, {}) == []
    assert not_listed(["./mtls"], str(HERE.repository / "mtls"), {}) == []
    assert not_listed(["no-such-program"], "no-such-program", {"PATH": "/bin:/usr/bin"}) == []
