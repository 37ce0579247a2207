"""The commands of `mtls`, one per module. What a command needs is imported when it runs, so that `--help` is quick."""

from __future__ import annotations

# They register themselves, in the order of the help.
from alb_mutual_tls.cli.commands import audit, doctor, export, inspect, kubeconfig, off, rehearse, render, status, verify  # noqa: F401
from alb_mutual_tls.cli.commands.options import app

__all__ = ["app"]
