"""`mtls kubeconfig`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alb_mutual_tls.cli.commands.options import Cwd, Json, Patience, Stack, command
from alb_mutual_tls.waiting import limit


@command(
    "Fetch a short-lived kubeconfig of an ACK cluster.",
    "mtls kubeconfig --output kubeconfig",
    'eval "$(mtls kubeconfig --output kubeconfig --minutes 30)"',
)
def kubeconfig(
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write (0600); one that this command wrote is replaced."),
    ],
    cluster_id: Annotated[
        str | None, typer.Option(help="Id of the ACK cluster; default: ackClusterId of the stack.")
    ] = None,
    private_address: Annotated[
        bool,
        typer.Option(
            "--private-address", help="For the cluster's address in its VPC instead of the public one."
        ),
    ] = False,
    minutes: Annotated[int, typer.Option(min=15, max=4320, help="How long it is good for.")] = 60,
    force: Annotated[
        bool, typer.Option("--force", help="Replace also a file that this command did not write.")
    ] = False,
    timeout: Patience = None,
    stack: Stack = None,
    cwd: Cwd = None,
    json: Json = False,
) -> None:
    """Fetch a short-lived kubeconfig of an ACK cluster, for a job that has only Alibaba Cloud
    credentials.

    Where and as whom is what the stack's configuration and the environment say; accountId and
    ackClusterId of the stack are held to. What is printed can be evaluated: eval "$(./mtls
    kubeconfig --output FILE)" sets KUBECONFIG.
    """
    import json as codec
    import shlex

    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations import kubeconfig as fetched_kubeconfig
    from alb_mutual_tls.stack.configuration import read_provider_keys

    with limit(timeout):
        configuration = read_provider_keys(project_directory(cwd), stack)
        cluster, expires = fetched_kubeconfig.fetch(
            configuration,
            output,
            cluster_id=cluster_id,
            private_address=private_address,
            minutes=minutes,
            force=force,
        )
    path = output.absolute()
    if json:
        typer.echo(codec.dumps({"clusterId": cluster, "kubeconfig": str(path), "expires": expires}, indent=2))
    else:
        typer.echo(f"# kubeconfig of the ACK cluster {cluster}, good until {expires}")
        typer.echo(f"export KUBECONFIG={shlex.quote(str(path))}")
