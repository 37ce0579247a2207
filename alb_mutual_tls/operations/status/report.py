"""The report of `mtls status`: tables for people, JSON for machines.

The JSON document (stable; `version` counts up when a field changes its meaning or goes away, never
when one is added). Moments are RFC 3339, in UTC:
    version       1
    verdict       "held", "fell short" or "not decided"
    exitCode      0, 1 or 2, in that order
    summary       one line for people
    checkedAt     when
    failWithinSeconds  as given with --fail-within, or null
    error         only when nothing could be read at all: why, one sentence
    listeners     list of {component, name, albConfig, port, authority, verdict, wished, albconfig,
                  alb}; authority: the name of the one whose
                  CA certificate it is to trust; the last three {caEnabled, caCertificateIds, why}:
                  caEnabled null where there is no such listener or it was not seen, and then why
                  says which; alb also {changing}
    authorities   list of {component, name, trusted, issuing, subject, fingerprint (SHA-256),
                  notAfter, daysLeft}
    clients       list of {component, name, serialNumber, notAfter, daysLeft, renewal, due,
                  endsWithAuthority}; renewal null where none comes
    outstanding   certificates that no client has any more: list of {component, client,
                  serialNumber, notAfter, daysLeft, reason, since, accepted};
                  reason "removed", "renewed" or "replaced"; accepted: whether it is below the CA
                  that is trusted now
    findings      list of {verdict, text}: what fell short, what could not be decided, what is
                  merely to be known
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.listener.enforced import Absent, NotKnown, View, words
from alb_mutual_tls.operations.printing import Cell, Table, counted, dump, print_report
from alb_mutual_tls.operations.status.certificates import (
    ISSUING,
    TRUSTED,
    AuthorityStatus,
    ClientStatus,
    OutstandingStatus,
)
from alb_mutual_tls.operations.status.listeners import ListenerStatus
from alb_mutual_tls.operations.status.status import StatusReport
from alb_mutual_tls.pki.renewal import to_text
from alb_mutual_tls.verdict import Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from alb_mutual_tls.operations.printing import Screen


NO_CLIENTS: Final[Mapping[str, Any]] = {"clients": [], "outstanding": [], "findings": []}
"""What that of `mtls clients list` holds where nothing could be read."""
NOTHING: Final[Mapping[str, Any]] = {"listeners": [], "authorities": [], **NO_CLIENTS}
"""What the JSON document holds where nothing could be read."""


def summary(report: StatusReport) -> str:
    """One line: the verdict, and what comes next."""
    ends = [*((client.not_after, f"client {client.name}") for client in report.clients)]
    ends += [
        (authority.not_after, f"authority {authority.name}")
        for authority in report.authorities
        if authority.roles
    ]
    first = min(ends, default=None)
    next_end = f"; {first[1]} ends first, in {report.days_left(first[0])} days" if first else ""
    due = sum(client.due for client in report.clients)
    listeners = f"{counted(len(report.listeners), 'listener')}, " if report.listeners else ""
    return (
        f"{report.verdict}: {listeners}{counted(len(report.clients), 'client')}, {due} due for renewal,"
        f" {len(report.outstanding)} outstanding{next_end}"
    )


# --- for machines


def as_json(report: StatusReport) -> str:
    """The document described above."""
    return dump(_document(report))


def clients_as_json(report: StatusReport) -> str:
    """Of the document above what `mtls clients list` tells."""
    document = _document(report)
    return dump({key: value for key, value in document.items() if key not in ("listeners", "authorities")})


def _document(report: StatusReport) -> dict[str, Any]:
    return {
        "version": 1,
        "verdict": report.verdict,
        "exitCode": report.exit_code,
        "summary": summary(report),
        "checkedAt": to_text(report.now),
        "failWithinSeconds": (
            None if report.fail_within is None else int(report.fail_within.total_seconds())
        ),
        "listeners": [_listener(listener) for listener in report.listeners],
        "authorities": [_authority(authority, report) for authority in report.authorities],
        "clients": [_client(client, report) for client in report.clients],
        "outstanding": [_outstanding(outstanding, report) for outstanding in report.outstanding],
        "findings": [{"verdict": finding.verdict, "text": finding.why} for finding in report.findings],
    }


def _listener(listener: ListenerStatus) -> dict[str, Any]:
    desired = listener.desired
    return {
        "component": listener.component,
        "name": desired.name,
        "albConfig": desired.alb_config,
        "port": desired.port,
        "authority": listener.authority,
        "verdict": listener.verdict,
        # the key keeps an older word for desired, because scripts read it
        "wished": {
            "caEnabled": desired.ca_enabled,
            "caCertificateIds": [desired.ca_certificate_id] if desired.ca_certificate_id else [],
        },
        "albconfig": _view(listener.albconfig),
        "alb": {**_view(listener.alb), "changing": getattr(listener.alb, "changing", None)},
    }


def _view(view: View) -> dict[str, Any]:
    if isinstance(view, (Absent, NotKnown)):
        return {"caEnabled": None, "caCertificateIds": [], "why": view.why}
    return {"caEnabled": view.ca_enabled, "caCertificateIds": list(view.ca_certificate_ids), "why": None}


def _authority(authority: AuthorityStatus, report: StatusReport) -> dict[str, Any]:
    return {
        "component": authority.component,
        "name": authority.name,
        "trusted": TRUSTED in authority.roles,
        "issuing": ISSUING in authority.roles,
        "subject": authority.subject,
        "fingerprint": authority.fingerprint,
        "notAfter": to_text(authority.not_after),
        "daysLeft": report.days_left(authority.not_after),
    }


def _client(client: ClientStatus, report: StatusReport) -> dict[str, Any]:
    return {
        "component": client.component,
        "name": client.name,
        "serialNumber": client.serial_number,
        "notAfter": to_text(client.not_after),
        "daysLeft": report.days_left(client.not_after),
        "renewal": None if client.renewal is None else to_text(client.renewal),
        "due": client.due,
        "endsWithAuthority": client.ends_with_authority,
    }


def _outstanding(outstanding: OutstandingStatus, report: StatusReport) -> dict[str, Any]:
    return {
        "component": outstanding.component,
        "client": outstanding.client,
        "serialNumber": outstanding.serial_number,
        "notAfter": to_text(outstanding.not_after),
        "daysLeft": report.days_left(outstanding.not_after),
        "reason": outstanding.reason,
        "since": to_text(outstanding.since),
        "accepted": outstanding.accepted,
    }


# --- for people


def print_for_people(report: StatusReport, screen: Screen) -> None:
    """The verdict on one line, what deviates, and a table of each kind that has rows."""
    print_report(_tables(report, screen), report.findings, report.verdict, summary(report), screen)


def print_clients(report: StatusReport, screen: Screen) -> None:
    """The clients that there are, and those that there were."""
    tables = _tables(report, screen)[2:]
    print_report(tables, report.findings, report.verdict, summary(report), screen)


def _tables(report: StatusReport, screen: Screen) -> list[Table]:
    several = len({authority.component for authority in report.authorities}) > 1

    def named(component: str, name: str) -> str:
        return f"{component}/{name}" if several else name

    def ends(moment: datetime) -> Cell:
        said = f"{screen.moment(moment)} ({counted(report.days_left(moment), 'day')})"
        soon = report.fail_within is not None and moment <= report.now + report.fail_within
        return (said, Verdict.FELL_SHORT) if soon or moment <= report.now else said

    listeners = [
        [
            named(listener.component, listener.desired.name),
            f"{listener.desired.alb_config}:{listener.desired.port}",
            f"{_on_or_off(listener.desired.ca_enabled, [listener.desired.ca_certificate_id], screen)}"
            f" ({listener.authority})",
            _words(listener.albconfig, listener, screen),
            _words(listener.alb, listener, screen),
            listener.verdict,
        ]
        for listener in report.listeners
    ]
    authorities: list[list[Cell]] = [
        [
            named(authority.component, authority.name),
            ", ".join(authority.roles) or "-",
            authority.subject,
            screen.identifier(authority.fingerprint),
            ends(authority.not_after),
        ]
        for authority in report.authorities
    ]
    told = (
        [("", client, [client]) for client in report.clients]
        if screen.wide
        else _by_group(report.clients, named)
    )
    clients: list[list[Cell]] = [
        [
            named(first.component, first.name)
            if not group
            else f"{group}: {len(members)} clients, the first",
            screen.identifier(first.serial_number),
            ends(first.not_after),
            _renewal(first, screen),
        ]
        for group, first, members in told
    ]
    outstanding: list[list[Cell]] = [
        [
            named(outstanding.component, outstanding.client),
            f"{outstanding.reason} {screen.moment(outstanding.since)}",
            screen.identifier(outstanding.serial_number),
            ends(outstanding.not_after),
            ("yes", Verdict.NOT_DECIDED) if outstanding.accepted else "no",
        ]
        for outstanding in sorted(
            report.outstanding,
            key=lambda outstanding: (outstanding.not_after, outstanding.component, outstanding.client),
        )
    ]
    return [
        Table(
            "listeners",
            ["listener", "AlbConfig:port", "desired", "AlbConfig has", "ALB has", "verdict"],
            listeners,
        ),
        Table("authorities", ["authority", "role", "subject", "SHA-256", "ends"], authorities),
        Table("clients", ["client", "serial number", "ends", "renewal"], clients),
        Table(
            "outstanding: no client has these any more, and ALB knows no revocation",
            ["client", "why", "serial number", "ends", "still let in"],
            outstanding,
        ),
    ]


def _words(view: View, listener: ListenerStatus, screen: Screen) -> Cell:
    if isinstance(view, NotKnown):
        return "not known", Verdict.NOT_DECIDED
    desired = listener.desired
    if isinstance(view, Absent):
        return "no such listener", Verdict.FELL_SHORT if desired.ca_enabled else Verdict.HELD
    said = _on_or_off(view.ca_enabled, view.ca_certificate_ids, screen)
    if view.changing:
        return f"{said}, changing", Verdict.NOT_DECIDED
    wanted = words(desired.ca_enabled, [desired.ca_certificate_id])
    if words(view.ca_enabled, view.ca_certificate_ids) == wanted:
        return said if screen.wide else "= desired"
    return said, Verdict.FELL_SHORT if view.ca_enabled != desired.ca_enabled else listener.verdict


def _on_or_off(ca_enabled: bool, identifiers: Iterable[str | None], screen: Screen) -> str:
    return words(ca_enabled, [screen.identifier(identifier) for identifier in identifiers if identifier])


def _by_group(
    clients: Iterable[ClientStatus], named: Callable[[str, str], str]
) -> list[tuple[str, ClientStatus, list[ClientStatus]]]:
    """Clients by their ends; those of a group as one, with its name, at the first end."""
    groups: dict[tuple[str, str], list[ClientStatus]] = {}
    for client in sorted(clients, key=lambda client: (client.not_after, client.component, client.name)):
        group, _, name = client.name.rpartition("/")
        key = named(client.component, group) if group else ""
        groups.setdefault((key, "" if group else named(client.component, name)), []).append(client)
    return [(group, members[0], members) for (group, _), members in groups.items()]


def _renewal(client: ClientStatus, screen: Screen) -> Cell:
    if client.due:
        return "due", Verdict.NOT_DECIDED
    if client.ends_with_authority:
        return "none, it ends with its authority", Verdict.NOT_DECIDED
    return "not known" if client.renewal is None else f"from {screen.moment(client.renewal)}"
