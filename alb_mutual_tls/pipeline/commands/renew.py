"""`ci/renew`."""

from __future__ import annotations

import sys

import typer

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pipeline.commands.options import Cwd, Json, Output, Stack, app, interruptible, write_text


@app.command()
def renew(*, stack: Stack, output: Output = None, cwd: Cwd = None, json: Json = False) -> None:
    """Issue the client certificates anew that are due, and change nothing else: no listener, and
    nothing that is committed and not deployed.

    The engine's own output goes to standard error. Exit code 0: nothing is due, or all of it was
    renewed; 1: something due was not; 2: what is due could not be decided.
    """
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations.deployment.renew import Renewer
    from alb_mutual_tls.pipeline import documents
    from alb_mutual_tls.pipeline.markdown import escaped, marker
    from alb_mutual_tls.pipeline.renew_summary import summary

    interruptible()
    directory = project_directory(cwd)
    try:
        ended = Renewer(directory, stack, sys.stderr).renew()
        text, code = summary(ended), ended.exit_code
        document = documents.of_renewal(ended)
    except UserError as error:
        why = f"not decided what is due: {error}; nothing was renewed"
        text, code = f"**{escaped(f'{stack}: {why}')}**\n{marker('renew', stack)}\n", 2
        document = documents.of_refusal("renew", stack, why)
    write_text(document if json else text, text.partition("\n")[0], output)
    raise typer.Exit(code)
