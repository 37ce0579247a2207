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
                  caEnabled null where the place has no such listener or was not seen, and then why
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

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.listener.enforced import Absent, NotKnown, View, words
from alb_mutual_tls.operations.printing import Table, counted, dump, print_report
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

if TYPE_CHECKING:
    from rich.console import Console


NOTHING: Final[Mapping[str, Any]] = {
    "listeners": [],
    "authorities": [],
    "clients": [],
    "outstanding": [],
    "findings": [],
}
"""What the JSON document holds where nothing could be read."""


def summary(report: StatusReport) -> str:
    """One line: the verdict, and what comes next."""
    ends = [*((one.not_after, f"client {one.name}") for one in report.clients)]
    ends += [(one.not_after, f"authority {one.name}") for one in report.authorities if one.roles]
    first = min(ends, default=None)
    next_end = f"; {first[1]} ends first, in {report.days_left(first[0])} days" if first else ""
    due = sum(one.due for one in report.clients)
    return (
        f"{report.verdict}: {counted(len(report.listeners), 'listener')},"
        f" {counted(len(report.clients), 'client')}, {due} due for renewal, {len(report.outstanding)}"
        f" outstanding{next_end}"
    )


# --- for machines


def as_json(report: StatusReport) -> str:
    """The document described above."""
    return dump(
        {
            "version": 1,
            "verdict": report.verdict,
            "exitCode": report.exit_code,
            "summary": summary(report),
            "checkedAt": to_text(report.now),
            "failWithinSeconds": (
                None if report.fail_within is None else int(report.fail_within.total_seconds())
            ),
            "listeners": [_listener(one) for one in report.listeners],
            "authorities": [_authority(one, report) for one in report.authorities],
            "clients": [_client(one, report) for one in report.clients],
            "outstanding": [_outstanding(one, report) for one in report.outstanding],
            "findings": [{"verdict": one.verdict, "text": one.why} for one in report.findings],
        }
    )


def _listener(one: ListenerStatus) -> dict[str, Any]:
    desired = one.desired
    return {
        "component": one.component,
        "name": desired.name,
        "albConfig": desired.alb_config,
        "port": desired.port,
        "authority": one.authority,
        "verdict": one.verdict,
        # the key keeps an older word for desired, because scripts read it
        "wished": {
            "caEnabled": desired.ca_enabled,
            "caCertificateIds": [desired.ca_certificate_id] if desired.ca_certificate_id else [],
        },
        "albconfig": _view(one.albconfig),
        "alb": {**_view(one.alb), "changing": getattr(one.alb, "changing", None)},
    }


def _view(view: View) -> dict[str, Any]:
    if isinstance(view, (Absent, NotKnown)):
        return {"caEnabled": None, "caCertificateIds": [], "why": view.why}
    return {"caEnabled": view.ca_enabled, "caCertificateIds": list(view.ca_certificate_ids), "why": None}


def _authority(one: AuthorityStatus, report: StatusReport) -> dict[str, Any]:
    return {
        "component": one.component,
        "name": one.name,
        "trusted": TRUSTED in one.roles,
        "issuing": ISSUING in one.roles,
        "subject": one.subject,
        "fingerprint": one.fingerprint,
        "notAfter": to_text(one.not_after),
        "daysLeft": report.days_left(one.not_after),
    }


def _client(one: ClientStatus, report: StatusReport) -> dict[str, Any]:
    return {
        "component": one.component,
        "name": one.name,
        "serialNumber": one.serial_number,
        "notAfter": to_text(one.not_after),
        "daysLeft": report.days_left(one.not_after),
        "renewal": None if one.renewal is None else to_text(one.renewal),
        "due": one.due,
        "endsWithAuthority": one.ends_with_authority,
    }


def _outstanding(one: OutstandingStatus, report: StatusReport) -> dict[str, Any]:
    return {
        "component": one.component,
        "client": one.client,
        "serialNumber": one.serial_number,
        "notAfter": to_text(one.not_after),
        "daysLeft": report.days_left(one.not_after),
        "reason": one.reason,
        "since": to_text(one.since),
        "accepted": one.accepted,
    }


# --- for people


def print_for_people(report: StatusReport, console: Console) -> None:
    """A table of each kind that has rows, findings, and the verdict on one line."""
    print_report(_tables(report), report.findings, report.verdict, summary(report), console)


def _tables(report: StatusReport) -> list[Table]:
    several = len({one.component for one in report.authorities}) > 1
    left = report.days_left

    def named(component: str, name: str) -> str:
        return f"{component}/{name}" if several else name

    listeners = [
        [
            named(one.component, one.desired.name),
            f"{one.desired.alb_config}:{one.desired.port}",
            f"{words(one.desired.ca_enabled, [one.desired.ca_certificate_id])} ({one.authority})",
            _words(one.albconfig),
            _words(one.alb),
            one.verdict,
        ]
        for one in report.listeners
    ]
    authorities = [
        [
            named(one.component, one.name),
            ", ".join(one.roles) or "-",
            one.subject,
            one.fingerprint,
            to_text(one.not_after),
            str(left(one.not_after)),
        ]
        for one in report.authorities
    ]
    clients = [
        [
            named(one.component, one.name),
            one.serial_number,
            to_text(one.not_after),
            str(left(one.not_after)),
            _renewal(one),
        ]
        for one in sorted(
            report.clients, key=lambda client: (client.not_after, client.component, client.name)
        )
    ]
    outstanding = [
        [
            named(one.component, one.client),
            f"{one.reason} on {to_text(one.since)}",
            one.serial_number,
            to_text(one.not_after),
            str(left(one.not_after)),
            "yes" if one.accepted else "no",
        ]
        for one in sorted(report.outstanding, key=lambda one: (one.not_after, one.component, one.client))
    ]
    return [
        Table(
            "listeners",
            ["listener", "AlbConfig:port", "desired", "AlbConfig has", "ALB has", "verdict"],
            listeners,
        ),
        Table("authorities", ["authority", "role", "subject", "SHA-256", "ends", "days left"], authorities),
        Table("clients", ["client", "serial number", "ends", "days left", "renewal"], clients),
        Table(
            "outstanding: no client has these any more, and ALB knows no revocation",
            ["client", "why", "serial number", "ends", "days left", "below the trusted CA"],
            outstanding,
        ),
    ]


def _words(view: View) -> str:
    if isinstance(view, NotKnown):
        return "not known"
    if isinstance(view, Absent):
        return "no such listener"
    return words(view.ca_enabled, view.ca_certificate_ids) + (", changing" if view.changing else "")


def _renewal(client: ClientStatus) -> str:
    if client.due:
        return "due"
    if client.ends_with_authority:
        return "none, it ends with its authority"
    return "not known" if client.renewal is None else f"from {to_text(client.renewal)}"
