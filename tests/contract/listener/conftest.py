"""A real etcd and kube-apiserver with the AlbConfig CRD as ACK has it, on ports and in a directory
of their own.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from alb_mutual_tls.cluster.cluster import Cluster
from alb_mutual_tls.listener.exact_json import Document
from dev.sandbox import binaries, certificates, control_plane, kubeconfig
from dev.sandbox.layout import Layout
from tests.ports import unused_base

_SECONDS = 120.0
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "albconfigs.alibabacloud.com"},
    "spec": {
        "group": "alibabacloud.com",
        "scope": "Cluster",
        "names": {
            "plural": "albconfigs",
            "singular": "albconfig",
            "kind": "AlbConfig",
            "listKind": "AlbConfigList",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


class ControlPlane:
    """The API server, with kubectl as somebody else who writes."""

    def __init__(self, layout: Layout) -> None:
        self.kubeconfig = layout.kubeconfig
        self.server = f"https://127.0.0.1:{layout.apiserver_port}"

    def kubectl(self, *arguments: str, content: Any = None) -> str:
        """Run kubectl; returns what it printed."""
        done = subprocess.run(
            ["kubectl", f"--kubeconfig={self.kubeconfig}", *arguments],
            input=None if content is None else json.dumps(content),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def define_albconfigs(self) -> None:
        """Define the kind AlbConfig, and wait until it is served."""
        self.kubectl("apply", "-f", "-", content=CRD)
        self.kubectl(
            "wait", "--for=condition=Established", "crd/albconfigs.alibabacloud.com", "--timeout=60s"
        )

    def make(self, document: Document) -> None:
        """Make an AlbConfig anew."""
        name = document["metadata"]["name"]
        self.kubectl("delete", "albconfig", name, "--ignore-not-found")
        metadata = {key: value for key, value in document["metadata"].items() if key != "uid"}
        self.kubectl(
            "create",
            "-f",
            "-",
            content={
                "apiVersion": "alibabacloud.com/v1",
                "kind": "AlbConfig",
                **document,
                "metadata": metadata,
            },
        )


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane, for all tests of a session."""
    directory = tmp_path_factory.mktemp("control-plane")
    with (
        unused_base(range(14_000, 16_500, 500), (379, 380, 443)) as base,
        running(Layout(directory, base, base - 2000)) as found,
    ):
        yield found


@contextmanager
def running(layout: Layout) -> Iterator[ControlPlane]:
    """A control plane that runs."""
    programs = binaries.find(("etcd", "kube-apiserver"))
    for directory in (layout.pki, layout.logs, layout.pids):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificates.make(layout)
    control_plane.prepare(layout)
    kubeconfig.write(layout)
    etcd = control_plane.etcd(layout, programs["etcd"])
    apiserver = control_plane.kube_apiserver(layout, programs["kube-apiserver"])
    parts = (etcd, apiserver)
    children = []
    try:
        children = [part.start() for part in parts]
        deadline = time.monotonic() + _SECONDS
        while lack := next(filter(None, (part.probe() for part in parts)), None):
            assert time.monotonic() < deadline, lack
            time.sleep(0.05)
        found = ControlPlane(layout)
        found.define_albconfigs()
        yield found
    finally:
        for part in reversed(parts):
            part.end(10.0)
        for child in children:
            child.wait()


@pytest.fixture
def cluster(plane: ControlPlane) -> Iterator[Cluster]:
    """A client of its own."""
    found = Cluster(kubeconfig=str(plane.kubeconfig))
    yield found
    found.close()
