"""Which certificates an update of the register issues, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from alb_mutual_tls.pki.issued import IssuedCertificate
from alb_mutual_tls.pki.register import certificates, end_path, path
from alb_mutual_tls.pki.renewal import RenewalState, from_text, near_end, renewal
from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.provider.certificate_inputs import ISSUER, same
from alb_mutual_tls.provider.register_before import carried_over, is_before
from alb_mutual_tls.provider.register_inputs import STEERING, ClientWish, RegisterInputs, wishes
from alb_mutual_tls.wire import UNKNOWN


class Cause(Enum):
    """Why a certificate is issued."""

    NEW = auto()  # its client has none
    DUE = auto()  # its time has come
    CHANGED = auto()  # another key, name or validity is wanted
    ISSUER = auto()  # another authority issues


@dataclass(frozen=True)
class Plan:
    """What an update does.

    `kept`: the certificates that stay; `issued`: client -> why it gets one; `changed`: client ->
    the inputs for which it is issued anew; `removed`: clients that go; `ending`: those whose
    certificate ends with its authority, so that none is issued; `held`: what all had before;
    `changes`: the property paths that differ; `moved`: whether an earlier version kept the
    certificates elsewhere.
    """

    wanted: Mapping[str, ClientWish]
    held: Mapping[str, IssuedCertificate]
    kept: Mapping[str, IssuedCertificate]
    issued: Mapping[str, Cause]
    changed: Mapping[str, tuple[str, ...]]
    removed: tuple[str, ...]
    ending: tuple[str, ...]
    changes: dict[str, Kind]
    moved: bool


def plan(state: Mapping[str, Any], inputs: RegisterInputs, now: datetime) -> Plan:
    """Compare what the register holds with what is wanted at `now`.

    `state` is empty where there is no register yet.
    """
    before, wanted = wishes(state), wishes(inputs)
    changes = _input_changes(state, inputs)
    moved = is_before(state)
    if moved:
        held, faults = carried_over(state, inputs, wanted)
        changes |= {path("clients", client): Kind.UPDATE for client, found in faults.items() if found}
        another = False
    else:
        held, faults = certificates(state), {}
        another = any(name in changes for name in ISSUER)
    issued: dict[str, Cause] = {}
    changed: dict[str, tuple[str, ...]] = {}
    ending: list[str] = []
    # clients of their own before members of groups
    for client, wish in sorted(wanted.items(), key=lambda item: ("/" in item[0], item[0])):
        if client not in held:
            issued[client] = Cause.NEW
            continue
        fields = faults.get(client, ()) if moved else _differing(before.get(client, {}), wish)
        if fields:
            issued[client], changed[client] = Cause.CHANGED, fields
        elif another:
            issued[client] = Cause.ISSUER
        match _renewal(held[client], wish, inputs, now):
            case RenewalState.DUE if client not in issued:
                issued[client] = Cause.DUE
                changes[end_path(client)] = Kind.UPDATE
            case RenewalState.ENDS_WITH_AUTHORITY if client not in issued:
                ending.append(client)
    return Plan(
        wanted,
        held,
        {
            client: certificate
            for client, certificate in held.items()
            if client in wanted and client not in issued
        },
        issued,
        changed,
        tuple(sorted(held.keys() - wanted.keys())),
        tuple(ending),
        changes,
        moved,
    )


def _input_changes(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Kind]:
    """The inputs that differ; of clients and groups their own properties."""
    moved = is_before(state)
    names = ("rootCertificatePems",) if moved else (*ISSUER, "rootCertificatePems")
    changes = _differences(state, inputs, names)
    for kind in ("clients", "groups"):
        before, after = state.get(kind) or {}, inputs.get(kind) or {}
        if moved and kind == "clients":
            before = state["current"]
            changes |= {"current": Kind.DELETE} if before else {}
        for name in sorted(before.keys() | after.keys()):
            if name not in before:
                changes[path(kind, name)] = Kind.ADD
            elif name not in after:
                changes[path(kind, name)] = Kind.DELETE
            elif isinstance(before[name], Mapping):
                fields = sorted(before[name].keys() | after[name].keys())
                own = _differences(before[name], after[name], fields)
                changes |= {path(kind, name, field): change for field, change in own.items()}
    return changes


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Kind]:
    changes: dict[str, Kind] = {}
    for name in names:
        if name not in before and name in after:
            changes[name] = Kind.ADD
        elif name in before and name not in after:
            changes[name] = Kind.DELETE
        elif not same(name, before.get(name), after.get(name)):
            changes[name] = Kind.UPDATE
    return changes


def _differing(before: Mapping[str, Any], wish: Mapping[str, Any]) -> tuple[str, ...]:
    if before == wish:
        return ()
    return tuple(
        name
        for name in sorted((before.keys() | wish.keys()) - {STEERING})
        if not same(name, before.get(name), wish.get(name))
    )


def _renewal(
    certificate: IssuedCertificate, wish: ClientWish, inputs: RegisterInputs, now: datetime
) -> RenewalState:
    end, days, issuer = from_text(certificate["notAfter"]), wish["renewBeforeDays"], inputs.get(ISSUER[0])
    if days is UNKNOWN or not near_end(now, end, days) or not isinstance(issuer, str):
        return RenewalState.NOT_YET
    from alb_mutual_tls.pki import bundle

    return renewal(now, end, days, bundle.load_one(issuer).not_valid_after_utc)
