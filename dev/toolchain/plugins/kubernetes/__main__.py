"""Serve the stand-in for pulumi-kubernetes.

The Pulumi engine starts it as `python -m dev.toolchain.plugins.kubernetes`.
"""

from __future__ import annotations

from alb_mutual_tls.plugin.server import serve
from dev.toolchain.plugins.kubernetes.provider import KubernetesStandIn

if __name__ == "__main__":
    serve(KubernetesStandIn())
