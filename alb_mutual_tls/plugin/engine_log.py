"""The engine's own service, for what a provider has to say."""

from __future__ import annotations

import sys
import threading
from typing import Any

import grpc


class EngineLog:
    """Shows lines in the engine's output; without an engine, on standard error."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._stub: Any = None
        self._lock = threading.Lock()

    @property
    def address(self) -> str | None:
        """Where the engine is."""
        return self._address

    def attach(self, address: str) -> None:
        with self._lock:
            self._address, self._stub = address, None

    def say(self, severity: str, message: str, urn: str) -> None:
        from alb_mutual_tls.plugin.protocol import engine_pb2, engine_pb2_grpc

        with self._lock:
            if self._stub is None and self._address:
                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
            stub = self._stub
        if stub is None:
            print(f"{severity.lower()}: {message}", file=sys.stderr, flush=True)
            return
        ephemeral = severity == "STATUS"
        number = engine_pb2.LogSeverity.Value("INFO" if ephemeral else severity)
        stub.Log(engine_pb2.LogRequest(severity=number, message=message, urn=urn, ephemeral=ephemeral))
