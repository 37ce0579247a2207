"""Serve the stand-in for pulumi-alicloud.

The Pulumi engine starts it as `python -m dev.toolchain.plugins.alicloud`.
"""

from __future__ import annotations

import os

from alb_mutual_tls.plugin.server import serve
from dev.toolchain.plugins.alicloud.provider import AlicloudStandIn

if __name__ == "__main__":
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        os.environ.pop(name, None)  # the SDK would ask a proxy for this machine itself
    serve(AlicloudStandIn())
