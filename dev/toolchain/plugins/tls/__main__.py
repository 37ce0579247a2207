"""Serve the stand-in for pulumi-tls.

The Pulumi engine starts it as `python -m dev.toolchain.plugins.tls`.
"""

from __future__ import annotations

import warnings

from alb_mutual_tls.plugin.server import serve
from dev.toolchain.plugins.tls.provider import TlsStandIn

if __name__ == "__main__":
    # Go does not limit the length of a name, cryptography warns about it; standard error of a
    # plugin ends up in the user's terminal.
    warnings.filterwarnings("ignore", message="Attribute's length must be", category=UserWarning)
    serve(TlsStandIn())
