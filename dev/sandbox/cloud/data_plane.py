"""Making nginx take a configuration, and knowing when it has.

The configuration's generation (a hash of itself) is served on a status port. A change has been
taken when that port answers with the new generation and the worker that served the old one has
stopped accepting connections: for a tenth of a second after a reload, both do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.sandbox import processes
from dev.sandbox.cloud import nginx
from dev.sandbox.data_plane import command
from dev.sandbox.layout import Layout, write_atomically

_TAKES: Final = 5.0
"""Seconds that a reload may last; nginx itself tries for 2.5 s to bind a port."""


class NotTaken(Exception):
    """nginx refuses a configuration; the old one stays."""


class DataPlane:
    """The nginx of a sandbox, which somebody else starts and stops.

    Args:
        layout: the sandbox's.
        program: the nginx to test configurations with.
    """

    def __init__(self, layout: Layout, program: str = "nginx") -> None:
        self._layout = layout
        self._program = program
        (layout.nginx_directory / "temporary").mkdir(parents=True, exist_ok=True)
        layout.logs.mkdir(parents=True, exist_ok=True)

    def write(self, text: str) -> bool:
        """Test a configuration and put it where nginx starts from.

        Nothing happens if it is there already.

        Returns:
            Whether it was another one.
        Raises:
            NotTaken: `nginx -t` refuses it.
            UserError: nginx is missing.
        """
        current = self._layout.nginx_configuration
        if current.exists() and current.read_text(encoding="utf-8") == text:
            return False
        candidate = self._layout.nginx_directory / "candidate.conf"
        write_atomically(candidate, text)
        try:
            tested = subprocess.run(
                [*command(self._layout, self._program, candidate), "-t", "-q"],
                capture_output=True,
                encoding="utf-8",
                timeout=30,
                check=False,
            )
        except FileNotFoundError:
            raise UserError(
                f"there is no {self._program} on PATH; install it (Debian: apt-get install nginx-light)"
            ) from None
        if tested.returncode != 0:
            raise NotTaken(tested.stderr.strip() or f"nginx -t failed with exit code {tested.returncode}")
        candidate.replace(current)
        return True

    def serving(self) -> tuple[str, int] | None:
        """Generation and worker's pid as nginx tells them; None if it does not run."""
        try:
            with socket.create_connection(
                ("127.0.0.1", self._layout.data_plane_port), timeout=2
            ) as connection:
                connection.sendall(f"GET {nginx.GENERATION_PATH} HTTP/1.0\r\n\r\n".encode())
                with connection.makefile("rb") as answer:
                    text = answer.read().decode()
        except (OSError, UnicodeDecodeError):
            return None
        words = text.rpartition("\r\n\r\n")[2].split()
        return (words[0], int(words[1])) if len(words) == 2 and words[1].isdigit() else None

    def reload(self, text: str) -> bool:
        """Make a running nginx take the written configuration.

        Waits until nothing else is served.

        Returns:
            False if nginx does not run: it will start with this configuration.
        Raises:
            NotTaken: it went on with the old one.
        """
        before = self.serving()
        if before is None:
            return False
        wanted = nginx.generation(text)
        if before[0] == wanted:
            return True
        if not self._signal():
            return False
        deadline = time.monotonic() + _TAKES
        while time.monotonic() < deadline:
            now = self.serving()
            if now is None:
                return False
            if now[0] == wanted and _retired(before[1]):
                return True
            time.sleep(0.005)
        raise NotTaken(
            f"nginx did not take the configuration within {_TAKES:.0f} s; see {self._layout.log('nginx')}"
        )

    def _signal(self) -> bool:
        try:
            master = int((self._layout.nginx_directory / "nginx.pid").read_text(encoding="utf-8"))
            # Workers outlive a killed master, so that the status port answers does not yet say that
            # the pid is still nginx's.
            if str(self._layout.nginx_directory) not in " ".join(processes.command_line(master)):
                return False
            os.kill(master, signal.SIGHUP)
        except (OSError, ValueError):
            return False
        return True


def can_listen(address: str, port: int) -> bool:
    """Whether a port of an address could be had now."""
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
        probe.listen()
        return True
    return False


def has_address(address: str) -> bool:
    """Whether this machine has a loopback address.

    Linux has all of 127.0.0.0/8, other systems only 127.0.0.1.
    """
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind((address, 0))
        return True
    return False


def _retired(worker: int) -> bool:
    """Whether a worker is gone or has stopped accepting connections.

    nginx says so in the process's title.
    """
    return "shutting" in (words := processes.command_line(worker)) or not words
