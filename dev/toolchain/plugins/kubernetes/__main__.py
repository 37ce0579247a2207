"""Serve the stand-in for pulumi-kubernetes: `python -m dev.toolchain.plugins.kubernetes`, started
by the Pulumi engine.
"""

from __future__ import annotations

from alb_mutual_tls.plugin.server import serve
from dev.toolchain.plugins.kubernetes.provider import KubernetesStandIn

if __name__ == "__main__":
    serve(KubernetesStandIn())
