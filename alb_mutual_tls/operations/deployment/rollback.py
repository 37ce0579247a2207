"""Where a deployment that turned out bad can go back to: pure decisions.

Never to a state that admits clients that the previous one refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from alb_mutual_tls.engine.events import Step
from alb_mutual_tls.operations.deployment.proof import Verification
from alb_mutual_tls.stack.history import HistoryEntry
from alb_mutual_tls.tokens import COMPONENT, LISTENER_CLIENT_AUTHENTICATION

CA_ENABLED: Final = "alb-mutual-tls:caEnabled"
LISTENERS: Final = "alb-mutual-tls:listeners"
CUT_OFF: Final = "alb-mutual-tls:cutOff"


@dataclass(frozen=True)
class StateBefore:
    """What there was before a deployment.

    `deployed`: whether anything was; `verification`: None where nothing was; `unknown`: why the
    configuration of the last deployment cannot be had, empty where it can; `protected`: URN ->
    whether it is, of all resources; `on`: the listeners (AlbConfig:port) that demanded
    certificates.
    """

    deployed: bool
    verification: Verification | None
    unknown: str
    protected: Mapping[str, bool]
    on: frozenset[str]


@dataclass(frozen=True)
class WayBack:
    """A state to go back to.

    `edit`: the key and value by which its configuration differs from the one just deployed. None
    means the former configuration.
    """

    sentence: str
    edit: tuple[str, str] | None = None


@dataclass(frozen=True)
class NoWayBack:
    """There is no good state to go back to; `why` is a clause."""

    why: str


def way_back(before: StateBefore, previously_on: Collection[str]) -> WayBack | NoWayBack:
    """The last good state.

    `previously_on`: the listeners that demanded certificates of another CA before the stack took
    hold of them.
    """
    if not before.deployed:
        if previously_on:
            return WayBack("the listeners as they were before the first deployment", (LISTENERS, "{}"))
        return WayBack(
            "client authentication off, as it was before the first deployment", (CA_ENABLED, "false")
        )
    if before.verification is None or not before.verification.good:
        summary = before.verification.summary if before.verification else "not verified"
        return NoWayBack(f"the state before was not good either ({summary})")
    if before.unknown:
        return NoWayBack(before.unknown)
    return WayBack("the configuration of the last deployment")


def guarded(last: HistoryEntry) -> HistoryEntry:
    """Return the last deployment without its cutOff.

    A rollback that would lock clients out must be refused, not forced.
    """
    return replace(
        last, configuration={key: value for key, value in last.configuration.items() if key != CUT_OFF}
    )


def widened(steps: Iterable[Step], on: Collection[str], *, gives_back: bool) -> list[str]:
    """Return the listeners that these steps stop from demanding certificates.

    Only listeners in `on`, which demanded them before, count.

    `gives_back`: deleting a resource gives its listener the previous values, so it does not count.
    """
    keys = set()
    for step in steps:
        state = step.new or step.old
        if step.type != LISTENER_CLIENT_AUTHENTICATION or step.op == "refresh" or state is None:
            continue
        key = listener_key(state.value("albConfig"), state.value("port"))
        if key in on and (not gives_back if step.new is None else step.new.value("caEnabled") is not True):
            keys.add(key)
    return sorted(keys)


def listener_key(alb_config: object, port: Any) -> str:
    """AlbConfig and port, as summaries name a listener."""
    return f"{alb_config}:{int(port)}"


def resources(exported: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The resources of a deployment, without those that are about to be deleted."""
    return [
        resource
        for resource in (exported.get("deployment") or {}).get("resources") or ()
        if not resource.get("delete")
    ]


def is_deployed(exported: Mapping[str, Any]) -> bool:
    """Whether the state has an AlbMutualTls."""
    return any(resource.get("type") == COMPONENT for resource in resources(exported))


def protected(exported: Mapping[str, Any]) -> dict[str, bool]:
    """URN -> whether it is protected from deletion."""
    return {str(resource["urn"]): bool(resource.get("protect")) for resource in resources(exported)}


def demanding(exported: Mapping[str, Any]) -> frozenset[str]:
    """The listeners of which the state says that they demand certificates."""
    return frozenset(
        listener_key(entry["inputs"]["albConfig"], entry["inputs"]["port"])
        for entry in resources(exported)
        if entry.get("type") == LISTENER_CLIENT_AUTHENTICATION and entry["inputs"].get("caEnabled") is True
    )


def previously_demanding(exported: Mapping[str, Any], since: Collection[str]) -> frozenset[str]:
    """Return the listeners that demanded certificates before the stack claimed them.

    Listeners whose URNs are in `since` are left out.
    """
    return frozenset(
        listener_key(resource["inputs"]["albConfig"], resource["inputs"]["port"])
        for resource in resources(exported)
        if resource.get("type") == LISTENER_CLIENT_AUTHENTICATION
        and resource["urn"] not in since
        and _was_on((resource.get("outputs") or {}).get("previous"))
    )


def _was_on(previous: object) -> bool:
    """Whether the previous values of a listener (JSON text) say on.

    Keys match in any case, as the controller takes them.
    """
    values = json.loads(previous) if isinstance(previous, str) and previous else {}
    return any(key.lower() == "caenabled" and value is True for key, value in values.items())
