"""`mtls status`: what listeners should be and are, what ends or comes due, who is still let in.

Pure decisions on what the state holds (`inventory`) and what AlbConfig and ALB say (`observed`);
the clock is an argument. Bypasses and handshakes are the business of `mtls verify`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.enforced import Absent, NotKnown, Shown, View, words
from alb_mutual_tls.operations.status.observed import ObservedListener
from alb_mutual_tls.pki import bundle, issued
from alb_mutual_tls.pki.renewal import RenewalState, days_left, due_from, from_text, renewal, to_text
from alb_mutual_tls.verdict import EXIT_CODE, Finding, Verdict, overall

if TYPE_CHECKING:
    from alb_mutual_tls.stack.deployed import DeployedListener
    from alb_mutual_tls.stack.inventory import ClientCertificate, Inventory

_DURATION: Final = re.compile(r"([0-9]{1,6})([dh])", re.ASCII)
TRUSTED: Final = "trusted"
ISSUING: Final = "issuing"


def duration(text: str) -> timedelta:
    """A number of days or hours, for instance 14d or 36h; raises `UserError` for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UserError(
            f"--fail-within {text!r} is no time: give a whole number of days or hours, for instance 14d"
            " or 36h"
        )
    number = int(found[1])
    return timedelta(days=number) if found[2] == "d" else timedelta(hours=number)


