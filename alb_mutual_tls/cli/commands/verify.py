"""`mtls verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import (
    CaFile,
    Certificate,
    ComponentName,
    Cwd,
    Form,
    Insecure,
    Json,
    Key,
    ListenerNames,
    Output,
    Quiet,
    Stack,
    Timeout,
    Wide,
    command,
    presentation,
)

if TYPE_CHECKING:
    from alb_mutual_tls.operations.verification.probe import Probe
    from alb_mutual_tls.operations.verification.result import VerificationReport


@command(
    "Try who is let in and who is not, at every listener.",
    "mtls verify",
    "mtls verify --listener https --with-authority-key",
)
def verify(
    *,
    listener: ListenerNames = None,
    cert: Certificate = None,
    key: Key = None,
    with_authority_key: Annotated[
        bool,
        typer.Option(
            "--with-authority-key",
            help=(
                "Also try what only the stack's CAs can sign: a client of each authority, expired, serverAuth"
                " only."
            ),
        ),
    ] = False,
    ca_file: CaFile = None,
    insecure: Insecure = False,
    timeout: Timeout = 10,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    output: Output = Form.TEXT,
    wide: Wide = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Try every case at every listener: who is let in, who is rejected, in TLS 1.2 and 1.3,
    bypasses and ways around included.

    Goes by what is deployed, but for address, server name and path of verify, which it takes from
    the stack file.

    A rejection is a TLS alert or an HTTP 400 that a good client does not get on the same path. In a
    rotation it also tells whether every bundle that the stack has issued is ready for the flip.
    Exit code 0: everything held; 1: something fell short; 2: something could not be decided.
    """
    from alb_mutual_tls.operations.verification import report as reports

    shown = presentation(output, wide=wide, quiet=quiet, json=json)
    with shown.refusing(reports.NOTHING):
        from alb_mutual_tls.operations.verification.probe import Probe

        report = look(
            Probe(ca_file, insecure, cert, key, timeout),
            names=listener,
            with_authority_key=with_authority_key,
            stack=stack,
            cwd=cwd,
            component=component,
        )
    shown.show(lambda: reports.as_json(report), lambda screen: reports.print_for_people(report, screen))
    raise typer.Exit(report.exit_code)


def look(
    probe: Probe,
    *,
    names: list[str] | None = None,
    with_authority_key: bool,
    stack: str | None,
    cwd: Path | None,
    component: str | None,
) -> VerificationReport:
    """Try every case at the listeners of a stack, or at those named."""
    from dataclasses import replace

    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations.verification.cases import given_credential
    from alb_mutual_tls.operations.verification.verify import verify_stack
    from alb_mutual_tls.stack.history import asked_stack_file, with_verify_of
    from alb_mutual_tls.stack.state import read_components

    directory = project_directory(cwd)
    with asked_stack_file(directory, stack) as stack_file:
        components = read_components(
            directory, stack=stack, component=component, with_authority_key=with_authority_key
        )
        file = stack_file()
    report = verify_stack(
        with_verify_of(file.configuration, components),
        directory=directory,
        names=names,
        given=given_credential(probe.cert, probe.key),
        with_authority_key=with_authority_key,
        probe=probe,
    )
    return replace(report, notes=file.notes)
