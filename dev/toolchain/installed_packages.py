"""Answers `pip list --format json [-v] [--not-required]` for the Python language host, in a tenth
of pip's time and where there is no pip.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path


def installed(path: Sequence[str]) -> list[dict[str, str]]:
    """Name, version and location of every package on an import path, from the names of their
    .dist-info directories.
    """
    found: dict[str, dict[str, str]] = {}
    for location in path:
        for directory in sorted(Path(location).glob("*.dist-info")) if location else ():
            name, _, version = directory.name.removesuffix(".dist-info").partition("-")
            name = re.sub(r"[-_.]+", "-", name).lower()
            found.setdefault(name, {"name": name, "version": version, "location": location})
    return sorted(found.values(), key=lambda package: package["name"])


def required(path: Sequence[str]) -> set[str]:
    """Names of the packages that another installed one needs (extras aside)."""
    from importlib.metadata import distributions

    needed: set[str] = set()
    for distribution in distributions(path=list(path)):
        for text in distribution.requires or ():
            name = re.match(r"[\w.-]+", text)
            if name and "extra ==" not in text:
                needed.add(re.sub(r"[-_.]+", "-", name.group()).lower())
    return needed


def main(arguments: Sequence[str]) -> None:
    path = sys.path[1:]  # without this script's directory
    packages = installed(path)
    if "--not-required" in arguments:
        needed = required(path)
        packages = [package for package in packages if package["name"] not in needed]
    json.dump(packages, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
