"""Run somebody else's program for its output, bounded in time and length.

Nothing of the program is left behind. `subprocess.run` with a timeout kills the program alone. It
then waits, without end, for whatever the program started to close the pipe.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress


class TooLong(Exception):
    """It, or something that it started, held its output open for longer than allowed."""


class TooMuch(Exception):
    """It printed more than allowed."""


def run(
    arguments: Sequence[str], environment: Mapping[str, str], seconds: float, octets: int
) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a session of its own, and return what it printed.

    It has no standard input and no terminal. Raises `TooLong`, `TooMuch` (more than `octets` on one
    output), and `OSError` when it cannot be started.
    """
    deadline = time.monotonic() + seconds
    with subprocess.Popen(
        arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = _outputs(process, deadline, octets)
            process.wait(max(0.0, deadline - time.monotonic()))
        except BaseException as error:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise TooLong from None
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def _outputs(process: subprocess.Popen[bytes], deadline: float, octets: int) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    read = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in read:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TooLong
            for key, _ in ready:
                content = os.read(key.fd, 1 << 16)
                read[key.fd] += content
                if len(read[key.fd]) > octets:
                    raise TooMuch
                if not content:
                    selector.unregister(key.fd)
    stdout, stderr = read.values()
    return bytes(stdout), bytes(stderr)
