"""Which certificates come, go or are made anew in a deployment. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alb_mutual_tls.engine.events import Events, ResourceState, Step, name_of
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.tokens import (
    AUTHORITY_CERTIFICATE,
    CA_CERTIFICATE,
    ISSUED_CERTIFICATES,
    SIGNED_CERTIFICATE,
)

_STEERING: Final = frozenset({"renewBeforeDays", "sign"})  # change no certificate


_EARLIER_THAN: Final = {"removed": 0, "issued anew": 1}


@dataclass(frozen=True)
class CertificateChange:
    """A certificate that is created, deleted or reissued.

    `until`: when the certificate that its holder has so far ends (RFC 3339); None where there is
    none.
    """

    certificate: str
    action: str
    note: str = ""
    until: str | None = None


def subject(pem: Any) -> str | None:
    """Return the subject of the first certificate in PEM text (RFC 4514).

    None where the text is not a certificate, or not known yet.
    """
    if not isinstance(pem, str) or "-----BEGIN CERTIFICATE-----" not in pem:
        return None
    from alb_mutual_tls.pki import bundle

    try:
        return bundle.load(pem)[0].subject.rfc4514_string()
    except (UserError, ValueError, IndexError):
        return None


def certificate_changes(step: Step, events: Events) -> list[CertificateChange]:
    """What a step does to a certificate; nothing where it changes none."""
    component = name_of((step.new or step.old or ResourceState()).parent)
    name = step.name.removeprefix(f"{component}-")
    if step.type == SIGNED_CERTIFICATE:
        kind = (step.new or step.old or ResourceState()).value("kind")
        return _client(step, name.removeprefix("client-"), events) if kind == "client" else _cross(step, name)
    if step.type == AUTHORITY_CERTIFICATE:
        action = {"create": "made", "delete": "removed"}.get(step.op, "made anew")
        return [CertificateChange(name.replace("authority-", "authority ", 1), action)]
    if step.type == CA_CERTIFICATE:
        action = {"create": "uploaded", "delete": "deleted"}.get(
            step.op, "uploaded anew" if step.op == "replace" else ""
        )
        held = subject((step.new or step.old or ResourceState()).value("certificatePem"))
        what = "CA certificate " + name.replace("authority-", "", 1)
        return (
            [CertificateChange(what, f"{action} in Certificate Management Service", held or "")]
            if action
            else []
        )
    return []


def _client(step: Step, client: str, events: Events) -> list[CertificateChange]:
    what, old = f"client {client}", step.old
    until = None if old is None else _text(old.value("notAfter"))
    if step.new is None:
        return [CertificateChange(what, "removed", "", _last_end(client, events) or until)]
    days = step.new.value("validityDays")
    lasts = f"for {days:g} days" if isinstance(days, int | float) else ""
    if old is None:
        return [CertificateChange(what, "issued", lasts)]
    if set(step.paths) <= {"notAfter"}:
        return [CertificateChange(what, "renewed", lasts, until)]
    causes = sorted({path.partition("[")[0].partition(".")[0] for path in step.paths} - _STEERING)
    if not causes:
        return []
    if set(causes) <= {"issuerCertificatePem", "issuerPrivateKeyPem"}:
        causes = ["another authority"]
    return [
        CertificateChange(
            what, "issued anew", f"{lasts}, because of {', '.join(causes)}".removeprefix(", "), until
        )
    ]


def _cross(step: Step, name: str) -> list[CertificateChange]:
    old = step.old.value("certificatePem") if step.old is not None else ""
    if step.new is None:
        return [CertificateChange(f"cross certificate {name}", "removed")] if old else []
    if step.new.value("sign") is False or (old and set(step.paths) <= _STEERING):
        return []
    return [CertificateChange(f"cross certificate {name}", "issued anew" if old else "issued")]


def _last_end(client: str, events: Events) -> str | None:
    """Return the latest end of a client's certificates.

    The record of issued certificates says what the client has been given. None where it names none.
    """
    ends: list[str] = []
    for step in events.of_type(ISSUED_CERTIFICATES):
        outputs: Mapping[str, Any] = {} if step.old is None else step.old.outputs
        known, outstanding = outputs.get("certificates"), outputs.get("outstanding")
        if isinstance(known, dict) and isinstance(known.get(client), dict):
            ends.append(str(known[client].get("notAfter")))
        recorded = outstanding if isinstance(outstanding, list) else []
        ends += [
            str(certificate.get("notAfter"))
            for certificate in recorded
            if isinstance(certificate, dict) and certificate.get("client") == client
        ]
    return max(ends, default=None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def counted(certificates: Sequence[CertificateChange], *, what: str = "client") -> list[str]:
    """How many certificates of clients are issued, renewed and so on, in words."""
    actions: dict[str, int] = {}
    for change in certificates:
        if change.certificate.startswith(f"{what} "):
            actions[change.action] = actions.get(change.action, 0) + 1
    ordered = sorted(actions.items(), key=lambda item: (_EARLIER_THAN.get(item[0], 2), item[0]))
    return [f"{number} client certificate{'s' if number > 1 else ''} {action}" for action, number in ordered]
