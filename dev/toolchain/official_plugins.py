"""The official plugins of Pulumi that the program's packages ask for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dev.toolchain import engine, stand_ins
from dev.toolchain.downloads import Attempts, shortened
from dev.toolchain.places import Places
from dev.toolchain.processes import CommandFailed, Runner
from dev.toolchain.progress import Progress

_LIMIT = 120.0
"""Seconds for all plugins to be downloaded at once; without a way out they fail in about three."""


@dataclass(frozen=True)
class OfficialPlugins:
    """`versions`: name -> version; `pulumi`: the program that gets them; `off`: set on failure."""

    versions: Mapping[str, str]
    pulumi: Path
    places: Places
    base: Mapping[str, str]
    attempts: Attempts
    runner: Runner
    progress: Progress
    off: threading.Event

    @property
    def are_settled(self) -> bool:
        """Whether each is there, or was tried in vain today."""
        return all(self._is_settled(name, version) for name, version in self.versions.items())

    def announcements(self) -> list[str]:
        """A line for each stand-in in use."""
        return [
            stand_ins.announcement(name, version)
            for name, version in self.versions.items()
            if not engine.has_official_plugin(self.places, name, version)
        ]

    def install(self) -> None:
        """Try to get the official plugins, once a day.

        They are tried side by side: where there is no way out, they fail together.
        """
        pending = {
            name: version for name, version in self.versions.items() if not self._is_settled(name, version)
        }
        with ThreadPoolExecutor(max(len(pending), 1)) as side_by_side:
            tries = [side_by_side.submit(self._try, name, version) for name, version in pending.items()]
            try:
                for one in tries:
                    one.result()
            except BaseException:
                self.off.set()
                raise

    def _try(self, name: str, version: str) -> None:
        environment = {
            **self.base,
            "PULUMI_HOME": str(self.places.pulumi_home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        arguments = [
            str(self.pulumi),
            "plugin",
            "install",
            "resource",
            name,
            f"v{version}",
            "--non-interactive",
        ]
        step = self.progress.plan(f"official plugin {name} {version}", 5, line=f"plugin {name}")
        try:
            with self.progress.doing(step):
                self.runner.run(arguments, f"plugin-{name}", environment, self.places.toolchain, limit=_LIMIT)
                if not engine.has_official_plugin(self.places, name, version):
                    raise CommandFailed(arguments, 0, "the engine reported success and installed nothing")
        except CommandFailed as failure:
            self.progress.drop(step)
            self.attempts.remember(f"plugin {name} {version}", shortened(failure.reason))

    def _is_settled(self, name: str, version: str) -> bool:
        return (
            engine.has_official_plugin(self.places, name, version)
            or self.attempts.failure(f"plugin {name} {version}") is not None
        )
