"""What an audit may have seen."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alb_mutual_tls.listener.enforced import CaReference, ListenerState
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.operations.audit.scanned import ScannedCluster

NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
BALANCER: Final = "alb-1"
CA: Final = "ca-1"


@cache
def certificate(name: str, end: datetime = datetime(2036, 1, 1, tzinfo=UTC), *, ca: bool = True) -> str:
    """A self-signed certificate in PEM."""
    key, subject = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
    )
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, datetime(2026, 1, 1, tzinfo=UTC), end)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def https(port: int, **fields: Any) -> dict[str, Any]:
    return {"port": port, "protocol": "HTTPS", "certificates": [{"CertificateId": "1"}], **fields}


def alb(
    *items: Any,
    name: str = "alb",
    annotations: dict[str, str] | None = None,
    listeners: Any = None,
    balancer: str = BALANCER,
) -> Document:
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-of-{name}",
            **({"annotations": annotations} if annotations else {}),
        },
        "spec": {"listeners": list(items) if listeners is None else listeners},
        "status": {"loadBalancer": {"id": balancer}},
    }


def state(*ids: str, port: int = 443, balancer: str = BALANCER) -> ListenerState:
    """A listener as ALB reports it: on where it trusts somebody."""
    return ListenerState(
        "lsn-1", balancer, port, "Running", bool(ids), tuple(CaReference(id, "Associated") for id in ids)
    )


def ingresses(ports: list[dict[str, int]], *albconfigs: str) -> tuple[list[Document], list[Document]]:
    """An Ingress for demo.example.com on these ports of each AlbConfig, without a redirect."""
    import json

    classes, found = [], []
    for name in albconfigs or ("alb",):
        parameters = {"kind": "AlbConfig", "name": name}
        classes.append(
            {
                "metadata": {"name": name},
                "spec": {"controller": "ingress.k8s.alibabacloud/alb", "parameters": parameters},
            }
        )
        annotations = {"alb.ingress.kubernetes.io/listen-ports": json.dumps(ports)}
        spec = {"ingressClassName": name, "rules": [{"host": "demo.example.com"}]}
        found.append(
            {"metadata": {"name": "web", "namespace": "default", "annotations": annotations}, "spec": spec}
        )
    return classes, found


def seen(*documents: Document, **places: Any) -> ScannedCluster:
    """What is not given is there and empty; of CA certificates there is one, `CA`."""
    return ScannedCluster(
        **{
            "cluster": "the cluster",
            "documents": documents,
            "ingresses": ([], []),
            "services": [],
            "account": "1234567890123456",
            "alb": {},
            "certificates": {CA: certificate("root"), "ca-2": certificate("second")},
            "uploads": [],
            "requests": {},
            **places,
        }
    )
