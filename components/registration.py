"""What the SDK does for each resource that nobody reads, left out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import grpc
import pulumi
from pulumi.runtime import resource as sdk

_FRAMES: Final = 8
"""Of a stack trace: those of the SDK, of the component and of the program."""


@contextmanager
def light_registration() -> Iterator[None]:
    """Register resources at less cost; with ALB_MUTUAL_TLS_DEBUG as the SDK does it.

    The SDK tells the engine of each resource for its debug log, and waits for each answer. And it
    reads each frame of the stack down to the event loop, which then stands in the state: 1 kB.
    """
    vars(sdk)["handle_grpc_error"] = _end
    if os.environ.get("ALB_MUTUAL_TLS_DEBUG"):
        yield
        return
    pulumi.log.debug = lambda *_, **__: None
    # what `traceback.extract_stack` keeps to: https://docs.python.org/3/library/traceback.html
    sys.tracebacklimit = _FRAMES
    try:
        yield
    finally:
        del sys.tracebacklimit  # tracebacks of errors are whole


_told: Final[Callable[[grpc.RpcError], NoReturn]] = vars(sdk)["handle_grpc_error"]


def _end(error: grpc.RpcError) -> NoReturn:
    """End where the engine has given up because of another resource, without a traceback.

    The SDK does so only where the engine is gone already.
    """
    if error.code() is grpc.StatusCode.CANCELLED:
        raise pulumi.RunError("Resource monitor has terminated, shutting down") from None
    _told(error)
