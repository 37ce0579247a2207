"""Warns of what stands beside a listener: rehearsals, other owners, bypasses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import Listener, find_listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.rehearsal_claim import left_behind
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.consequences import describe
from alb_mutual_tls.provider.listener_inputs import LocatedInputs, desired
from alb_mutual_tls.provider.listener_plan import Planned

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster


def tell(request: Request, planned: Planned) -> None:
    """Show what the plan has to say."""
    for sentence in planned.warnings:
        request.warn(sentence)
    for sentence in planned.notes:
        request.info(sentence)


def warn_of_rehearsals(request: Request, document: Document, port: int) -> None:
    """`mtls rehearse` takes its temporary listener away itself, unless it was killed."""
    for rehearsal in left_behind(document):
        if rehearsal.claim is None or rehearsal.claim.port == port:
            request.warn(rehearsal.sentence())


def warn_of_owners(request: Request, before: Document, inputs: LocatedInputs) -> None:
    """Say who else owned the list of listeners, which our write has taken.

    `before`: the AlbConfig as it was before the write.
    """
    from alb_mutual_tls.listener.owners import other_owners

    if (wanted := desired(inputs)) is not None:
        for sentence in other_owners(before, find_listener(before, inputs["port"]), wanted):
            request.warn(sentence)


def warn_of_bypasses(
    request: Request, cluster: Cluster, document: Document, listener: Listener, inputs: LocatedInputs
) -> None:
    """Warn of what lets clients past the listener."""
    from alb_mutual_tls.listener.bypasses import open_bypasses
    from alb_mutual_tls.listener.fitness import without_certificates

    if inputs["caEnabled"] is not True:
        return
    if warning := without_certificates(listener):
        request.warn(warning)
    try:
        for bypass in open_bypasses(document, *cluster.seen_ingresses(), listener):
            request.warn(bypass.sentence(listener))
    except UserError as error:
        request.warn(
            f"whether hosts of {describe(listener.albconfig, listener.port)} can be reached past it was"
            f" not looked at: {error}"
        )
