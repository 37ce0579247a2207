"""Writes a listener: plan, patch, and plan anew while others write to the same AlbConfig."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from alb_mutual_tls.cluster.cluster import Conflict
from alb_mutual_tls.cluster.rewrite import TRIES, Again, rewrite
from alb_mutual_tls.errors import AlbConfigMissing, Unreachable, UserError
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.listener_plan import Planned

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster

Planner = Callable[[Document], Planned]


def read_albconfig(cluster: Cluster, name: str) -> Document:
    """An AlbConfig; raises AlbConfigMissing, which names those that the cluster has."""
    return _existing(cluster, name, cluster.albconfig(name))


def look_at_albconfig(cluster: Cluster, name: str) -> Document:
    """The same for whoever does not write: one read serves all listeners of an AlbConfig."""
    return _existing(cluster, name, cluster.seen_albconfig(name))


def _existing(cluster: Cluster, name: str, document: Document | None) -> Document:
    if document is None:
        exist = ", ".join(sorted(item["metadata"]["name"] for item in cluster.albconfigs())) or "none"
        raise AlbConfigMissing(
            f"there is no AlbConfig {name} in {cluster}, it has {exist}: correct albConfig in listeners,"
            " or make the AlbConfig first"
        )
    return document


def write(
    request: Request, cluster: Cluster, name: str, what: str, plan: Planner
) -> tuple[Planned, Document]:
    """Plan and patch until nothing is left to do.

    Returns the first plan that was carried out, and the AlbConfig as it then is.
    """
    done: Planned | None = None

    def attempt() -> tuple[Planned, Document]:
        nonlocal done
        with cluster.writing(name):
            document = read_albconfig(cluster, name)
            planned = plan(document)
            if not planned.patch:
                return done or planned, document
            # A cancelled run writes nothing any more: the next one may be at work already.
            request.wait(0)
            try:
                document = cluster.patch_albconfig(name, planned.patch)
            except (Conflict, Unreachable) as error:
                done = done or planned
                raise Again(error) from None
            done = planned
            if not plan(document).patch:
                return planned, document
            raise Again(Conflict(f"AlbConfig {name} was changed again at once"))

    try:
        return rewrite(attempt, request.wait)
    except Conflict as error:
        raise UserError(
            f"{what} could not be written, {TRIES} times in a row: {error}; pause whoever else writes"
            " that listener, then run pulumi up again"
        ) from None
