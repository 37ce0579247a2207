"""What a deployment does to a listener, and what that means for its clients.

This module is pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alb_mutual_tls.engine.events import ResourceState, Step
from alb_mutual_tls.wire import UNKNOWN_TEXT


class Effect(StrEnum):
    """What a change of a listener means for whoever connects.

    The effects that are worst to overlook come first.

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
    """The CA of a listener, as far as it is known before the update.

    `id`: its id in Certificate Management Service. `fingerprint`: its SHA-256 in hex.
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
    """A change of a listener.

    `listener`: its name, ALBCONFIG:PORT.
    `before`: None where this stack has not had the listener.
    `after`: None where the stack gives the listener away unseen.
    """

    listener: str
    effect: Effect
    before: Setting | None
    after: Setting | None
    paths: tuple[str, ...] = ()


def listener_change(step: Step, subjects: Mapping[str, str]) -> ListenerChange:
    """What a step of `ListenerClientAuthentication` does to its listener.

    `subjects`: the subjects of CA certificates by their SHA-256.
    """
    before = None if step.old is None else _setting(step.old, subjects)
    after = _after(step, subjects)
    if before is None and step.new is not None:
        before = _previous(step.new)
    state = step.new or step.old or ResourceState()
    name = f"{state.value('albConfig') or '?'}:{port(state.value('port'))}"
    return ListenerChange(name, _effect(step, before, after), before, after, step.paths)


def _after(step: Step, subjects: Mapping[str, str]) -> Setting | None:
    if step.new is not None:
        return _setting(step.new, subjects)
    return None if step.old is None else _previous(step.old)


def _effect(step: Step, before: Setting | None, after: Setting | None) -> Effect:
    was = before.ca_enabled if before is not None else None
    becomes = after.ca_enabled if after is not None else None
    if step.new is None:
        if was and not becomes:
            return Effect.OPENS
        return Effect.TRUSTS if was and _another(before, after) else Effect.RELEASED
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
    """Whether the CA changes.

    True, too, where the CA is known only after the update, as with a new upload.
    """
    old_authority, new_authority = (
        None if setting is None else setting.authority for setting in (before, after)
    )
    return (old_authority and old_authority.id) != (new_authority and new_authority.id) or (
        new_authority is not None and new_authority.id is None
    )


def _setting(state: ResourceState, subjects: Mapping[str, str]) -> Setting:
    enabled, identifier = state.value("caEnabled"), state.value("caCertificateId")
    authority = PlannedAuthority(identifier if isinstance(identifier, str) else None)
    # After a refresh the id is that on the listener, and the certificate still that of the last
    # update.
    if identifier in (None, UNKNOWN_TEXT) or identifier == state.outputs.get(
        "appliedCaCertificateId", identifier
    ):
        digest = state.value("trustedFingerprint")
        if isinstance(digest, str):
            authority = PlannedAuthority(authority.id, subjects.get(digest), digest)
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
        [certificate for certificate in kept_certificates if isinstance(certificate, dict)]
        if isinstance(kept_certificates, list)
        else []
    )
    identifiers = [str(certificate.get("CertificateId", "")) for certificate in certificates]
    authority = PlannedAuthority(",".join(identifiers)) if identifiers else None
    return Setting(values.get("caenabled") is True, authority)


def port(value: Any) -> str:
    """A port of a state, where whole numbers may be floats; `?` where it is not known."""
    return f"{value:g}" if isinstance(value, int | float) else str(value or "?")
