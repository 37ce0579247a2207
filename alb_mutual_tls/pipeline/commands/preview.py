"""`ci/preview`."""

from __future__ import annotations

import sys

import typer

from alb_mutual_tls.pipeline.commands.options import Cwd, Json, Output, Stack, app, interruptible, write


@app.command()
def preview(*, stack: Stack, output: Output = None, cwd: Cwd = None, json: Json = False) -> None:
    """Say what a deployment would do to which listener and which certificate, as Markdown for a
    pull request.

    The engine's own output goes to standard error. Exit code 0: a change, or none; 1: refused; 2:
    not checked (the cluster, an API or the state cannot be reached, credentials are missing, ...).
    """
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.engine.run import run
    from alb_mutual_tls.operations.deployment.summary import of_preview

    interruptible()
    summary = of_preview(stack, run("preview", directory=project_directory(cwd), stack=stack, log=sys.stderr))
    write(summary, output, json=json)
    raise typer.Exit(summary.exit_code)
