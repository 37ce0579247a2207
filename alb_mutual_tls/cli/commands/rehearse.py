"""`mtls rehearse`."""

from __future__ import annotations

from contextlib import ExitStack, closing
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
    Output,
    Quiet,
    Stack,
    Timeout,
    Wide,
    command,
    confirm,
    presentation,
)
from alb_mutual_tls.entry import interruptible
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from alb_mutual_tls.alibaba.alb import Alb
    from alb_mutual_tls.operations.rehearsal.cleaning import Cleaning
    from alb_mutual_tls.operations.rehearsal.result import RehearsalResult


@command(
    "Try it on a temporary listener before production changes.",
    "mtls rehearse",
    "mtls rehearse --authority corp --with-authority-key",
)
def rehearse(
    *,
    listener: Annotated[
        str | None, typer.Option("--listener", "-l", help="Name of the listener; default: the only one.")
    ] = None,
    authority: Annotated[
        str | None,
        typer.Option(help="Name of the authority that the listener is to trust; default: the trusted one."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the temporary listener; default: the first free one from 8443."
        ),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds to wait for ALB and for the port.")
    ] = 180,
    clean: Annotated[
        bool, typer.Option("--clean", help="Only take away what earlier rehearsals left behind.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before writing to the AlbConfig.")
    ] = False,
    cert: Certificate = None,
    key: Key = None,
    with_authority_key: Annotated[
        bool,
        typer.Option(
            "--with-authority-key",
            help=(
                "Also try what only the CA can sign: chains of 1 to 3 certificates, expired, serverAuth only."
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
    """Try client authentication on the ALB itself before it is switched on, or changed to another
    CA: on a temporary listener beside the real one.

    Adds a listener with the server certificate of the real one and the wanted CA to the AlbConfig,
    tries every case of `mtls verify` at it, and takes it away again whatever happens. Touches no
    other listener and no Ingress. Exit code 0: it would hold; 1: it would not; 2: not decided, or
    something is left.
    """
    from alb_mutual_tls.operations.rehearsal import report as reports

    shown = presentation(output, wide=wide, quiet=quiet, json=json)
    with shown.refusing(reports.NOTHING_CLEANED if clean else reports.NOTHING):
        if clean:
            cleaning = _cleaning(listener, stack=stack, cwd=cwd, component=component, yes=yes)
            shown.show(
                lambda: reports.cleaning_as_json(cleaning),
                lambda screen: reports.print_cleaning(cleaning, screen),
            )
            raise typer.Exit(cleaning.exit_code)
        from alb_mutual_tls.operations.verification.cases import given_credential
        from alb_mutual_tls.operations.verification.probe import Probe

        options = {
            "probe": Probe(ca_file, insecure, timeout=timeout),
            "given": given_credential(cert, key),
            "with_authority_key": with_authority_key,
            "port": port,
            "wait": wait,
        }
        result = _rehearsed(listener, authority, options, stack=stack, cwd=cwd, component=component, yes=yes)
    shown.show(lambda: reports.as_json(result), lambda screen: reports.print_for_people(result, screen))
    raise typer.Exit(result.exit_code)


def _rehearsed(
    name: str | None,
    authority: str | None,
    options: Mapping[str, Any],
    *,
    stack: str | None,
    cwd: Path | None,
    component: str | None,
    yes: bool,
) -> RehearsalResult:
    from alb_mutual_tls.engine.program import export, project_directory
    from alb_mutual_tls.operations.rehearsal.choice import chosen_authority, chosen_listener
    from alb_mutual_tls.operations.rehearsal.rehearsal import Rehearsal
    from alb_mutual_tls.stack.cluster import StackCluster
    from alb_mutual_tls.stack.deployed import named
    from alb_mutual_tls.stack.history import with_verify_of_file
    from alb_mutual_tls.stack.state import components_of, provider_inputs

    directory = project_directory(cwd)
    exported = export(directory, stack)
    components = named(components_of(exported, with_authority_key=options["with_authority_key"]), component)
    owner, listener = chosen_listener(with_verify_of_file(directory, stack, components), name)
    alb = _alb(provider_inputs(exported, component=owner.name))
    with closing(StackCluster(owner, directory)) as neighbourhood:
        rehearsal = Rehearsal(
            owner, listener, chosen_authority(owner, authority), neighbourhood, alb, **options, say=_say
        )
        _confirm(rehearsal.prepare, yes=yes)
        rehearsal.run()
    return rehearsal.result


def _cleaning(
    name: str | None, *, stack: str | None, cwd: Path | None, component: str | None, yes: bool
) -> Cleaning:
    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.operations.rehearsal.cleaning import Cleaning
    from alb_mutual_tls.stack.cluster import StackCluster
    from alb_mutual_tls.stack.deployed import chosen_listeners
    from alb_mutual_tls.stack.state import read_components

    directory = project_directory(cwd)
    cleaning = Cleaning()
    with ExitStack() as open_connections:

        def look() -> str | None:
            for owner, listener in chosen_listeners(
                read_components(directory, stack=stack, component=component), [name] if name else None
            ):
                neighbourhood = open_connections.enter_context(closing(StackCluster(owner, directory)))
                cleaning.look(owner, listener, neighbourhood, only=name is not None)
            return cleaning.question() if cleaning.found else None

        _confirm(look, yes=yes)
        cleaning.run()
    return cleaning


def _alb(inputs: Mapping[str, Any]) -> Callable[[], Alb]:
    """ALB as the stack's provider reaches it, once it is asked for."""
    from functools import cache

    @cache
    def connect() -> Alb:
        from alb_mutual_tls.access.cloud import Cloud

        return Cloud.of(inputs, deadline=15.0).alb()

    return connect


def _confirm(ask: Callable[[], str | None], *, yes: bool) -> None:
    """Look at everything, then ask before anything is written.

    From here on SIGTERM and the end of the terminal clean up as Ctrl-C does. Raises UserError when
    interrupted before anything was written.
    """
    import signal

    interruptible(
        *(
            number
            for number in (signal.SIGTERM, signal.SIGHUP)
            if signal.getsignal(number) is not signal.SIG_IGN
        )
    )
    try:
        question = ask()
        if question is not None and not yes:
            confirm(question)
    except (KeyboardInterrupt, typer.Abort):
        raise UserError("interrupted before anything was written: run the command again") from None


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
