"""`ci/drift`."""

from __future__ import annotations

import sys

import typer

from alb_mutual_tls.pipeline.commands.options import Cwd, Json, Output, Stack, app, interruptible, write


@app.command()
def drift(*, stack: Stack, output: Output = None, cwd: Cwd = None, json: Json = False) -> None:
    """Say what is not as the last deployment left it; apart from that, what of the configuration is
    not deployed yet. Writes nothing.

    The engine's own output goes to standard error. Exit code 0: no drift; 1: drift; 2: not decided.
    """
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.engine.run import run
    from alb_mutual_tls.operations.deployment.summary import of_drift

    interruptible()
    preview = run(
        "preview", directory=project_directory(cwd), stack=stack, arguments=("--refresh",), log=sys.stderr
    )
    summary = of_drift(stack, preview)
    write(summary, output, json=json)
    raise typer.Exit(summary.exit_code)
