"""Where the programs of the sandbox are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.sandbox.layout import REPOSITORY

NAMES: Final = ("etcd", "kube-apiserver", "nginx")

_INSTALL: Final = {
    "etcd": (
        "run `make up` once (it builds or downloads it), or set KUBEBUILDER_ASSETS to a directory that has it"
    ),
    "kube-apiserver": (
        "run `make up` once (it builds or downloads it), or set KUBEBUILDER_ASSETS to a directory that has it"
    ),
    "nginx": "install it with `apt-get install nginx-light` (or your system's package nginx)",
}


def directories(environment: Mapping[str, str], repository: Path = REPOSITORY) -> list[str]:
    """Return the directories in which programs are looked for, in this order.

    nginx is often in an sbin that is not on PATH.
    """
    assets = environment.get("KUBEBUILDER_ASSETS")
    path = environment.get("PATH", os.defpath).split(os.pathsep)
    return [
        str(repository / ".toolchain" / "bin"),
        *([assets] if assets else []),
        *filter(None, path),
        "/usr/local/sbin",
        "/usr/sbin",
    ]


def find(
    names: Iterable[str] = NAMES, environment: Mapping[str, str] | None = None, repository: Path = REPOSITORY
) -> dict[str, str]:
    """Absolute paths of programs.

    Raises:
        UserError: names every program that is missing, and what to do about it.
    """
    path = os.pathsep.join(directories(os.environ if environment is None else environment, repository))
    found = {name: shutil.which(name, path=path) for name in names}
    missing = [name for name, place in found.items() if place is None]
    if missing:
        remedies = dict.fromkeys(_INSTALL[name] for name in missing)
        raise UserError(
            f"the sandbox needs {' and '.join(missing)}, found neither in .toolchain/bin nor on PATH;"
            f" {'; '.join(remedies)}"
        )
    return {name: str(Path(place).absolute()) for name, place in found.items() if place}
