"""A sandbox by its command line, as the tests of its lifecycle start and stop it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.sandbox import ports, processes
from dev.sandbox.layout import REPOSITORY, Layout

BASES = [(base, base + 1000) for base in range(4000, 16000, 2000)]
"""Port bases and listener bases of these tests, apart from those of other tests; other checkouts
may run the same beside us.
"""


@dataclass(frozen=True)
class Lifecycle:
    """A sandbox by its command line."""

    layout: Layout

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "dev.sandbox", *arguments, "--directory", str(self.layout.directory)]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=REPOSITORY,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=200,
        )

    def environment(self) -> dict[str, str]:
        """Ports by the environment, so that a start can be given others."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
        ports_of_ours = {
            "SANDBOX_PORT_BASE": str(self.layout.port_base),
            "SANDBOX_LISTENER_BASE": str(self.layout.listener_base),
        }
        return {**inherited, **ports_of_ours}

    def succeed(self, *arguments: str) -> str:
        done = self(*arguments)
        assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def parts(self) -> dict[str, dict[str, Any]]:
        return {part["name"]: part for part in json.loads(self("status", "--json").stdout)["parts"]}

    def states(self) -> dict[str, str]:
        return {name: part["state"] for name, part in self.parts().items()}

    def pids(self) -> dict[str, int]:
        return {name: part["pid"] for name, part in self.parts().items()}

    def kill(self, *names: str) -> None:
        """SIGKILL, as the kernel does when memory is short; returns when they are gone."""
        gone = [processes.identify(pid) for name, pid in self.pids().items() if name in names]
        for identity in gone:
            os.kill(identity.pid, signal.SIGKILL)
        await_true(lambda: not any(processes.lives(identity) for identity in gone))

    def cluster(self) -> str:
        """The UID of namespace kube-system."""
        return self.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")

    def albconfig(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.kubectl("get", "albconfig", "alb", "-o", "json", "--show-managed-fields")
        )
        return found

    def kubectl(self, *arguments: str) -> str:
        command = (
            str(REPOSITORY / ".toolchain" / "bin" / "kubectl"),
            "--kubeconfig",
            str(self.layout.kubeconfig),
            *arguments,
        )
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def leftovers(self) -> list[str]:
        """Processes that name the directory or work in it, and ports that are taken."""
        directory = self.layout.directory
        found = [
            f"{process.name} {process.pid}"
            for process in processes.everybody()
            if str(directory) in " ".join(processes.command_line(process.pid))
            or processes.working_directory(process.pid) == directory
        ]
        return found + [
            f"{endpoint} of {ports.holder(endpoint)}"
            for endpoint in endpoints(self.layout)
            if not ports.is_free(endpoint)
        ]


def endpoints(layout: Layout) -> list[ports.Endpoint]:
    listeners = [ports.Endpoint("nginx", "127.0.0.1", layout.listener_port(port)) for port in (80, 443)]
    return [*ports.services(layout), *listeners]


def with_free_ports(directory: Path, *others: Layout) -> Layout:
    """The layout of a sandbox on the first ports that nobody uses, neither now nor in the layouts
    of `others`.
    """
    taken = [(other.port_base, other.listener_base) for other in others]
    candidates = (Layout(directory, *bases) for bases in BASES if bases not in taken)
    return next(layout for layout in candidates if all(map(ports.is_free, endpoints(layout))))


def await_true(condition: Callable[[], bool], limit: float = 30) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)
