"""Python environments, installed with uv.

`.venv` has what requirements.txt and requirements-dev.txt ask for, `policy/venv` what the policy
pack needs, whose SDK cannot be beside the program's packages.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.toolchain.places import Places
from dev.toolchain.processes import CommandFailed, Runner
from dev.toolchain.store import is_program
from dev.toolchain.versions import Versions, at_least

_STAMP: Final = ".installed"
_REMOVED: Final = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "PYTHONHOME",
    "UV_SYSTEM_PYTHON",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
)


@dataclass(frozen=True)
class Environment:
    """A directory of the checkout, and the files that say which packages belong into it."""

    directory: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()


PROGRAM: Final = Environment(".venv", ("requirements.txt", "requirements-dev.txt"), ("constraints.txt",))
POLICY: Final = Environment("policy/venv", ("policy/requirements.txt",))


def fingerprint(places: Places, environment: Environment = PROGRAM) -> str:
    """Changes as soon as another environment is asked for."""
    names = (*environment.requirements, *environment.constraints)
    texts = [(places.repository / name).read_bytes() for name in names]
    return hashlib.sha256(b"\0".join([*texts, b"compiled"])).hexdigest()


def is_ready(places: Places, versions: Versions, environment: Environment = PROGRAM) -> bool:
    """Whether an environment holds what is asked for; starts no process."""
    venv = places.repository / environment.directory
    try:
        stamp = (venv / _STAMP).read_text(encoding="utf-8").strip()
    except OSError:
        return False
    return stamp == fingerprint(places, environment) and is_usable(venv, versions.python_minimum)


def is_usable(venv: Path, minimum: str) -> bool:
    """Whether a directory is an environment of a Python that still exists.

    The Python must also be new enough.
    """
    try:
        configuration = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    version = re.search(r"^version(?:_info)? *= *(\S+)", configuration, re.MULTILINE)
    return version is not None and at_least(version.group(1), minimum) and is_program(venv / "bin/python")


def find_uv(places: Places, base: Mapping[str, str]) -> Path | None:
    """uv of PATH, or the one that was installed into the toolchain."""
    own = places.toolchain / "uv" / "bin" / "uv"
    found = shutil.which("uv", path=base.get("PATH", ""))
    return Path(found) if found else own if is_program(own) else None


def install_uv(places: Places, versions: Versions, runner: Runner, base: Mapping[str, str]) -> Path:
    """Install uv into the toolchain with pip.

    Raises:
        UserError: pip is missing, or it cannot reach its package index.
    """
    directory = places.toolchain / "uv"
    temporary = places.toolchain / ".uv-making"
    shutil.rmtree(temporary, ignore_errors=True)
    python = getattr(sys, "_base_executable", None) or sys.executable
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    arguments = [*pip, "--target", str(temporary), versions.uv]
    try:
        runner.run(arguments, "uv", cleaned(base), limit=600)
    except CommandFailed as failure:
        if "No module named pip" in failure.output:
            raise UserError(
                f"{python} has no pip and uv is not on PATH; install one of them (`apt-get install"
                " python3-pip`, or https://docs.astral.sh/uv/getting-started/installation/) and run the same"
                " command again"
            ) from failure
        raise UserError(no_packages(failure, runner.logs / "uv.log")) from failure
    shutil.rmtree(directory, ignore_errors=True)
    temporary.rename(directory)
    return directory / "bin" / "uv"


def cleaned(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of pip and uv.

    It has the caller's indexes and proxies, but none of the settings that would install elsewhere.
    """
    return {name: value for name, value in base.items() if name not in _REMOVED} | {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
    }


def unpack(
    package: str,
    target: Path,
    uv: Path,
    runner: Runner,
    environment: Mapping[str, str],
    log: str,
) -> None:
    """Install a package of PyPI into a directory, alone.

    Raises:
        CommandFailed: it is not to be had.
    """
    arguments = [str(uv), "pip", "install", "--no-deps", "--target", str(target), package]
    runner.run(arguments, log, environment, limit=600)


def make(
    places: Places,
    versions: Versions,
    uv: Path,
    runner: Runner,
    base: Mapping[str, str],
    environment: Environment = PROGRAM,
) -> None:
    """Make an environment, or bring it up to date.

    Raises:
        UserError: the packages cannot be had.
    """
    variables = cleaned(base)
    venv = places.repository / environment.directory
    packages = [argument for name in environment.requirements for argument in ("-r", _file(places, name))]
    packages += [argument for name in environment.constraints for argument in ("-c", _file(places, name))]
    stamp = venv / _STAMP
    stamp.unlink(missing_ok=True)
    try:
        if not is_usable(venv, versions.python_minimum):
            shutil.rmtree(venv, ignore_errors=True)
            python = getattr(sys, "_base_executable", None) or sys.executable
            runner.run([str(uv), "venv", "--python", python, str(venv)], "python", variables)
        install = [str(uv), "pip", "install", "--python", str(venv / "bin/python")]
        runner.run([*install, *packages], "python", variables)
    except CommandFailed as failure:
        raise UserError(no_packages(failure, runner.logs / "python.log")) from failure
    _compile(venv, runner, variables)
    stamp.write_text(fingerprint(places, environment) + "\n", encoding="utf-8")


def _file(places: Places, name: str) -> str:
    return str(places.repository / name)


def _compile(venv: Path, runner: Runner, variables: Mapping[str, str]) -> None:
    """Compile all packages, as pip does.

    Where nothing may be written later (PYTHONDONTWRITEBYTECODE), each process would do it anew.
    """
    # Ends with 1 where a package ships files for other versions of Python; those are not imported.
    with suppress(CommandFailed):
        runner.run(
            [str(venv / "bin/python"), "-m", "compileall", "-q", "-j", "0", str(venv / "lib")],
            "python",
            variables,
        )


def no_packages(failure: CommandFailed, log: Path) -> str:
    """One sentence on why packages could not be installed."""
    network = re.compile(
        r"dns error|name resolution|Name or service not known|Connection refused|timed out|client error"
        r" \(Connect\)",
        re.IGNORECASE,
    )
    if network.search(failure.output):
        return (
            "the Python packages cannot be installed because the package index does not answer"
            f" ({failure.reason}); connect to a network, or set PIP_INDEX_URL and UV_DEFAULT_INDEX to a"
            " mirror, then run the same command again"
        )
    return f"the Python packages cannot be installed ({failure.reason}); the whole output is in {log}"
