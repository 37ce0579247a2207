"""The command line, its shared options and its output.

Commands register at `app`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from alb_mutual_tls.access import keys
from alb_mutual_tls.entry import ExitCode
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.tokens import VERSION

if TYPE_CHECKING:
    from alb_mutual_tls.operations.printing import Screen

UNLIMITED: Final = 10_000  # columns where no terminal limits them: one record a line

_HELP: Final = {"help_option_names": ["-h", "--help"]}
_LIFE: Final = (
    "init",
    "plan",
    "verify",
    "status",
    "report",
    "clients",
    "inspect",
    "rehearse",
    "audit",
    "render",
    "doctor",
    "kubeconfig",
    "off",
)
"""The commands in the order in which people come to need them."""


class InOrderOfLife(typer.core.TyperGroup):
    """Lists the commands in the order of a user's life, not of the alphabet."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, in that order."""
        return sorted(super().list_commands(ctx), key=_LIFE.index)


app = typer.Typer(
    cls=InOrderOfLife,
    context_settings=_HELP,
    help="Proves what the listeners of an AlbMutualTls stack let in, and hands client certificates over.",
    epilog=(
        "Exit code: 0 held, 1 fell short, 2 could not be decided (or a wrong option); all of them:"
        " docs/exit-codes.md."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich for the help would take half of its time
)
clients = typer.Typer(
    help="List the stack's client certificates, or hand them over.",
    context_settings=_HELP,
    no_args_is_help=True,
)
app.add_typer(clients, name="clients")
Command = Callable[..., None]


def command(
    summary: str, *examples: str, group: typer.Typer = app, name: str | None = None
) -> Callable[[Command], Command]:
    """Register a command: a summary that no help cuts off, and what one types."""
    lines = "".join(f"\n  {example}" for example in examples)
    return group.command(name, short_help=summary, epilog=f"\b\nExamples:{lines}", context_settings=_HELP)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mtls {VERSION}")
        raise typer.Exit


@app.callback()
def general(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """The options of no command."""


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


class Form(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


Output = Annotated[
    Form,
    typer.Option("--output", "-o", help="wide: everything, whole identifiers; json and yaml: for machines."),
]
Wide = Annotated[bool, typer.Option("--wide", "-v", help="As --output wide.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict alone.")]
Json = Annotated[bool, typer.Option("--json", help="As --output json.")]
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
Kubeconfig = Annotated[
    str | None, typer.Option(help="As kubernetes:kubeconfig; default: KUBECONFIG, else ~/.kube/config.")
]
Context = Annotated[str | None, typer.Option(help="As kubernetes:context; default: the current one.")]
Endpoints = Annotated[
    list[str] | None,
    typer.Option("--endpoint", help="Host of an API, alb=HOST, cas=HOST or sts=HOST; may be repeated."),
]
Patience = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0.1,
        max=300,
        help="Seconds to wait for an answer; default: 30 for the cluster, 15 for Alibaba Cloud.",
    ),
]
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


@dataclass(frozen=True)
class Presentation:
    """How a command prints its report, as its options say."""

    form: Form = Form.TEXT
    quiet: bool = False

    @property
    def for_machines(self) -> bool:
        return self.form in (Form.JSON, Form.YAML)

    @contextmanager
    def refusing(self, nothing: Mapping[str, Any]) -> Iterator[None]:
        """Turn a `UserError` of the block into the document, where machines read it.

        The document is the command's own, and the exit code is 2. `nothing` holds the other fields
        of that document, empty.
        """
        try:
            yield
        except UserError as error:
            if not self.for_machines:
                raise
            from alb_mutual_tls.operations.printing import error_as_json

            self._document(error_as_json(str(error), nothing))
            raise typer.Exit(ExitCode.UNDECIDED) from None

    def show(self, document: Callable[[], str], people: Callable[[Screen], None]) -> None:
        """Print a report: its JSON `document`, or what is for `people`."""
        if self.for_machines:
            self._document(document())
        else:
            people(self._screen())

    def tell(self, document: Callable[[], str], text: Callable[[], str]) -> None:
        """Print a JSON `document`, or a text that needs no screen."""
        if self.for_machines:
            self._document(document())
        else:
            typer.echo(text())

    def _document(self, text: str) -> None:
        if self.form is Form.YAML:
            import json

            import yaml

            text = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True, width=1000).rstrip()
        typer.echo(text)

    def _screen(self) -> Screen:
        """As wide as the terminal or COLUMNS; without a terminal no colors and no limit."""
        import os

        from rich.console import Console

        from alb_mutual_tls.operations.printing import Screen

        terminal = sys.stdout.isatty()
        free = not terminal and not os.environ.get("COLUMNS", "").isdecimal()
        console = Console(
            highlight=False,
            width=UNLIMITED if free else None,
            height=UNLIMITED if free else None,  # without it Rich takes a dumb terminal's 80 columns
            color_system="auto" if terminal else None,
        )
        return Screen(console, wide=self.form is Form.WIDE, quiet=self.quiet)


def presentation(output: Form, *, wide: bool, quiet: bool, json: bool) -> Presentation:
    """How a report is to be printed.

    Raises UserError where options contradict each other.
    """
    given = {
        **({f"--output {output}": output} if output is not Form.TEXT else {}),
        **({"--json": Form.JSON} if json else {}),
        **({"--wide": Form.WIDE} if wide else {}),
    }
    forms = set(given.values())
    if len(forms) > 1:
        raise UserError(f"{' and '.join(given)} are both given: leave one of them out")
    return Presentation(forms.pop() if forms else Form.TEXT, quiet=quiet)


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
