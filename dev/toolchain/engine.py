"""Which Pulumi engine is used, and what a sandbox needs of it.

First a `pulumi` on PATH that meets `requiredPulumiVersion` and has a Python language host that
starts; else the official release; else one built from Go modules. etcd, kube-apiserver and kubectl
are chosen in the same order, KUBEBUILDER_ASSETS taking the place of PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.toolchain import stand_ins
from dev.toolchain.downloads import shortened
from dev.toolchain.places import HERE, Places
from dev.toolchain.store import is_program
from dev.toolchain.versions import Versions, load, pinned, required_pulumi_version, satisfies

LANGUAGE_HOST: Final = "pulumi-language-python"
YAML_HOST: Final = "pulumi-language-yaml"
CONTROL_PLANE: Final = ("etcd", "kube-apiserver", "kubectl")
ASSETS: Final = "KUBEBUILDER_ASSETS"

_PROBE: Final = 10.0
"""Seconds that `pulumi version` and the start of a language host may take."""


class Source(StrEnum):
    """Where programs come from."""

    PROVIDED = "provided"
    RELEASE = "release"
    MODULES = "modules"


def choose(
    *, provided: bool, release: bool, modules: bool, published: bool, failed: bool
) -> tuple[Source, ...]:
    """The sources to try, in this order, until one works.

    Args:
        provided: the machine has what is wanted (PATH, KUBEBUILDER_ASSETS).
        release: the official release was downloaded before.
        modules: it was built before.
        published: there is an official release for this kind of machine.
        failed: downloading it failed within the last day.
    """
    if provided:
        return (Source.PROVIDED,)
    if release:
        return (Source.RELEASE,)
    if modules or failed or not published:
        return (Source.MODULES,)
    return (Source.RELEASE, Source.MODULES)


@dataclass(frozen=True)
class Engine:
    """A `pulumi` of PATH. `problem`: why it is not used, empty when it is."""

    pulumi: Path
    version: str
    problem: str


def judge(pulumi: Path, version: str | None, requirement: str, host_starts: bool) -> Engine:
    """Whether a `pulumi` can be used, from what it says about itself."""
    if version is None:
        return Engine(pulumi, "", f"{pulumi} does not answer `pulumi version`")
    if not satisfies(version, requirement):
        return Engine(pulumi, version, f"{pulumi} is {version}, and Pulumi.yaml requires {requirement}")
    if not host_starts:
        return Engine(pulumi, version, f"{pulumi} has no {LANGUAGE_HOST} that starts")
    return Engine(pulumi, version, "")


def on_path(places: Places, base: Mapping[str, str]) -> Engine | None:
    """The first `pulumi` on PATH that is not ours.

    Judged once for each program: what was found is kept until one of them changes.
    """
    path = _foreign(places, base)
    found = shutil.which("pulumi", path=path)
    if not found:
        return None
    pulumi = Path(found)
    beside = pulumi.resolve().parent / LANGUAGE_HOST
    host = shutil.which(LANGUAGE_HOST, path=path) or (str(beside) if is_program(beside) else None)
    requirement = required_pulumi_version((places.repository / "Pulumi.yaml").read_text(encoding="utf-8"))
    key = [requirement, *(_identity(Path(program)) for program in (found, host) if program)]
    memory = places.toolchain / "pulumi-on-path.json"
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        if known["key"] == key:
            return Engine(pulumi, known["version"], known["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    engine = judge(
        pulumi, _version(pulumi, base), requirement, host is not None and _starts(Path(host), base)
    )
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(
        json.dumps({"key": key, "version": engine.version, "problem": engine.problem}) + "\n",
        encoding="utf-8",
    )
    return engine


def yaml_host(places: Places, base: Mapping[str, str]) -> dict[str, Path]:
    """Return the language host for YAML programs that is on PATH, which only tests need."""
    found = shutil.which(YAML_HOST, path=_foreign(places, base))
    return {YAML_HOST: Path(found)} if found else {}


def _foreign(places: Places, base: Mapping[str, str]) -> str:
    """PATH without the directories of this checkout, also when it names them in another way."""
    own = {places.bin.resolve(), (places.venv / "bin").resolve()}
    given = [one for one in base.get("PATH", "").split(os.pathsep) if one]
    return os.pathsep.join(one for one in given if Path(one).resolve() not in own)


def _identity(program: Path) -> str:
    status = program.stat()
    return f"{program} {status.st_size} {status.st_mtime_ns}"


def _version(pulumi: Path, base: Mapping[str, str]) -> str | None:
    environment = {**base, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [str(pulumi), "version"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=_PROBE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = answer.stdout.strip()
    return version if answer.returncode == 0 and any(character.isdigit() for character in version) else None


def _starts(host: Path, base: Mapping[str, str]) -> bool:
    """Whether a language host comes up: it prints the port that it serves.

    The engine's address is one where nobody answers.
    """
    try:
        process = subprocess.Popen(
            [str(host), "127.0.0.1:1"],
            env=dict(base),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return False
    with process:
        assert process.stdout is not None
        late = threading.Timer(_PROBE, process.kill)
        late.start()
        try:
            return process.stdout.readline().strip().isdigit()
        finally:
            late.cancel()
            process.kill()


def assets(places: Places, base: Mapping[str, str]) -> dict[str, Path]:
    """Return etcd, kube-apiserver and kubectl of KUBEBUILDER_ASSETS.

    Else they are those of an earlier run that are still there. Empty when incomplete.

    Raises:
        UserError: KUBEBUILDER_ASSETS is set and incomplete.
    """
    directory = base.get(ASSETS)
    if directory:
        found = {name: Path(directory).absolute() / name for name in CONTROL_PLANE}
        missing = [name for name, file in found.items() if not is_program(file)]
        if missing:
            raise UserError(
                f"{ASSETS} is {directory}, where {' and '.join(missing)} is missing; unset it or complete the"
                " directory"
            )
        return found
    earlier = {name: Path(os.path.realpath(places.bin / name)) for name in CONTROL_PLANE}
    outside = all(
        is_program(file) and not file.is_relative_to(places.toolchain.resolve()) for file in earlier.values()
    )
    return earlier if outside else {}


def environment(directory: Path) -> dict[str, str]:
    """Return what depends on the engine in the environment of a sandbox.

    Where an official plugin is not there, its stand-in is installed.

    Args:
        directory: the sandbox's directory.
    Returns:
        PATH (only the directories that belong to its front), PULUMI_HOME, PULUMI_SKIP_UPDATE_CHECK,
        and, with stand-ins, PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION.
    """
    return sandbox_environment(HERE, load(), directory)


def sandbox_environment(places: Places, versions: Versions, directory: Path) -> dict[str, str]:
    """As `environment`, for any checkout."""
    made = {
        "PATH": os.pathsep.join([str(places.venv / "bin"), str(places.bin)]),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    plugins = plugin_versions(places, versions)
    if all(has_official_plugin(places, name, version) for name, version in plugins.items()):
        return {**made, "PULUMI_HOME": str(places.pulumi_home)}
    home = directory.absolute() / "pulumi-home"
    for name, version in plugins.items():
        if has_official_plugin(places, name, version):
            stand_ins.link(places, home, name, version)
        else:
            stand_ins.install(places, home, name, version)
    return {**made, "PULUMI_HOME": str(home), "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


def plugin_versions(places: Places, versions: Versions) -> dict[str, str]:
    """Return the resource plugins that the program uses.

    Each comes with the version of its Python package.
    """
    requirements = (places.repository / "requirements.txt").read_text(encoding="utf-8")
    return {name: pinned(package, requirements) for name, package in versions.plugins.items()}


def has_official_plugin(places: Places, name: str, version: str) -> bool:
    return is_program(
        stand_ins.plugin_directory(places.pulumi_home, name, version) / f"pulumi-resource-{name}"
    )


def no_engine(wanted: list[str], versions: Versions, reason: str, requirement: str) -> str:
    """One sentence: what is missing, why, and what to install."""
    remedies = [f"Go {versions.go_minimum} or newer (https://go.dev/dl/)"]
    if "pulumi" in wanted:
        remedies.append(f"Pulumi {requirement} (https://www.pulumi.com/docs/install/)")
    if "etcd" in wanted or "kubernetes" in wanted:
        remedies.append(f"{', '.join(CONTROL_PLANE)} in a directory that {ASSETS} names")
    alternatives = (
        remedies[0]
        if len(remedies) == 1
        else f"{remedies[0]}, which builds all of it, or else {' and '.join(remedies[1:])}"
    )
    return (
        f"{' and '.join(wanted)} can neither be downloaded nor built: there is no Go {versions.go_minimum} on"
        f" PATH and the package {versions.go_package} cannot be had ({shortened(reason)}); install"
        f" {alternatives}, and run the same command again"
    )
