"""`mtls clients export`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import ComponentName, Cwd, Json, Stack, clients, command
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alb_mutual_tls.operations.client_files import ClientFile
    from alb_mutual_tls.stack.deployed import DeployedClient


class Format(StrEnum):
    """What `clients export` writes."""

    PEM = "pem"
    FULLCHAIN = "fullchain"
    P12 = "p12"
    TRUSTSTORE = "truststore"
    CURL = "curl"
    KUBERNETES = "kubernetes"


_PRINTABLE = (Format.PEM, Format.FULLCHAIN, Format.KUBERNETES)
"""Text, whose parts may follow each other."""


@command(
    "Write a client's certificate, chain and key to files.",
    "mtls clients export partner --output out",
    "mtls clients export partner --format p12 --output out",
    group=clients,
)
def export(
    *,
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name of the client, as under `clients` in the stack's configuration; GROUP/NAME in a group."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="In place of NAME: all clients of a group, each in a folder of its own name."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Directory for the files; made (0700) if absent. -: standard output."
        ),
    ],
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            help=(
                "pem: NAME.crt (certificate, then chain), NAME.key; fullchain: one file with the root too;"
                " p12: PKCS#12; "
                "truststore: the CA certificates for Java; curl: also NAME.curl; kubernetes: a Secret."
            ),
        ),
    ] = Format.PEM,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help="p12, truststore: file whose first line is the password; default: asked for, or made up."
        ),
    ] = None,
    legacy: Annotated[
        bool,
        typer.Option(
            "--legacy",
            help="p12: for software that cannot read AES (older than about 2021); 3DES and SHA-1, weaker.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    json: Json = False,
) -> None:
    """Write a client's certificate with its chain, and its private key, to files that only you may
    read.
    """
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations import client_files
    from alb_mutual_tls.stack.deployed import chosen_client, chosen_group
    from alb_mutual_tls.stack.state import read_components

    if (name is None) == (group is None):
        raise UserError("give the name of a client, or --group and the name of a group")
    encrypted = form in (Format.P12, Format.TRUSTSTORE)
    if password_file is not None and not encrypted:
        raise UserError(
            f"--password-file is for --format p12 or truststore, not {form}: leave it out, the other formats"
            " are not encrypted"
        )
    if legacy and form is not Format.P12:
        raise UserError(f"--legacy is for --format p12, not {form}: leave it out")
    printed = str(output) == "-"
    if printed and (json or form not in _PRINTABLE):
        raise UserError(
            "--output - is standard output, which takes --format pem, fullchain or kubernetes, and no --json:"
            " give a directory"
        )
    if printed and group is not None:
        raise UserError("--output - is standard output, which takes a single client: give a directory")
    components = read_components(project_directory(cwd), stack=stack, component=component)
    if name is None:
        chosen, members = chosen_group(components, str(group))
    else:
        chosen, alone = chosen_client(components, name)
        members = (alone,)
    makeable = members[0].private_key_pem is not None or form.value in client_files.WITHOUT_KEY
    password = (
        _password(password_file, f"{name or group}.{form}", json=json) if encrypted and makeable else None
    )
    folders = {client.name: output / client.member if group else output for client in members}
    made = {
        client.name: client_files.files(
            client,
            form.value,
            authorities=chosen.roots,
            directory=folders[client.name].absolute(),
            password=password,
            legacy=legacy,
        )
        for client in members
    }
    if printed:
        sys.stdout.buffer.write(b"".join(file.content for files in made.values() for file in files))
        if members[0].private_key_pem is not None and form is not Format.FULLCHAIN:
            typer.echo(f"what was printed holds the private key of {members[0].name}", err=True)
        return
    if not force:
        client_files.refuse_existing({folders[of]: files for of, files in made.items()})
    written = {of: client_files.write(files, folders[of], force=force) for of, files in made.items()}
    _tell(members, made, written, form, json=json)


def _tell(
    members: Sequence[DeployedClient],
    made: Mapping[str, Sequence[ClientFile]],
    written: Mapping[str, Sequence[Path]],
    form: Format,
    *,
    json: bool,
) -> None:
    """Say what was written: of a single client each file, of a group how many clients."""
    first, of_group = members[0], bool(members[0].group)
    if json:
        import json as encoder

        for client in members:  # of a group a line for each
            entries = [
                {"path": str(path.absolute()), "what": file.what}
                for path, file in zip(written[client.name], made[client.name], strict=True)
            ]
            document = {
                "version": 1,
                "client": client.name,
                "format": form,
                "notAfter": client.not_after,
                "files": entries,
            }
            typer.echo(encoder.dumps(document, indent=None if of_group else 2, ensure_ascii=False))
        return
    if len(members) > 1:
        typer.echo(
            f"{len(members)} clients of group {first.group}, each in a folder of"
            f" {written[first.name][0].parent.parent}; the first of them is good until"
            f" {min(client.not_after for client in members)}"
        )
        return
    for path, file in zip(written[first.name], made[first.name], strict=True):
        typer.echo(f"{path}: {file.what}")
    typer.echo(f"{first.name} is good until {first.not_after}")
    if first.private_key_pem is None:
        typer.echo(
            f"{first.name} brought a CSR: its private key stays with the client and never was in the stack"
        )


def _password(file: Path | None, name: str, *, json: bool) -> str | None:
    """Return the password of a PKCS#12 file; None means make one up.

    It comes from a file, else a prompt on a terminal asks for it.
    """
    from alb_mutual_tls.cli.password import first_line

    if file is not None:
        return first_line(file)
    if json or not sys.stdin.isatty():
        return None
    answer: str = typer.prompt(
        f"Password for {name} (empty: make one up)", default="", hide_input=True, show_default=False, err=True
    )
    if answer and typer.prompt("Once more", hide_input=True, err=True) != answer:
        raise UserError("the two passwords differ: run the command again")
    return answer or None
