"""The cluster: etcd and kube-apiserver on 127.0.0.1.

TLS is mutual everywhere, and nobody is anonymous.

Namespace kube-system, whose UID is the cluster's identity, is made by kube-apiserver itself and
kept in etcd's data across stop and start.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from dev.sandbox.layout import PROBE_USER, Layout, write_atomically
from dev.sandbox.part import Part
from dev.sandbox.ports import answers

ETCD: Final = "etcd"
KUBE_APISERVER: Final = "kube-apiserver"

_ISSUER: Final = "https://kubernetes.default.svc"
"""Names no port, so that the cluster's data goes with any port base."""

AUDIT_POLICY: Final[dict[str, Any]] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "None", "users": ["system:apiserver", PROBE_USER]}, {"level": "Metadata"}],
}
"""Who asked for what, a line for each request that was answered, never the content; without the
server's talks with itself and the sandbox's own probes.
"""

FILES: Final = (
    *("etcd-ca.crt", "kube-ca.crt", "service-account.key", "service-account.pub"),
    *(
        f"{name}.{kind}"
        for name in ("etcd", "etcd-client", "kube-apiserver", "probe", "admin", "controller")
        for kind in ("crt", "key")
    ),
)
"""What must be in `pki` while the control plane runs."""


def etcd(layout: Layout, binary: str) -> Part:
    """The cluster's database.

    It takes any client whose certificate the sandbox's etcd CA signed.
    """
    pki = layout.pki
    client, peer = f"https://127.0.0.1:{layout.etcd_port}", f"https://127.0.0.1:{layout.etcd_peer_port}"
    files = {
        "trusted-ca-file": pki / "etcd-ca.crt",
        "cert-file": pki / "etcd.crt",
        "key-file": pki / "etcd.key",
    }
    command = [
        binary,
        f"--data-dir={layout.etcd_directory}",
        # a sandbox's data may be lost with the machine's power, not with its processes
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        "--name=sandbox",
        f"--initial-cluster=sandbox={peer}",
        # An only member waits the election timeout (default 1 s) before it elects itself.
        "--heartbeat-interval=40",
        "--election-timeout=200",
        "--client-cert-auth",
        "--peer-client-cert-auth",
        *(f"--{prefix}{option}={file}" for prefix in ("", "peer-") for option, file in files.items()),
    ]
    return Part.of(
        layout,
        ETCD,
        command=tuple(command),
        program=ETCD,
        marker=f"--data-dir={layout.etcd_directory} ",
        probe=lambda: answers(
            layout.etcd_port,
            "/health",
            authority=pki / "etcd-ca.crt",
            certificate=pki / "etcd-client.crt",
            key=pki / "etcd-client.key",
        ),
    )


def kube_apiserver(layout: Layout, binary: str) -> Part:
    """The cluster's API; it is ready when namespace kube-system exists."""
    pki = layout.pki
    audit_log = f"--audit-log-path={layout.audit_log}"
    command = (
        binary,
        f"--etcd-servers=https://127.0.0.1:{layout.etcd_port}",
        f"--etcd-cafile={pki / 'etcd-ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--secure-port={layout.apiserver_port}",
        f"--tls-cert-file={pki / 'kube-apiserver.crt'}",
        f"--tls-private-key-file={pki / 'kube-apiserver.key'}",
        f"--client-ca-file={pki / 'kube-ca.crt'}",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        # it wants the accounts that a controller manager would make
        "--disable-admission-plugins=ServiceAccount",
        "--enable-priority-and-fairness=false",
        "--profiling=false",
        "--event-ttl=1h",
        f"--audit-policy-file={layout.audit_policy}",
        audit_log,
        "--audit-log-maxsize=100",
        "--audit-log-maxbackup=1",
    )

    def probe() -> str | None:
        ask = partial(
            answers,
            layout.apiserver_port,
            authority=pki / "kube-ca.crt",
            certificate=pki / "probe.crt",
            key=pki / "probe.key",
        )
        return ask("/readyz") or ask("/api/v1/namespaces/kube-system")

    return Part.of(
        layout,
        KUBE_APISERVER,
        command=command,
        program=KUBE_APISERVER,
        marker=f"{audit_log} ",
        probe=probe,
        # Its first dial to an etcd that does not listen yet fails and is repeated after a second
        # only.
        after=(ETCD,),
        environment={"GOGC": "400"},  # a third more memory, half a second less until ready
    )


def prepare(layout: Layout) -> None:
    """Write the files that kube-apiserver reads besides keys and certificates.

    etcd's directory must be its owner's alone.
    """
    layout.etcd_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(layout.audit_policy, json.dumps(AUDIT_POLICY) + "\n")
