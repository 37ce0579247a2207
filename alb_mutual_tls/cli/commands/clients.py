"""`mtls clients list`."""

from __future__ import annotations

import typer

from alb_mutual_tls.cli.commands.options import (
    ComponentName,
    Cwd,
    Form,
    Json,
    Output,
    Quiet,
    Stack,
    Wide,
    clients,
    command,
    presentation,
)


@command(
    "List the clients, when their certificates end, and who is still let in.",
    "mtls clients list",
    "mtls clients list --output json",
    group=clients,
    name="list",
)
def list_clients(
    *,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    output: Output = Form.TEXT,
    wide: Wide = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List the clients of the stack and when their certificates end, and the certificates that no
    client has any more but a listener still accepts. Asks the state alone.

    A group stands on one line, unless everything is wanted. Exit code 0: none has ended; 1: one
    has; 2: the state could not be read.
    """
    from alb_mutual_tls.operations.status import report as status_report

    shown = presentation(output, wide=wide, quiet=quiet, json=json)
    with shown.refusing(status_report.NO_CLIENTS):
        from alb_mutual_tls import clock
        from alb_mutual_tls.engine.program import export, project_directory
        from alb_mutual_tls.operations.status.status import report
        from alb_mutual_tls.stack.inventory import inventories

        found = inventories(export(project_directory(cwd), stack, secrets=False), component=component)
        made = report([(one, ()) for one in found], now=clock.now(), fail_within=None).of_clients()
    shown.show(
        lambda: status_report.clients_as_json(made), lambda screen: status_report.print_clients(made, screen)
    )
    raise typer.Exit(made.exit_code)
