"""Serve the stand-in for pulumi-alicloud: `python -m dev.toolchain.plugins.alicloud`, started by the Pulumi engine."""

from __future__ import annotations

from alb_mutual_tls.provider.host import serve
from dev.toolchain.plugins.alicloud.provider import AlicloudStandIn

if __name__ == "__main__":
    serve(AlicloudStandIn())
