"""`mtls status`."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import (
    ComponentName,
    Cwd,
    Form,
    Json,
    Output,
    Patience,
    Presentation,
    Quiet,
    Stack,
    Wide,
    command,
    presentation,
)
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.waiting import limit

if TYPE_CHECKING:
    from alb_mutual_tls.operations.status.status import StatusReport


class Format(StrEnum):
    """How the report is printed."""

    TEXT = "text"
    OPENMETRICS = "openmetrics"


@command(
    "Show what is desired, what is live, what ends when.",
    "mtls status",
    "mtls status --fail-within 14d --output json",
)
def status(
    *,
    fail_within: Annotated[
        str | None,
        typer.Option(
            help=(
                "Fall short also when a certificate in use ends within this time (14d, 36h), or is due for"
                " renewal."
            )
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="text: tables; openmetrics: OpenMetrics 1.0 text.")
    ] = Format.TEXT,
    watch: Annotated[
        float | None,
        typer.Option(min=1, max=86400, help="Look again every so many seconds, until Ctrl-C."),
    ] = None,
    timeout: Patience = None,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    output: Output = Form.TEXT,
    wide: Wide = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show what is desired, what AlbConfig and ALB have, what ends when and what comes due; read
    only.

    Needs no passphrase: the state's secrets stay encrypted, unless the provider's own credentials
    are among them. Exit code 0: all is as desired; 1: a listener is out of step, or a certificate
    in use has ended (or ends within --fail-within); 2: something could not be seen.
    """
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations.status import report as status_report
    from alb_mutual_tls.operations.status.look import look

    shown = presentation(output, wide=wide, quiet=quiet, json=json)
    while True:
        with shown.refusing(status_report.NOTHING), limit(timeout):
            if shown.for_machines and form is not Format.TEXT:
                given = "--json" if json else f"--output {output}"
                raise UserError(f"{given} and --format {form} are both given: leave one of them out")
            report = look(fail_within, stack=stack, directory=project_directory(cwd), component=component)
        if watch is not None and sys.stdout.isatty():
            typer.echo("\x1b[2J\x1b[H", nl=False)  # a cleared screen
        _print(report, form, shown)
        if watch is None:
            raise typer.Exit(report.exit_code)
        time.sleep(watch)


def _print(report: StatusReport, form: Format, shown: Presentation) -> None:
    from alb_mutual_tls.operations.status import report as status_report

    if form is Format.OPENMETRICS:
        from alb_mutual_tls.operations.status.openmetrics import as_openmetrics

        typer.echo(as_openmetrics(report), nl=False)
    else:
        shown.show(
            lambda: status_report.as_json(report),
            lambda screen: status_report.print_for_people(report, screen),
        )
