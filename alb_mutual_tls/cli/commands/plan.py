"""`mtls plan`."""

from __future__ import annotations

import typer

from alb_mutual_tls.cli.commands.options import (
    Cwd,
    Form,
    Json,
    Output,
    Quiet,
    Stack,
    Wide,
    command,
    presentation,
)


@command("Say what pulumi up would do, in plain words.", "mtls plan", "mtls plan --stack prod --wide")
def plan(
    *,
    stack: Stack = None,
    cwd: Cwd = None,
    output: Output = Form.TEXT,
    wide: Wide = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run pulumi preview and say what it means: which listener will demand certificates or let
    everybody in, which certificates are issued anew, and what was changed by hand.

    The same as ci/preview says at a pull request; changes nothing. Exit code 0: a change, or none;
    1: refused; 2: not checked (the cluster, an API or the state cannot be reached).
    """
    from alb_mutual_tls.operations.deployment import plan_report

    shown = presentation(output, wide=wide, quiet=quiet, json=json)
    with shown.refusing(plan_report.NOTHING):
        from alb_mutual_tls.engine.program import project_directory, stack_name
        from alb_mutual_tls.engine.run import run
        from alb_mutual_tls.operations.deployment.summary import as_json, of_preview
        from alb_mutual_tls.waiting import waiting

        directory = project_directory(cwd)
        name = stack_name(directory, stack)
        with waiting("pulumi preview"):
            summary = of_preview(name, run("preview", directory=directory, stack=name))
    shown.show(lambda: as_json(summary), lambda screen: plan_report.print_for_people(summary, screen))
    raise typer.Exit(summary.exit_code)
