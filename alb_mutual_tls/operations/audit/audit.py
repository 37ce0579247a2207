"""`mtls audit`: what the listeners of a whole cluster do, whoever set them up. Pure decisions on
what the scan has seen; the clock is an argument.

AlbConfigs say what is wished, ALB what is enforced, CAS what is trusted, Ingresses which other way
leads to the same hosts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener.bypasses import NOT_LOOKED_AT as bypasses_not_looked_for
from alb_mutual_tls.listener.bypasses import Bypass, open_bypasses
from alb_mutual_tls.listener.declared import (
    HTTPS,
    Listener,
    all_listeners,
    find_listener,
    malformed_items,
    name_of,
    wrong_types,
)
from alb_mutual_tls.listener.enforced import Absent, NotKnown, View, load_balancer_id, reported
from alb_mutual_tls.listener.fitness import doubtful, unfit
from alb_mutual_tls.listener.patch import annotation
from alb_mutual_tls.listener.refused import refused
from alb_mutual_tls.listener.services import CaService, services_by_ca
from alb_mutual_tls.listener.temporary import left_behind
from alb_mutual_tls.pki.renewal import days_left, to_text
from alb_mutual_tls.verdict import EXIT_CODE, Finding, Verdict, overall

if TYPE_CHECKING:
    from alb_mutual_tls.listener.enforced import ListenerState
    from alb_mutual_tls.listener.exact_json import Document

_CLAIM: Final = re.compile(
    rf"{re.escape(claims.PREFIX)}(?P<port>[0-9]{{1,5}})-(?P<protocol>[a-z]+)", re.ASCII
)
_OF_A_STACK: Final = re.compile(r"alb-mutual-tls-([0-9a-f]{8})", re.ASCII)
"""The name of a stack's own repository, with its identity."""

NOT_LOOKED_AT: Final = (
    "not looked at: when the listeners' own server certificates end (docs/audit.md), and who has client"
    " certificates: a stack knows those that it issued (mtls status), nobody knows those that were signed by"
    " hand"
)


@dataclass(frozen=True)
class NotSeen:
    """A place that could not be looked at; `barred`: a permission or a setting is missing, so that
    looking again changes nothing.
    """

    why: str
    barred: bool


@dataclass(frozen=True)
class Upload:
    """A CA certificate in a repository for uploads, as the list shows it."""

    identifier: str
    common_name: str
    not_after: datetime | None
    repository: str

    @property
    def stack(self) -> str | None:
        """The identity of the stack whose own repository it is in."""
        found = _OF_A_STACK.fullmatch(self.repository)
        return found[1] if found else None


@dataclass(frozen=True)
class ScannedCluster:
    """What the scan has seen.

    `alb`: by load balancer and port; `certificates`: PEM by id, None where CAS has none of that id.
    """

    cluster: str
    documents: Sequence[Document]
    ingresses: tuple[Sequence[Document], Sequence[Document]] | NotSeen
    """IngressClasses and Ingresses."""
    services: Sequence[Document] | NotSeen
    account: str | NotSeen
    alb: Mapping[tuple[str, int], ListenerState] | NotSeen
    certificates: Mapping[str, str | None] | NotSeen
    uploads: Sequence[Upload] | NotSeen
    requests: Mapping[str, int]
    """How many requests the scan has sent to Alibaba Cloud, by action."""
    events: Mapping[str, str] = field(default_factory=dict)
    """The last warning of the controller, by AlbConfig; looked for where the controller refuses
    something.
    """


class Enforcement(StrEnum):
    """Whether a listener asks for client certificates, by what AlbConfig and ALB say together."""

    OPEN = "open"
    DEMANDS = "demands client certificates"
    OTHER_CA = "demands certificates of another CA than it says"
    LETS_IN = "says on, but lets everybody in"
    REFUSES = "says off, but demands client certificates"
    SAYS_ON = "says on, not confirmed"
    SAYS_OFF = "says off, not confirmed"
    CHANGING = "changing"
    BYPASS = "bypass"
    """Another protocol than HTTPS, which can ask nobody."""


