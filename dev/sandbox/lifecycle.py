"""Starting and stopping a sandbox as a whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.sandbox import binaries, control_plane, data_plane, environment, kubeconfig, ports, processes
from dev.sandbox.guard import Interruption, interruption, locked
from dev.sandbox.layout import Layout
from dev.sandbox.part import Part
from dev.sandbox.parts import NAMES, parts

Say = Callable[[str], None]

START_LIMIT: Final = 120.0
"""Seconds until every part must be ready; a machine busy with builds takes 20."""
STOP_LIMIT: Final = 10.0
"""Seconds between SIGTERM and SIGKILL."""

CONTENT: Final = frozenset(
    {
        *("sandbox.json", "faults.json", "audit-policy.json", "kubeconfig", "env", "lock"),
        *("logs", "pids", "pki", "state", "pulumi-home", "etcd", "nginx", "cloud"),
    }
)
"""All that the sandbox's own parts make in its directory."""

_REMEDY: Final = (
    "\n  if its data is damaged: `python -m dev.sandbox stop --purge` removes it, and all else of this"
    " sandbox"
)


def start(layout: Layout, say: Say, limit: float = START_LIMIT) -> list[str]:
    """Start every part that does not run, and wait until all are ready.

    Args:
        layout: of the sandbox; its ports are written to sandbox.json.
        say: told what happens, a line at a time.
        limit: seconds.
    Returns:
        the parts that were started, none if all were running.
    Raises:
        UserError: why it could not be started; what this call had started is ended again.
    """
    if not Path("/proc/self/stat").exists():
        raise UserError(
            f"the sandbox needs Linux, this is {sys.platform}; use a container or a virtual machine"
        )
    programs = binaries.find()
    _refuse_foreign(layout.directory)
    layout.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with interruption() as noted, locked(layout.lock, noted.check, say):
        every = parts(layout, programs)
        recorded = _refuse_other_ports(layout, every)
        _resume(every, say)
        dead = [part for part in every if part.pid() is None]
        if dead or not all((layout.pki / name).exists() for name in control_plane.FILES):
            dead = _prepare(layout, recorded, every, dead, say)
        _Start(layout, every, say, noted, limit).run(dead)
        # Also when all were running: the environment may have got an engine since, or somebody
        # deleted a file.
        _write_access(layout)
        return [part.name for part in dead]


def stop(layout: Layout, say: Say, limit: float = STOP_LIMIT) -> bool:
    """End every process of a sandbox; its data stays.

    It is safe to repeat, also when the sandbox's files are gone.

    Args:
        limit: seconds between SIGTERM and SIGKILL.
    Returns:
        whether anything was running.
    """
    if not layout.directory.exists():
        end_orphans(layout, limit, say)
        return _end(parts(layout, {}), limit, say)
    with interruption() as noted, locked(layout.lock, noted.check, say):
        end_orphans(layout, limit, say)
        return _end(parts(layout, {}), limit, say)


def restart(layout: Layout, name: str, say: Say) -> None:
    """End one part of a running sandbox and start it again.

    Raises:
        UserError: it cannot be ended or started.
    """
    with interruption() as noted, locked(layout.lock, noted.check, say):
        _end([part for part in parts(layout, {}) if part.name == name], STOP_LIMIT, say)
    start(layout, say)


def pause(layout: Layout, name: str, say: Say) -> None:
    """Stop the process of one part of a running sandbox without ending it.

    Whoever asks that part waits in vain, until `resume` or `start`.

    Raises:
        UserError: the part does not run.
    """
    with interruption() as noted, locked(layout.lock, noted.check, say):
        part = next(part for part in parts(layout, {}) if part.name == name)
        if not part.pause():
            raise UserError(
                f"{name} of the sandbox in {layout.directory} does not run; start the sandbox first"
            )


def resume(layout: Layout, say: Say) -> None:
    """Let every paused part go on."""
    with interruption() as noted, locked(layout.lock, noted.check, say):
        _resume(parts(layout, {}), say)


def _resume(every: Iterable[Part], say: Say) -> None:
    for part in every:
        if part.resume():
            say(f"{part.name} was paused and goes on")


