"""`mtls report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import (
    CaFile,
    Certificate,
    ComponentName,
    Cwd,
    Insecure,
    Key,
    Stack,
    Timeout,
    command,
)
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.page.words import Language

if TYPE_CHECKING:
    from alb_mutual_tls.operations.page.documents import Documents, Place
    from alb_mutual_tls.operations.verification.probe import Probe


@command(
    "Write one HTML page for a ticket or an auditor.",
    "mtls report --output report.html",
    "mtls report --output report.html --from verify.json,status.json --lang ja",
)
def report(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")],
    lang: Annotated[Language, typer.Option(help="Language of the page.")] = Language.ENGLISH,
    stored: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            help=(
                "Files that mtls verify --json and mtls status --json have printed, with commas between them;"
                " may be repeated; default: look now."
            ),
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    cert: Certificate = None,
    key: Key = None,
    with_authority_key: Annotated[
        bool,
        typer.Option("--with-authority-key", help="As for mtls verify: try also what only CAs can sign."),
    ] = False,
    ca_file: CaFile = None,
    insecure: Insecure = False,
    timeout: Timeout = 10,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
) -> None:
    """Write what mtls verify and mtls status find as one HTML page, which needs no network.

    It holds the verdict, a map, who was let in, what ends when, and who is still let in though
    removed; nothing secret. Exit code as that of mtls verify: 0: everything held; 1: something fell
    short; 2: something could not be decided.
    """
    from alb_mutual_tls import clock
    from alb_mutual_tls.operations.client_files import ClientFile, refuse_existing, write
    from alb_mutual_tls.operations.page import documents
    from alb_mutual_tls.operations.page.page import page
    from alb_mutual_tls.operations.page.words import Words

    if not force:
        refuse_existing({output.parent: [ClientFile(output.name, "report", b"")]})
    if stored:
        files = [Path(name) for given in stored for name in given.split(",") if name]
        shown, place = documents.read(files), documents.Place(stack)
    else:
        from alb_mutual_tls.operations.verification.probe import Probe

        probe = Probe(ca_file, insecure, cert, key, timeout)
        shown, place = _live(
            probe, with_authority_key=with_authority_key, stack=stack, cwd=cwd, component=component
        )
    text = page(shown, place, Words(lang), clock.now())
    write([ClientFile(output.name, "report", text.encode())], output.parent, force=force)
    typer.echo(f"{shown.verdict}: {output}")
    raise typer.Exit(shown.exit_code)


def _live(
    probe: Probe, *, with_authority_key: bool, stack: str | None, cwd: Path | None, component: str | None
) -> tuple[Documents, Place]:
    """Look now. What one of the two commands cannot find out is on the page as its JSON says it.

    Raises UserError when neither finds anything out.
    """
    from alb_mutual_tls.cli.commands import verify as verifications
    from alb_mutual_tls.engine.program import export, project_directory
    from alb_mutual_tls.operations.page.documents import Documents, place_of
    from alb_mutual_tls.operations.printing import error_as_json
    from alb_mutual_tls.operations.status import report as of_status
    from alb_mutual_tls.operations.status.look import look
    from alb_mutual_tls.operations.verification import report as of_verify

    directory = project_directory(cwd)
    exported = export(directory, stack, secrets=False)
    status = of_status.as_json(look(None, directory=directory, stack=stack, component=component))
    try:
        found = verifications.look(
            probe, with_authority_key=with_authority_key, stack=stack, cwd=cwd, component=component
        )
        verify = of_verify.as_json(found)
    except UserError as error:
        verify = error_as_json(str(error), of_verify.NOTHING)
    return Documents(json.loads(verify), json.loads(status)), place_of(exported, stack)