@dataclass(frozen=True)
class ListenerAudit:
    """One listener. `bypasses`: the ways around it, looked for only where it is told to ask; `claim`:
    the stack that holds it.

    `claim` is text where the annotation cannot be read.
    """

    listener: Listener
    alb: View
    bypasses: tuple[Bypass, ...] | NotSeen
    claim: claims.Claim | str | None
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """AlbConfig and port, as `--adopt` takes them."""
        return place(self.listener)

    @property
    def state(self) -> Enforcement:
        """What it does."""
        return _state(self.listener, self.alb)

    @property
    def verdict(self) -> Verdict:
        """Only one that demands certificates, ALB says so too and its bypasses were seen, holds;
        of one that asks nobody there is nothing that could.
        """
        without_complaint = {
            Enforcement.DEMANDS: Verdict.NOT_DECIDED if isinstance(self.bypasses, NotSeen) else Verdict.HELD,
            Enforcement.SAYS_ON: Verdict.NOT_DECIDED,
            Enforcement.CHANGING: Verdict.NOT_DECIDED,
        }.get(self.state, Verdict.NOT_CHECKED)
        complaints = {finding.verdict for finding in self.findings} - {Verdict.HELD}
        return overall(complaints) if complaints else without_complaint


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
    """Why no client of it can be let in: it is no CA certificate that verifiers take, or has ended.
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

        return None if self.pem is None else min(one.not_valid_after_utc for one in bundle.load(self.pem))


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
            claim.owner.identity for document in self.seen.documents for claim in _claims(document).values()
        )

    def days_left(self, not_after: datetime) -> int:
        """Whole days until an end; negative once it has passed."""
        return days_left(self.now, not_after)


def place(listener: Listener) -> str:
    """AlbConfig and port, for instance `alb:443`."""
    return f"{listener.albconfig}:{listener.port}"


def named_ids(documents: Iterable[Document], services: Iterable[Document] | NotSeen) -> list[str]:
    """The ids of the CA certificates that listeners and Services name, each once, in their
    order.
    """
    named = [
        id
        for document in documents
        for one in listeners_of(document)
        if one.protocol == HTTPS
        for id in one.ca_certificate_ids
    ]
    return list(dict.fromkeys([*named, *_services_by_ca(services)]))


def _services_by_ca(services: Iterable[Document] | NotSeen) -> dict[str, tuple[CaService, ...]]:
    return {} if isinstance(services, NotSeen) else services_by_ca(services)


def listeners_of(document: Document) -> list[Listener]:
    """The listeners of an AlbConfig; none of one that is not what it must be."""
    try:
        return all_listeners(document)
    except UserError:
        return []


# --- the report


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
    authorities = _authorities(seen, now)
    ending = {one.identifier: tuple(_of_authority(one, now, fail_within)) for one in authorities}
    listeners = [audit for document in seen.documents for audit in _albconfig(document, seen, ending)]
    unused = _unused(seen)
    findings = [
        *(finding for document in seen.documents for finding in _of_albconfig(document, seen.events)),
        *(finding for audit in listeners for finding in audit.findings),
        *(finding for of_one in ending.values() for finding in of_one),
        *_of_places(seen, strict=strict),
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


def _albconfig(
    document: Document, seen: ScannedCluster, ending: Mapping[str, tuple[Finding, ...]]
) -> list[ListenerAudit]:
    """The HTTPS listeners of an AlbConfig, and those of its others that lead around them, in the
    order of the AlbConfig.
    """
    audits, around = {}, set()
    for listener in listeners_of(document):
        if listener.protocol == HTTPS:
            audit = _https(document, listener, seen, ending)
            audits[listener.path] = audit
            around |= (
                {(bypass.port, bypass.protocol) for bypass in audit.bypasses}
                if isinstance(audit.bypasses, tuple)
                else set()
            )
    unasked = NotKnown("ALB is asked about HTTPS listeners only")
    return [
        audits.get(listener.path) or ListenerAudit(listener, unasked, (), None, ())
        for listener in listeners_of(document)
        if listener.path in audits or (listener.port, listener.protocol) in around
    ]


def _https(
    document: Document, listener: Listener, seen: ScannedCluster, ending: Mapping[str, tuple[Finding, ...]]
) -> ListenerAudit:
    """`ending`: what there is to say of each CA certificate."""
    alb = _enforced(document, listener, seen.alb)
    bypasses: tuple[Bypass, ...] | NotSeen = ()
    if listener.ca_enabled:
        bypasses = (
            seen.ingresses
            if isinstance(seen.ingresses, NotSeen)
            else open_bypasses(document, *seen.ingresses, listener)
        )
    claim = _claim(document, listener)
    findings = [
        *_of_declaration(document, listener),
        *_of_enforcement(listener, alb, asked=not isinstance(seen.alb, NotSeen)),
        *_of_claim(listener, claim),
        *(
            Finding(Verdict.FELL_SHORT, bypass.sentence(listener))
            for bypass in (bypasses if isinstance(bypasses, tuple) else ())
        ),
        *(
            finding
            for identifier in listener.ca_certificate_ids
            if listener.ca_enabled
            for finding in ending[identifier]
        ),
    ]
    return ListenerAudit(listener, alb, bypasses, claim, tuple(findings))


def _enforced(
    document: Document, listener: Listener, alb: Mapping[tuple[str, int], ListenerState] | NotSeen
) -> View:
    if isinstance(alb, NotSeen):
        return NotKnown(alb.why)
    identifier = load_balancer_id(document)
    if identifier is None:
        return NotKnown(f"AlbConfig {listener.albconfig} has no load balancer yet (status.loadBalancer.id)")
    return reported(alb.get((identifier, listener.port)), identifier, listener.port)


def _state(listener: Listener, alb: View) -> Enforcement:
    if listener.protocol != HTTPS:
        return Enforcement.BYPASS
    if isinstance(alb, NotKnown):
        return Enforcement.SAYS_ON if listener.ca_enabled else Enforcement.SAYS_OFF
    if isinstance(alb, Absent):
        return Enforcement.LETS_IN if listener.ca_enabled else Enforcement.OPEN
    if alb.changing:
        return Enforcement.CHANGING
    if listener.ca_enabled and alb.ca_enabled:
        return (
            Enforcement.DEMANDS
            if alb.ca_certificate_ids == listener.ca_certificate_ids
            else Enforcement.OTHER_CA
        )
    if listener.ca_enabled:
        return Enforcement.LETS_IN
    return Enforcement.REFUSES if alb.ca_enabled else Enforcement.OPEN


# --- what there is to say


def refusals(document: Document) -> list[str]:
    """Why the controller refuses an AlbConfig, a sentence each; raises `UserError` where it cannot
    even be looked for.
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
    for (port, protocol), claim in _claims(document).items():
        if (port, protocol) not in there:
            yield Finding(
                Verdict.HELD,
                f"AlbConfig {name_of(document)} has no listener {port}/{protocol.upper()} any more, which"
                f" stack {claim.owner} still claims: remove it from that stack's listeners and run pulumi up"
                " there",
            )
    yield from (Finding(Verdict.HELD, one.sentence()) for one in left_behind(document))


