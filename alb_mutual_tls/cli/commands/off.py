"""`mtls off`."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import (
    Context,
    Cwd,
    Form,
    Json,
    Kubeconfig,
    Output,
    Patience,
    Stack,
    command,
    confirm,
    presentation,
)
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.waiting import limit

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster
    from alb_mutual_tls.operations.switch_off import ListenerBefore


@command(
    "Break the glass: let everybody in at one listener, now.",
    "mtls off --listener https",
    "mtls off --alb-config alb --port 443 --yes",
)
def off(
    *,
    alb_config: Annotated[str | None, typer.Option("--alb-config", help="Name of the AlbConfig.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of its HTTPS listener.")] = None,
    listener: Annotated[
        str | None,
        typer.Option(
            "--listener",
            "-l",
            help="Name of a listener of the stack, in place of the two; needs the stack's state.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    timeout: Patience = None,
    stack: Stack = None,
    cwd: Cwd = None,
    output: Output = Form.TEXT,
    json: Json = False,
) -> None:
    """Break the glass: let everybody in at one listener, at once, when pulumi up cannot run.

    Needs a kubeconfig that may get and patch the AlbConfig, and nothing else: no engine, no state,
    no passphrase, no Alibaba Cloud API. Writes caEnabled and a note into the claim, so that status,
    preview, ci/drift and ci/renew tell it. Exit code 0: the listener is off; 2: it may not be.
    """
    shown = presentation(output, wide=False, quiet=False, json=json)
    with shown.refusing({}), limit(timeout):
        done = _off(alb_config, port, listener, kubeconfig, context, stack=stack, cwd=cwd, yes=yes)
    before, lines = done
    document = {
        "version": 1,
        "exitCode": 0,
        "listener": before.name,
        "wasOn": before.enabled,
        "said": lines,
    }
    shown.tell(lambda: jsons.dumps(document, indent=2, ensure_ascii=False), lambda: "\n".join(lines))


def _off(
    alb_config: str | None,
    port: int | None,
    listener: str | None,
    kubeconfig: str | None,
    context: str | None,
    *,
    stack: str | None,
    cwd: Path | None,
    yes: bool,
) -> tuple[ListenerBefore, list[str]]:
    from contextlib import closing

    from alb_mutual_tls import clock
    from alb_mutual_tls.operations import switch_off as operation

    by_place = alb_config is not None and port is not None
    if by_place is (listener is not None) or (not by_place and (alb_config, port) != (None, None)):
        raise UserError(
            "which listener is not clear: give --alb-config NAME and --port NUMBER, or --listener KEY of the"
            " stack alone"
        )
    if by_place:
        from alb_mutual_tls.cluster.cluster import Cluster

        assert alb_config is not None
        assert port is not None
        cluster = Cluster(kubeconfig=kubeconfig, context=context)
    else:
        assert listener is not None
        cluster, alb_config, port = _of_stack(listener, kubeconfig, context, stack=stack, cwd=cwd)
    with closing(cluster):
        before = operation.look(cluster, alb_config, port)
        if not before.enabled:
            return before, operation.told(before, None)
        if not yes:
            confirm(before.question)
        note = operation.switch_off(cluster, before, now=clock.now())
    return before, operation.told(before, note)


def _of_stack(
    name: str, kubeconfig: str | None, context: str | None, *, stack: str | None, cwd: Path | None
) -> tuple[Cluster, str, int]:
    """Return the cluster and the place of a listener of the stack.

    The state's secrets stay encrypted.
    """
    from dataclasses import replace

    from alb_mutual_tls.engine.program import export, project_directory
    from alb_mutual_tls.stack.cluster import StackCluster
    from alb_mutual_tls.stack.deployed import chosen_listeners
    from alb_mutual_tls.stack.inventory import inventories

    directory = project_directory(cwd)
    components = [
        inventory.component
        for inventory in inventories(export(directory, stack, secrets=False), component=None)
    ]
    matches = chosen_listeners(components, [name])
    if len(matches) > 1:
        raise UserError(
            f"{name} is the name of {len(matches)} listeners of the stack: give --alb-config and --port of"
            " the one that is meant"
        )
    ((owner, wanted),) = matches
    owner = replace(owner, kubeconfig=kubeconfig or owner.kubeconfig, context=context or owner.context)
    return StackCluster(owner, directory).cluster_of(wanted), wanted.alb_config, wanted.port
