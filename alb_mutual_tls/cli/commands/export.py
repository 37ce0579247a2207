"""`mtls clients export`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import ComponentName, Cwd, Json, Stack, clients
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    pass


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


@clients.command()
def export(
    *,
    name: Annotated[
        str, typer.Argument(help="Name of the client, as under `clients` in the stack's configuration.")
    ],
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
    from alb_mutual_tls.stack.deployed import chosen_client
    from alb_mutual_tls.stack.state import read_components

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
    chosen, client = chosen_client(
        read_components(project_directory(cwd), stack=stack, component=component), name
    )
    makeable = client.private_key_pem is not None or form.value in client_files.WITHOUT_KEY
    password = _password(password_file, f"{name}.{form}", json=json) if encrypted and makeable else None
    files = client_files.files(
        client,
        form.value,
        authorities=chosen.roots,
        directory=output.absolute(),
        password=password,
        legacy=legacy,
    )
    if printed:
        sys.stdout.buffer.write(b"".join(file.content for file in files))
        return
    paths = client_files.write(files, output, force=force)
    if json:
        import json as encoder

        entries = [
            {"path": str(path.absolute()), "what": file.what} for path, file in zip(paths, files, strict=True)
        ]
        document = {
            "version": 1,
            "client": client.name,
            "format": form,
            "notAfter": client.not_after,
            "files": entries,
        }
        typer.echo(encoder.dumps(document, indent=2, ensure_ascii=False))
        return
    for path, file in zip(paths, files, strict=True):
        typer.echo(f"{path}: {file.what}")
    typer.echo(f"{client.name} is good until {client.not_after}")
    if client.private_key_pem is None:
        typer.echo(
            f"{client.name} brought a CSR: its private key stays with the client and never was in the stack"
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
