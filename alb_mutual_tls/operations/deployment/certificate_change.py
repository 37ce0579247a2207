"""Which certificates come, go or are made anew in a deployment. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from alb_mutual_tls.engine.events import Events, ResourceState, Step, name_of
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import register
from alb_mutual_tls.tokens import (
    AUTHORITY_CERTIFICATE,
    CA_CERTIFICATE,
    EXISTING_CA_CERTIFICATE,
    ISSUED_CERTIFICATES,
    SIGNED_CERTIFICATE,
)

_STEERING: Final = frozenset({"renewBeforeDays", "sign"})  # change no certificate
ISSUER: Final = ("issuerCertificatePem", "issuerPrivateKeyPem")


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


def ca_subjects(events: Events) -> dict[str, str]:
    """The subjects of the CA certificates of a stack by their SHA-256."""
    from alb_mutual_tls.pki import bundle

    pems = {
        pem
        for kind in (CA_CERTIFICATE, EXISTING_CA_CERTIFICATE)
        for step in events.of_type(kind)
        for state in (step.old, step.new)
        if state is not None and isinstance(pem := state.value("certificatePem"), str)
    }
    subjects: dict[str, str] = {}
    for pem in pems:
        with suppress(UserError):
            for block in bundle.split(pem):
                if named := subject(block):
                    subjects[bundle.fingerprint(block)] = named
    return subjects


def certificate_changes(step: Step) -> list[CertificateChange]:
    """What a step does to a certificate; nothing where it changes none."""
    component = name_of((step.new or step.old or ResourceState()).parent)
    name = step.name.removeprefix(f"{component}-")
    if step.type == ISSUED_CERTIFICATES:
        return [*_clients(step), *_groups(step)]
    if step.type == SIGNED_CERTIFICATE:
        return _cross(step, name)
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


def _clients(step: Step) -> list[CertificateChange]:
    """What becomes of the certificates of single clients."""
    old, new = step.old or ResourceState(), step.new or ResourceState()
    held, wanted = register.certificates(old.outputs), _objects(new, "clients")
    another = held and any(path in ISSUER for path in step.paths)
    changes = []
    for client in sorted({name for name in held if "/" not in name} | wanted.keys()):
        what, until = f"client {client}", held.get(client, {}).get("notAfter")
        if client not in wanted:
            changes.append(CertificateChange(what, "removed", "", _last_end(client, old)))
            continue
        lasts = _lasts(wanted[client])
        if client not in held:
            changes.append(CertificateChange(what, "issued", lasts))
        elif causes := _causes(step, "clients", client) or (["another authority"] if another else []):
            note = f"{lasts}, because of {', '.join(causes)}".removeprefix(", ")
            changes.append(CertificateChange(what, "issued anew", note, until))
        elif register.path("clients", client) in step.paths:  # that of the version before does not fit
            changes.append(CertificateChange(what, "issued anew", lasts, until))
        elif register.end_path(client) in step.paths:
            changes.append(CertificateChange(what, "renewed", lasts, until))
    return changes


def _groups(step: Step) -> list[CertificateChange]:
    """What becomes of the certificates of groups, in one line for all members of one action."""
    old, new = step.old or ResourceState(), step.new or ResourceState()
    held = {name: end for name, end in register.certificates(old.outputs).items() if "/" in name}
    wanted = {
        register.member(group, name): (group, wish)
        for group, wish in _objects(new, "groups").items()
        for name in wish.get("names") or ()
    }
    due = set(filter(None, map(register.due, step.paths)))
    another = held and any(path in ISSUER for path in step.paths)
    actions: dict[tuple[str, str, str], list[str]] = {}
    for name in sorted(held.keys() | wanted.keys()):
        group, wish = wanted.get(name, (name.partition("/")[0], {}))
        causes = [cause for cause in _causes(step, "groups", group) if cause != "names"]
        if name not in wanted:
            action = "removed", ""
        elif name not in held:
            action = "issued", _lasts(wish)
        elif causes := causes or (["another authority"] if another else []):
            action = "issued anew", f"{_lasts(wish)}, because of {', '.join(causes)}".removeprefix(", ")
        elif name in due:
            action = "renewed", _lasts(wish)
        else:
            continue
        actions.setdefault((group, *action), []).append(held.get(name, {}).get("notAfter", ""))
    return [
        CertificateChange(
            f"client group {group}", action, f"{len(ends)} certificates {note}".strip(), max(ends) or None
        )
        for (group, action, note), ends in actions.items()
    ]


def _objects(state: ResourceState, name: str) -> dict[str, Mapping[str, Any]]:
    """An input that holds objects; nothing where it is a secret or of another version."""
    value = state.inputs.get(name)
    objects = value.items() if isinstance(value, Mapping) else ()
    return {own: wish for own, wish in objects if isinstance(wish, Mapping)}


def _lasts(wish: Mapping[str, Any]) -> str:
    days = wish.get("validityDays")
    return f"for {days:g} days" if isinstance(days, int | float) else ""


def _causes(step: Step, kind: str, name: str) -> list[str]:
    """The inputs for which a client, or a group, gets other certificates."""
    paths = (register.steps(path) for path in step.paths)
    causes = {path[2] if len(path) > 2 else "" for path in paths if path[:2] == (kind, name)}
    return sorted((causes - _STEERING) - {""})


def _cross(step: Step, name: str) -> list[CertificateChange]:
    old = step.old.value("certificatePem") if step.old is not None else ""
    if step.new is None:
        return [CertificateChange(f"cross certificate {name}", "removed")] if old else []
    if step.new.value("sign") is False or (old and set(step.paths) <= _STEERING):
        return []
    return [CertificateChange(f"cross certificate {name}", "issued anew" if old else "issued")]


def _last_end(client: str, old: ResourceState) -> str | None:
    """Return the latest end of a client's certificates, of those that it once had too."""
    held = register.certificates(old.outputs).get(client, {}).get("notAfter")
    outstanding = old.outputs.get("outstanding")
    recorded = outstanding if isinstance(outstanding, list) else []
    ends = [
        one.get("notAfter") for one in recorded if isinstance(one, Mapping) and one.get("client") == client
    ]
    return max((end for end in [*ends, held] if isinstance(end, str)), default=None)


def counted(certificates: Sequence[CertificateChange], *, what: str = "client") -> list[str]:
    """How many certificates of clients are issued, renewed and so on, in words."""
    actions: dict[str, int] = {}
    for change in certificates:
        if change.certificate.startswith(f"{what} "):
            actions[change.action] = actions.get(change.action, 0) + 1
    ordered = sorted(actions.items(), key=lambda item: (_EARLIER_THAN.get(item[0], 2), item[0]))
    return [f"{number} client certificate{'s' if number > 1 else ''} {action}" for action, number in ordered]
