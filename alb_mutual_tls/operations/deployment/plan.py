"""What the steps of a preview or update mean for listeners and certificates.

Pure: events in, nothing asked, the same plan says the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from alb_mutual_tls.engine.events import REFRESH, Events, ResourceState, Step, has_unknown, name_of
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.tokens import (
    AUTHORITY_CERTIFICATE,
    CA_CERTIFICATE,
    ISSUED_CERTIFICATES,
    LISTENER_CLIENT_AUTHENTICATION,
    SIGNED_CERTIFICATE,
    STACK_IDENTITY,
)
from alb_mutual_tls.wire import UNKNOWN_TEXT

_OF_REPLACEMENTS: Final = frozenset(
    {"create-replacement", "delete-replaced"}
)  # beside a step `replace` that has both sides
_STEERING: Final = frozenset({"renewBeforeDays", "sign"})  # change no certificate
_STATE_ONLY: Final = frozenset(
    {STACK_IDENTITY, AUTHORITY_CERTIFICATE, SIGNED_CERTIFICATE, ISSUED_CERTIFICATES}
)
_EARLIER_THAN: Final = {"removed": 0, "issued anew": 1}


class Effect(StrEnum):
    """What a change of a listener means for whoever connects; the worst to overlook come first.

    The values end the sentence `listener ...`.
    """

    DEMANDS = "will demand client certificates"
    OPENS = "will let everybody in without a client certificate"
    TRUSTS = "will trust another CA"
    CLAIMED = "will be claimed with client authentication off"
    RELEASED = "will be released and stays as it is"
    PREPARED = "stays open and gets another CA"
    RECORDED = "stays as it is, only its record changes"


@dataclass(frozen=True)
class PlannedAuthority:
    """The CA of a listener as far as it is known beforehand; `id` is that in Certificate Management
    Service, `fingerprint` its SHA-256 in hex.
    """

    id: str | None = None
    subject: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class Setting:
    """Client authentication of a listener; None is what is not known beforehand."""

    ca_enabled: bool | None
    authority: PlannedAuthority | None


@dataclass(frozen=True)
class ListenerChange:
    """A listener that changes, named ALBCONFIG:PORT; `before` is None where this stack has not had
    it, `after` where it gives it away unseen.
    """

    listener: str
    effect: Effect
    before: Setting | None
    after: Setting | None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class CertificateChange:
    """A certificate that comes, goes or is made anew; `until` is the end (RFC 3339) of what its
    holder has so far, None where there is nothing.
    """

    certificate: str
    action: str
    note: str = ""
    until: str | None = None


@dataclass(frozen=True)
class Plan:
    """What a preview shows, or an update has done."""

    listeners: tuple[ListenerChange, ...]
    certificates: tuple[CertificateChange, ...]
    steps: tuple[Step, ...]
    unchanged: int

    def effects(self) -> dict[Effect, list[str]]:
        """The listeners of each effect, in the order of the effects."""
        found = {
            effect: [one.listener for one in self.listeners if one.effect is effect] for effect in Effect
        }
        return {effect: listeners for effect, listeners in found.items() if listeners}


@dataclass(frozen=True)
class Drift:
    """A resource that is not as this program left it.

    `differences`: property, as it was left, as it is found; empty values are not told. `outlook`:
    what the next update does about it.
    """

    what: str
    gone: bool
    differences: tuple[tuple[str, str, str], ...]
    outlook: str


def plan(events: Events, *, only: Iterable[Step] | None = None) -> Plan:
    """What the steps mean; `only` limits it to some of them."""
    steps = [step for step in (events.changing if only is None else only) if step.op not in _OF_REPLACEMENTS]
    listeners = [_listener(step) for step in steps if step.type == LISTENER_CLIENT_AUTHENTICATION]
    certificates = [one for step in steps for one in _certificates(step, events)]
    return Plan(
        tuple(sorted(listeners, key=lambda one: (list(Effect).index(one.effect), one.listener))),
        tuple(sorted(certificates, key=lambda one: (one.certificate, one.action))),
        tuple(sorted(steps, key=lambda step: (step.type, step.name, step.urn, step.op))),
        sum(step.op == "same" for step in events.steps),
    )


# --- listeners


def _listener(step: Step) -> ListenerChange:
    before = None if step.old is None else _setting(step.old)
    after = (
        _previous(step.old)
        if step.new is None and step.old is not None
        else None
        if step.new is None
        else _setting(step.new)
    )
    if before is None and step.new is not None:
        before = _previous(step.new)
    state = step.new or step.old or ResourceState()
    name = f"{state.value('albConfig') or '?'}:{_port(state.value('port'))}"
    return ListenerChange(name, _effect(step, before, after), before, after, step.paths)


def _effect(step: Step, before: Setting | None, after: Setting | None) -> Effect:
    was = before.ca_enabled if before is not None else None
    becomes = after.ca_enabled if after is not None else None
    if step.new is None:
        return (
            Effect.OPENS
            if was and not becomes
            else Effect.TRUSTS
            if was and _another(before, after)
            else Effect.RELEASED
        )
    if becomes and not was:
        return Effect.DEMANDS
    if was and becomes is False:
        return Effect.OPENS
    if step.old is None:
        return Effect.TRUSTS if becomes else Effect.CLAIMED
    if _another(before, after):
        return Effect.TRUSTS if becomes else Effect.PREPARED
    return Effect.RECORDED


def _another(before: Setting | None, after: Setting | None) -> bool:
    """Whether the CA changes, or will only be known after the update, as a new upload is."""
    one, other = (None if setting is None else setting.authority for setting in (before, after))
    return (one and one.id) != (other and other.id) or (other is not None and other.id is None)


def _setting(state: ResourceState) -> Setting:
    enabled, identifier = state.value("caEnabled"), state.value("caCertificateId")
    authority = PlannedAuthority(identifier if isinstance(identifier, str) else None)
    # After a refresh the id is that on the listener, and the certificate still that of the last
    # update.
    if identifier in (None, UNKNOWN_TEXT) or identifier == state.outputs.get(
        "appliedCaCertificateId", identifier
    ):
        pem, digest = state.value("trustedCertificatePem"), state.value("trustedFingerprint")
        authority = PlannedAuthority(authority.id, subject(pem), digest if isinstance(digest, str) else None)
    return Setting(enabled if isinstance(enabled, bool) else None, None if identifier == "" else authority)


def _previous(state: ResourceState) -> Setting | None:
    """What the listener had before this stack, which a destroy restores."""
    try:
        kept = json.loads(str(state.value("previous")))
    except ValueError:
        return None
    if not isinstance(kept, dict):
        return None
    values = {str(key).lower(): value for key, value in kept.items()}
    kept_certificates = values.get("cacertificates")
    certificates = (
        [one for one in kept_certificates if isinstance(one, dict)]
        if isinstance(kept_certificates, list)
        else []
    )
    identifiers = [str(one.get("CertificateId", "")) for one in certificates]
    authority = PlannedAuthority(",".join(identifiers)) if identifiers else None
    return Setting(values.get("caenabled") is True, authority)


def _port(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value or "?")


def subject(pem: Any) -> str | None:
    """The subject of the first certificate in PEM text (RFC 4514); None where it is no certificate,
    or not known yet.
    """
    if not isinstance(pem, str) or "-----BEGIN CERTIFICATE-----" not in pem:
        return None
    from alb_mutual_tls.pki import bundle

    try:
        return bundle.load(pem)[0].subject.rfc4514_string()
    except (UserError, ValueError, IndexError):
        return None


# --- certificates


def _certificates(step: Step, events: Events) -> list[CertificateChange]:
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
    """The end of whatever a client has been given, by the record of issued certificates."""
    ends: list[str] = []
    for step in events.of_type(ISSUED_CERTIFICATES):
        outputs: Mapping[str, Any] = {} if step.old is None else step.old.outputs
        known, outstanding = outputs.get("certificates"), outputs.get("outstanding")
        if isinstance(known, dict) and isinstance(known.get(client), dict):
            ends.append(str(known[client].get("notAfter")))
        recorded = outstanding if isinstance(outstanding, list) else []
        ends += [
            str(one.get("notAfter"))
            for one in recorded
            if isinstance(one, dict) and one.get("client") == client
        ]
    return max(ends, default=None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


# --- drift


def drift(events: Events) -> tuple[Drift, ...]:
    """What a refresh has found to be other than this program left it; what lives in the state alone
    cannot drift.
    """
    changing = {step.urn: step for step in events.changing}
    waiting = {step.urn for step in pending(events).steps}

    def outlook(urn: str) -> str:
        return (
            "changes it"
            if urn in waiting
            else "puts it back"
            if urn in changing
            else "leaves it, for the configuration wishes it so"
        )

    return tuple(
        sorted((_drift(step, outlook(step.urn)) for step in _drifted(events)), key=lambda one: one.what)
    )


def pending(events: Events) -> Plan:
    """What an update would do besides putting drift back: changes of the configuration that are not
    deployed, and renewals that are due.
    """
    drifted = {step.urn: step for step in _drifted(events)}
    left = {step.urn: step.old for step in events.steps if step.op == REFRESH}
    remade = any(step.new is None for step in drifted.values())
    steps = [
        step
        for step in events.changing
        if not _restores(step, left.get(step.urn, step.old), drifted.keys(), remade=remade)
    ]
    return plan(events, only=steps)


def _drifted(events: Events) -> list[Step]:
    return [
        step for step in events.refreshed if step.type not in _STATE_ONLY and not step.type.startswith("tls:")
    ]


def _restores(step: Step, left: ResourceState | None, drifted: Iterable[str], *, remade: bool) -> bool:
    """Whether a step only puts back what was left, or follows from that: what is made again has
    another id.
    """
    if left is None or step.new is None:
        return False
    unknown = has_unknown(step.new.inputs)
    same = all(
        left.inputs.get(key) == value for key, value in step.new.inputs.items() if not has_unknown(value)
    )
    return same and (step.urn in drifted or (unknown and remade))


def _drift(step: Step, outlook: str) -> Drift:
    old = step.old or ResourceState()
    if step.type != LISTENER_CLIENT_AUTHENTICATION:
        kind = step.type.rpartition(":")[2]
        return Drift(
            f"{kind} {step.name}", step.new is None, tuple((path, "", "") for path in step.paths), outlook
        )
    what = f"listener {old.value('albConfig') or '?'}:{_port(old.value('port'))}"
    if step.new is None:
        return Drift(what, True, (), outlook)
    return Drift(what, False, tuple(_difference(path, old, step.new) for path in step.paths), outlook)


def _difference(path: str, left: ResourceState, found: ResourceState) -> tuple[str, str, str]:
    if path == "owner":
        holder = found.value("owner")
        told = {
            "": "no claim",
            "(unreadable annotation)": "an annotation that cannot be read",
            "(altered annotation)": "an altered claim",
        }
        return "claim", "of this stack", told.get(str(holder), f"of another stack ({holder})")
    if path == "switchedOff":
        return "mtls off", "no", str(found.value(path) or "no")
    if path in ("caEnabled", "caCertificateId"):
        return path, _shown(left.value(path)), _shown(found.value(path))
    return path, "", ""


def _shown(value: Any) -> str:
    return (
        ("none" if value in (None, "") else str(value)) if not isinstance(value, bool) else str(value).lower()
    )


def counted(certificates: Sequence[CertificateChange], *, what: str = "client") -> list[str]:
    """How many certificates of clients are issued, renewed and so on, in words."""
    actions: dict[str, int] = {}
    for one in certificates:
        if one.certificate.startswith(f"{what} "):
            actions[one.action] = actions.get(one.action, 0) + 1
    ordered = sorted(actions.items(), key=lambda item: (_EARLIER_THAN.get(item[0], 2), item[0]))
    return [f"{number} client certificate{'s' if number > 1 else ''} {action}" for action, number in ordered]
