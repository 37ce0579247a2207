"""Who may change a listener: the claim, an annotation on the AlbConfig.

The annotation `albmtls/<port>-<protocol>` says which resource of which stack has taken the
listener, whom it trusts, and what the listener had before anybody of us touched it. It is the only
record that survives a process killed between its PATCH and the state file. So the first values
travel with it from owner to owner.

A claim has an id of its own. A resource that is deleted restores the listener only if the claim is
the one it made. So one that was moved, renamed or replaced leaves its successor's listener alone.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum, auto
from typing import Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener import patch as listener_patch
from alb_mutual_tls.listener.declared import Listener
from alb_mutual_tls.listener.exact_json import Document

PREFIX: Final = "albmtls/"
_VERSION: Final = 1
_NOTE: Final = "switchedOff"
_URN: Final = re.compile(r"urn:pulumi:([^:]+)::")


class ClaimUnreadable(UserError):
    """The annotation is not one that we wrote; it is never overwritten."""


class ClaimedByAnother(UserError):
    """Another stack, or another resource of this stack, has the listener."""


@dataclass(frozen=True)
class Owner:
    """A resource of a stack: StackIdentity (8 hex digits) and the resource's URN."""

    identity: str
    urn: str

    def __str__(self) -> str:
        """As people know it: the stack's name and its identity."""
        named = _URN.match(self.urn)
        return f"stack {named[1]} ({self.identity})" if named else f"stack {self.identity}"


@dataclass(frozen=True)
class SwitchedOff:
    """A note of `mtls off` in a claim: who (user@host), and when (RFC 3339, UTC)."""

    by: str
    at: str

    def sentence(self, name: str) -> str:
        """What a run says of the listener `name`, and what comes next."""
        return (
            f"{name} was switched off with ./mtls off by {self.by} on {self.at}: set caEnabled to false to"
            " keep it off, else the next pulumi up switches it on again"
        )


@dataclass(frozen=True)
class Claim:
    """What the annotation says.

    `trusted` and `issuing` are SHA-256 fingerprints (lower-case hex) of the authority the listener
    trusts and of the one that signs clients; `applied` is the CA certificate id the owner wrote
    last; `previous` are the first values, as `listener_patch.previous_values` writes them.
    `switched_off`: set by `mtls off`, and gone with the next write of the owner.
    """

    id: str
    owner: Owner
    trusted: str
    issuing: str
    applied: str
    previous: str
    switched_off: SwitchedOff | None = None


def new_id() -> str:
    """A claim id: 16 random hex digits."""
    return secrets.token_hex(8)


def annotation_key(port: int, protocol: str = "HTTPS") -> str:
    """The annotation's key, for instance `albmtls/443-https`."""
    return f"{PREFIX}{port}-{protocol.lower()}"


def render(claim: Claim) -> str:
    """The annotation's text."""
    content = asdict(claim)
    owner, note = content.pop("owner"), content.pop("switched_off")
    if note is not None:
        content[_NOTE] = note
    return exact_json.dumps({"version": _VERSION, "claim": content.pop("id"), **owner, **content})


def parse(text: str | None, albconfig: str, key: str) -> Claim | None:
    """Read the annotation; `None` when there is none.

    Raises `ClaimUnreadable` when it is not one that `render` wrote.
    """
    if text is None:
        return None
    fields = ("claim", "identity", "urn", "trusted", "issuing", "applied", "previous")
    try:
        content = exact_json.loads(text)
        if not isinstance(content, dict) or not exact_json.same(content.get("version"), _VERSION):
            raise ValueError("not our version")
        note = content.pop(_NOTE, None)
        if set(content) != {"version", *fields}:
            raise ValueError("not our fields")
        if note is not None and not (
            isinstance(note, dict)
            and set(note) == {"by", "at"}
            and all(isinstance(value, str) for value in note.values())
        ):
            raise ValueError("not our note")
        id, identity, urn, trusted, issuing, applied, previous = (content[field] for field in fields)
        if not all(isinstance(content[field], str) for field in fields) or not id or not identity:
            raise ValueError("not text")
        listener_patch.parse_previous(previous)
    except ValueError:
        raise ClaimUnreadable(
            f"annotation {key} of AlbConfig {albconfig} cannot be read as a claim of this program, and the"
            f" listener's first values may be in it: look at it with kubectl get albconfig {albconfig} -o"
            " yaml and correct or remove it"
        ) from None
    return Claim(
        id,
        Owner(identity, urn),
        trusted,
        issuing,
        applied,
        previous,
        None if note is None else SwitchedOff(**note),
    )


def switched_off(document: Document, listener: Listener) -> SwitchedOff | None:
    """The note of `mtls off` about an HTTPS listener.

    None where there is no note, and where the listener is on again, or its claim unreadable.
    """
    try:
        key = annotation_key(listener.port, listener.protocol)
        claim = parse(listener_patch.annotation(document, key), listener.albconfig, key)
    except UserError:
        return None
    return None if claim is None or listener.ca_enabled else claim.switched_off


def for_create(held: Claim | None, identity: str | None, *, take_over: bool, listener: str) -> Claim | None:
    """The claim whose first values a new resource goes on with.

    `None` when it starts afresh from what the listener has. A claim of the same stack comes from a
    run that was killed after its PATCH, or from a resource that was moved or renamed. `identity` is
    `None` while the stack has none yet; then no claim can be its own. Raises `ClaimedByAnother`.
    """
    if held is not None and held.owner.identity != identity and not take_over:
        raise _claimed(listener, held)
    return held


def for_update(
    held: Claim | None, claim_id: str, owner: Owner, *, take_over: bool, listener: str
) -> Claim | None:
    """The claim whose first values an existing resource goes on with.

    `None` for those of its own state. No annotation at all means that somebody pruned it: the
    listener is still ours. Raises `ClaimedByAnother`.
    """
    if held is None or held.id == claim_id:
        return None
    if held.owner.identity != owner.identity:
        if take_over:
            return held
        raise _claimed(listener, held)
    if held.owner.urn == owner.urn:
        return held
    raise ClaimedByAnother(
        f"{listener} belongs to another resource of this stack, {held.owner.urn.rpartition('::')[2]}: two"
        " resources cannot hold one listener, so declare it in one place only"
    )


def _claimed(listener: str, held: Claim) -> ClaimedByAnother:
    return ClaimedByAnother(
        f"{listener} belongs to {held.owner}: remove it from that stack's listeners and run pulumi up there;"
        " or take it over here: pulumi config set takeOver true"
    )


class ClaimEnding(Enum):
    """What the end of a resource does to its listener."""

    RESTORE = auto()
    """Put the first values back and take the claim away."""
    RELEASE = auto()
    """The claim is ours but the values are not: take only the claim away."""
    LEAVE = auto()
    """Somebody else has the listener, or nobody knows whose values these are."""


def for_delete(
    held: Claim | None, claim_id: str, applied: str, live_ids: Sequence[str], *, enabled: bool
) -> ClaimEnding:
    """How a resource that is deleted leaves its listener.

    `live_ids`: the CA certificates that the listener names now. `enabled`: its caEnabled. ALB
    refuses a listener that asks for certificates of no CA at all, and goes on with ours.
    """
    ours = tuple(live_ids) == (applied,) or (held is not None and enabled and not live_ids)
    if held is None:
        return ClaimEnding.RESTORE if ours else ClaimEnding.LEAVE
    if held.id != claim_id:
        return ClaimEnding.LEAVE
    return ClaimEnding.RESTORE if ours else ClaimEnding.RELEASE
