"""What the listeners of a cluster do, by AlbConfigs and ALB together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener.bypasses import Bypass, open_bypasses
from alb_mutual_tls.listener.declared import HTTPS, Listener, find_listener, name_of, wrong_types
from alb_mutual_tls.listener.enforced import Absent, NotKnown, View, load_balancer_id, reported
from alb_mutual_tls.listener.fitness import doubtful, unfit
from alb_mutual_tls.listener.patch import annotation
from alb_mutual_tls.operations.audit.scanned import NotSeen, ScannedCluster, listeners_of
from alb_mutual_tls.verdict import Finding, Verdict, overall

if TYPE_CHECKING:
    from alb_mutual_tls.listener.enforced import ListenerState
    from alb_mutual_tls.listener.exact_json import Document

_CLAIM: Final = re.compile(
    rf"{re.escape(claims.PREFIX)}(?P<port>[0-9]{{1,5}})-(?P<protocol>[a-z]+)", re.ASCII
)


class Enforcement(StrEnum):
    """Whether a listener asks for client certificates, by AlbConfig and ALB together."""

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
    """One listener, what ALB does there, and what is wrong with it.

    `bypasses` are looked for only where it is told to ask. `claim`: the stack that holds it; text
    where the annotation cannot be read.
    """

    listener: Listener
    alb: View
    bypasses: tuple[Bypass, ...] | NotSeen
    claim: claims.Claim | str | None
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """AlbConfig and port, as `--adopt` takes them."""
        return self.listener.reference

    @property
    def state(self) -> Enforcement:
        """What it does."""
        return _state(self.listener, self.alb)

    @property
    def verdict(self) -> Verdict:
        """Held: it demands certificates, ALB says so too, and its bypasses were seen.

        Nothing is checked of a listener that asks nobody.
        """
        without_complaint = {
            Enforcement.DEMANDS: Verdict.NOT_DECIDED if isinstance(self.bypasses, NotSeen) else Verdict.HELD,
            Enforcement.SAYS_ON: Verdict.NOT_DECIDED,
            Enforcement.CHANGING: Verdict.NOT_DECIDED,
        }.get(self.state, Verdict.NOT_CHECKED)
        complaints = {finding.verdict for finding in self.findings} - {Verdict.HELD}
        return overall(complaints) if complaints else without_complaint


def listener_audits(
    document: Document, seen: ScannedCluster, ending: Mapping[str, tuple[Finding, ...]]
) -> list[ListenerAudit]:
    """The HTTPS listeners of an AlbConfig and their bypasses, in its order."""
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
            f"{_what(listener)} is held by {claim.owner}, which wrote CA certificate {claim.applied},"
            f" and names {named} now: run pulumi preview there, and find out who changed it",
        )


def _what(listener: Listener) -> str:
    return f"listener {listener.label} of AlbConfig {listener.albconfig}"


def _claim(document: Document, listener: Listener) -> claims.Claim | str | None:
    key = claims.annotation_key(listener.port, listener.protocol)
    try:
        return claims.parse(annotation(document, key), listener.albconfig, key)
    except UserError as error:
        return str(error)


def claims_of(document: Document) -> dict[tuple[int, str], claims.Claim]:
    """The claims that can be read, by port and protocol (lower case)."""
    claims_by_listener = {}
    for key in (document.get("metadata") or {}).get("annotations") or {}:
        match = _CLAIM.fullmatch(str(key))
        if match is None:
            continue
        try:
            claim = claims.parse(annotation(document, key), name_of(document), key)
        except UserError:
            continue  # told at its listener
        if claim is not None:
            claims_by_listener[int(match["port"]), match["protocol"]] = claim
    return claims_by_listener
