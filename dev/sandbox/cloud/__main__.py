"""The one process that stands in for Alibaba Cloud.

`python -m dev.sandbox.cloud --directory D` runs it. `python -m dev.sandbox` starts and stops it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from pathlib import Path

from alb_mutual_tls.errors import Unreachable, UserError
from dev.sandbox.cloud import seeds
from dev.sandbox.cloud.backends import Backends
from dev.sandbox.cloud.controller import Controller
from dev.sandbox.cloud.kube import Cluster
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.layout import Layout


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 after a signal, 1 if the sandbox cannot be served, with one sentence on
        stderr.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev.sandbox.cloud", description="What stands in for Alibaba Cloud in a sandbox."
    )
    parser.add_argument("--directory", type=Path, required=True, help="the sandbox's directory")
    directory: Path = parser.parse_args(arguments).directory
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        serve(Layout.load(directory), ended)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def serve(layout: Layout, ended: threading.Event) -> None:
    """Serve a sandbox until `ended` is set.

    Raises:
        UserError: a port is taken, a store is damaged, or the API server does not come up.
    """
    failures: list[Exception] = []
    backends = Backends(layout.backends_port)
    with OpenApiServer(layout.directory, port=layout.openapi_port) as openapi:
        backends.start()

        def control() -> None:
            try:
                seeds.make_certificates(layout)
                openapi.repositories.hold_private_ca(seeds.PRIVATE_CA_ID, seeds.private_ca(layout))
                cluster = Cluster(_await_kubeconfig(layout))
                seeds.plant(cluster)
                Controller(layout, cluster, openapi, ended).run()
            except Exception as reason:
                failures.append(reason)
                ended.set()

        worker = threading.Thread(target=control, name="controller", daemon=True)
        worker.start()
        ended.wait()
        worker.join(timeout=2)
    backends.stop()
    if failures:
        raise failures[0]


def _await_kubeconfig(layout: Layout, limit: float = 60.0) -> Path:
    deadline = time.monotonic() + limit
    while not layout.controller_kubeconfig.exists():
        if time.monotonic() > deadline:
            raise Unreachable(
                f"there is no {layout.controller_kubeconfig}; start the sandbox with `python -m dev.sandbox"
                " start`"
            )
        time.sleep(0.05)
    return layout.controller_kubeconfig


if __name__ == "__main__":
    sys.exit(main())
