"""The event loops of a program on Pulumi's mocks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def event_loops() -> Iterator[None]:
    """A loop for the program, and one for each worker thread, where the SDK would make its own and
    never close it.
    """
    made: list[asyncio.AbstractEventLoop] = []

    def make() -> None:
        made.append(asyncio.new_event_loop())
        asyncio.set_event_loop(made[-1])

    make()
    try:
        with ThreadPoolExecutor(initializer=make) as workers:
            made[0].set_default_executor(workers)
            yield
    finally:
        asyncio.set_event_loop(None)
        for loop in made:
            loop.close()