def purge(layout: Layout, say: Say) -> None:
    """Remove what a stopped sandbox left in its directory.

    The directory goes too if nothing else is in it.

    Raises:
        UserError: the directory is not a sandbox's.
    """
    if not layout.directory.exists():
        return
    _refuse_foreign(layout.directory)
    with interruption() as noted, locked(layout.lock, noted.check, say):
        if running := [part.name for part in parts(layout, {}) if part.left()]:
            raise UserError(f"{', '.join(running)} runs in {layout.directory}; stop the sandbox first")
        for entry in layout.directory.iterdir():
            if _is_ours(entry.name) and entry != layout.lock:
                _remove(entry)
        # Last, so that nobody starts in between.
        layout.lock.unlink(missing_ok=True)
    foreign = sorted(entry.name for entry in layout.directory.iterdir())
    if foreign:
        say(f"left in {layout.directory}, as the sandbox did not make it: {', '.join(foreign)}")
    else:
        layout.directory.rmdir()


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)


def _refuse_foreign(directory: Path) -> None:
    """Refuse a directory with somebody else's files and without sandbox.json.

    It is not ours to fill or to purge.
    """
    if not directory.exists() or (directory / "sandbox.json").exists():
        return
    if not directory.is_dir():
        raise UserError(f"{directory} is not a directory; choose another --directory")
    foreign = sorted(entry.name for entry in directory.iterdir() if not _is_ours(entry.name))
    if foreign:
        raise UserError(
            f"{directory} is not a sandbox and holds other things ({', '.join(foreign[:3])}); choose another"
            " --directory"
        )


def _is_ours(name: str) -> bool:
    """Also what an interrupted write left behind: `.sandbox.json.4711`."""
    return name in CONTENT or (name.startswith(".") and name[1:].rpartition(".")[0] in CONTENT)


def _refuse_other_ports(layout: Layout, every: Iterable[Part]) -> Layout | None:
    """Return the layout of the last start, if there was one.

    Refuses to change the ports of a sandbox that runs.
    """
    if not layout.file.exists():
        return None
    recorded = Layout.load(layout.directory)
    if recorded != layout and (running := [part.name for part in every if part.pid()]):
        raise UserError(
            f"the sandbox in {layout.directory} runs with port base {recorded.port_base} and listener base"
            f" {recorded.listener_base} ({', '.join(running)}); stop it first to start it with"
            f" {layout.port_base} and {layout.listener_base}"
        )
    return recorded


def _prepare(
    layout: Layout, recorded: Layout | None, every: list[Part], dead: list[Part], say: Say
) -> list[Part]:
    """Make room and files for the parts to be started, and return those parts.

    They are more than before if the others must be started again.
    """
    from dev.sandbox import (
        certificates,
    )  # cryptography takes 0.2 s to import, which a start that has nothing to do can spare

    if not certificates.are_fit(layout):
        # Whoever still runs does so with the old ones.
        dead = every
        _end(dead, STOP_LIMIT, say)
        layout.pki.mkdir(mode=0o700, exist_ok=True)
        certificates.make(layout)
    else:
        _end(dead, STOP_LIMIT, say)
    if busy := ports.clashes(_endpoints(layout, recorded, {part.name for part in dead}), layout):
        raise UserError("\n".join(busy))
    layout.save()
    for directory in (
        layout.logs,
        layout.pids,
        layout.state,
        layout.pulumi_home,
        layout.nginx_directory,
        layout.cloud_directory,
    ):
        directory.mkdir(mode=0o700, exist_ok=True)
    control_plane.prepare(layout)
    kubeconfig.write(layout)
    return dead


def _endpoints(layout: Layout, recorded: Layout | None, wanted: Collection[str]) -> list[ports.Endpoint]:
    """Where the wanted parts are going to listen."""
    # nginx's configuration of the last start names the listeners of this one only if the ports are
    # the same.
    known = ports.listeners(layout) if recorded == layout else []
    return [
        endpoint
        for endpoint in ports.services(layout) + (known or first_listeners(layout))
        if endpoint.part in wanted
    ]


def first_listeners(layout: Layout) -> list[ports.Endpoint]:
    """The listeners that a new sandbox begins with."""
    return [
        ports.Endpoint(data_plane.NGINX, layout.listener_address(0), layout.listener_port(port))
        for port in (80, 443)
    ]


def taken(layout: Layout) -> list[ports.Endpoint]:
    """Return where a start would find somebody else.

    It needs nothing that a start needs, so it can be asked before anything is built.

    Raises:
        UserError: the sandbox runs on other ports.
    """
    every = parts(layout, {})
    recorded = _refuse_other_ports(layout, every)
    wanted = {part.name for part in every if not part.left()}
    return [endpoint for endpoint in _endpoints(layout, recorded, wanted) if not ports.is_free(endpoint)]


def _write_access(layout: Layout) -> None:
    kubeconfig.write(layout)
    environment.write(layout)


