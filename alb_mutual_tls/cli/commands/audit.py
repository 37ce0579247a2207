"""`mtls audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls.cli.commands.options import (
    AccountTypeOption,
    Context,
    Cwd,
    Endpoints,
    Form,
    Json,
    Kubeconfig,
    Output,
    Patience,
    Profile,
    ProtocolOption,
    Quiet,
    Wide,
    command,
    presentation,
)
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.waiting import limit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from alb_mutual_tls.operations.audit.audit import AuditReport


@command(
    "Look at all listeners of a cluster; adopt one.",
    "mtls audit",
    "mtls audit --adopt alb:443 --stack-file Pulumi.adopted.yaml",
)
def audit(
    *,
    adopt: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "ALBCONFIG:PORT of a listener to write a stack file for; may be repeated; needs --stack-file."
            )
        ),
    ] = None,
    stack_file: Annotated[
        Path | None, typer.Option(help="Stack file to write, Pulumi.<stack>.yaml; never overwritten.")
    ] = None,
    fail_within: Annotated[
        str, typer.Option(help="Complain of a CA certificate that ends within this time (14d, 36h).")
    ] = "30d",
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help=(
                "Exit code 2 also where permissions or settings are missing to look at ALB, CAS or Ingresses."
            ),
        ),
    ] = False,
    stack: Annotated[
        str | None,
        typer.Option(
            "--stack",
            "-s",
            help="Take cluster, endpoints and credentials from this Pulumi stack; default: the selected one.",
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    region: Annotated[
        str | None, typer.Option(help="Region of the ALBs, as alicloud:region; default: the environment's.")
    ] = None,
    account_type: AccountTypeOption = None,
    endpoint: Endpoints = None,
    protocol: ProtocolOption = None,
    profile: Profile = None,
    timeout: Patience = None,
    cwd: Cwd = None,
    output: Output = Form.TEXT,
    wide: Wide = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Look at all AlbConfigs of a cluster: who asks for client certificates, what leads around it,
    which CA is trusted until when; read only.

    The cluster is that of the selected stack, or of --stack. With one of --kubeconfig to --profile,
    and without any stack, it is that of the options and the environment.

    Exit code 0: nothing to complain about; 1: something is; 2: something could not be seen (what
    merely is not permitted: only with --strict). With --adopt, also write a stack file for
    listeners that were set up by hand; then 0: it is written; 2: it is not, and the sentence says
    why.
    """
    from alb_mutual_tls.operations.audit import report as audit_report

    shown = presentation(output, wide=wide, quiet=quiet, json=json)
    with shown.refusing(audit_report.NOTHING), limit(timeout):
        from alb_mutual_tls.cli.commands.options import options

        cloud = options(
            region=region,
            account_type=account_type,
            endpoint=endpoint or (),
            protocol=protocol,
            profile=profile,
        )
        given = {
            **cloud,
            **{
                key: value
                for key, value in {"kubeconfig": kubeconfig, "context": context}.items()
                if value is not None
            },
        }
        report = _report(given, adopt or [], stack_file, fail_within, strict=strict, stack=stack, cwd=cwd)
    shown.show(
        lambda: audit_report.as_json(report), lambda screen: audit_report.print_for_people(report, screen)
    )
    if stack_file is None:
        raise typer.Exit(report.exit_code)
    typer.echo(
        f"{stack_file} is written: read it, then pulumi stack init, pulumi preview and pulumi up"
        " (docs/audit.md)",
        err=True,
    )


def _report(
    given: Mapping[str, Any],
    adopt: list[str],
    output: Path | None,
    fail_within: str,
    *,
    strict: bool,
    stack: str | None,
    cwd: Path | None,
) -> AuditReport:
    from contextlib import closing

    from alb_mutual_tls import clock
    from alb_mutual_tls.access.cloud import Cloud
    from alb_mutual_tls.cluster.cluster import Cluster
    from alb_mutual_tls.operations.audit import adoption, stack_file
    from alb_mutual_tls.operations.audit.audit import report
    from alb_mutual_tls.operations.audit.scan import DEADLINE, scan
    from alb_mutual_tls.text import duration

    within = duration(fail_within)
    wanted = adoption.wanted(adopt, output)
    inputs, settings = _settings(given, stack=stack, cwd=cwd)
    with closing(Cluster(kubeconfig=inputs.get("kubeconfig"), context=inputs.get("context"))) as cluster:
        seen = scan(cluster, lambda: Cloud.of(inputs, deadline=DEADLINE, calls=[]))
        result = report(seen, now=clock.now(), fail_within=within, strict=strict, settings=settings)
        if output is not None:
            where = stack_file.settings(inputs, cluster, output)
            stack_file.write(output, stack_file.text(result, wanted, where, output))
    return result


def _settings(
    given: Mapping[str, Any], *, stack: str | None, cwd: Path | None
) -> tuple[Mapping[str, Any], str]:
    """Return where to look, and in words whose settings those are.

    They are the options and, for what those leave out, the environment. Without options they are
    the settings of the selected stack, as for every other command. Where none is selected, or
    nothing is deployed in it, the environment decides.

    Raises UserError when `stack` is given beside options or nothing is deployed in it, and when a
    selected or given stack cannot be read.
    """
    if given:
        if stack is not None:
            raise UserError(
                "--stack is given beside options that say where to look: leave one of the two out"
            )
        return given, "the options and the environment"
    from alb_mutual_tls.engine.program import NoneSelected, export, project_directory
    from alb_mutual_tls.stack.cluster import located
    from alb_mutual_tls.stack.state import provider_inputs, read_provider_inputs
    from alb_mutual_tls.wire import without_secrets

    directory = project_directory(cwd)
    try:
        exported = export(directory, stack, secrets=False)
        inputs = provider_inputs(without_secrets(exported), component=None)
        if None in inputs.values():  # only then a passphrase is needed
            inputs = read_provider_inputs(directory, stack=stack, component=None)
    except UserError as error:
        if stack is None and isinstance(error, NoneSelected):
            return given, "the options and the environment (no stack is selected)"
        raise UserError(
            f"{error}; to look without a stack, give --region, --kubeconfig or --profile"
        ) from None
    if inputs:
        name = str(exported["deployment"]["resources"][0]["urn"]).partition("::")[0].rpartition(":")[2]
        return {
            **inputs,
            "kubeconfig": located(inputs.get("kubeconfig"), directory),
        }, f"the settings of stack {name}"
    if stack is None:
        return given, "the options and the environment (nothing is deployed in the stack that is selected)"
    raise UserError(
        f"nothing is deployed in stack {stack} yet, so it has no settings to take: give --region and, where"
        " needed, --kubeconfig"
    )
