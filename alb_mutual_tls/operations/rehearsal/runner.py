"""The process that a rehearsal runs in, as its claim names it."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from alb_mutual_tls.listener.rehearsal_claim import Runner


def this_runner() -> Runner:
    """This process."""
    namespace = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return Runner(socket.gethostname(), namespace, os.getpid())


def alive(pid: int) -> bool:
    """Whether another process of this machine has this id."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
