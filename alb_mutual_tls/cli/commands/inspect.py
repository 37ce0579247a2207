"""`mtls inspect`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import (
    ComponentName,
    Cwd,
    Form,
    Json,
    Output,
    Quiet,
    Role,
    Stack,
    Wide,
    command,
    presentation,
)
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from alb_mutual_tls.operations.inspection.judgement import InspectionReport


@command(
    "Explain a certificate, request, key or .p12.",
    "mtls inspect ca.pem",
    "mtls inspect partner.crt partner.key --against-stack",
)
def inspect(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="PEM, DER, PKCS#12 or PKCS#7; - is standard input. Several are compared."
        ),
    ],
    ca: Annotated[
        Path | None, typer.Option(help="CA certificate that a listener trusts: would it let the client in?")
    ] = None,
    against_stack: Annotated[
        bool, typer.Option("--against-stack", help="The same with the CA that the stack's listeners trust.")
    ] = False,
    role: Annotated[
        Role | None,
        typer.Option(
            "--as", help="What the first certificate of each file is meant for; default: what it looks like."
        ),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="File whose first line is the password; default: asked for on a terminal."),
    ] = None,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    output: Output = Form.TEXT,
    wide: Wide = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Explain a certificate, request, key or .p12: what it is, what belongs together, and why ALB
    would refuse it. Shows no private key.

    Exit code 0: nothing against it; 1: it would be refused, for the reasons given; 2: it cannot be
    read or not be decided.
    """
    from alb_mutual_tls.operations.inspection import report as inspect_report

    shown = presentation(output, wide=wide, quiet=quiet, json=json)
    with shown.refusing(inspect_report.NOTHING):
        if (stack or cwd or component) and not against_stack:
            raise UserError(
                "--stack, --cwd and --component choose the stack of --against-stack: give that too, or leave"
                " them out"
            )
        report = _report(
            files,
            ca,
            role,
            password_file,
            against_stack=against_stack,
            stack=stack,
            cwd=cwd,
            component=component,
            asking=not shown.for_machines,
        )
    shown.show(
        lambda: inspect_report.as_json(report), lambda screen: inspect_report.print_for_people(report, screen)
    )
    raise typer.Exit(inspect_report.EXIT_CODE[report.verdict])


def _report(
    files: list[Path],
    ca: Path | None,
    role: Role | None,
    password_file: Path | None,
    *,
    against_stack: bool,
    stack: str | None,
    cwd: Path | None,
    component: str | None,
    asking: bool,
) -> InspectionReport:
    from alb_mutual_tls import clock
    from alb_mutual_tls.cli.password import first_line
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations.inspection import explanation, judgement
    from alb_mutual_tls.operations.inspection import files as inspection
    from alb_mutual_tls.stack.state import read_components

    password = first_line(password_file) if password_file is not None else None
    anchors = [inspection.given_anchor(ca)] if ca is not None else []
    if against_stack:
        anchors += inspection.stack_anchors(
            read_components(project_directory(cwd), stack=stack, component=component)
        )

    def unlock(path: Path) -> str | None:
        if password is not None or not asking or not sys.stdin.isatty():
            return password
        answer: str = typer.prompt(
            f"Password for {path}", default="", hide_input=True, show_default=False, err=True
        )
        return answer or None

    sources = [inspection.source(path, lambda path=path: unlock(path)) for path in files]  # type: ignore[misc]  # mypy does not infer this lambda
    return explanation.explain(sources, anchors, clock.now(), judgement.JudgedAs(role) if role else None)
