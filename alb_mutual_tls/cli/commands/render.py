"""`mtls render`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alb_mutual_tls.cli.commands.options import (
    ComponentName,
    Cwd,
    Form,
    Json,
    ListenerNames,
    Output,
    Patience,
    Stack,
    command,
    presentation,
)
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.waiting import limit

if TYPE_CHECKING:
    from alb_mutual_tls.operations.render import Rendered


@command(
    "Print the two fields as a patch for Git and Argo CD.",
    "mtls render",
    "mtls render --listener https --stack prod",
)
def render(
    *,
    listener: ListenerNames = None,
    timeout: Patience = None,
    stack: Stack = None,
    cwd: Cwd = None,
    component: ComponentName = None,
    output: Output = Form.TEXT,
    json: Json = False,
) -> None:
    """Print the two fields of each listener for those whose AlbConfig is in Git: as a Kustomize
    patch, with what Argo CD is to ignore.

    They are printed as deployed; the place of the listener in the list is looked up in the cluster.
    """
    from alb_mutual_tls.operations import render as rendering

    shown = presentation(output, wide=False, quiet=False, json=json)
    with shown.refusing(rendering.NOTHING), limit(timeout):
        rendered = _rendered(listener, stack=stack, cwd=cwd, component=component)
    shown.tell(lambda: rendering.as_json(rendered), lambda: rendering.as_yaml(rendered))


def _rendered(
    names: list[str] | None, *, stack: str | None, cwd: Path | None, component: str | None
) -> list[Rendered]:
    from contextlib import closing

    from alb_mutual_tls.engine.program import project_directory
    from alb_mutual_tls.errors import Unreachable
    from alb_mutual_tls.operations.render import by_hand, render
    from alb_mutual_tls.stack.cluster import StackCluster
    from alb_mutual_tls.stack.deployed import chosen_listeners
    from alb_mutual_tls.stack.state import read_components

    directory = project_directory(cwd)
    wanted = chosen_listeners(read_components(directory, stack=stack, component=component), names)
    if not wanted:
        raise UserError(
            "the stack declares no listener, so there is nothing to render: add one under listeners, or write"
            " the fields into the AlbConfig yourself, with CertificateId as `pulumi stack output"
            " caCertificateId` prints it"
        )
    rendered = []
    for owner in dict.fromkeys(owner for owner, _ in wanted):
        listeners = [desired for other, desired in wanted if other is owner]
        with closing(StackCluster(owner, directory)) as neighbourhood:
            try:
                rendered += [
                    render(owner.name, desired, neighbourhood.albconfig(desired)) for desired in listeners
                ]
            except Unreachable as error:
                raise UserError(
                    f"{error}; only there the places of the listeners are known, so run this where the"
                    f" cluster answers, or write {by_hand(listeners)}"
                ) from None
    return rendered
