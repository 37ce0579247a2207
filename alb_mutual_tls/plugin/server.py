"""Serves a resource provider on the Pulumi protocol.

The protocol is proto/pulumi/provider.proto of pulumi/pulumi. The engine starts a provider as a
process, reads a port from its standard output and calls it over gRPC.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent import futures
from contextlib import suppress
from typing import Any

import grpc

from alb_mutual_tls.plugin.engine_log import EngineLog
from alb_mutual_tls.plugin.handler import Provider
from alb_mutual_tls.plugin.protocol import provider_pb2_grpc
from alb_mutual_tls.plugin.servicer import WORKERS, Servicer

_MESSAGE_BYTES = 400 * 1024 * 1024  # the engine's own limit


def start_server(
    provider: Provider, engine_address: str | None = None
) -> tuple[Any, int, Callable[[], None]]:
    """Start serving on a free loopback port.

    Returns the gRPC server, the port, and what cancels every wait.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(WORKERS),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ],
    )
    servicer = Servicer(provider, EngineLog(engine_address))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port, servicer.cancel


def serve(provider: Provider) -> None:
    """Serve until killed; prints the port, as the engine expects.

    The engine's address may be the first argument.
    """
    server, port, cancel = start_server(provider, sys.argv[1] if len(sys.argv) > 1 else None)
    parent = os.getppid()
    with suppress(
        KeyboardInterrupt
    ):  # SIGINT is how the engine ends its plugins; it kills them after 5 seconds
        print(port, flush=True)
        # A killed engine leaves its plugins behind: one that went on working would meet the next
        # pulumi up.
        while os.getppid() == parent:
            time.sleep(0.5)
    cancel()
    server.stop(grace=2).wait()
    os._exit(0)  # threads that hang in the network would keep the process
