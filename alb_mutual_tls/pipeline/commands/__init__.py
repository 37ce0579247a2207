"""The commands of pipelines, one per module.

Each is started by the script of its name in `ci/`.
"""

from __future__ import annotations

# They register themselves, in the order of the help.
from alb_mutual_tls.pipeline.commands import deploy, drift, preview, renew  # noqa: F401
from alb_mutual_tls.pipeline.commands.options import app

__all__ = ["app"]
