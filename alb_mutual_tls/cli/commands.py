"""The commands of `mtls`. What a command needs is imported when it runs, so that `--help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from alb_mutual_tls.cli import doctor_report
    from alb_mutual_tls.cli.render import Rendered
    from alb_mutual_tls.cli.stack import Client, Component
    from alb_mutual_tls.cli.verification import Report

WIDTH_IN_FILES: Final = 160  # columns of a table that no terminal limits

app = typer.Typer(
    help="Proves what the listeners of an AlbMutualTls stack let in, and hands client certificates over.",
    epilog="Exit code: 0 held, 1 fell short, 2 could not be decided (or a wrong option).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich for the help would take half of its time
)
clients = typer.Typer(help="The client certificates of the stack.", no_args_is_help=True)
app.add_typer(clients, name="clients")

Stack = Annotated[str | None, typer.Option("--stack", "-s", help="Pulumi stack; default: the selected one.")]
Cwd = Annotated[Path | None, typer.Option("--cwd", "-C", help="Directory of the Pulumi project; default: around the current directory.")]
ComponentName = Annotated[str | None, typer.Option("--component", help="Name of one AlbMutualTls; default: all of the stack.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ListenerNames = Annotated[list[str] | None, typer.Option("--listener", "-l", help="Name of a listener; may be repeated; default: all.")]


class Format(StrEnum):
    """What `clients export` writes."""

    PEM = "pem"
    P12 = "p12"
    CURL = "curl"
    KUBERNETES = "kubernetes"


@app.command()
def verify(
    *,
    listener: ListenerNames = None,
    cert: Annotated[
        Path | None, typer.Option(help="PEM certificate (with chain) of a good client, in place of the stack's clients.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="PEM private key that goes with --cert.")] = None,
    with_authority_key: Annotated[
        bool,
        typer.Option(
            "--with-authority-key", help="Also try certificates signed by the real CA that must be refused: expired, serverAuth only."
        ),
    ] = False,
    ca_file: Annotated[
        Path | None, typer.Option(help="PEM file with the CA of the server's certificate; default: the system's roots.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Do not verify the server's certificate.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, max=300, help="Seconds for each connection.")] = 10,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    json: Json = False,
) -> None:
    """Try every case at every listener: who is let in, who is rejected, in TLS 1.2 and 1.3, side doors included.

    A rejection is a TLS alert or an HTTP 400 that a good client does not get on the same path. Exit code 0: everything held; 1: something fell
    short; 2: something could not be decided.
    """
    from alb_mutual_tls.cli import report as reports

    try:
        from alb_mutual_tls.cli.cases import given_credential
        from alb_mutual_tls.cli.handshake import Trust
        from alb_mutual_tls.cli.stack import project_directory, read_components
        from alb_mutual_tls.cli.verification import Knocker, verify_stack

        directory = project_directory(cwd)
        made = verify_stack(
            read_components(directory, stack=stack, component=component, with_authority_key=with_authority_key),
            directory=directory,
            names=listener,
            given=given_credential(cert, key),
            with_authority_key=with_authority_key,
            knocker=Knocker(Trust(ca_file, insecure), timeout),
        )
    except UserError as error:
        if not json:
            raise
        typer.echo(reports.error_as_json(str(error)))
        raise typer.Exit(2) from None
    _print(made, json=json)
    raise typer.Exit(made.exit_code)


@app.command()
def render(
    *, listener: ListenerNames = None, stack: Stack = None, cwd: Cwd = None, component: ComponentName = None, json: Json = False
) -> None:
    """Print the two fields of each listener for those whose AlbConfig is in Git: as a Kustomize patch, with what Argo CD is to ignore.

    They are printed as deployed; the place of the listener in the list is looked up in the cluster.
    """
    from alb_mutual_tls.cli import render as rendering

    try:
        rendered = _rendered(listener, stack=stack, cwd=cwd, component=component)
    except UserError as error:
        if not json:
            raise
        typer.echo(rendering.error_as_json(str(error)))
        raise typer.Exit(2) from None
    typer.echo(rendering.as_json(rendered) if json else rendering.as_yaml(rendered))


def _rendered(names: list[str] | None, *, stack: str | None, cwd: Path | None, component: str | None) -> list[Rendered]:
    from contextlib import closing

    from alb_mutual_tls.cli.neighbourhood import Neighbourhood
    from alb_mutual_tls.cli.render import by_hand, render
    from alb_mutual_tls.cli.stack import chosen_listeners, project_directory, read_components
    from alb_mutual_tls.errors import Unreachable

    directory = project_directory(cwd)
    wanted = chosen_listeners(read_components(directory, stack=stack, component=component), names)
    if not wanted:
        raise UserError(
            "the stack declares no listener, so there is nothing to render: add one under listeners, or write the fields into the AlbConfig "
            "yourself, with CertificateId as `pulumi stack output caCertificateId` prints it"
        )
    rendered = []
    for owner in dict.fromkeys(owner for owner, _ in wanted):
        listeners = [wished for other, wished in wanted if other is owner]
        with closing(Neighbourhood(owner, directory)) as neighbourhood:
            try:
                rendered += [render(owner.name, wished, neighbourhood.albconfig(wished)) for wished in listeners]
            except Unreachable as error:
                raise UserError(
                    f"{error}; only there the places of the listeners are known, so run this where the cluster answers, or write {by_hand(listeners)}"
                ) from None
    return rendered


class AccountType(StrEnum):
    """Which half of Alibaba Cloud an account is of."""

    DOMESTIC = "domestic"
    INTERNATIONAL = "international"


class Protocol(StrEnum):
    """How the APIs are spoken to."""

    HTTPS = "HTTPS"
    HTTP = "HTTP"


@app.command()
def doctor(
    *,
    region: Annotated[str | None, typer.Option(help="Region, as alicloud:region.")] = None,
    account_type: Annotated[AccountType | None, typer.Option(help="As alicloud:accountType.")] = None,
    endpoint: Annotated[list[str] | None, typer.Option(help="Host of an API, cas=HOST or sts=HOST; may be repeated.")] = None,
    protocol: Annotated[Protocol | None, typer.Option(case_sensitive=False, help="As alicloud:protocol.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the aliyun CLI, as alicloud:profile.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing to the account.")] = False,
    deadline: Annotated[float, typer.Option(min=1, max=300, help="Seconds within which a call is repeated.")] = 45,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    json: Json = False,
) -> None:
    """Try what Certificate Management Service really answers: makes a repository with a throwaway CA, reads it back, deletes both.

    Settings and credentials are those of the stack's provider; before anything is deployed, and when one of --region to --profile is given,
    those of the options and the environment. Touches no listener. Exit code 0: all as expected; 1: something else, or something is left; 2: not decided.
    """
    from alb_mutual_tls.cli import doctor_report

    try:
        from alb_mutual_tls.cli.cloud import options

        given = options(region=region, account_type=account_type, endpoint=endpoint or (), protocol=protocol, profile=profile)
        report = _examined(given, stack=stack, cwd=cwd, component=component, yes=yes, deadline=deadline)
    except UserError as error:
        if not json:
            raise
        typer.echo(doctor_report.error_as_json(str(error)))
        raise typer.Exit(2) from None
    if json:
        typer.echo(doctor_report.as_json(report))
    else:
        doctor_report.print_for_people(report, _console())
    raise typer.Exit(report.exit_code)


def _examined(
    given: Mapping[str, object], *, stack: str | None, cwd: Path | None, component: str | None, yes: bool, deadline: float
) -> doctor_report.Report:
    import signal
    from datetime import UTC, datetime

    from alb_mutual_tls.cli.cloud import Cloud
    from alb_mutual_tls.cli.doctor import Examination, new_name
    from alb_mutual_tls.cli.doctor_report import Report, masked
    from alb_mutual_tls.cli.stack import project_directory, read_provider_inputs

    inputs, settings = given, "the options and the environment"
    if not given:
        try:
            inputs = read_provider_inputs(project_directory(cwd), stack=stack, component=component)
        except UserError as error:
            raise UserError(f"{error}; to go without a stack, give --region, --account-type, --profile or --endpoint") from None
        settings = "the stack's provider albmtls" if inputs else "the environment (nothing is deployed yet)"
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to clean up as after Ctrl-C
    try:
        cloud = Cloud(inputs, deadline=deadline)
        account, name = cloud.account(), new_name()
        question = f"Make the repository {name} with a throwaway CA at {cloud.places.cas}, account {masked(account)}, and delete both?"
        if not yes and not sys.stdin.isatty():
            raise UserError(f"{question[:-1]}: there is no terminal to ask at; give --yes")
        if not yes and not typer.confirm(question, err=True):
            raise UserError("nothing was written: the question was answered with no")
    except (KeyboardInterrupt, typer.Abort):
        raise UserError("interrupted before anything was written: run the command again") from None
    examination = Examination(cloud.cas, name, datetime.now(UTC))
    examination.run()
    return Report(examination, cloud, settings, account)


@clients.command()
def export(
    *,
    name: Annotated[str, typer.Argument(help="Name of the client, as under `clients` in the stack's configuration.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory for the files; made (0700) if absent.")],
    form: Annotated[
        Format, typer.Option("--format", "-f", help="pem: NAME.crt, NAME.key; p12: NAME.p12; curl: also NAME.curl; kubernetes: a Secret.")
    ] = Format.PEM,
    password_file: Annotated[
        Path | None, typer.Option(help="p12: file whose first line is the password; default: asked for, or made up.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    json: Json = False,
) -> None:
    """Write a client's certificate with its chain, and its private key, to files that only you may read."""
    from alb_mutual_tls.cli import client_files
    from alb_mutual_tls.cli.stack import project_directory, read_components

    if password_file is not None and form is not Format.P12:
        raise UserError(f"--password-file is for --format p12, not {form}: leave it out, the other formats are not encrypted")
    chosen, client = _client(read_components(project_directory(cwd), stack=stack, component=component), name)
    password = _password(password_file, name, json=json) if form is Format.P12 and client.private_key_pem is not None else None
    made = client_files.files(
        client, form.value, ca_certificate_pem=chosen.ca_certificate_pem, directory=output.absolute(), password=password
    )
    paths = client_files.write(made, output, force=force)
    if json:
        import json as encoder

        files = [{"path": str(path.absolute()), "what": file.what} for path, file in zip(paths, made, strict=True)]
        document = {"version": 1, "client": client.name, "format": form, "notAfter": client.not_after, "files": files}
        typer.echo(encoder.dumps(document, indent=2, ensure_ascii=False))
        return
    for path, file in zip(paths, made, strict=True):
        typer.echo(f"{path}: {file.what}")
    typer.echo(f"{client.name} is good until {client.not_after}")
    if client.private_key_pem is None:
        typer.echo(f"{client.name} brought a CSR: its private key stays with the client and never was in the stack")


