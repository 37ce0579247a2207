"""The command line, its shared options and its output.

Commands register at `app`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from alb_mutual_tls.access import keys
from alb_mutual_tls.entry import ExitCode
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_IN_FILES: Final = 160  # columns of a table that no terminal limits

app = typer.Typer(
    help="Proves what the listeners of an AlbMutualTls stack let in, and hands client certificates over.",
    epilog=(
        "Exit code: 0 held, 1 fell short, 2 could not be decided (or a wrong option); all of them:"
        " docs/exit-codes.md."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich for the help would take half of its time
)
clients = typer.Typer(help="The client certificates of the stack.", no_args_is_help=True)
app.add_typer(clients, name="clients")

Stack = Annotated[str | None, typer.Option("--stack", "-s", help="Pulumi stack; default: the selected one.")]
Cwd = Annotated[
    Path | None,
    typer.Option(
        "--cwd", "-C", help="Directory of the Pulumi project; default: around the current directory."
    ),
]
ComponentName = Annotated[
    str | None, typer.Option("--component", help="Name of one AlbMutualTls; default: all of the stack.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ListenerNames = Annotated[
    list[str] | None,
    typer.Option("--listener", "-l", help="Name of a listener; may be repeated; default: all."),
]


Certificate = Annotated[
    Path | None,
    typer.Option(help="PEM certificate (with chain) of a good client, in place of the stack's clients."),
]
Key = Annotated[Path | None, typer.Option(help="PEM private key that goes with --cert.")]
CaFile = Annotated[
    Path | None,
    typer.Option(help="PEM file with the CA of the server's certificate; default: the system's roots."),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Do not verify the server's certificate.")]
Timeout = Annotated[float, typer.Option(min=0.1, max=300, help="Seconds for each connection.")]


class AccountType(StrEnum):
    """Which half of Alibaba Cloud an account is of."""

    DOMESTIC = "domestic"
    INTERNATIONAL = "international"


class Protocol(StrEnum):
    """How the APIs are spoken to."""

    HTTPS = "HTTPS"
    HTTP = "HTTP"


AccountTypeOption = Annotated[AccountType | None, typer.Option(help="As alicloud:accountType.")]
ProtocolOption = Annotated[Protocol | None, typer.Option(case_sensitive=False, help="As alicloud:protocol.")]
Profile = Annotated[str | None, typer.Option(help="Profile of the aliyun CLI, as alicloud:profile.")]


class Role(StrEnum):
    """What a certificate is meant for."""

    CLIENT = "client"
    CA = "ca"


def confirm(question: str) -> None:
    """Ask on the terminal before something is written.

    Raises `UserError` where there is no terminal, and when the answer is no.
    """
    if not sys.stdin.isatty():
        raise UserError(f"{question[:-1]}: there is no terminal to ask at; give --yes")
    if not typer.confirm(question, err=True):
        raise UserError("nothing was written: the question was answered with no")


@contextmanager
def error_as_json(nothing: Mapping[str, Any], *, json: bool) -> Iterator[None]:
    """With `json`, turn a `UserError` of the block into the JSON document.

    The document is the command's own, and the exit code is 2. `nothing` holds the other fields of
    that document, empty.
    """
    try:
        yield
    except UserError as error:
        if not json:
            raise
        from alb_mutual_tls.operations.printing import error_as_json

        typer.echo(error_as_json(str(error), nothing))
        raise typer.Exit(ExitCode.UNDECIDED) from None


def console() -> Console:
    """Return the console that tables are printed on.

    It is as wide as the terminal. Without a terminal it prints no colors and uses `WIDTH_IN_FILES`.
    """
    from rich.console import Console

    return (
        Console(highlight=False)
        if sys.stdout.isatty()
        else Console(highlight=False, width=WIDTH_IN_FILES, color_system=None)
    )


def options(
    *,
    region: str | None,
    account_type: str | None,
    endpoint: Sequence[str],
    protocol: str | None,
    profile: str | None,
) -> Mapping[str, Any]:
    """Return command line options as inputs of the provider.

    Options that were not given are left out. Raises UserError for an endpoint that is not valid.
    """
    products = [field.name for field in keys.by_name()["endpoints"].fields]
    hosts = {}
    for text in endpoint:
        name, _, host = text.partition("=")
        if name not in products or not host or "/" in host or " " in host:
            raise UserError(
                f"--endpoint {text} is not an endpoint: give one of {', '.join(products)} and a host, for"
                " instance cas=cas.aliyuncs.com"
            )
        hosts[name] = host
    given = {
        "region": region,
        "accountType": account_type,
        "endpoints": hosts or None,
        "protocol": protocol,
        "profile": profile,
    }
    return {key: value for key, value in given.items() if value is not None}
