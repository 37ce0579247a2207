"""`mtls status`: whether listeners are as desired, what ends, who is still let in.

Pure decisions on what the state holds (`inventory`) and what AlbConfig and ALB say (`observed`);
the clock is an argument. Bypasses and handshakes are the business of `mtls verify`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from alb_mutual_tls.operations.status.certificates import (
    AuthorityStatus,
    ClientStatus,
    OutstandingStatus,
    authorities_of,
    client_status,
    outstanding_of,
)
from alb_mutual_tls.operations.status.listeners import ListenerStatus
from alb_mutual_tls.operations.status.observed import ObservedListener
from alb_mutual_tls.pki.renewal import days_left, to_text
from alb_mutual_tls.verdict import EXIT_CODE, Finding, Verdict, overall

if TYPE_CHECKING:
    from alb_mutual_tls.stack.inventory import Inventory


@dataclass(frozen=True)
class StatusReport:
    """All of it, at one moment.

    `notices`: what else there is to say of the stack, each with the verdict that follows from it.
    """

    now: datetime
    fail_within: timedelta | None
    listeners: tuple[ListenerStatus, ...]
    authorities: tuple[AuthorityStatus, ...]
    clients: tuple[ClientStatus, ...]
    outstanding: tuple[OutstandingStatus, ...]
    notices: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What fell short, was not decided, or is to be known, a sentence each."""
        return (
            *(finding for listener in self.listeners for finding in listener.findings),
            *(finding for authority in self.authorities if (finding := _ending_authority(authority, self))),
            *(finding for client in self.clients for finding in _ending_client(client, self)),
            *self.notices,
        )

    @property
    def verdict(self) -> Verdict:
        return overall([Verdict.HELD, *(finding.verdict for finding in self.findings)])

    @property
    def exit_code(self) -> int:
        return EXIT_CODE[self.verdict]

    def of_clients(self) -> StatusReport:
        """The same without the listeners and the authorities, for who asks for the clients."""
        return replace(self, listeners=(), authorities=())

    def days_left(self, not_after: datetime) -> int:
        """Whole days until an end; negative once it has passed."""
        return days_left(self.now, not_after)


def report(
    seen: Sequence[tuple[Inventory, Sequence[ObservedListener]]],
    *,
    now: datetime,
    fail_within: timedelta | None,
    notes: Sequence[str] = (),
) -> StatusReport:
    """The report on what the state holds and what was observed of the listeners.

    Certificates that have ended are outstanding no more. `notes`: what else is to be known, a
    sentence each.
    """
    inventories = [inventory for inventory, _ in seen]
    return StatusReport(
        now=now,
        fail_within=fail_within,
        listeners=tuple(
            ListenerStatus(
                inventory.component.name,
                listener.listener,
                inventory.component.trusted_authority,
                listener.albconfig,
                listener.alb,
            )
            for inventory, listeners in seen
            for listener in listeners
        ),
        authorities=tuple(authority for inventory in inventories for authority in authorities_of(inventory)),
        clients=tuple(
            client_status(inventory.component.name, client, now)
            for inventory in inventories
            for client in inventory.clients
        ),
        outstanding=tuple(
            outstanding
            for inventory in inventories
            for outstanding in outstanding_of(inventory)
            if outstanding.not_after > now
        ),
        notices=(
            *(_unrecorded(inventory) for inventory in inventories if inventory.outstanding is None),
            *(
                Finding(Verdict.HELD, sentence)
                for sentence in dict.fromkeys(
                    said for _, listeners in seen for listener in listeners for said in listener.notices
                )
            ),
            *(Finding(Verdict.HELD, sentence) for sentence in dict.fromkeys(notes)),
        ),
    )


def _unrecorded(inventory: Inventory) -> Finding:
    name = inventory.component.name
    return Finding(
        Verdict.HELD,
        f"which certificates of removed clients are still accepted is not known: the state of {name} is of an"
        " earlier version, which kept no record; run pulumi up, which begins one",
    )


def _ends_within(not_after: datetime, report: StatusReport) -> str | None:
    """That an end has passed, or comes within the time that was given."""
    if not_after <= report.now:
        return f"ended on {to_text(not_after)}"
    if report.fail_within is not None and not_after <= report.now + report.fail_within:
        left = report.days_left(not_after)
        return f"ends on {to_text(not_after)}, in {left} {'day' if left == 1 else 'days'}"
    return None


def _ending_authority(authority: AuthorityStatus, report: StatusReport) -> Finding | None:
    ending = _ends_within(authority.not_after, report)
    if ending is None or not authority.roles:
        return None
    return Finding(
        Verdict.FELL_SHORT,
        f"authority {authority.name} ({' and '.join(authority.roles)}) {ending}: rotate to a new one"
        " (docs/rotation.md)",
    )


def _ending_client(client: ClientStatus, report: StatusReport) -> Iterator[Finding]:
    ending, what = _ends_within(client.not_after, report), f"the certificate of client {client.name}"
    if ending is None and not (client.due and report.fail_within is not None and client.renewal is not None):
        return
    if client.ends_with_authority:
        said = f"{what} {ending}, with its authority: rotate to a new one (docs/rotation.md)"
    elif client.due and client.renewal is not None:
        said = (
            f"{what} {ending or f'is due for renewal since {to_text(client.renewal)}'}: run pulumi up, and"
            " hand the new one over"
        )
    elif client.renewal is not None:
        said = (
            f"{what} {ending}, and is renewed from {to_text(client.renewal)} on: raise its renewBeforeDays,"
            " or give a shorter --fail-within"
        )
    else:
        said = f"{what} {ending}: run pulumi up"
    yield Finding(Verdict.FELL_SHORT, said)
