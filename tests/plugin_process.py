"""A resource plugin as a process, started as the engine starts it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from alb_mutual_tls.plugin.protocol import provider_pb2_grpc
from dev.toolchain.places import HERE


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], *, silent: bool = True) -> Iterator[Any]:
    """The stub that calls it. One that is `silent` says nothing beside its answers."""
    process = subprocess.Popen(
        command,
        cwd="/",
        env={**environment, "PYTHONPATH": str(HERE.repository), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=10)
    assert not (silent and complaints), complaints
