"""What is there from the start: keys and certificates of the sandbox's own, the CRD, and the
resources that the documentation's reader has.

Everything is made only if it is absent, so a restart changes nothing that people changed.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from alb_mutual_tls.errors import Unreachable
from dev.sandbox.cloud.ingress import ANNOTATIONS, CONTROLLER
from dev.sandbox.cloud.kube import FAILURES, MERGE_PATCH, Cluster, KubeError
from dev.sandbox.layout import ACK_CLUSTER_ID, NAME, Layout, write_atomically

SERVER_CERTIFICATE_ID: Final = "15683209-cn-hangzhou"
"""Of the one server certificate in CAS; AlbConfigs that are to work in the sandbox name it."""

PRIVATE_CA_ID: Final = "1ef1d9f0-c7cf-6c4c-a5b1-0242ac130003"
"""Of the root that Alibaba Cloud's private CA service has; nobody has its key."""

SERVER_HOSTS: Final = ("demo.alb.ingress.top", "*.alb.ingress.top")

_YEARS: Final = datetime.timedelta(days=3650)
_ALBCONFIGS: Final = "/apis/alibabacloud.com/v1/albconfigs"
_RETRIED: Final = (403, 404, 429)

CRD: Final[dict[str, Any]] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "albconfigs.alibabacloud.com"},
    "spec": {
        "group": "alibabacloud.com",
        "scope": "Cluster",
        "names": {
            "kind": "AlbConfig",
            "listKind": "AlbConfigList",
            "plural": "albconfigs",
            "singular": "albconfig",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
                "additionalPrinterColumns": [
                    {"name": "ALBID", "type": "string", "jsonPath": ".status.loadBalancer.id"},
                    {"name": "DNSNAME", "type": "string", "jsonPath": ".status.loadBalancer.dnsname"},
                    {"name": "AGE", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
            }
        ],
    },
}

INGRESS_CLASS: Final[dict[str, Any]] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "https-ingressclass"},
    "spec": {
        "controller": CONTROLLER,
        "parameters": {
            "apiGroup": "alibabacloud.com",
            "kind": "AlbConfig",
            "name": "alb",
            "scope": "Cluster",
        },
    },
}

ALBCONFIG: Final[dict[str, Any]] = {
    "apiVersion": "alibabacloud.com/v1",
    "kind": "AlbConfig",
    "metadata": {"name": "alb"},
    "spec": {
        "config": {
            "name": "demo-alb",
            "edition": "Standard",
            "addressType": "Internet",
            "addressAllocatedMode": "Dynamic",
            "zoneMappings": [{"vSwitchId": "vsw-sandbox-h"}, {"vSwitchId": "vsw-sandbox-i"}],
            "accessLogConfig": {"logProject": "k8s-log-sandbox", "logStore": "alb_sandbox"},
            "tags": [{"key": "team", "value": "platform"}, {"key": "managed", "value": "true"}],
            "deletionProtectionEnabled": True,
            "billingConfig": {"payType": "PostPay", "internetBandwidth": 0},
        },
        "listeners": [
            {"port": 80, "protocol": "HTTP", "description": "plain", "idleTimeout": 15},
            {
                "port": 443,
                "protocol": "HTTPS",
                "idleTimeout": 60,
                "requestTimeout": 60,
                "http2Enabled": True,
                "gzipEnabled": True,
                "securityPolicyId": "tls_cipher_policy_1_2_strict_with_1_3",
                "certificates": [{"CertificateId": SERVER_CERTIFICATE_ID, "IsDefault": True}],
                "xForwardedForConfig": {
                    "XForwardedForProtoEnabled": True,
                    "XForwardedForClientCertFingerprintEnabled": True,
                    "XForwardedForClientCertClientVerifyEnabled": True,
                },
                # No version of the controller knows this one; whoever writes the listener back from
                # a type of his own loses it.
                "x-sandbox-note": {"owner": "platform", "reviewed": [2026, None, 1.5]},
            },
        ],
    },
}

ACK_PROFILE: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "ack-cluster-profile", "namespace": "kube-system"},
    "data": {"clusterid": ACK_CLUSTER_ID, "clustername": NAME},
}

SERVICE: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "old-nginx", "namespace": "default"},
    "spec": {
        "selector": {"run": "old-nginx"},
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}],
    },
}

INGRESS: Final[dict[str, Any]] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {
        "name": "https-ingress",
        "namespace": "default",
        "annotations": {
            f"{ANNOTATIONS}listen-ports": '[{"HTTP":80},{"HTTPS":443}]',
            f"{ANNOTATIONS}ssl-redirect": "true",
        },
    },
    "spec": {
        "ingressClassName": "https-ingressclass",
        "tls": [{"hosts": ["demo.alb.ingress.top"]}],
        "rules": [
            {
                "host": "demo.alb.ingress.top",
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "old-nginx", "port": {"number": 80}}},
                        },
                    ]
                },
            }
        ],
    },
}


def plant(cluster: Cluster, limit: float = 60.0) -> None:
    """Create CRD and resources where absent, waiting for an API server that is still starting.

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
    """Certificate of a CA that nobody has certificates of, for the fault trusts-another-ca."""
    return layout.pki / "another-ca.crt"


def private_ca(layout: Layout) -> str:
    """PEM of the private CA service's root, made where absent."""
    file = layout.pki / "private-ca.crt"
    if not file.exists():
        _write(file, _make_ca("private CA service")[1])
    return file.read_text(encoding="utf-8")


def make_certificates(layout: Layout) -> None:
    """Make the server CA, the server certificate and the other CA where absent."""
    certificate, key = server_files(layout)
    if not (layout.server_ca.exists() and certificate.exists() and key.exists()):
        ca_key, ca = _make_ca("alb-mutual-tls sandbox server CA")
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        leaf = (
            _builder(SERVER_HOSTS[0], ca.subject, leaf_key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host) for host in SERVER_HOSTS]), critical=False
            )
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
            )
            .sign(ca_key, hashes.SHA256())
        )
        pem = leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_atomically(key, pem.decode())
        _write(certificate, leaf)
        _write(layout.server_ca, ca)
    if not another_ca_file(layout).exists():
        _write(another_ca_file(layout), _make_ca("another CA")[1])


def _make_ca(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {os.urandom(4).hex()}")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(None, subject, key.public_key())
        .subject_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _builder(
    common_name: str | None, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    if common_name is None:
        return builder
    return builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))


def _write(file: Path, certificate: x509.Certificate) -> None:
    write_atomically(file, certificate.public_bytes(serialization.Encoding.PEM).decode())
