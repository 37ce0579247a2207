"""`mtls doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import (
    AccountTypeOption,
    ComponentName,
    Cwd,
    Form,
    Json,
    Output,
    Profile,
    ProtocolOption,
    Quiet,
    Stack,
    Wide,
    command,
    presentation,
)
from alb_mutual_tls.entry import interruptible
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.recording import Call
    from alb_mutual_tls.operations.doctor import report as doctor_report


@command(
    "Try what Certificate Management Service really answers.",
    "mtls doctor",
    "mtls doctor --yes --report doctor.json",
)
def doctor(
    *,
    region: Annotated[str | None, typer.Option(help="Region, as alicloud:region.")] = None,
    account_type: AccountTypeOption = None,
    endpoint: Annotated[
        list[str] | None, typer.Option(help="Host of an API, cas=HOST or sts=HOST; may be repeated.")
    ] = None,
    protocol: ProtocolOption = None,
    profile: Profile = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before writing to the account.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1, max=300, help="Seconds within which a call is repeated.")
    ] = 45,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", help="File for all calls and answers, as JSON; never overwritten."),
    ] = None,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    output: Output = Form.TEXT,
    wide: Wide = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Try what Certificate Management Service really answers: makes a repository with a throwaway
    CA, reads it back, deletes both.

    Settings and credentials are those of the stack's provider; before anything is deployed, and
    when one of --region to --profile is given, those of the options and the environment. Touches no
    listener. Exit code 0: all as expected; 1: something else, or something is left; 2: not decided.
    """
    from alb_mutual_tls.operations.doctor import report as doctor_report

    shown = presentation(output, wide=wide, quiet=quiet, json=json)
    with shown.refusing(doctor_report.NOTHING):
        if report_file is not None:
            _refuse(report_file)  # before anything is made
        from alb_mutual_tls.cli.commands.options import options

        given = options(
            region=region,
            account_type=account_type,
            endpoint=endpoint or (),
            protocol=protocol,
            profile=profile,
        )
        report = _examined(given, stack=stack, cwd=cwd, component=component, yes=yes, deadline=timeout)
    shown.show(
        lambda: doctor_report.as_json(report), lambda screen: doctor_report.print_for_people(report, screen)
    )
    if report_file is not None:
        _keep(report_file, doctor_report.as_json(report))
    raise typer.Exit(report.exit_code)


def _refuse(file: Path) -> None:
    if os.path.lexists(file) or not file.parent.is_dir():
        raise UserError(
            f"--report {file} exists, or its directory does not, so nothing was made: give the path of a new"
            " file"
        )


def _keep(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text + "\n")
    except OSError as error:
        raise UserError(
            f"--report {file} cannot be written ({error.strerror}): give the path of a new file"
        ) from None


def _examined(
    given: Mapping[str, object],
    *,
    stack: str | None,
    cwd: Path | None,
    component: str | None,
    yes: bool,
    deadline: float,
) -> doctor_report.DoctorReport:
    import signal

    from alb_mutual_tls import clock
    from alb_mutual_tls.access.cloud import Cloud
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations.doctor.examination import Examination, new_name
    from alb_mutual_tls.operations.doctor.report import DoctorReport, masked
    from alb_mutual_tls.stack.state import read_provider_inputs

    inputs, settings = given, "the options and the environment"
    if not given:
        try:
            inputs = read_provider_inputs(project_directory(cwd), stack=stack, component=component)
        except UserError as error:
            raise UserError(
                f"{error}; to go without a stack, give --region, --account-type, --profile or --endpoint"
            ) from None
        settings = "the stack's provider albmtls" if inputs else "the environment (nothing is deployed yet)"
    interruptible(signal.SIGTERM)  # to clean up as after Ctrl-C
    try:
        calls: list[Call] = []
        cloud = Cloud.of(inputs, deadline=deadline, calls=calls)
        account, name = cloud.account_id(), new_name()
        question = (
            f"Make the repository {name} with a throwaway CA at {cloud.endpoints.cas}, account"
            f" {masked(account)}, and delete both?"
        )
        if not yes and not sys.stdin.isatty():
            raise UserError(f"{question[:-1]}: there is no terminal to ask at; give --yes")
        if not yes and not typer.confirm(question, err=True):
            raise UserError("nothing was written: the question was answered with no")
    except (KeyboardInterrupt, typer.Abort):
        raise UserError("interrupted before anything was written: run the command again") from None
    examination = Examination(cloud.cas_api(), calls, name, clock.now())
    examination.run()
    return DoctorReport(examination, cloud, settings, account)
