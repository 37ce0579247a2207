"""`mtls audit`: what the listeners of a whole cluster do, whoever set them up.

AlbConfigs say what is desired, ALB what is enforced, CAS what is trusted, Ingresses which other way
leads to the same hosts. Pure decisions on what the scan has seen; the clock is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.bypasses import NOT_LOOKED_AT as bypasses_not_looked_for
from alb_mutual_tls.listener.declared import all_listeners, malformed_items, name_of
from alb_mutual_tls.listener.refused import refused
from alb_mutual_tls.listener.rehearsal_claim import left_behind
from alb_mutual_tls.operations.audit.authorities import CaAudit, authorities_of, authority_findings
from alb_mutual_tls.operations.audit.listeners import ListenerAudit, claims_of, listener_audits
from alb_mutual_tls.operations.audit.scanned import NotSeen, ScannedCluster, Upload, named_ids
from alb_mutual_tls.pki.renewal import days_left
from alb_mutual_tls.verdict import EXIT_CODE, Finding, Verdict, overall

if TYPE_CHECKING:
    from alb_mutual_tls.listener.exact_json import Document

NOT_LOOKED_AT: Final = (
    "not looked at: when the listeners' own server certificates end (docs/audit.md), and who has client"
    " certificates: a stack knows those that it issued (mtls status), nobody knows those that were signed by"
    " hand"
)


@dataclass(frozen=True)
class AuditReport:
    """All of it, at one moment.

    `unused`: CA certificates in CAS that no listener of this cluster names; `settings`: whose say
    where to look.
    """

    seen: ScannedCluster
    now: datetime
    fail_within: timedelta
    listeners: tuple[ListenerAudit, ...]
    authorities: tuple[CaAudit, ...]
    unused: tuple[Upload, ...] | NotSeen
    findings: tuple[Finding, ...]
    settings: str

    @property
    def verdict(self) -> Verdict:
        return overall([Verdict.HELD, *(finding.verdict for finding in self.findings)])

    @property
    def exit_code(self) -> int:
        return EXIT_CODE[self.verdict]

    @property
    def stacks(self) -> frozenset[str]:
        """The identities of the stacks that hold a listener here."""
        return frozenset(
            claim.owner.identity for document in self.seen.documents for claim in claims_of(document).values()
        )

    def days_left(self, not_after: datetime) -> int:
        """Whole days until an end; negative once it has passed."""
        return days_left(self.now, not_after)


def report(
    seen: ScannedCluster,
    *,
    now: datetime,
    fail_within: timedelta,
    strict: bool = False,
    settings: str = "the options and the environment",
) -> AuditReport:
    """The report on what was seen.

    `strict`: what permissions or settings keep from being seen is "not decided", not merely a note.
    """
    authorities = authorities_of(seen, now)
    ending = {
        authority.identifier: tuple(authority_findings(authority, now, fail_within))
        for authority in authorities
    }
    listeners = [audit for document in seen.documents for audit in listener_audits(document, seen, ending)]
    unused = _unused(seen)
    findings = [
        *(finding for document in seen.documents for finding in _of_albconfig(document, seen.events)),
        *(finding for audit in listeners for finding in audit.findings),
        *(finding for of_one in ending.values() for finding in of_one),
        *_unseen(seen, strict=strict),
        *_of_uploads(unused),
        Finding(Verdict.HELD, NOT_LOOKED_AT),
        Finding(Verdict.HELD, bypasses_not_looked_for),
    ]
    return AuditReport(
        seen,
        now,
        fail_within,
        tuple(listeners),
        tuple(authorities),
        unused,
        tuple(dict.fromkeys(findings)),
        settings,
    )


def refusals(document: Document) -> list[str]:
    """Why the controller refuses an AlbConfig, a sentence each.

    Raises `UserError` where that cannot even be looked for.
    """
    return [*malformed_items(document), *refused(document)]


def _of_albconfig(document: Document, events: Mapping[str, str]) -> Iterator[Finding]:
    """What concerns an AlbConfig as a whole."""
    try:
        event = events.get(name_of(document))
        for sentence in refusals(document):
            yield Finding(Verdict.FELL_SHORT, f"{sentence} ({event})" if event else sentence)
        listeners = all_listeners(document)
    except UserError as error:
        yield Finding(Verdict.FELL_SHORT, str(error))
        return
    there = {(listener.port, listener.protocol.lower()) for listener in listeners}
    for (port, protocol), claim in claims_of(document).items():
        if (port, protocol) not in there:
            yield Finding(
                Verdict.HELD,
                f"AlbConfig {name_of(document)} has no listener {port}/{protocol.upper()} any more, which"
                f" {claim.owner} still claims: remove it from that stack's listeners and run pulumi up"
                " there",
            )
    yield from (Finding(Verdict.HELD, left.sentence()) for left in left_behind(document))


def _unseen(seen: ScannedCluster, *, strict: bool) -> Iterator[Finding]:
    """What could not be looked at; each reason is told once."""
    names_by_reason: dict[NotSeen, list[str]] = {}
    for name, part in (
        ("Ingresses", seen.ingresses),
        ("Services", seen.services),
        ("ALB", seen.alb),
        ("CAS", seen.certificates),
        ("uploads in CAS", seen.uploads),
    ):
        if isinstance(part, NotSeen):
            names_by_reason.setdefault(part, []).append(name)
    for reason, names in names_by_reason.items():
        verdict = Verdict.NOT_DECIDED if strict or not reason.barred else Verdict.HELD
        yield Finding(verdict, f"{' and '.join(names)} not seen: {reason.why}")


def _of_uploads(unused: tuple[Upload, ...] | NotSeen) -> Iterator[Finding]:
    if isinstance(unused, tuple) and unused:
        count = "1 CA certificate" if len(unused) == 1 else f"{len(unused)} CA certificates"
        yield Finding(
            Verdict.HELD,
            f"{count} in CAS named by no listener of this cluster: listeners of other clusters of the account"
            " may name them",
        )


def _unused(seen: ScannedCluster) -> tuple[Upload, ...] | NotSeen:
    if isinstance(seen.uploads, NotSeen):
        return seen.uploads
    named = set(named_ids(seen.documents, seen.services))
    return tuple(upload for upload in seen.uploads if upload.identifier not in named)
