"""All parts of a sandbox, in the order in which they are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from dev.sandbox import control_plane, data_plane
from dev.sandbox.layout import REPOSITORY, Layout
from dev.sandbox.part import Part
from dev.sandbox.ports import answers

CLOUD = "cloud"
NAMES = (control_plane.ETCD, control_plane.KUBE_APISERVER, CLOUD, data_plane.NGINX)

Say = Callable[[str], None]

STOP_LIMIT: Final = 10.0
"""Seconds between SIGTERM and SIGKILL."""


def parts(layout: Layout, binaries: Mapping[str, str]) -> list[Part]:
    """The parts of a sandbox.

    Args:
        binaries: program -> path; one that is missing stands as its name, which is enough for a
        part that is not to be started.
    """
    return [
        control_plane.etcd(layout, binaries.get(control_plane.ETCD, control_plane.ETCD)),
        control_plane.kube_apiserver(
            layout, binaries.get(control_plane.KUBE_APISERVER, control_plane.KUBE_APISERVER)
        ),
        cloud(layout),
        data_plane.nginx(layout, binaries.get(data_plane.NGINX, data_plane.NGINX)),
    ]


def cloud(layout: Layout) -> Part:
    """OpenAPI endpoint, controller and backends.

    The part waits for the API server by itself, so that both start at the same time.
    """
    arguments = ("-m", "dev.sandbox.cloud", "--directory", str(layout.directory))
    return Part.of(
        layout,
        CLOUD,
        # -P: the working directory is not importable, whatever lies in it.
        command=(sys.executable, "-P", *arguments),
        program="python",
        marker=f"{' '.join(arguments)} ",
        probe=lambda: answers(layout.openapi_port, "/-/ready"),
        environment={
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            "ALB_MUTUAL_TLS_SANDBOX": str(layout.directory),
        },
    )


def end(every: Iterable[Part], limit: float, say: Say) -> bool:
    """End parts, those that lean on others first; returns whether anything ran."""
    found = False
    every = sorted(every, key=lambda part: NAMES.index(part.name), reverse=True)
    without_etcd = any(part.name == control_plane.ETCD and part.pid() is None for part in every)
    for part in every:
        ran = bool(part.left())
        # Without etcd, kube-apiserver has nothing left to finish and waits for it in vain.
        patience = 1.0 if without_etcd and part.name == control_plane.KUBE_APISERVER else limit
        killed = part.end(patience)
        if killed:
            say(f"{part.name} did not end within {patience:.0f} s and was killed")
        found = found or ran
    return found


def addresses(layout: Layout) -> dict[str, list[str]]:
    """Part -> where it listens; nginx's listeners as its configuration has them."""
    from dev.sandbox import ports

    found: dict[str, list[str]] = {name: [] for name in NAMES}
    for endpoint in ports.services(layout) + ports.listeners(layout):
        found[endpoint.part].append(str(endpoint))
    return found
