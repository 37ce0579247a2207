"""The commands of `mtls`, one per module.

What a command needs is imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

# They register themselves.
from alb_mutual_tls.cli.commands import (
    audit,  # noqa: F401
    clients,  # noqa: F401
    doctor,  # noqa: F401
    export,  # noqa: F401
    init,  # noqa: F401
    inspect,  # noqa: F401
    kubeconfig,  # noqa: F401
    off,  # noqa: F401
    plan,  # noqa: F401
    rehearse,  # noqa: F401
    render,  # noqa: F401
    report,  # noqa: F401
    status,  # noqa: F401
    verify,  # noqa: F401
)
from alb_mutual_tls.cli.commands.options import app

__all__ = ["app"]
