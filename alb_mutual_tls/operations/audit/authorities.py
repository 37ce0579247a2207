"""The CA certificates that listeners and Services name, and what is wrong there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import HTTPS, Listener
from alb_mutual_tls.listener.services import CaService
from alb_mutual_tls.operations.audit.scanned import (
    NotSeen,
    ScannedCluster,
    listeners_of,
    named_ids,
    services_of,
)
from alb_mutual_tls.pki.renewal import days_left, to_text
from alb_mutual_tls.verdict import Finding, Verdict


@dataclass(frozen=True)
class CaAudit:
    """A CA certificate that listeners name.

    `pem` is None where CAS does not have it or was not seen, and then `why` says which.
    """

    identifier: str
    listeners: tuple[str, ...]
    asked: bool
    """Whether one of them, or the load balancer of a Service, is told to ask for client
    certificates.
    """
    pem: str | None
    why: str | None
    faults: tuple[str, ...] = ()
    """Why no client of it can be let in: it is not a CA certificate that verifiers take, or has
    ended.
    """
    old: bool = False
    """Whether it is an X.509 v1 root, which listeners trust, and with which a stack signs nothing.
    """
    services: tuple[str, ...] = ()
    """The Services (namespace/name) whose CLB or NLB has it."""

    @property
    def users(self) -> tuple[str, ...]:
        """The listeners and Services, for sentences."""
        return (*self.listeners, *(f"Service {name}" for name in self.services))

    @cached_property
    def root_pem(self) -> str | None:
        """What the listeners trust: of a chain its last certificate."""
        from alb_mutual_tls.pki import bundle

        return None if self.pem is None else bundle.split(self.pem)[-1]

    @cached_property
    def subject(self) -> str | None:
        """The root's, as RFC 4514 writes it."""
        from alb_mutual_tls.pki import bundle

        return None if self.root_pem is None else bundle.load_one(self.root_pem).subject.rfc4514_string()

    @cached_property
    def fingerprint(self) -> str | None:
        """SHA-256 of the root's DER."""
        from alb_mutual_tls.pki import bundle

        return None if self.root_pem is None else bundle.fingerprint(self.root_pem)

    @cached_property
    def not_after(self) -> datetime | None:
        """When it ends; of a chain, when its first end comes."""
        from alb_mutual_tls.pki import bundle

        return (
            None
            if self.pem is None
            else min(certificate.not_valid_after_utc for certificate in bundle.load(self.pem))
        )


def authorities_of(seen: ScannedCluster, now: datetime) -> list[CaAudit]:
    """The CA certificates that listeners and Services name, in their order."""
    users: dict[str, list[Listener]] = {}
    for document in seen.documents:
        for listener in listeners_of(document):
            for identifier in (
                dict.fromkeys(listener.ca_certificate_ids) if listener.protocol == HTTPS else ()
            ):
                users.setdefault(identifier, []).append(listener)
    services = services_of(seen.services)
    return [
        replace(
            _authority(
                identifier, users.get(identifier, ()), services.get(identifier, ()), seen.certificates, now
            ),
            services=tuple(service.name for service in services.get(identifier, ())),
        )
        for identifier in named_ids(seen.documents, seen.services)
    ]


def _authority(
    identifier: str,
    users: Sequence[Listener],
    services: Sequence[CaService],
    known: Mapping[str, str | None] | NotSeen,
    now: datetime,
) -> CaAudit:
    names, asked = (
        tuple(user.reference for user in users),
        any(user.ca_enabled for user in users) or any(service.asks for service in services),
    )
    if isinstance(known, NotSeen):
        return CaAudit(identifier, names, asked, None, None)
    pem = known.get(identifier)
    if pem is None:
        return CaAudit(
            identifier,
            names,
            asked,
            None,
            "CAS of the account does not have this id: upload it, and correct the id where it is named",
        )
    from alb_mutual_tls.pki import brought, bundle

    try:
        if not bundle.load(pem):
            raise UserError(bundle.without_certificate(pem))
    except UserError as error:
        return CaAudit(identifier, names, asked, None, f"what CAS has of it cannot be read: {error}")
    return CaAudit(
        identifier,
        names,
        asked,
        pem,
        None,
        tuple(brought.trust_faults(pem, now)),
        old=brought.is_root_of_version_1(pem),
    )


def authority_findings(authority: CaAudit, now: datetime, fail_within: timedelta) -> Iterator[Finding]:
    """What there is to say of a CA certificate."""
    verdict = Verdict.FELL_SHORT if authority.asked else Verdict.HELD
    what = f"CA certificate {authority.identifier} (of {', '.join(authority.users)})"
    if authority.why is not None:
        yield Finding(verdict, f"{what}: {authority.why}")
    for fault in authority.faults:
        yield Finding(verdict, f"{what}: {fault}")
    if authority.old:
        yield Finding(
            Verdict.HELD,
            f"{what} is an X.509 v1 root, as the documentation's commands make it: listeners trust it, strict"
            " verifiers do not, and a stack signs nothing with it; change to an authority of version 3 when"
            " you can (docs/audit.md)",
        )
    end = authority.not_after
    if end is not None and now < end <= now + fail_within:
        left = days_left(now, end)
        days = f"{left} {'day' if left == 1 else 'days'}"
        yield Finding(
            verdict,
            f"{what} ends on {to_text(end)}, in {days}, and with it every client: rotate to a new one"
            " (docs/rotation.md)",
        )
