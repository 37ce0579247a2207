"""nginx, the sandbox's data plane: from PATH, else from Debian's package, unpacked into the toolchain without starting a service."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.toolchain.places import Places
from dev.toolchain.processes import CommandFailed, Runner
from dev.toolchain.store import Recipe, Store, is_program

PROGRAM: Final = "nginx"
SBIN: Final[tuple[str, ...]] = ("/usr/local/sbin", "/usr/sbin")


def find(places: Places, base: Mapping[str, str]) -> Path | None:
    """nginx of PATH, of the usual sbin directories (often not on PATH), or of the toolchain."""
    path = os.pathsep.join([base.get("PATH", ""), *SBIN, str(places.bin)])
    found = shutil.which(PROGRAM, path=path)
    return Path(found) if found else None


def recipe(packages: tuple[str, ...]) -> Recipe:
    return Recipe("nginx", (PROGRAM,), packages)


def install(packages: tuple[str, ...], store: Store, runner: Runner, base: Mapping[str, str], root: bool) -> None:
    """Take nginx out of Debian's package; `apt-get download` needs no privileges, `apt-get update` is done by root only.

    Raises:
        UserError: it is not to be had, with what to install.
    """
    apt = shutil.which("apt-get", path=base.get("PATH", ""))
    unpack = shutil.which("dpkg-deb", path=base.get("PATH", ""))
    if not apt or not unpack:
        raise UserError(missing("this system has no apt-get"))
    made = {**base, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    reason = "no package of that name"
    with store.making(recipe(packages)) as directory:
        for refresh in (False, True):
            if refresh and not root:
                break
            try:
                if refresh:
                    runner.run([apt, "update"], "nginx", made, limit=300)
                for package in packages:
                    try:
                        runner.run([apt, "download", package], "nginx", made, directory, limit=120)
                    except CommandFailed as failure:
                        reason = failure.reason
                        continue
                    for archive in sorted(directory.glob("*.deb")):
                        runner.run([unpack, "--extract", str(archive), str(directory / "root")], "nginx", made)
                        archive.unlink()
                    if is_program(directory / "root" / "usr" / "sbin" / PROGRAM):
                        break
                # Its libraries come with every Debian; where one is missing, this says so.
                runner.run([str(directory / "root" / "usr" / "sbin" / PROGRAM), "-v"], "nginx", made, limit=30)
                (directory / PROGRAM).symlink_to(Path("root") / "usr" / "sbin" / PROGRAM)
                return
            except CommandFailed as failure:
                reason = failure.reason
        raise UserError(missing(reason))


def missing(reason: str) -> str:
    return (
        f"nginx, the sandbox's data plane, is not on PATH and Debian's package cannot be had ({reason}); install it with "
        "`apt-get install nginx-light` (`brew install nginx` on a Mac) and run the same command again"
    )
