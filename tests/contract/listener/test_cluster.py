"""The cluster client against a real kube-apiserver: what it reads, with which credentials, and each
failure as one sentence.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from alb_mutual_tls.cluster.api import Forbidden
from alb_mutual_tls.cluster.cluster import Cluster, NoAlbConfigKind
from alb_mutual_tls.errors import Unreachable, UserError
from tests.contract.listener.conftest import ControlPlane


def variant(
    plane: ControlPlane, path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]
) -> Cluster:
    """A client with a changed kubeconfig; `change` gets the cluster's and the user's part."""
    content = yaml.safe_load(plane.kubeconfig.read_text())
    user = content["users"][0]
    change(content["clusters"][0]["cluster"], user["user"])
    path.write_text(yaml.safe_dump(content))
    return Cluster(kubeconfig=str(path))


def sentence(kind: type[UserError], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as raised:
        act()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_uid_of_kube_system_is_the_clusters_identity(plane: ControlPlane, cluster: Cluster) -> None:
    assert cluster.uid() == plane.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")


def test_albconfigs_are_read_one_by_one_and_all(plane: ControlPlane, cluster: Cluster) -> None:
    plane.make({"metadata": {"name": "one"}, "spec": {}})
    assert cluster.albconfig("missing") is None
    found = cluster.albconfig("one")
    assert found is not None
    assert found["metadata"]["name"] in [item["metadata"]["name"] for item in cluster.albconfigs()]


def test_a_cluster_without_the_kind_is_told_and_has_no_albconfigs(
    plane: ControlPlane, cluster: Cluster
) -> None:
    plane.kubectl("delete", "crd", "albconfigs.alibabacloud.com", "--wait=true")
    try:
        assert (
            sentence(NoAlbConfigKind, lambda: cluster.albconfig("alb"))
            == f"the cluster at {plane.server} (context alb-mutual-tls-sandbox) knows no AlbConfig"
            " (albconfigs.alibabacloud.com is not defined): install the ALB Ingress Controller add-on, or"
            " set kubernetes:context to another cluster"
        )
        assert cluster.albconfigs() == []
    finally:
        plane.define_albconfigs()


def test_warning_events_are_read_oldest_first(plane: ControlPlane, cluster: Cluster) -> None:
    for number, (kind, stamp) in enumerate(
        [("Warning", "10:00:02"), ("Normal", "10:00:03"), ("Warning", "10:00:01")]
    ):
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"event-{number}", "namespace": "default"},
            "involvedObject": {
                "apiVersion": "alibabacloud.com/v1",
                "kind": "AlbConfig",
                "name": "with-events",
            },
            "type": kind,
            "reason": "FailedApplyModel",
            "message": f"message\n{number}",
            "lastTimestamp": f"2026-11-23T{stamp}Z",
        }
        plane.kubectl("create", "-f", "-", content=event)
    assert list(map(str, cluster.warning_events("with-events"))) == [
        "FailedApplyModel: message 2 (2026-11-23T10:00:01Z)",
        "FailedApplyModel: message 0 (2026-11-23T10:00:02Z)",
    ]
    assert cluster.warning_events("without-events") == []


def test_the_ack_id_is_read_from_the_profile_or_a_node(plane: ControlPlane, cluster: Cluster) -> None:
    assert cluster.ack_cluster_id() is None
    plane.kubectl(
        "create",
        "-f",
        "-",
        content={
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n", "labels": {"ack.aliyun.com": "c-node"}},
        },
    )
    assert cluster.ack_cluster_id() == "c-node"
    plane.kubectl(
        "create",
        "configmap",
        "ack-cluster-profile",
        "-n",
        "kube-system",
        "--from-literal=clusterid=c-profile",
    )
    assert cluster.ack_cluster_id() == "c-profile"
    plane.kubectl("delete", "node", "n")
    plane.kubectl("delete", "configmap", "ack-cluster-profile", "-n", "kube-system")


def test_a_missing_permission_is_named_with_verb_and_resource(plane: ControlPlane, tmp_path: Path) -> None:
    plane.kubectl("create", "serviceaccount", "nobody", "-n", "default")
    token = plane.kubectl("create", "token", "nobody", "-n", "default").strip()

    def change(cluster: dict[str, Any], user: dict[str, Any]) -> None:
        user.clear()
        user["token"] = token

    client = variant(plane, tmp_path / "config", change)
    where = f"the cluster at {plane.server} (context alb-mutual-tls-sandbox)"
    assert (
        sentence(Forbidden, lambda: client.albconfig("alb"))
        == f'{where} forbids user "system:serviceaccount:default:nobody" to get albconfigs: grant the verb'
        ' get on albconfigs (apiGroup "alibabacloud.com") in a ClusterRole'
    )
    assert "to patch albconfigs" in sentence(Forbidden, lambda: client.patch_albconfig("alb", []))
    assert "to list ingresses" in sentence(Forbidden, client.ingresses)
    assert "grant the verb get on configmaps" in sentence(
        Forbidden, client.ack_cluster_id
    )  # nodes may not be read either
    client.close()


def test_a_credential_that_is_not_accepted_is_told(plane: ControlPlane, tmp_path: Path) -> None:
    def change(cluster: dict[str, Any], user: dict[str, Any]) -> None:
        user.clear()
        user["token"] = "stale"

    client = variant(plane, tmp_path / "config", change)
    assert (
        sentence(UserError, client.uid)
        == f"the cluster at {plane.server} (context alb-mutual-tls-sandbox) does not accept the credential of"
        " the kubeconfig (HTTP 401): fetch a new kubeconfig, or log in again"
    )
    client.close()


def test_a_credential_plugin_is_asked_again_when_its_credential_has_expired(
    plane: ControlPlane, tmp_path: Path
) -> None:
    plane.kubectl("create", "serviceaccount", "plugin", "-n", "default")
    plane.kubectl(
        "create",
        "clusterrolebinding",
        "plugin",
        "--clusterrole=cluster-admin",
        "--serviceaccount=default:plugin",
    )
    token = plane.kubectl("create", "token", "plugin", "-n", "default").strip()
    script, calls = tmp_path / "plugin", tmp_path / "calls"
    script.write_text(
        f"#!{sys.executable}\nimport json, pathlib\ncalls = pathlib.Path({str(calls)!r})\nfirst = not"
        " calls.exists()\ncalls.open('a').write('x')\nprint(json.dumps({'status': {'token': 'stale' if"
        f" first else {token!r}}}}}))\n"
    )
    script.chmod(0o755)

    def change(cluster: dict[str, Any], user: dict[str, Any]) -> None:
        user.clear()
        user["exec"] = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "./plugin",
            "interactiveMode": "Never",
        }

    client = variant(plane, tmp_path / "config", change)
    assert client.uid() == plane.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    client.albconfigs()
    assert calls.read_text() == "xx"
    client.close()


def test_a_credential_plugin_may_answer_with_a_client_certificate(
    plane: ControlPlane, tmp_path: Path
) -> None:
    script = tmp_path / "plugin"

    def change(cluster: dict[str, Any], user: dict[str, Any]) -> None:
        fields = {"clientCertificateData": "client-certificate-data", "clientKeyData": "client-key-data"}
        status = {key: user[name] for key, name in fields.items()}
        script.write_text(
            f"#!{sys.executable}\nimport base64, json\nstatus ="
            f" json.loads({json.dumps(json.dumps(status))})\nprint(json.dumps({{'status': {{key:"
            " base64.b64decode(value).decode() for key, value in status.items()}}))\n"
        )
        user.clear()
        user["exec"] = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script)}
        script.chmod(0o700)

    client = variant(plane, tmp_path / "config", change)
    assert client.uid()
    client.close()


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (None, "Connection refused: check the server address in the kubeconfig, and the network"),
        (
            "https://nowhere.invalid:6443",
            "its name cannot be resolved: check the server address in the kubeconfig, and the network",
        ),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_named(
    server: str | None, reason: str, plane: ControlPlane, tmp_path: Path
) -> None:
    address = server or f"https://127.0.0.1:{_closed_port()}"
    client = variant(plane, tmp_path / "config", lambda cluster, user: cluster.update(server=address))
    assert (
        sentence(Unreachable, client.uid)
        == f"the cluster at {address} (context alb-mutual-tls-sandbox) cannot be reached: {reason}"
    )


def test_a_server_that_is_another_than_the_kubeconfigs_is_told(plane: ControlPlane, tmp_path: Path) -> None:
    def change(cluster: dict[str, Any], user: dict[str, Any]) -> None:
        cluster["certificate-authority-data"] = user["client-certificate-data"]

    client = variant(plane, tmp_path / "config", change)
    assert "its certificate is not trusted" in sentence(Unreachable, client.uid)
    named = variant(
        plane,
        tmp_path / "config",
        lambda cluster, user: cluster.update({"tls-server-name": "another.example"}),
    )
    assert "its certificate is not trusted" in sentence(Unreachable, named.uid)


def test_a_tls_server_name_and_an_unverified_server_are_honoured(plane: ControlPlane, tmp_path: Path) -> None:
    named = variant(
        plane, tmp_path / "one", lambda cluster, user: cluster.update({"tls-server-name": "localhost"})
    )
    assert named.uid()

    def insecure(cluster: dict[str, Any], user: dict[str, Any]) -> None:
        del cluster["certificate-authority-data"]
        cluster["insecure-skip-tls-verify"] = True

    unverified = variant(plane, tmp_path / "two", insecure)
    assert unverified.uid() == named.uid()
    named.close()
    unverified.close()
