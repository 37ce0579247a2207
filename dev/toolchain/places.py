"""Where the toolchain keeps its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Places:
    """A checkout and what the toolchain puts into it."""

    repository: Path

    @property
    def recipes(self) -> Path:
        """The Go modules."""
        return self.repository / "dev" / "toolchain"

    @property
    def venv(self) -> Path:
        """The Python environment of the program, the provider, `./mtls` and the tests."""
        return self.repository / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def toolchain(self) -> Path:
        return self.repository / ".toolchain"

    @property
    def bin(self) -> Path:
        """Links to the programs in use; stands on PATH."""
        return self.toolchain / "bin"

    @property
    def store(self) -> Path:
        """What was downloaded or built, a directory for each recipe."""
        return self.toolchain / "store"

    @property
    def logs(self) -> Path:
        return self.toolchain / "log"

    @property
    def attempts(self) -> Path:
        """Downloads that failed, so that they are not tried again at once."""
        return self.toolchain / "attempts"

    @property
    def lock(self) -> Path:
        """Held while something is installed."""
        return self.toolchain / "lock"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME of sandboxes where the official plugins are to be had."""
        return self.toolchain / "pulumi-home"


HERE: Final = Places(Path(__file__).resolve().parents[2])
"""The checkout that this code was loaded from."""
