"""Starting and stopping a sandbox as a whole."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.sandbox import binaries, control_plane, data_plane, environment, kubeconfig, ports, processes
from dev.sandbox.guard import interruption, locked
from dev.sandbox.layout import Layout
from dev.sandbox.part import Part
from dev.sandbox.parts import STOP_LIMIT, Say, end, parts
from dev.sandbox.startup import Startup

START_LIMIT: Final = 120.0
"""Seconds until every part must be ready; a machine busy with builds takes 20."""

CONTENT: Final = frozenset(
    {
        *("sandbox.json", "faults.json", "audit-policy.json", "kubeconfig", "env", "lock"),
        *("logs", "pids", "pki", "state", "pulumi-home", "etcd", "nginx", "cloud"),
    }
)
"""All that the sandbox's own parts make in its directory."""


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
        Startup(layout, every, say, noted, limit).run(dead)
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
        return end(parts(layout, {}), limit, say)
    with interruption() as noted, locked(layout.lock, noted.check, say):
        end_orphans(layout, limit, say)
        return end(parts(layout, {}), limit, say)


def restart(layout: Layout, name: str, say: Say) -> None:
    """End one part of a running sandbox and start it again.

    Raises:
        UserError: it cannot be ended or started.
    """
    with interruption() as noted, locked(layout.lock, noted.check, say):
        end([part for part in parts(layout, {}) if part.name == name], STOP_LIMIT, say)
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
        end(dead, STOP_LIMIT, say)
        layout.pki.mkdir(mode=0o700, exist_ok=True)
        certificates.make(layout)
    else:
        end(dead, STOP_LIMIT, say)
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
