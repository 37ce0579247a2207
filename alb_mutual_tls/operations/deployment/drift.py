"""What a refresh has found to be other than this program left it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from alb_mutual_tls.engine.events import REFRESH, Events, ResourceState, Step, has_unknown
from alb_mutual_tls.operations.deployment.listener_change import port
from alb_mutual_tls.operations.deployment.plan import Plan, plan
from alb_mutual_tls.tokens import (
    AUTHORITY_CERTIFICATE,
    ISSUED_CERTIFICATES,
    LISTENER_CLIENT_AUTHENTICATION,
    SIGNED_CERTIFICATE,
    STACK_IDENTITY,
)

_STATE_ONLY: Final = frozenset(
    {STACK_IDENTITY, AUTHORITY_CERTIFICATE, SIGNED_CERTIFICATE, ISSUED_CERTIFICATES}
)


@dataclass(frozen=True)
class Drift:
    """A resource that is not as this program left it.

    `differences`: property, as it was left, as it is found; empty values are not told. `outlook`:
    what the next update does about it.
    """

    what: str
    gone: bool
    differences: tuple[tuple[str, str, str], ...]
    outlook: str


def drift(events: Events) -> tuple[Drift, ...]:
    """Return what a refresh found changed since this program's last update.

    What lives in the state alone cannot drift.
    """
    changing = {step.urn: step for step in events.changing}
    waiting = {step.urn for step in pending(events).steps}

    def outlook(urn: str) -> str:
        if urn in waiting:
            return "changes it"
        return "puts it back" if urn in changing else "leaves it, for the configuration says so"

    return tuple(
        sorted(
            (_drift(step, outlook(step.urn)) for step in _drifted(events)), key=lambda drifted: drifted.what
        )
    )


def pending(events: Events) -> Plan:
    """Return what an update would do besides putting drift back.

    These are configuration changes that are not deployed, and renewals that are due.
    """
    drifted = {step.urn: step for step in _drifted(events)}
    left = {step.urn: step.old for step in events.steps if step.op == REFRESH}
    remade = any(step.new is None for step in drifted.values())
    steps = [
        step
        for step in events.changing
        if not _restores(step, left.get(step.urn, step.old), drifted.keys(), remade=remade)
    ]
    return plan(events, only=steps)


def _drifted(events: Events) -> list[Step]:
    return [
        step for step in events.refreshed if step.type not in _STATE_ONLY and not step.type.startswith("tls:")
    ]


def _restores(step: Step, left: ResourceState | None, drifted: Iterable[str], *, remade: bool) -> bool:
    """Whether a step only restores what was left, or follows from such a step.

    A resource that is made again has another id, which changes what refers to it.
    """
    if left is None or step.new is None:
        return False
    unknown = has_unknown(step.new.inputs)
    same = all(
        left.inputs.get(key) == value for key, value in step.new.inputs.items() if not has_unknown(value)
    )
    return same and (step.urn in drifted or (unknown and remade))


def _drift(step: Step, outlook: str) -> Drift:
    old = step.old or ResourceState()
    if step.type != LISTENER_CLIENT_AUTHENTICATION:
        kind = step.type.rpartition(":")[2]
        return Drift(
            f"{kind} {step.name}", step.new is None, tuple((path, "", "") for path in step.paths), outlook
        )
    what = f"listener {old.value('albConfig') or '?'}:{port(old.value('port'))}"
    if step.new is None:
        return Drift(what, True, (), outlook)
    return Drift(what, False, tuple(_difference(path, old, step.new) for path in step.paths), outlook)


def _difference(path: str, left: ResourceState, live: ResourceState) -> tuple[str, str, str]:
    if path == "owner":
        holder = live.value("owner")
        told = {
            "": "no claim",
            "(unreadable annotation)": "an annotation that cannot be read",
            "(altered annotation)": "an altered claim",
        }
        return "claim", "of this stack", told.get(str(holder), f"of another stack ({holder})")
    if path == "switchedOff":
        return "mtls off", "no", str(live.value(path) or "no")
    if path in ("caEnabled", "caCertificateId"):
        return path, _shown(left.value(path)), _shown(live.value(path))
    return path, "", ""


def _shown(value: Any) -> str:
    return (
        ("none" if value in (None, "") else str(value)) if not isinstance(value, bool) else str(value).lower()
    )
