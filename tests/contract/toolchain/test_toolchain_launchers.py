"""The scripts between the user, the engine and Python, run for real."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.toolchain import stand_ins
from dev.toolchain.places import HERE, Places

SHOW = 'printf "%s\\n" "$0" "$@"; env | sort'


def program(file: Path, body: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
    )


def test_a_stand_in_is_started_by_the_checkouts_python_with_the_checkout_to_import_from(
    tmp_path: Path,
) -> None:
    places = Places(tmp_path / "a checkout")
    program(places.python, SHOW)
    stand_ins.install(places, tmp_path / "home", "tls", "5.6.2")
    done = run(
        tmp_path / "home" / "plugins" / "resource-tls-v5.6.2" / "pulumi-resource-tls",
        "127.0.0.1:5",
        cwd=tmp_path,
    )
    lines = done.stdout.splitlines()
    assert lines[1:5] == ["-P", "-m", "dev.toolchain.plugins.tls", "127.0.0.1:5"]
    assert f"PYTHONPATH={places.repository}" in lines


def test_mtls_runs_from_anywhere_and_through_links(tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    shutil.copy(HERE.repository / "mtls", checkout)
    program(checkout / ".venv" / "bin" / "python", f"pwd; {SHOW}")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "relative").symlink_to("../a checkout/mtls")
    (tmp_path / "bin" / "again").symlink_to(tmp_path / "bin" / "relative")
    (tmp_path / "elsewhere").mkdir()
    for call in (
        checkout / "mtls",
        tmp_path / "bin" / "relative",
        tmp_path / "bin" / "again",
        Path("../a checkout/mtls"),
    ):
        done = run(call, "verify", "--listener", "a b", cwd=tmp_path / "elsewhere")
        lines = done.stdout.splitlines()
        assert lines[0] == str(tmp_path / "elsewhere"), done.stderr
        assert lines[2:8] == ["-P", "-m", "alb_mutual_tls.cli", "verify", "--listener", "a b"]
        assert f"PYTHONPATH={checkout}" in lines


def test_mtls_without_an_environment_says_how_to_make_one(tmp_path: Path) -> None:
    shutil.copy(HERE.repository / "mtls", tmp_path)
    done = run(tmp_path / "mtls", "verify", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"there is no Python environment {tmp_path}/.venv; run `make up` there" in done.stderr


def test_the_bootstrap_runs_on_a_bare_python() -> None:
    script = (
        "import sys; import dev.toolchain.installation, dev.toolchain.__main__\nown = {'dev',"
        " 'alb_mutual_tls'}\nprint(sorted({name.split('.')[0] for name in sys.modules} -"
        " set(sys.stdlib_module_names) - own - {'__main__'}))"
    )
    done = run(
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(HERE.repository)!r})\n{script}",
        cwd=HERE.repository,
    )
    assert done.stdout == "[]\n", done.stdout + done.stderr


@pytest.mark.parametrize("target", ["up", "preview", "down", "test", "campaigns", "bench", "lint"])
def test_make_keeps_the_name_of_a_directory_with_a_space_together(tmp_path: Path, target: str) -> None:
    directory = tmp_path / "a checkout"
    directory.mkdir()
    shutil.copy(HERE.repository / "Makefile", directory)
    done = run("make", "--dry-run", "-C", directory, target, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    words = [word for word in shlex.split(done.stdout) if "checkout/.venv/bin/" in word]
    assert words
    assert [word for word in words if str(directory) not in word] == []


@pytest.mark.parametrize("target", ["up", "preview"])
def test_make_looks_at_the_ports_before_it_builds_anything(target: str) -> None:
    done = run("make", "--dry-run", target, "PORT_BASE=27000", cwd=HERE.repository)
    first, *rest = done.stdout.splitlines()
    assert first.endswith('-m dev.port_bases --port-base "27000" --listener-base ""')
    assert any(line.endswith("-m dev.toolchain") for line in rest)
    assert rest[-1].endswith(f'-m dev.up {target} --port-base "27000" --listener-base ""')


def test_make_without_a_target_says_what_there_is() -> None:
    done = run("make", cwd=HERE.repository)
    assert done.returncode == 0
    said = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith("make ")}
    assert {"up", "down", "preview", "test", "test-toolchain", "lint", "help"} <= set(said)
    assert all(len(line.split()) > 3 for line in said.values())
