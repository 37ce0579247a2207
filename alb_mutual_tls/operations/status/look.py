"""Looking: what a stack holds, and what AlbConfig and ALB have."""

from __future__ import annotations

from pathlib import Path

from alb_mutual_tls import clock
from alb_mutual_tls.access.cloud import Cloud
from alb_mutual_tls.alibaba.endpoints import half_of_cas
from alb_mutual_tls.engine.program import export
from alb_mutual_tls.listener.bypasses import NOT_LOOKED_AT
from alb_mutual_tls.operations.status.observed import observe
from alb_mutual_tls.operations.status.status import StatusReport, report
from alb_mutual_tls.stack.history import asked_stack_file
from alb_mutual_tls.stack.inventory import inventories
from alb_mutual_tls.text import duration


def look(
    fail_within: str | None, *, directory: Path, stack: str | None, component: str | None
) -> StatusReport:
    """Look at a stack, or at one component of it.

    `fail_within`: as given with --fail-within. Raises UserError where the stack cannot be read.
    """
    within = None if fail_within is None else duration(fail_within)
    with asked_stack_file(directory, stack) as stack_file:
        inventoried = inventories(export(directory, stack, secrets=False), component=component)
        seen = [(inventory, observe(inventory, directory, stack)) for inventory in inventoried]
        file = stack_file()
    notes = [
        half_of_cas(Cloud.of(inventory.provider).endpoints.cas)
        for inventory in inventoried
        if "endpoints" not in inventory.secret_settings
    ]
    if any(listener.ca_enabled for inventory in inventoried for listener in inventory.component.listeners):
        notes.append(NOT_LOOKED_AT)
    return report(seen, now=clock.now(), fail_within=within, notes=[*file.notes, *notes])
