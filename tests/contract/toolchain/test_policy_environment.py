"""The Python environment of the policy pack, on a machine of scripts."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.toolchain import python_environment
from dev.toolchain.installation import Installation
from dev.toolchain.places import HERE
from dev.toolchain.progress import Progress
from tests.contract.toolchain.test_toolchain_installation import VERSIONS, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    (made.places.repository / "policy").mkdir()
    shutil.copy(HERE.repository / "policy/requirements.txt", made.places.repository / "policy")
    return made


def complete(machine: Machine, **variables: str) -> list[str]:
    """What programs were run."""
    machine.calls.write_text("")
    progress = Progress(io.StringIO(), terminal=False)
    Installation(
        machine.places, VERSIONS, {**machine.variables, **variables}, progress, {}
    ).complete_policy_pack()
    return machine.calls.read_text().splitlines()


def test_it_is_made_once_beside_the_pack_and_anew_when_its_packages_change(machine: Machine) -> None:
    place = machine.places.repository / "policy"
    made, installed = complete(machine)
    assert made.startswith("uv venv") and made.endswith(str(place / "venv"))
    assert installed.endswith(f"-r {place / 'requirements.txt'}")
    assert complete(machine) == []
    with (place / "requirements.txt").open("a") as file:
        file.write("another==1\n")
    assert [call.split()[1] for call in complete(machine)] == ["pip"]


def test_an_index_that_does_not_answer_is_said_and_the_next_run_tries_again(machine: Machine) -> None:
    with pytest.raises(UserError, match="the package index does not answer"):
        complete(machine, UV_FAILS="dns error")
    assert not python_environment.is_ready(machine.places, VERSIONS, python_environment.POLICY)
    assert len(complete(machine)) == 2


def test_pack_and_program_have_the_same_sdk_of_pulumi() -> None:
    def sdk(file: str) -> str:
        lines = (HERE.repository / file).read_text(encoding="utf-8").splitlines()
        return next(line.split()[0] for line in lines if line.startswith("pulumi=="))

    assert sdk("policy/requirements.txt") == sdk("requirements.txt")
