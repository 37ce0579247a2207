"""The sandbox's logs: their last lines, and what is written while one looks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.sandbox.layout import Layout
from dev.sandbox.part import tail
from dev.sandbox.parts import NAMES

LOGS: Final = (*NAMES, "api", "audit", "access")
"""One for each part; then requests to the OpenAPI endpoint, to kube-apiserver and to the listeners.
"""


def file_of(layout: Layout, name: str) -> Path:
    """Raises UserError, with the names that exist, for a log that does not."""
    if name not in LOGS:
        raise UserError(f"there is no log {name!r}; choose one of {', '.join(LOGS)}")
    return layout.log(name)


def last(layout: Layout, name: str, lines: int) -> list[str]:
    """The last lines of a log; none if nothing was written yet."""
    return tail(file_of(layout, name), lines, window=1 << 20)


def follow(file: Path, pause: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """Yield whatever is written to a file from now on, forever.

    A log begins anew when its part is started again. It is then followed from its beginning.

    Args:
        pause: how to wait, seconds.
    """
    stream = file.open(errors="replace", encoding="utf-8") if file.exists() else None
    if stream:
        stream.seek(0, os.SEEK_END)
    while True:
        if stream and (text := stream.read()):
            yield text
            continue
        if file.exists() and not (stream and os.path.samestat(os.fstat(stream.fileno()), file.stat())):
            if stream:
                stream.close()
            stream = file.open(errors="replace", encoding="utf-8")
            continue
        pause(0.1)