def _of_declaration(document: Document, listener: Listener) -> Iterator[Finding]:
    try:
        find_listener(document, listener.port)
    except UserError as error:
        yield Finding(Verdict.FELL_SHORT, str(error))
    reasons = unfit(document, listener) if listener.ca_enabled else wrong_types(listener)
    yield from (Finding(Verdict.FELL_SHORT, reason) for reason in reasons)
    if listener.ca_enabled:
        yield from (Finding(Verdict.HELD, doubt) for doubt in doubtful(document, listener))
    what, ids = _what(listener), listener.ca_certificate_ids
    if listener.ca_enabled and not ids:
        yield Finding(
            Verdict.FELL_SHORT,
            f"{what} is on and names no CA certificate, which ALB refuses: name one in caCertificates, or set"
            " caEnabled to false",
        )
    elif listener.ca_enabled and len(ids) > 1:
        yield Finding(
            Verdict.FELL_SHORT,
            f"{what} is on and names {len(ids)} CA certificates ({', '.join(ids)}), and ALB takes one: leave"
            " the one that is meant",
        )


def _of_enforcement(listener: Listener, alb: View, *, asked: bool) -> Iterator[Finding]:
    what, events = _what(listener), "read the events of the AlbConfig (kubectl describe albconfig)"
    if isinstance(alb, NotKnown):
        if asked and listener.ca_enabled:
            yield Finding(Verdict.NOT_DECIDED, f"{what} says on, and whether it is was not seen: {alb.why}")
        return
    if isinstance(alb, Absent):
        if listener.ca_enabled:
            yield Finding(Verdict.FELL_SHORT, f"{what} says on, and {alb.why}: {events}")
        return
    if alb.changing:
        yield Finding(Verdict.NOT_DECIDED, f"{what}: ALB is at work on it, so run this again in a moment")
    elif listener.ca_enabled and not alb.ca_enabled:
        yield Finding(
            Verdict.FELL_SHORT,
            f"{what} says on, but ALB lets everybody in without a client certificate: {events}",
        )
    elif not listener.ca_enabled and alb.ca_enabled:
        yield Finding(Verdict.FELL_SHORT, f"{what} says off, but ALB asks for client certificates: {events}")
    elif listener.ca_enabled and alb.ca_certificate_ids != listener.ca_certificate_ids:
        enforced = ", ".join(alb.ca_certificate_ids) or "none"
        yield Finding(
            Verdict.FELL_SHORT,
            f"{what} names CA certificate {', '.join(listener.ca_certificate_ids) or 'none'}, and ALB trusts"
            f" {enforced}: {events}",
        )


