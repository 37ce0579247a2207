"""The certificates of a stack: authorities, clients, and outstanding ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.pki import bundle, issued
from alb_mutual_tls.pki.renewal import RenewalState, due_from, from_text, renewal

if TYPE_CHECKING:
    from alb_mutual_tls.stack.inventory import ClientCertificate, Inventory

TRUSTED: Final = "trusted"
ISSUING: Final = "issuing"


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
    """A certificate that no client has any more and that has not ended.

    `accepted`: whether it is below the CA that is trusted now.
    """

    component: str
    client: str
    serial_number: str
    not_after: datetime
    reason: str
    since: datetime
    accepted: bool


def authorities_of(inventory: Inventory) -> list[AuthorityStatus]:
    """The authorities of a component.

    Where a subordinate signs, it stands beside the root that is trusted.
    """
    names = {TRUSTED: inventory.component.trusted_authority, ISSUING: inventory.issuing_authority}
    named = [
        _authority(inventory, name, tuple(role for role, holder in names.items() if holder == name), pem)
        for name, pem in inventory.authorities.items()
    ]
    known = {authority.fingerprint for authority in named}
    signers = {
        bundle.fingerprint(client.issuer_pem): client.issuer_pem
        for client in inventory.clients
        if client.issuer_pem
    }
    subordinates = [pem for fingerprint, pem in signers.items() if fingerprint not in known]
    return named + [
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
    """A client's certificate, and when its renewal comes.

    The provider decides the same from the same figures.
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
    """What a component's record has outstanding, and whether it is still accepted."""
    if not inventory.outstanding:
        return []
    trusted = issued.authority_identity(bundle.load_one(inventory.component.ca_certificate_pem))
    return [
        OutstandingStatus(
            component=inventory.component.name,
            client=outstanding["client"],
            serial_number=outstanding["serialNumber"],
            not_after=from_text(outstanding["notAfter"]),
            reason=outstanding["reason"],
            since=from_text(outstanding["since"]),
            accepted=trusted in outstanding["acceptedBy"],
        )
        for outstanding in inventory.outstanding
    ]
