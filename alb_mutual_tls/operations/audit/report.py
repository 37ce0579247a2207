"""The report of `mtls audit`: tables for people, JSON for machines.

The JSON document (stable; `version` counts up when a field changes its meaning or goes away, never
when one is added). Moments are RFC 3339, in UTC:
    version         1
    verdict         "held" (nothing to complain about), "fell short" or "not decided"
    exitCode        0, 1 or 2, in that order
    summary         one line for people
    settings        whose say where to look: the options and the environment, or a stack
    checkedAt       when
    failWithinSeconds  as given with --fail-within
    error           only when the AlbConfigs could not be read: why, one sentence
    cluster         which, in words
    account         id of the Alibaba Cloud account, or null where it was not seen
    listeners       list of {albConfig, port, protocol, clients, verdict, albconfig, alb, sideDoors,
                    stack, urn}; clients: one of "open", "demands client
                    certificates", "demands certificates of another CA than it says", "says on, but
                    lets everybody in", "says off, but demands client certificates", "says on, not
                    confirmed", "says off, not confirmed", "changing", "bypass"; verdict "held"
                    only where the listener demands certificates, "not checked" where it asks nobody
                    and there is nothing to complain about; albconfig {caEnabled, caCertificateIds};
                    alb the same and {changing, why}, caEnabled null where it was not seen and then
                    why says so; sideDoors list of {port, protocol, hosts, ingresses}, null where
                    not seen; stack and urn: who holds it, null where nobody does
    caCertificates  those that listeners and Services name: list of {id, subject, fingerprint
                    (SHA-256), notAfter, daysLeft, listeners, services,
                    why}; services: whose CLB or NLB has it (namespace/name); why null where it was
                    seen
    unusedUploads   CA certificates in CAS that no listener of the cluster names: list of {id,
                    commonName, notAfter, repository, stack, holdsListener};
                    null where CAS was not seen; stack: whose repository it is in, null where it is
                    in nobody's
    requests        how many were sent to Alibaba Cloud, by action
    findings        list of {verdict, text}: what fell short, what could not be decided, what is
                    merely to be known
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.listener.claim import Claim
from alb_mutual_tls.listener.declared import HTTPS
from alb_mutual_tls.listener.enforced import Absent, NotKnown, Shown, View, words
from alb_mutual_tls.operations.audit.audit import AuditReport
from alb_mutual_tls.operations.audit.authorities import CaAudit
from alb_mutual_tls.operations.audit.listeners import Enforcement, ListenerAudit
from alb_mutual_tls.operations.audit.scanned import NotSeen, Upload
from alb_mutual_tls.operations.printing import Table, counted, dump, print_report
from alb_mutual_tls.pki.renewal import to_text
from alb_mutual_tls.text import printable
from alb_mutual_tls.verdict import Verdict

if TYPE_CHECKING:
    from alb_mutual_tls.listener.bypasses import Bypass
    from alb_mutual_tls.operations.printing import Screen


NOTHING: Final[Mapping[str, Any]] = {
    "listeners": [],
    "caCertificates": [],
    "unusedUploads": None,
    "requests": {},
    "findings": [],
}
"""What the JSON document holds where nothing could be read."""


def summary(report: AuditReport) -> str:
    """One line: the verdict, and what the HTTPS listeners do."""
    asking = [listener for listener in report.listeners if listener.state is not Enforcement.BYPASS]
    states = {state: sum(listener.state is state for listener in asking) for state in Enforcement}
    told = ", ".join(f"{count} {state}" for state, count in states.items() if count)
    short = sum(finding.verdict is Verdict.FELL_SHORT for finding in report.findings)
    outcome = "nothing to complain about" if report.verdict is Verdict.HELD else report.verdict
    return (
        f"{outcome}: {counted(len(asking), 'HTTPS listener')}"
        + (f" ({told})" if told else "")
        + f", {counted(short, 'complaint')}"
    )


# --- for machines


def as_json(report: AuditReport) -> str:
    """The document described above."""
    return dump(
        {
            "version": 1,
            "verdict": report.verdict,
            "exitCode": report.exit_code,
            "summary": summary(report),
            "settings": report.settings,
            "checkedAt": to_text(report.now),
            "failWithinSeconds": int(report.fail_within.total_seconds()),
            "cluster": report.seen.cluster,
            "account": None if isinstance(report.seen.account, NotSeen) else report.seen.account,
            "listeners": [_listener(listener) for listener in report.listeners],
            "caCertificates": [_authority(authority, report) for authority in report.authorities],
            "unusedUploads": (
                None
                if isinstance(report.unused, NotSeen)
                else [_upload(upload, report) for upload in report.unused]
            ),
            "requests": report.seen.requests,
            "findings": [{"verdict": finding.verdict, "text": finding.why} for finding in report.findings],
        }
    )


def _listener(listener: ListenerAudit) -> dict[str, Any]:
    claim = listener.claim if isinstance(listener.claim, Claim) else None
    return {
        "albConfig": listener.listener.albconfig,
        "port": listener.listener.port,
        "protocol": listener.listener.protocol,
        "clients": listener.state,
        "verdict": listener.verdict,
        "albconfig": {
            "caEnabled": listener.listener.ca_enabled,
            "caCertificateIds": list(listener.listener.ca_certificate_ids),
        },
        "alb": _view(listener.alb),
        # the key keeps an older word for a bypass, because scripts read it
        "sideDoors": None
        if isinstance(listener.bypasses, NotSeen)
        else list(map(_bypass, listener.bypasses)),
        "stack": None if claim is None else claim.owner.identity,
        "urn": None if claim is None else claim.owner.urn,
    }


def _view(view: View) -> dict[str, Any]:
    if isinstance(view, (Absent, NotKnown)):
        return {"caEnabled": None, "caCertificateIds": [], "changing": None, "why": view.why}
    return {
        "caEnabled": view.ca_enabled,
        "caCertificateIds": list(view.ca_certificate_ids),
        "changing": view.changing,
        "why": None,
    }


def _bypass(bypass: Bypass) -> dict[str, Any]:
    return {
        "port": bypass.port,
        "protocol": bypass.protocol,
        "hosts": list(bypass.open_hosts),
        "ingresses": list(bypass.ingresses),
    }


def _authority(authority: CaAudit, report: AuditReport) -> dict[str, Any]:
    end = authority.not_after
    return {
        "id": authority.identifier,
        "subject": authority.subject,
        "fingerprint": authority.fingerprint,
        "notAfter": None if end is None else to_text(end),
        "daysLeft": None if end is None else report.days_left(end),
        "listeners": list(authority.listeners),
        "services": list(authority.services),
        "why": _unseen(authority, report),
    }


def _unseen(authority: CaAudit, report: AuditReport) -> str | None:
    if authority.why is None and isinstance(report.seen.certificates, NotSeen):
        return report.seen.certificates.why
    return authority.why


def _upload(upload: Upload, report: AuditReport) -> dict[str, Any]:
    return {
        "id": upload.identifier,
        "commonName": upload.common_name,
        "notAfter": None if upload.not_after is None else to_text(upload.not_after),
        "repository": upload.repository,
        "stack": upload.stack,
        "holdsListener": upload.stack in report.stacks,
    }


# --- for people

_URGENCY: Final = (
    Verdict.FELL_SHORT,
    Verdict.NOT_DECIDED,
    Verdict.HELD,
    Verdict.NOT_OFFERED,
    Verdict.NOT_CHECKED,
)


def print_for_people(report: AuditReport, screen: Screen) -> None:
    """The verdict, what deviates, a table of each kind that has rows, and where it looked."""
    print_report(_tables(report, screen), report.findings, report.verdict, summary(report), screen)
    if not screen.quiet:
        account = "not seen" if isinstance(report.seen.account, NotSeen) else report.seen.account
        where = f"{report.seen.cluster}, Alibaba Cloud account {account}; looked where {report.settings} say"
        screen.line(printable(where), "dim")


def _tables(report: AuditReport, screen: Screen) -> list[Table]:
    listeners = [
        [
            listener.name + ("" if listener.listener.protocol == HTTPS else f"/{listener.listener.protocol}"),
            listener.state,
            *_declared(listener, screen),
            _bypasses(listener),
            _holder(listener, screen),
            "-" if listener.verdict is Verdict.NOT_CHECKED else listener.verdict,
        ]
        for listener in sorted(report.listeners, key=lambda listener: _URGENCY.index(listener.verdict))
    ]
    authorities = [
        [
            screen.identifier(authority.identifier),
            ", ".join(authority.users),
            authority.subject or _missing(authority, report),
            screen.identifier(authority.fingerprint or "-"),
            _end(authority, report, screen),
        ]
        for authority in report.authorities
    ]
    unused = [
        [
            screen.identifier(upload.identifier),
            upload.common_name or "-",
            "not known" if upload.not_after is None else screen.moment(upload.not_after),
            upload.repository,
            _origin(upload, report, screen),
        ]
        for upload in (() if isinstance(report.unused, NotSeen) else report.unused)
    ]
    return [
        Table(
            "listeners",
            ["listener", "clients", "AlbConfig has", "ALB has", "bypasses", "held by", "verdict"],
            listeners,
        ),
        Table(
            "CA certificates that listeners name",
            ["CA certificate", "listeners", "subject", "SHA-256", "ends"],
            authorities,
        ),
        Table(
            "CA certificates in CAS that no listener of this cluster names",
            ["CA certificate", "common name", "ends", "repository", "uploaded by"],
            unused,
        ),
    ]


def _declared(listener: ListenerAudit, screen: Screen) -> tuple[str, str]:
    """What AlbConfig and ALB have."""
    if listener.state is Enforcement.BYPASS:
        return "-", "-"
    declared, alb = listener.listener, listener.alb
    has = _on_or_off(declared.ca_enabled, declared.ca_certificate_ids, screen)
    same = alb == Shown(declared.ca_enabled, tuple(declared.ca_certificate_ids))
    return has, "= AlbConfig" if same and not screen.wide else _words(alb, screen)


def _words(view: View, screen: Screen) -> str:
    if isinstance(view, NotKnown):
        return "not seen"
    if isinstance(view, Absent):
        return "no such listener"
    said = _on_or_off(view.ca_enabled, view.ca_certificate_ids, screen)
    return said + (", changing" if view.changing else "")


def _on_or_off(ca_enabled: bool, identifiers: Sequence[str], screen: Screen) -> str:
    return words(ca_enabled, [screen.identifier(identifier) for identifier in identifiers])


def _bypasses(listener: ListenerAudit) -> str:
    if isinstance(listener.bypasses, NotSeen):
        return "not seen"
    return ", ".join(f"{bypass.port}/{bypass.protocol}" for bypass in listener.bypasses) or "-"


def _holder(listener: ListenerAudit, screen: Screen) -> str:
    if isinstance(listener.claim, Claim):
        return f"stack {screen.identifier(listener.claim.owner.identity)}"
    if listener.claim is not None:
        return "unreadable claim"
    return "nobody" if listener.state is not Enforcement.BYPASS else "-"


def _missing(authority: CaAudit, report: AuditReport) -> str:
    return (
        "not seen"
        if isinstance(report.seen.certificates, NotSeen)
        else "not in CAS"
        if authority.pem is None
        else "without a name"
    )


def _end(authority: CaAudit, report: AuditReport, screen: Screen) -> str:
    end = authority.not_after
    return "-" if end is None else f"{screen.moment(end)} ({counted(report.days_left(end), 'day')})"


def _origin(upload: Upload, report: AuditReport, screen: Screen) -> str:
    if upload.stack is None:
        return "hand, or a stack with a repository of its own name"
    held = "a" if upload.stack in report.stacks else "no"
    return f"stack {screen.identifier(upload.stack)}, which holds {held} listener here"
