"""Build the data of a Kubernetes Secret of type kubernetes.io/tls.

Source: https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final

from alb_mutual_tls.pki.bundle import fingerprint

TYPE: Final = "kubernetes.io/tls"


def data(chain_pem: str, private_key_pem: str, root_pems: Iterable[str]) -> dict[str, str]:
    """Keys and values, in base64 as the API server keeps them.

    `tls.crt`: what the client presents, its own certificate first. `ca.crt`: the roots that vouch
    for the stack's clients, the one that listeners trust first, each once. It is for whoever checks
    these clients: which CA signed the ALB's server certificate is not known here.
    """
    roots: dict[str, str] = {}
    for pem in root_pems:
        roots.setdefault(fingerprint(pem), _ended(pem))
    content = {"tls.crt": chain_pem, "tls.key": private_key_pem, "ca.crt": "".join(roots.values())}
    return {key: base64.b64encode(_ended(value).encode()).decode() for key, value in content.items()}


def _ended(pem: str) -> str:
    return pem.strip() + "\n"
