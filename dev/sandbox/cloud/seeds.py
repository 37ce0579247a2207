"""What is in the sandbox from the start.

That is keys and certificates of its own, the CRD, and the resources that the documentation's reader
has.

Everything is made only if it is absent, so a restart changes nothing that people changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any, Final

import yaml
from cryptography import x509

from alb_mutual_tls.errors import Unreachable
from dev.sandbox.certificates import SERVER, KeyPair
from dev.sandbox.cloud.ingress import ANNOTATIONS, CONTROLLER
from dev.sandbox.cloud.kube import FAILURES, MERGE_PATCH, Cluster, KubeError
from dev.sandbox.layout import ACK_CLUSTER_ID, NAME, Layout, write_atomically

SERVER_CERTIFICATE_ID: Final = "15683209-cn-hangzhou"
"""Of the one server certificate in CAS; AlbConfigs that are to work in the sandbox name it."""

PRIVATE_CA_ID: Final = "1ef1d9f0-c7cf-6c4c-a5b1-0242ac130003"
"""Of the root that Alibaba Cloud's private CA service has; nobody has its key."""

SERVER_HOSTS: Final = ("demo.alb.ingress.top", "*.alb.ingress.top")

_ALBCONFIGS: Final = "/apis/alibabacloud.com/v1/albconfigs"
_RETRIED: Final = (403, 404, 429)

_NAMES: Final = {
    "annotations": ANNOTATIONS,
    "cluster": ACK_CLUSTER_ID,
    "controller": CONTROLLER,
    "name": NAME,
    "server_certificate": SERVER_CERTIFICATE_ID,
}
_MANIFESTS: Final = Template(Path(__file__).with_name("seeds.yaml").read_text(encoding="utf-8"))
_DOCUMENTS: Final[list[dict[str, Any]]] = list(yaml.safe_load_all(_MANIFESTS.substitute(_NAMES)))
CRD, INGRESS_CLASS, ALBCONFIG, ACK_PROFILE, SERVICE, INGRESS = _DOCUMENTS


def plant(cluster: Cluster, limit: float = 60.0) -> None:
    """Create the CRD and resources where they are absent.

    Waits for an API server that is still starting.

    Args:
        limit: seconds.
    Raises:
        Unreachable: it did not let us within the limit.
    """
    deadline = time.monotonic() + limit
    _create(cluster, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD, deadline)
    _insist(lambda: cluster.request("GET", _ALBCONFIGS), deadline)
    _insist(lambda: _plant_albconfig(cluster), deadline)
    _create(cluster, "/api/v1/namespaces/kube-system/configmaps", ACK_PROFILE, deadline)
    _create(cluster, "/api/v1/namespaces/default/services", SERVICE, deadline)
    _create(cluster, "/apis/networking.k8s.io/v1/ingressclasses", INGRESS_CLASS, deadline)
    _create(cluster, "/apis/networking.k8s.io/v1/namespaces/default/ingresses", INGRESS, deadline)


def _plant_albconfig(cluster: Cluster) -> None:
    path = f"{_ALBCONFIGS}/{ALBCONFIG['metadata']['name']}"
    try:
        cluster.request("GET", path)
    except KubeError as error:
        if error.status != 404:
            raise
        # kube-apiserver sleeps for two seconds in a POST to a CRD that is younger than that, but
        # not in an apply.
        applied = cluster.request(
            "PATCH", f"{path}?fieldManager=sandbox", ALBCONFIG, "application/apply-patch+yaml"
        )
        # As if `kubectl create` had made it: no declarative owner.
        owners = [
            {**entry, "manager": "kubectl-create", "operation": "Update"}
            for entry in applied["metadata"]["managedFields"]
        ]
        cluster.request("PATCH", path, {"metadata": {"managedFields": owners}}, MERGE_PATCH)


def _create(cluster: Cluster, path: str, body: dict[str, Any], deadline: float) -> None:
    def attempt() -> object:
        try:
            return cluster.request("POST", path, body)
        except KubeError as error:
            if error.status == 409:
                return None
            raise

    _insist(attempt, deadline)


def _insist(attempt: Callable[[], object], deadline: float) -> None:
    while True:
        try:
            attempt()
        except FAILURES as reason:
            if isinstance(reason, KubeError) and reason.status < 500 and reason.status not in _RETRIED:
                raise
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"kube-apiserver does not take the sandbox's resources ({reason}); see"
                    " logs/kube-apiserver.log"
                ) from reason
            time.sleep(0.05)
        else:
            return


def server_files(layout: Layout) -> tuple[Path, Path]:
    """Certificate and key of the listeners' server certificate."""
    return layout.pki / "server.crt", layout.pki / "server.key"


def another_ca_file(layout: Layout) -> Path:
    """Return the file of a CA certificate for the fault trusts-another-ca.

    Nobody has a certificate of this CA.
    """
    return layout.pki / "another-ca.crt"


def private_ca(layout: Layout) -> str:
    """PEM of the private CA service's root, made where absent."""
    file = layout.pki / "private-ca.crt"
    if not file.exists():
        write_atomically(file, _authority("private CA service").certificate_pem)
    return file.read_text(encoding="utf-8")


def make_certificates(layout: Layout) -> None:
    """Make the server CA, the server certificate and the other CA where absent."""
    if not all(file.exists() for file in (layout.server_ca, *server_files(layout))):
        authority = _authority("alb-mutual-tls sandbox server CA")
        names = [x509.DNSName(host) for host in SERVER_HOSTS]
        authority.issue(SERVER_HOSTS[0], (SERVER,), names=names).write(layout.pki, "server")
        write_atomically(layout.server_ca, authority.certificate_pem)
    if not another_ca_file(layout).exists():
        write_atomically(another_ca_file(layout), _authority("another CA").certificate_pem)


def _authority(name: str) -> KeyPair:
    return KeyPair.authority(f"{name} {os.urandom(4).hex()}")
