"""The real engine on a sandbox of its own: own ports, own directory, beside whatever else runs
here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import LISTENER_BASE, PORT_BASE, PROGRAM, REPOSITORY, Apply, Sandbox, succeed

_STARTED: list[tuple[Sandbox, dict[str, Any]]] = []
"""The shared sandbox, with its AlbConfig `alb` as it was at first."""


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox that all integration tests of a process share."""
    directory = tmp_path_factory.mktemp("sandbox")
    started = Sandbox.start(directory, PORT_BASE, LISTENER_BASE)
    _STARTED.append((started, started.albconfig()))
    yield started
    _STARTED.clear()
    succeed(started("stop"))


@pytest.fixture(scope="module", autouse=True)
def mended() -> Iterator[None]:
    """What a module leaves of a story that failed, no other module finds.

    Without the sandbox, which not every module needs.
    """
    yield
    for started, first in _STARTED:
        started.mend(first)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program in a directory of its own, so that stack files are written there and
    not in the checkout.
    """
    directory = tmp_path_factory.mktemp("program")
    for name in PROGRAM:
        (directory / name).symlink_to(REPOSITORY / name)
    shutil.copy(REPOSITORY / "Pulumi.dev.yaml", directory / "Pulumi.dev.yaml")
    return directory


@pytest.fixture
def handover(program: Path) -> Iterator[Path]:
    """Where commands of the documentation write clients' files."""
    directory = program / "handover"
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def apply(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apply]:
    """Makes an AlbConfig with an Ingress that binds all its listeners; they go in the end."""
    files: list[Path] = []

    def make(name: str, listeners: list[dict[str, Any]]) -> None:
        binding = json.dumps([{item["protocol"]: item["port"]} for item in listeners])
        backend = {"service": {"name": "old-nginx", "port": {"number": 80}}}
        path = {"path": "/", "pathType": "Prefix", "backend": backend}
        parameters = {"apiGroup": "alibabacloud.com", "kind": "AlbConfig", "name": name, "scope": "Cluster"}
        items = [
            {
                "apiVersion": "alibabacloud.com/v1",
                "kind": "AlbConfig",
                "metadata": {"name": name},
                "spec": {"config": {"name": name, "edition": "Standard"}, "listeners": listeners},
            },
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "IngressClass",
                "metadata": {"name": name},
                "spec": {"controller": "ingress.k8s.alibabacloud/alb", "parameters": parameters},
            },
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {
                    "name": name,
                    "namespace": "default",
                    "annotations": {"alb.ingress.kubernetes.io/listen-ports": binding},
                },
                "spec": {
                    "ingressClassName": name,
                    "rules": [{"host": "demo.alb.ingress.top", "http": {"paths": [path]}}],
                },
            },
        ]
        file = tmp_path_factory.mktemp(name) / "resources.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        sandbox.kubectl("create", "-f", file)
        sandbox.kubectl(
            "wait", "albconfig", name, "--for=jsonpath={.status.loadBalancer.id}", "--timeout=60s"
        )
        files.append(file)

    yield make
    for file in files:
        sandbox.kubectl("delete", "-f", file)