def end_orphans(layout: Layout, limit: float, say: Say) -> None:
    """End what is left of engines that were killed while working on this sandbox.

    A language host waits for its engine forever.
    """
    orphans = [
        process
        for process in processes.everybody()
        if process.name.startswith("pulumi-")
        and processes.variable(process.pid, environment.SANDBOX) == str(layout.directory)
        and processes.program(processes.parent(process.pid) or 0) != "pulumi"
    ]
    processes.end(orphans, limit)
    for process in orphans:
        say(f"{process.name} (pid {process.pid}) had outlived its engine and was ended")


def _end(every: Iterable[Part], limit: float, say: Say) -> bool:
    """End parts, those that lean on others first; returns whether anything ran."""
    found = False
    every = sorted(every, key=lambda part: NAMES.index(part.name), reverse=True)
    without_etcd = any(part.name == control_plane.ETCD and part.pid() is None for part in every)
    for part in every:
        ran = bool(part.left())
        # Without etcd, kube-apiserver has nothing left to finish and waits for it in vain.
        patience = 1.0 if without_etcd and part.name == control_plane.KUBE_APISERVER else limit
        killed = part.end(patience)
        if killed:
            say(f"{part.name} did not end within {patience:.0f} s and was killed")
        found = found or ran
    return found


@dataclass
class _Start:
    """Brings parts up side by side, each as soon as those it needs are ready."""

    layout: Layout
    every: list[Part]
    say: Say
    noted: Interruption
    limit: float
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    configuration: str = ""

    def run(self, dead: list[Part]) -> None:
        try:
            self._run({part.name for part in dead})
        except BaseException:
            if started := [part for part in self.every if part.name in self.children]:
                self.say(f"ending again what was started: {', '.join(part.name for part in started)}")
                _end(started, STOP_LIMIT, self.say)
            raise

    def _run(self, waiting: set[str]) -> None:
        lacks: dict[str, str] = {}
        while len(self.ready) < len(self.every):
            self.noted.check()
            for part in self.every:
                if part.name in waiting and self.ready.issuperset(part.after):
                    waiting.discard(part.name)
                    self._launch(part)
                elif part.name not in self.ready | waiting:
                    lacks[part.name] = self._look(part) or ""
            if time.monotonic() - self.began > self.limit:
                self._give_up({name: lack for name, lack in lacks.items() if name not in self.ready})
            time.sleep(0.04)

    def _launch(self, part: Part) -> None:
        if part.name == data_plane.NGINX:
            if busy := ports.clashes(ports.listeners(self.layout), self.layout):
                raise UserError("\n".join(busy))
            self.configuration = data_plane.fingerprint(self.layout)
        self.children[part.name] = part.start()

    def _look(self, part: Part) -> str | None:
        child = self.children.get(part.name)
        if (child and child.poll() is not None) or part.pid() is None:
            raise UserError(self._obituary(part, child))
        lack = part.probe()
        if lack:
            return lack
        self.ready.add(part.name)
        if child:
            self.say(f"{part.name} is ready ({time.monotonic() - self.began:.1f} s)")
        if (
            child
            and part.name == data_plane.NGINX
            and data_plane.fingerprint(self.layout) != self.configuration
        ):
            # The cloud part could not tell nginx of a change before nginx was there to be told.
            data_plane.reload(self.layout, part.command[0])
        return None

    def _obituary(self, part: Part, child: subprocess.Popen[bytes] | None) -> str:
        if child:
            with suppress(subprocess.TimeoutExpired):
                child.wait(1)  # until its last thread is gone, and with it its hold on the ports
        # Between the look at the ports and the start somebody may have taken one.
        endpoints = [
            endpoint
            for endpoint in ports.services(self.layout) + ports.listeners(self.layout)
            if endpoint.part == part.name
        ]
        if child and (busy := ports.clashes(endpoints, self.layout)):
            return "\n".join(busy)
        code = child.poll() if child else None
        ended = "ended" if code is None else f"ended with exit code {code}"
        if code and code < 0:
            ended = f"was killed by signal {-code}"
        reason = part.complaint() or "it said nothing"
        return (
            f"{part.name} {ended} while the sandbox was started: {reason[:300]}\n  whole log:"
            f" {part.log}{_REMEDY if part.name == control_plane.ETCD else ''}"
        )

    def _give_up(self, lacks: dict[str, str]) -> None:
        described = "; ".join(f"{name}: {lack}" for name, lack in lacks.items())
        raise UserError(
            f"not ready after {self.limit:.0f} s: {described}; stop and start the sandbox\n  logs:"
            f" {self.layout.logs}"
        )