def _of_claim(listener: Listener, claim: claims.Claim | str | None) -> Iterator[Finding]:
    if isinstance(claim, str):
        yield Finding(Verdict.FELL_SHORT, claim)
    elif claim is not None and listener.ca_certificate_ids != (claim.applied,):
        named = ", ".join(listener.ca_certificate_ids) or "none"
        yield Finding(
            Verdict.FELL_SHORT,
            f"{_what(listener)} is held by stack {claim.owner}, which wrote CA certificate {claim.applied},"
            f" and names {named} now: run pulumi preview there, and find out who changed it",
        )


def _of_authority(authority: CaAudit, now: datetime, fail_within: timedelta) -> Iterator[Finding]:
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


def _of_places(seen: ScannedCluster, *, strict: bool) -> Iterator[Finding]:
    """What could not be looked at; one reason for several places is told once."""
    places: dict[NotSeen, list[str]] = {}
    for name, found in (
        ("Ingresses", seen.ingresses),
        ("Services", seen.services),
        ("ALB", seen.alb),
        ("CAS", seen.certificates),
        ("uploads in CAS", seen.uploads),
    ):
        if isinstance(found, NotSeen):
            places.setdefault(found, []).append(name)
    for found, names in places.items():
        verdict = Verdict.NOT_DECIDED if strict or not found.barred else Verdict.HELD
        yield Finding(verdict, f"{' and '.join(names)} not seen: {found.why}")


def _of_uploads(unused: tuple[Upload, ...] | NotSeen) -> Iterator[Finding]:
    if isinstance(unused, tuple) and unused:
        count = "1 CA certificate" if len(unused) == 1 else f"{len(unused)} CA certificates"
        yield Finding(
            Verdict.HELD,
            f"{count} in CAS named by no listener of this cluster: listeners of other clusters of the account"
            " may name them",
        )


# --- CA certificates


def _authorities(seen: ScannedCluster, now: datetime) -> list[CaAudit]:
    users: dict[str, list[Listener]] = {}
    for document in seen.documents:
        for listener in listeners_of(document):
            for identifier in (
                dict.fromkeys(listener.ca_certificate_ids) if listener.protocol == HTTPS else ()
            ):
                users.setdefault(identifier, []).append(listener)
    services = _services_by_ca(seen.services)
    return [
        replace(
            _authority(
                identifier, users.get(identifier, ()), services.get(identifier, ()), seen.certificates, now
            ),
            services=tuple(one.name for one in services.get(identifier, ())),
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
        tuple(map(place, users)),
        any(one.ca_enabled for one in users) or any(one.asks for one in services),
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
            "CAS of the account has none of this id: upload it, and correct the id where it is named",
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


def _unused(seen: ScannedCluster) -> tuple[Upload, ...] | NotSeen:
    if isinstance(seen.uploads, NotSeen):
        return seen.uploads
    named = set(named_ids(seen.documents, seen.services))
    return tuple(upload for upload in seen.uploads if upload.identifier not in named)


# --- claims


def _what(listener: Listener) -> str:
    return f"listener {listener.label} of AlbConfig {listener.albconfig}"


def _claim(document: Document, listener: Listener) -> claims.Claim | str | None:
    key = claims.annotation_key(listener.port, listener.protocol)
    try:
        return claims.parse(annotation(document, key), listener.albconfig, key)
    except UserError as error:
        return str(error)


def _claims(document: Document) -> dict[tuple[int, str], claims.Claim]:
    """The claims that can be read, by port and protocol (lower case)."""
    found = {}
    for key in (document.get("metadata") or {}).get("annotations") or {}:
        match = _CLAIM.fullmatch(str(key))
        if match is None:
            continue
        try:
            claim = claims.parse(annotation(document, key), name_of(document), key)
        except UserError:
            continue  # told at its listener
        if claim is not None:
            found[int(match["port"]), match["protocol"]] = claim
    return found
