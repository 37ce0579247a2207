"""The answer that the language host takes for pip's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dev.toolchain import installed_packages
from dev.toolchain.places import HERE


def package(directory: Path, name: str, requires: tuple[str, ...] = ()) -> None:
    (directory / f"{name}.dist-info").mkdir(parents=True)
    distribution, version = name.split("-")
    lines = [
        f"Name: {distribution}",
        f"Version: {version}",
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    (directory / f"{name}.dist-info" / "METADATA").write_text("\n".join(lines) + "\n")


def test_packages_are_listed_as_pip_lists_them(tmp_path: Path) -> None:
    package(tmp_path / "a", "pulumi_tls-5.6.2")
    package(tmp_path / "a", "PyYAML-6.0.3")
    assert installed_packages.installed([str(tmp_path / "a"), "", str(tmp_path / "missing")]) == [
        {"name": "pulumi-tls", "version": "5.6.2", "location": str(tmp_path / "a")},
        {"name": "pyyaml", "version": "6.0.3", "location": str(tmp_path / "a")},
    ]


def test_of_two_versions_the_one_that_would_be_imported_is_listed(tmp_path: Path) -> None:
    package(tmp_path / "a", "six-2.0")
    package(tmp_path / "b", "six-1.0")
    assert [
        found["version"] for found in installed_packages.installed([str(tmp_path / "a"), str(tmp_path / "b")])
    ] == ["2.0"]


def test_packages_that_others_need_can_be_left_out(tmp_path: Path) -> None:
    package(tmp_path, "pulumi-3.0", ("PyYAML (>=5)", "pytest ; extra == 'test'"))
    package(tmp_path, "PyYAML-6.0")
    package(tmp_path, "pytest-9.0")
    assert installed_packages.required([str(tmp_path)]) == {"pyyaml"}


def test_the_script_answers_for_the_environment_that_runs_it() -> None:
    script = HERE.recipes / "installed_packages.py"
    answer = subprocess.run(
        [sys.executable, "-s", str(script), "-m", "pip", "list"], capture_output=True, text=True, check=True
    )
    found = {entry["name"]: entry for entry in json.loads(answer.stdout)}
    assert Path(found["pulumi-tls"]["location"], "pulumi_tls", "pulumi-plugin.json").exists()
