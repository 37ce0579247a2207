"""`mtls init`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alb_mutual_tls.cli.commands.options import (
    AccountTypeOption,
    Context,
    Cwd,
    Endpoints,
    Kubeconfig,
    Patience,
    Profile,
    ProtocolOption,
    command,
)
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.waiting import limit

if TYPE_CHECKING:
    from alb_mutual_tls.operations.audit.audit import AuditReport


@command(
    "Ask what a stack file needs, and write one with comments.",
    "mtls init",
    "mtls init --stack-name prod --region cn-hangzhou --listener alb:443 --client partner",
)
def init(
    *,
    stack_name: Annotated[
        str | None, typer.Option(help="Name of the stack, one for each environment.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Region of the ALB, as alicloud:region.")] = None,
    context: Context = None,
    listener: Annotated[str | None, typer.Option(help="ALBCONFIG:PORT of the HTTPS listener.")] = None,
    client: Annotated[
        list[str] | None,
        typer.Option(help="Name of a client that gets a certificate; may be repeated; none: ''."),
    ] = None,
    kubeconfig: Kubeconfig = None,
    account_type: AccountTypeOption = None,
    endpoint: Endpoints = None,
    protocol: ProtocolOption = None,
    profile: Profile = None,
    timeout: Patience = None,
    cwd: Cwd = None,
) -> None:
    """Ask for region, cluster, listener and first client, list what there is to choose from, and
    write Pulumi.NAME.yaml with comments. Never overwrites a file, and changes nothing else.

    Every answer is an option too; without a terminal all but --client are needed. The listener
    stays as it is: off where it is off. Exit code 0: the file is written; 2: it is not, and the
    sentence says why.
    """
    from contextlib import closing

    from alb_mutual_tls import clock
    from alb_mutual_tls.access.cloud import Cloud
    from alb_mutual_tls.access.cloud import region as configured_region
    from alb_mutual_tls.cli.commands.options import options
    from alb_mutual_tls.cluster import kubeconfig as kubeconfigs
    from alb_mutual_tls.cluster.cluster import Cluster
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations.audit import adoption, stack_file
    from alb_mutual_tls.operations.audit.audit import report
    from alb_mutual_tls.operations.audit.scan import DEADLINE, scan
    from alb_mutual_tls.text import duration

    name = _answer(stack_name, "--stack-name", "Name of the stack", default="dev")
    file = project_directory(cwd) / f"Pulumi.{name}.yaml"
    adoption.wanted(["alb:443"], file)  # the file first: nobody answers questions in vain
    region = _answer(region or configured_region({}), "--region", "Region of the ALB", default="cn-hangzhou")
    if context is None:
        known, current = kubeconfigs.contexts(kubeconfig)
        choices = dict.fromkeys(known, "")
        alone = len(known) == 1
        context = known[0] if alone else _chosen("--context", "Context of the cluster", choices, current)
    inputs: dict[str, Any] = {
        **options(
            region=region,
            account_type=account_type,
            endpoint=endpoint or (),
            protocol=protocol,
            profile=profile,
        ),
        "context": context,
        **({"kubeconfig": kubeconfig} if kubeconfig else {}),
    }
    with limit(timeout), closing(Cluster(kubeconfig=kubeconfig, context=context)) as cluster:
        seen = scan(cluster, lambda: Cloud.of(inputs, deadline=DEADLINE, calls=[]))
        found = report(
            seen, now=clock.now(), fail_within=duration("30d"), strict=False, settings="the answers"
        )
        chosen = adoption.wanted([listener or _listener(found)], file)
        adoption.chosen(found, chosen)  # what cannot be had is said before more is asked
        clients = _clients(client, found, chosen)
        where = stack_file.settings(inputs, cluster, file)
        text = stack_file.text(found, chosen, where, file, by="./mtls init", clients=clients)
        stack_file.write(file, text)
    listeners, _ = adoption.chosen(found, chosen)
    on = any(audited.listener.ca_enabled for audited in listeners)
    typer.echo(f"{file} is written: read it, then")
    for line in next_steps(name, clients, on=on):
        typer.echo(f"  {line}")


def next_steps(stack: str, clients: Sequence[str], *, on: bool) -> list[str]:
    """What one types next; `on`: whether the listener demands client certificates already."""
    up = "leaves the listener on, as it is" if on else "everybody is still let in"
    switch_on = "pulumi config set caEnabled true && pulumi up    # demands client certificates"
    return [
        f"pulumi stack init {stack}",
        f"{'pulumi up':48} # {up}",
        *(f"./mtls clients export {one} --output out" for one in clients),
        "./mtls verify",
        *([] if on else [switch_on]),
    ]


def _answer(given: str | None, option: str, question: str, *, default: str | None = None) -> str:
    """What was given, else the answer to a question at the terminal."""
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise UserError(f"{option} is not given, and there is no terminal to ask at: give it")
    answer: str = typer.prompt(question, default=default, err=True)
    return answer


def _chosen(option: str, question: str, choices: Mapping[str, str], default: str | None) -> str:
    """One of several, by its number or its name; `choices`: what there is to say of each."""
    if not sys.stdin.isatty():
        raise UserError(
            f"{option} is not given, and there is no terminal to ask at: give one of {', '.join(choices)}"
        )
    typer.echo(f"\n{question}, one of", err=True)
    for number, (choice, said) in enumerate(choices.items(), 1):
        typer.echo(f"  {number}  {choice}{said and f'  ({said})'}", err=True)
    names = list(choices)
    answer = _answer(None, option, question, default=default or names[0])
    return names[int(answer) - 1] if answer.isdigit() and 1 <= int(answer) <= len(names) else answer


def _listener(found: AuditReport) -> str:
    """One of the cluster's HTTPS listeners, each with what it does now."""
    from alb_mutual_tls.operations.audit.listeners import Enforcement

    listeners = [one for one in found.listeners if one.state is not Enforcement.BYPASS]
    if not listeners:
        raise UserError(
            f"{found.seen.cluster} has no AlbConfig with an HTTPS listener: add one first"
            " (docs/operations.md)"
        )
    return _chosen("--listener", "HTTPS listener", {one.name: str(one.state) for one in listeners}, None)


def _clients(given: list[str] | None, found: AuditReport, chosen: Sequence[tuple[str, int]]) -> list[str]:
    """The clients that get certificates; none is asked for where the CA is somebody else's."""
    from alb_mutual_tls.operations.audit import adoption

    if given is not None:
        return [name for name in given if name]
    _, authority = adoption.chosen(found, chosen)
    if authority is not None or not sys.stdin.isatty():
        return []
    name = _answer(None, "--client", "First client, - for none", default="client")
    return [] if name == "-" else [name]