def _client(components: tuple[Component, ...], name: str) -> tuple[Component, Client]:
    found = [(component, client) for component in components for client in component.clients if client.name == name]
    if not found:
        names = sorted({client.name for component in components for client in component.clients})
        raise UserError(f"the stack has no client named {name!r}: it has {', '.join(names) or 'none'}")
    if len(found) > 1:
        raise UserError(
            f"{len(found)} components have a client named {name!r}: choose one with --component, of "
            f"{', '.join(component.name for component, _ in found)}"
        )
    return found[0]


def _password(file: Path | None, name: str, *, json: bool) -> str | None:
    """The password of a PKCS#12 file: from a file, else asked on a terminal; None = make one up."""
    if file is not None:
        try:
            password = file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"--password-file {file} cannot be read: {getattr(error, 'strerror', None) or error}; give a text file"
            ) from None
        if not password:
            raise UserError(f"--password-file {file} has an empty first line: put the password there")
        return password
    if json or not sys.stdin.isatty():
        return None
    answer = typer.prompt(f"Password for {name}.p12 (empty: make one up)", default="", hide_input=True, show_default=False, err=True)
    if answer and typer.prompt("Once more", hide_input=True, err=True) != answer:
        raise UserError("the two passwords differ: run the command again")
    return answer or None


def _print(report: Report, *, json: bool) -> None:
    from alb_mutual_tls.cli.report import as_json, print_for_people

    if json:
        typer.echo(as_json(report))
        return
    print_for_people(report, _console())


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDTH_IN_FILES, color_system=None)