@dataclass(frozen=True)
class ListenerStatus:
    """A listener: what the last `pulumi up` wanted, what AlbConfig and ALB report.

    `authority`: the name of the one whose CA certificate it is to trust.
    """

    component: str
    desired: DeployedListener
    authority: str
    albconfig: View
    alb: View

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What does not hold, or is not known."""
        return tuple(_out_of_step(self))

    @property
    def verdict(self) -> Verdict:
        return overall([Verdict.HELD, *(finding.verdict for finding in self.findings)])


@dataclass(frozen=True)
class AuthorityStatus:
    """An authority of the stack.

    `roles`: of `TRUSTED` and `ISSUING`; one without is only uploaded, or signs what another one is
    trusted for.
    """

    component: str
    name: str
    roles: tuple[str, ...]
    subject: str
    fingerprint: str
    not_after: datetime


@dataclass(frozen=True)
class ClientStatus:
    """The certificate that a client has.

    `renewal`: from when `pulumi up` issues it anew; None where that would not lengthen its life,
    because its authority ends with it (`ends_with_authority`), and where the state does not tell.
    """

    component: str
    name: str
    serial_number: str
    not_after: datetime
    renewal: datetime | None
    due: bool
    ends_with_authority: bool


@dataclass(frozen=True)
class OutstandingStatus:
    """A certificate that no client has any more and that has not ended; `accepted`: whether it is
    below the CA that is trusted now.
    """

    component: str
    client: str
    serial_number: str
    not_after: datetime
    reason: str
    since: datetime
    accepted: bool


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
        """What fell short, what could not be decided, and what is merely to be known, a sentence
        each.
        """
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

    def days_left(self, not_after: datetime) -> int:
        """Whole days until an end; negative once it has passed."""
        return days_left(self.now, not_after)


# --- what there is


def report(
    seen: Sequence[tuple[Inventory, Sequence[ObservedListener]]],
    *,
    now: datetime,
    fail_within: timedelta | None,
    notes: Sequence[str] = (),
) -> StatusReport:
    """The report on what the state holds and how the listeners were seen; certificates that have
    ended are outstanding no more.

    `notes`: what else is to be known, a sentence each.
    """
    inventories = [inventory for inventory, _ in seen]
    return StatusReport(
        now=now,
        fail_within=fail_within,
        listeners=tuple(
            ListenerStatus(
                inventory.component.name,
                one.listener,
                inventory.component.trusted_authority,
                one.albconfig,
                one.alb,
            )
            for inventory, listeners in seen
            for one in listeners
        ),
        authorities=tuple(one for inventory in inventories for one in authorities_of(inventory)),
        clients=tuple(
            client_status(inventory.component.name, one, now)
            for inventory in inventories
            for one in inventory.clients
        ),
        outstanding=tuple(
            one for inventory in inventories for one in outstanding_of(inventory) if one.not_after > now
        ),
        notices=(
            *(_unrecorded(inventory) for inventory in inventories if inventory.outstanding is None),
            *(
                Finding(Verdict.HELD, sentence)
                for sentence in dict.fromkeys(
                    said for _, listeners in seen for one in listeners for said in one.notices
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


def authorities_of(inventory: Inventory) -> list[AuthorityStatus]:
    """The authorities of a component; where a subordinate signs, it stands beside the root that is
    trusted.
    """
    names = {TRUSTED: inventory.component.trusted_authority, ISSUING: inventory.issuing_authority}
    found = [
        _authority(inventory, name, tuple(role for role, holder in names.items() if holder == name), pem)
        for name, pem in inventory.authorities.items()
    ]
    known = {one.fingerprint for one in found}
    signers = {
        bundle.fingerprint(one.issuer_pem): one.issuer_pem for one in inventory.clients if one.issuer_pem
    }
    subordinates = [pem for fingerprint, pem in signers.items() if fingerprint not in known]
    return found + [
        _authority(inventory, f"{inventory.issuing_authority} (subordinate)", (ISSUING,), pem)
        for pem in subordinates
    ]


def _authority(inventory: Inventory, name: str, roles: tuple[str, ...], pem: str) -> AuthorityStatus:
    certificate = bundle.load_one(pem)
    subject = certificate.subject.rfc4514_string()
    return AuthorityStatus(
        inventory.component.name,
        name,
        roles,
        subject,
        bundle.fingerprint(pem),
        certificate.not_valid_after_utc,
    )


def client_status(component: str, client: ClientCertificate, now: datetime) -> ClientStatus:
    """A client's certificate, and when its renewal comes: the decision of the provider, with the
    same figures.
    """
    certificate = bundle.load_one(client.certificate_pem)
    end, serial_number = certificate.not_valid_after_utc, f"{certificate.serial_number:x}"
    if client.renew_before_days is None or client.issuer_pem is None:
        return ClientStatus(
            component, client.client, serial_number, end, None, due=False, ends_with_authority=False
        )
    authority_end = bundle.load_one(client.issuer_pem).not_valid_after_utc
    short = authority_end <= max(now, end)
    return ClientStatus(
        component=component,
        name=client.client,
        serial_number=serial_number,
        not_after=end,
        renewal=None if short else due_from(end, client.renew_before_days),
        due=renewal(now, end, client.renew_before_days, authority_end) is RenewalState.DUE,
        ends_with_authority=short,
    )


def outstanding_of(inventory: Inventory) -> list[OutstandingStatus]:
    """What the record of a component has outstanding, and whether the CA that is trusted now
    accepts it.
    """
    if not inventory.outstanding:
        return []
    trusted = issued.authority_identity(bundle.load_one(inventory.component.ca_certificate_pem))
    return [
        OutstandingStatus(
            component=inventory.component.name,
            client=one["client"],
            serial_number=one["serialNumber"],
            not_after=from_text(one["notAfter"]),
            reason=one["reason"],
            since=from_text(one["since"]),
            accepted=trusted in one["acceptedBy"],
        )
        for one in inventory.outstanding
    ]


# --- what falls short


def in_step(desired: DeployedListener, shown: Shown | Absent, *, whole: bool) -> bool:
    """Whether AlbConfig or ALB shows what is desired.

    `whole`: also the CA certificates of a listener that is off, which the AlbConfig keeps.
    """
    if isinstance(shown, Absent):
        return not desired.ca_enabled
    if shown.ca_enabled != desired.ca_enabled:
        return False
    compared = desired.ca_certificate_id is not None and (desired.ca_enabled or whole)
    return not compared or shown.ca_certificate_ids == (desired.ca_certificate_id,)


def _out_of_step(listener: ListenerStatus) -> Iterator[Finding]:
    desired = listener.desired
    what = f"listener {desired.name} (AlbConfig {desired.alb_config} port {desired.port})"
    wanted = words(desired.ca_enabled, [desired.ca_certificate_id])
    for source, view in (("the AlbConfig", listener.albconfig), ("ALB", listener.alb)):
        if isinstance(view, NotKnown):
            yield Finding(Verdict.NOT_DECIDED, f"{what}: {source} was not seen: {view.why}")
        elif isinstance(view, Shown) and view.changing:
            yield Finding(Verdict.NOT_DECIDED, f"{what}: ALB is at work on it, so run this again in a moment")
        elif not in_step(desired, view, whole=source != "ALB"):
            has = (
                view.why
                if isinstance(view, Absent)
                else f"{source} has {words(view.ca_enabled, view.ca_certificate_ids)}"
            )
            remedy = (
                _REMEDIES[source]
                if source != "ALB" or view != listener.albconfig
                else "it does as the AlbConfig says"
            )
            yield Finding(Verdict.FELL_SHORT, f"{what}: desired is {wanted}, and {has}: {remedy}")


_REMEDIES: Final = {
    "the AlbConfig": "run pulumi preview to see what pulumi up would write, and find out who changed it",
    "ALB": "read the events of the AlbConfig (kubectl describe albconfig), then run pulumi up",
}


def _ends_within(not_after: datetime, report: StatusReport) -> str | None:
    """What an end has to do with the time that was given: it has passed, or it comes within."""
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
