"""`ci/deploy`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from alb_mutual_tls.entry import given_command
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pipeline.commands.options import Cwd, Json, Output, Stack, app, interruptible, write_text


@app.command()
def deploy(
    *,
    stack: Stack,
    rollback: Annotated[
        bool,
        typer.Option(
            "--rollback",
            help=(
                "Where it turns out bad, switch back to the last good state; the exit code says failed"
                " anyway."
            ),
        ),
    ] = False,
    output: Output = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--report", help="HTML file for a page of the last verification and the status, as mtls report."
        ),
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(help="As for mtls verify: PEM certificate of a good client.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="As for mtls verify: PEM private key that goes with --cert.")
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(help="As for mtls verify: PEM file with the CA of the server's certificate."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="As for mtls verify: do not verify the server's certificate.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=300, help="As for mtls verify: seconds for each connection.")
    ] = 10,
    patience: Annotated[
        float,
        typer.Option(
            min=0, max=600, help="Seconds within which the listeners must come to do what ALB says they do."
        ),
    ] = 20,
    cwd: Cwd = None,
    json: Json = False,
) -> None:
    """Deploy the checkout's configuration and prove it: pulumi preview, pulumi up, mtls verify.

    The engine's own output goes to standard error. Exit code 0: deployed, and verification held; 1:
    refused, failed, or verification fell short, rolled back or not; 2: not begun (a lock, no way to
    the cluster, ...), or verification could not be decided.
    """
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations.deployment.deploy import Deployer
    from alb_mutual_tls.operations.verification.probe import Probe
    from alb_mutual_tls.pipeline import documents
    from alb_mutual_tls.pipeline.deploy_page import write_page
    from alb_mutual_tls.pipeline.deploy_summary import summary
    from alb_mutual_tls.pipeline.markdown import escaped, marker

    interruptible()
    probe = Probe(ca_file, insecure, cert, key, timeout)
    directory = project_directory(cwd)
    try:
        again, place = given_command("ci/"), "" if cwd is None else f" --cwd {shlex.quote(str(cwd))}"
        ended = Deployer(directory, stack, probe, patience, sys.stderr, again, place).deploy(
            roll_back=rollback
        )
        text, code = summary(ended), ended.exit_code
        document, last = documents.of_deployment(ended), ended.last
    except UserError as error:
        last = None
        why = f"not deployed: {error}; nothing was changed"
        text, code = f"**{escaped(f'{stack}: {why}')}**\n{marker('deploy', stack)}\n", 2
        document = documents.of_refusal("deploy", stack, why)
    write_text(document if json else text, text.partition("\n")[0], output)
    if page is not None:
        write_page(last, page, directory, stack)
    raise typer.Exit(code)
