"""What an update of the register means for clients, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from alb_mutual_tls.pki.issued import IssuedCertificate
from alb_mutual_tls.pki.renewal import days_left, from_text
from alb_mutual_tls.provider.consequences import enumerated
from alb_mutual_tls.provider.register_plan import Cause, Plan


def named(clients: Sequence[str], sentence: str) -> str:
    """A sentence on one client or several."""
    if len(clients) == 1:
        return f"client {clients[0]}: {sentence}"
    return f"clients {enumerated(clients)}: {sentence.replace('the certificate', 'each certificate', 1)}"


def ends(certificate: IssuedCertificate, now: datetime) -> str:
    """When a certificate ends or has ended, as the beginning of a sentence."""
    left = days_left(now, from_text(certificate["notAfter"]))
    return (
        f"the certificate ended on {certificate['notAfter']}"
        if left < 0
        else f"the certificate ends on {certificate['notAfter']} ({left} days left)"
    )


def renewals(plan: Plan, now: datetime) -> list[str]:
    """What is renewed because its time has come, or goes on elsewhere in the state."""
    sentences = grouped(
        (client, f"{ends(plan.held[client], now)} and is issued anew")
        for client, cause in plan.issued.items()
        if cause is Cause.DUE
    )
    others = [
        client for client, cause in plan.issued.items() if cause is Cause.ISSUER and _lasts(plan, client, now)
    ]
    if others:
        sentences.append(
            named(
                others,
                "issued anew by another authority, and the former certificate counts only where its own is"
                " still trusted",
            )
        )
    if plan.moved and plan.kept:
        sentences.append(
            f"this register now holds the certificates of clients ({len(plan.kept)}), which stay as they are,"
            " and the resources that held them go"
        )
    return sentences


def replacements(plan: Plan, now: datetime) -> list[str]:
    """What is issued anew though the former certificate is still accepted."""
    return grouped(
        (
            client,
            f"issued anew because of {', '.join(fields)}, but whoever holds the former certificate is let in"
            f" until {plan.held[client]['notAfter']} wherever its authority is trusted, and only a cut-off"
            " ends it earlier (docs/rotation.md)",
        )
        for client, fields in plan.changed.items()
        if _lasts(plan, client, now)
    )


def removals(until: Mapping[str, str]) -> list[str]:
    """What it means that clients go; `until`: client -> until when it is accepted."""
    rest = (
        "wherever its authority is trusted: ALB knows no revocation, and only a cut-off ends it earlier"
        " (docs/rotation.md)"
    )
    ends: dict[str, list[str]] = {}
    for client, end in until.items():
        ends.setdefault(end, []).append(client)
    return [
        f"client {clients[0]} is removed, but whoever holds its certificate is let in until {end} {rest}"
        if len(clients) == 1
        else f"clients {enumerated(clients)} are removed, but whoever holds a certificate of theirs is let in"
        f" until {end} {rest}"
        for end, clients in ends.items()
    ]


def endings(plan: Plan, now: datetime) -> list[str]:
    """Whose certificate cannot be renewed, as its authority ends."""
    return grouped(
        (client, f"{ends(plan.held[client], now)}, and so does its authority; rotate to a new authority")
        for client in plan.ending
    )


def grouped(said: Iterable[tuple[str, str]]) -> list[str]:
    """Each sentence once, with the clients that it is about; `said`: client and sentence."""
    clients: dict[str, list[str]] = {}
    for client, sentence in said:
        clients.setdefault(sentence, []).append(client)
    return [named(names, sentence) for sentence, names in clients.items()]


def _lasts(plan: Plan, client: str, now: datetime) -> bool:
    return from_text(plan.held[client]["notAfter"]) > now
