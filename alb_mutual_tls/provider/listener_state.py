"""The state of a ListenerClientAuthentication, and what differs from it. Pure."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener import patch as listener_patch
from alb_mutual_tls.listener.claim import ClaimUnreadable
from alb_mutual_tls.listener.declared import Listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.provider.listener_inputs import (
    ListenerAddress,
    ListenerInputs,
    LocatedInputs,
)
from alb_mutual_tls.wire import UNKNOWN, Unknown, has_unknown


class ListenerLocation(TypedDict):
    """Where the listener is: `cluster` is the UID of the namespace kube-system."""

    protocol: NotRequired[str]
    cluster: str
    account: str


class ListenerTrust(TypedDict):
    """What was trusted before.

    `formerFingerprints`: authorities that trust may go back to; `trustedWhileOn`: the authority
    that was trusted when the listener was on last.
    """

    formerFingerprints: list[str | Unknown] | Unknown
    trustedWhileOn: str | Unknown


class ListenerHold(TypedDict):
    """What was found on the listener, and written there.

    `claimId`: our claim, "" while there was none to claim, which only an off one may lack;
    `previous`: the first values, JSON text; `appliedCaCertificateId`: what was written last, which
    `read` never touches.
    """

    albConfigUid: str
    claimId: str
    previous: str
    appliedCaCertificateId: str


class ListenerState(ListenerAddress, ListenerLocation, ListenerHold):
    """The state; what earlier versions did not write may be missing.

    `switchedOff`: who has used `mtls off` and when, while it stays so; `confirmed`: false after a
    wait for ALB that ended without seeing what was desired.
    """

    caEnabled: bool
    caCertificateId: str
    caCertificateExisting: NotRequired[bool]
    trustedFingerprint: str
    issuingFingerprint: str
    crossFingerprints: NotRequired[list[str]]
    owner: str
    formerFingerprints: NotRequired[list[str]]
    trustedWhileOn: NotRequired[str]
    switchedOff: NotRequired[str]
    confirmed: NotRequired[bool]


class ListenerOutputs(LocatedInputs, ListenerLocation, ListenerTrust):
    """The state as an update leaves it; in a preview some of it is not known."""

    albConfigUid: str
    claimId: str | Unknown
    previous: str | Unknown
    appliedCaCertificateId: str | Unknown
    confirmed: bool


_PLACE: Final[tuple[Literal["albConfig", "port"], ...]] = ("albConfig", "port")
_CONTENT: Final[
    tuple[Literal["caEnabled", "caCertificateId", "trustedFingerprint", "issuingFingerprint", "owner"], ...]
] = ("caEnabled", "caCertificateId", "trustedFingerprint", "issuingFingerprint", "owner")


def differences(state: ListenerState, inputs: ListenerInputs) -> dict[str, Kind]:
    """What an update would change; inputs that only steer it do not count."""
    changes: dict[str, Kind] = {
        key: Kind.UPDATE_REPLACE for key in _PLACE if inputs[key] is UNKNOWN or inputs[key] != state.get(key)
    }
    for key in _CONTENT:
        if key == "caCertificateId" and inputs[key] == "":
            continue  # the upload is still to come: what the listener names stays
        if inputs[key] is UNKNOWN or inputs[key] != state.get(key):
            changes[key] = Kind.UPDATE
    crosses = inputs["crossFingerprints"]
    if (
        crosses is UNKNOWN
        or has_unknown(crosses)
        or sorted(map(str, crosses)) != sorted(state.get("crossFingerprints", []))
    ):
        changes["crossFingerprints"] = Kind.UPDATE
    if state.get("switchedOff"):
        changes["switchedOff"] = Kind.UPDATE
    if state.get("confirmed") is False and inputs["awaitListener"] is True and not changes:
        changes["confirmed"] = Kind.UPDATE
    return changes


def hold_of(state: ListenerState | None) -> ListenerHold:
    """Return what was found on the listener, and what was written there.

    All values are empty where there is no state.
    """
    return {
        "albConfigUid": state["albConfigUid"] if state else "",
        "claimId": state["claimId"] if state else "",
        "previous": state["previous"] if state else "",
        "appliedCaCertificateId": state["appliedCaCertificateId"] if state else "",
    }


def holds_claim(document: Document, state: ListenerState) -> bool:
    """Whether the AlbConfig still has the claim that this resource made."""
    key = claims.annotation_key(state["port"])
    try:
        claim = claims.parse(listener_patch.annotation(document, key), state["albConfig"], key)
    except ClaimUnreadable:
        return False
    return claim is not None and claim.id == state["claimId"]


def live(state: ListenerState, document: Document, listener: Listener) -> ListenerState:
    """The state with what the listener really has.

    `previous`, `claimId` and `appliedCaCertificateId` stay: a destroy compares with them.
    `owner` becomes what the annotation says when it is not the claim that the state knows, so that
    the next diff shows it.
    """
    key = claims.annotation_key(listener.port, listener.protocol)
    seen: ListenerState = {
        **state,
        "caEnabled": listener.ca_enabled,
        "caCertificateId": ",".join(listener.ca_certificate_ids),
        "owner": _holder(state, listener_patch.annotation(document, key), key),
    }
    seen.pop("switchedOff", None)
    if note := claims.switched_off(document, listener):
        seen["switchedOff"] = f"by {note.by} on {note.at}"
    return seen


def _holder(state: ListenerState, text: str | None, key: str) -> str:
    if text is None:
        return ""
    try:
        claim = claims.parse(text, state["albConfig"], key)
    except ClaimUnreadable:
        return "(unreadable annotation)"
    assert claim is not None
    if claim.id != state["claimId"]:
        return str(claim.owner)
    expected = (
        state["trustedFingerprint"],
        state["issuingFingerprint"],
        state["appliedCaCertificateId"],
        state["previous"],
    )
    return (
        claim.owner.identity
        if (claim.trusted, claim.issuing, claim.applied, claim.previous) == expected
        else "(altered annotation)"
    )
