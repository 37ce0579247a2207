"""Where the toolchain keeps its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


class _Below:
    """A file or directory of a checkout."""

    def __init__(self, relative: str) -> None:
        self._relative = relative

    def __get__(self, places: Places, _: type[Places]) -> Path:
        return places.repository / self._relative


@dataclass(frozen=True)
class Places:
    """A checkout and what the toolchain puts into it."""

    repository: Path

    recipes = _Below("dev/toolchain")
    """The Go modules."""
    venv = _Below(".venv")
    """The Python environment of the program, the provider, `./mtls` and the tests."""
    python = _Below(".venv/bin/python")
    toolchain = _Below(".toolchain")
    bin = _Below(".toolchain/bin")
    """Links to the programs in use; stands on PATH."""
    store = _Below(".toolchain/store")
    """What was downloaded or built, a directory for each recipe."""
    logs = _Below(".toolchain/log")
    attempts = _Below(".toolchain/attempts")
    """Downloads that failed, so that they are not tried again at once."""
    lock = _Below(".toolchain/lock")
    """Held while something is installed."""
    pulumi_home = _Below(".toolchain/pulumi-home")
    """PULUMI_HOME of sandboxes where the official plugins are to be had."""


HERE: Final = Places(Path(__file__).resolve().parents[2])
"""The checkout that this code was loaded from."""
