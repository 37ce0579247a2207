"""The program by which the engine finds and starts the provider."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import grpc

from alb_mutual_tls.plugin.protocol import empty_pb2, provider_pb2_grpc

REPOSITORY = Path(__file__).resolve().parents[3]
LAUNCHER = REPOSITORY / "alb_mutual_tls" / "provider" / "pulumi-resource-albmtls"


def version(command: str, folder: Path, **variables: str) -> str:
    """Start the launcher in a folder and ask what answers for its version."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    process = subprocess.Popen([command], stdout=subprocess.PIPE, env=environment, cwd=folder)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            return str(
                provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty()).version
            )
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def python(folder: Path, name: str) -> Path:
    """A Python of another place that leaves a trace of having been used."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\n: > "{folder}/used"\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return folder / "used"


def test_it_starts_from_any_directory(tmp_path: Path) -> None:
    assert version(str(LAUNCHER), tmp_path) == "0.1.0"


def test_it_starts_through_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "first").symlink_to(LAUNCHER)
    (tmp_path / "pulumi-resource-albmtls").symlink_to("links/first")
    assert version(str(tmp_path / "pulumi-resource-albmtls"), tmp_path) == "0.1.0"


def test_it_uses_the_virtual_environment_that_pulumi_names(tmp_path: Path) -> None:
    used = python(tmp_path / "venv" / "bin", "python")
    assert version(str(LAUNCHER), tmp_path, PULUMI_RUNTIME_VIRTUALENV=str(tmp_path / "venv")) == "0.1.0"
    assert used.exists()


def test_installed_it_uses_the_python_it_was_installed_with(tmp_path: Path) -> None:
    used = python(tmp_path / "bin", "python")
    shutil.copy(LAUNCHER, tmp_path / "bin")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    found = shutil.which("pulumi-resource-albmtls", path=path)
    assert found is not None
    assert version(found, tmp_path, PATH=path, PYTHONPATH=str(REPOSITORY)) == "0.1.0"
    assert used.exists()


def test_as_a_last_resort_it_uses_the_python_on_path(tmp_path: Path) -> None:
    used = python(tmp_path / "path", "python3")
    (tmp_path / "bin").mkdir()
    shutil.copy(LAUNCHER, tmp_path / "bin")
    path = f"{tmp_path / 'path'}:{os.environ['PATH']}"
    assert (
        version(
            str(tmp_path / "bin" / "pulumi-resource-albmtls"), tmp_path, PATH=path, PYTHONPATH=str(REPOSITORY)
        )
        == "0.1.0"
    )
    assert used.exists()


def test_without_any_python_it_says_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname", "readlink"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    copy = tmp_path / "bin" / "pulumi-resource-albmtls"
    copy.parent.mkdir()
    shutil.copy(LAUNCHER, copy)
    done = subprocess.run(
        [str(tools / "sh"), str(copy)], env={"PATH": str(tools)}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "install Python 3.11" in done.stderr


def test_starting_imports_nothing_heavy() -> None:
    """An unused feature costs nothing: no SDK of Alibaba Cloud, no cryptography, no HTTP client, no
    Pulumi SDK.
    """
    code = "import sys, alb_mutual_tls.provider.__main__; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "grpc" in loaded
    assert not loaded & {
        "Tea",
        "alibabacloud_tea_openapi",
        "alibabacloud_credentials",
        "cryptography",
        "requests",
        "httpx",
        "lightkube",
        "stamina",
    }
    assert "pulumi.resource" not in done.stdout


def test_the_sdk_is_loaded_without_the_half_that_is_not_used() -> None:
    code = (
        "import sys; from alb_mutual_tls.alibaba.sdk import load_sdk; load_sdk(); load_sdk(); import aiohttp;"
        " print(aiohttp.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "aiohttp" in done.stdout  # the real one: the placeholder does not outlive the import


def test_without_its_packages_it_says_in_one_sentence_what_to_install(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    environment = {"PATH": os.environ["PATH"], "PULUMI_RUNTIME_VIRTUALENV": str(tmp_path / "venv")}
    done = subprocess.run([str(LAUNCHER)], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(
        f"pulumi-resource-albmtls: {tmp_path / 'venv' / 'bin' / 'python'} has no package "
    )
    assert "pip install -r requirements.txt" in sentence


def test_it_ends_at_once_and_silently_when_the_engine_interrupts_it(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    process = subprocess.Popen(
        [str(LAUNCHER)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=4)
    assert errors == b""
    assert process.returncode == 0
