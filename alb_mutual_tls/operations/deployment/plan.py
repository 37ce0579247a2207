"""What the steps of a preview or update mean for listeners and certificates.

Pure: events in, nothing asked, the same plan says the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from alb_mutual_tls.engine.events import Events, Step
from alb_mutual_tls.operations.deployment.certificate_change import (
    CertificateChange,
    ca_subjects,
    certificate_changes,
)
from alb_mutual_tls.operations.deployment.listener_change import Effect, ListenerChange, listener_change
from alb_mutual_tls.tokens import (
    LISTENER_CLIENT_AUTHENTICATION,
)

_OF_REPLACEMENTS: Final = frozenset(
    {"create-replacement", "delete-replaced"}
)  # beside a step `replace` that has both sides


@dataclass(frozen=True)
class Plan:
    """What a preview shows, or an update has done."""

    listeners: tuple[ListenerChange, ...]
    certificates: tuple[CertificateChange, ...]
    steps: tuple[Step, ...]
    unchanged: int

    def effects(self) -> dict[Effect, list[str]]:
        """The listeners of each effect, in the order of the effects."""
        listeners_by_effect = {
            effect: [change.listener for change in self.listeners if change.effect is effect]
            for effect in Effect
        }
        return {effect: listeners for effect, listeners in listeners_by_effect.items() if listeners}


def plan(events: Events, *, only: Iterable[Step] | None = None) -> Plan:
    """What the steps mean; `only` limits it to some of them."""
    steps = [step for step in (events.changing if only is None else only) if step.op not in _OF_REPLACEMENTS]
    changed = [step for step in steps if step.type == LISTENER_CLIENT_AUTHENTICATION]
    subjects = ca_subjects(events) if changed else {}
    listeners = [listener_change(step, subjects) for step in changed]
    certificates = [change for step in steps for change in certificate_changes(step)]
    return Plan(
        tuple(sorted(listeners, key=lambda change: (list(Effect).index(change.effect), change.listener))),
        tuple(sorted(certificates, key=lambda change: (change.certificate, change.action))),
        tuple(sorted(steps, key=lambda step: (step.type, step.name, step.urn, step.op))),
        sum(step.op == "same" for step in events.steps),
    )
