"""Threads for what waits for others; an interrupted command does not wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def threads(most: int) -> Iterator[ThreadPoolExecutor]:
    """Up to `most` threads. After an exception, what has not begun is dropped.

    What has begun is waited for, but not after Ctrl-C: `entry.run` then leaves it behind.
    """
    pool = ThreadPoolExecutor(most)
    try:
        yield pool
    except BaseException as error:
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()


def in_thread(act: Callable[[], T]) -> T:
    """What a function returns or raises, in a thread of its own, which Ctrl-C leaves behind."""
    with threads(1) as pool:
        return pool.submit(act).result()
