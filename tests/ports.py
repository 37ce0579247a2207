"""Ports for servers that tests start, which no other test takes meanwhile.

They lie below those that the system gives to outgoing connections (from 32768 on), and outside
those of sandboxes (from 17000 on). The UDP port of the same number is held meanwhile: it says to
all tests of this machine that the TCP port is taken.
"""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from dev.sandbox.cloud.data_plane import can_listen

_SINGLE: Final = range(10_000, 14_000)
_held: dict[int, socket.socket] = {}
_next = itertools.count(os.getpid() * 97)


def unused_port() -> int:
    """A port of the loopback interface for a server that is about to be started."""
    for number in itertools.islice(_next, len(_SINGLE)):
        port = _SINGLE[number % len(_SINGLE)]
        if reserve(port) and can_listen("127.0.0.1", port):
            return port
    raise AssertionError(f"no free port between {_SINGLE.start} and {_SINGLE.stop}")


@contextmanager
def unused_base(bases: Iterable[int], offsets: Iterable[int]) -> Iterator[int]:
    """A number above which nobody listens on any of the ports at these offsets; it is reserved as
    long as this lasts.
    """
    wanted = [*offsets]
    for base in bases:
        if reserve(base):
            try:
                if all(can_listen("127.0.0.1", base + offset) for offset in wanted):
                    yield base
                    return
            finally:
                _release(base)
    raise AssertionError("no free ports: another program listens on one of each choice")


def reserve(port: int) -> bool:
    """Whether no other test of this machine has reserved it; it is reserved then until it is
    released or the process ends.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        return False
    _held[port] = held
    return True


def _release(port: int) -> None:
    _held.pop(port).close()
