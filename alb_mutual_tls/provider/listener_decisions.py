"""What a ListenerClientAuthentication may do and does: every decision of the handler, without
network. Errors are for the user to read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener import patch as listener_patch
from alb_mutual_tls.listener.claim import Claim, ClaimEnding, ClaimUnreadable, Owner
from alb_mutual_tls.listener.declared import (
    CA_CERTIFICATES,
    CA_ENABLED,
    Listener,
    ListenerMissing,
    certificate_ids,
    find_listener,
    fold,
)
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.fitness import doubtful, unfit
from alb_mutual_tls.listener.patch import Desired, Patch
from alb_mutual_tls.plugin.handler import Kind
from alb_mutual_tls.provider.consequences import (
    describe,
    opens,
    rejects_all,
    short,
    short_name,
    trusted_while_on,
)
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, has_unknown

DEFAULTS: Final[Mapping[str, Any]] = {
    "caCertificateExisting": False,
    "trustedCertificatePem": "",
    "crossFingerprints": [],
    "awaitListener": True,
    "awaitTimeoutSeconds": 180,
    "takeOver": False,
    "cutOff": False,
}
INPUTS: Final = (
    "albConfig",
    "port",
    "caEnabled",
    "caCertificateId",
    "caCertificateExisting",
    "trustedFingerprint",
    "trustedCertificatePem",
    "issuingFingerprint",
    "crossFingerprints",
    "owner",
    "awaitListener",
    "awaitTimeoutSeconds",
    "takeOver",
    "cutOff",
)
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_IDENTITY: Final = re.compile(r"[0-9a-f]{8}")
_MOST_SECONDS: Final = 86400


def check_inputs(inputs: Properties) -> list[CheckFailure]:
    """Everything that is wrong with the inputs (defaults filled in); values that are not known yet
    are not judged.
    """
    failures = [
        CheckFailure(
            key,
            f"ListenerClientAuthentication has no property {key}: remove it, the properties are"
            f" {', '.join(INPUTS)}",
        )
        for key in inputs
        if key not in INPUTS
    ]

    def require(key: str, holds: Any, rule: str) -> None:
        value = inputs.get(key)
        if value is not UNKNOWN and not holds(value):
            failures.append(
                CheckFailure(
                    key,
                    (
                        f"{key} is {value!r}: give {rule}"
                        if value is not None
                        else f"{key} is missing: give {rule}"
                    ),
                )
            )

    def whole(value: Any, least: int, most: int) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    def text(pattern: re.Pattern[str]) -> Any:
        return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None

    require("albConfig", text(_NAME), "the name of an AlbConfig (lower-case letters, digits, - and .)")
    require("port", lambda value: whole(value, 1, 65535), "a whole number from 1 to 65535")
    for key in ("caEnabled", "caCertificateExisting", "awaitListener", "takeOver", "cutOff"):
        require(key, lambda value: isinstance(value, bool), "true or false, without quotes")
    needs_id = (
        inputs.get("caEnabled") is not False
    )  # an upload that failed has none, which must not keep a listener on
    require(
        "caCertificateId",
        lambda value: isinstance(value, str) and value.strip() == value and (value != "" or not needs_id),
        "the id of a CA certificate in CAS (it is empty after a failed upload)",
    )
    for key in ("trustedFingerprint", "issuingFingerprint"):
        require(key, text(_FINGERPRINT), "a SHA-256 fingerprint of 64 lower-case hexadecimal digits")
    require("trustedCertificatePem", lambda value: isinstance(value, str), "the CA certificate in PEM")
    fingerprint = text(_FINGERPRINT)
    require(
        "crossFingerprints",
        lambda value: isinstance(value, list) and all(item is UNKNOWN or fingerprint(item) for item in value),
        "a list of SHA-256 fingerprints of 64 lower-case hexadecimal digits",
    )
    require("owner", text(_IDENTITY), "the identity of a StackIdentity (8 hexadecimal digits)")
    require(
        "awaitTimeoutSeconds",
        lambda value: whole(value, 1, _MOST_SECONDS),
        f"a whole number of seconds from 1 to {_MOST_SECONDS}",
    )
    return failures


def differences(state: Properties, inputs: Properties) -> dict[str, Kind]:
    """What an update would change; inputs that only steer how it is done are no change."""
    changes = {
        key: Kind.UPDATE_REPLACE
        for key in ("albConfig", "port")
        if inputs[key] is UNKNOWN or inputs[key] != state.get(key)
    }
    for key in ("caEnabled", "caCertificateId", "trustedFingerprint", "issuingFingerprint", "owner"):
        if key == "caCertificateId" and inputs[key] == "":
            continue  # the upload is still to come: what the listener names stays
        if inputs[key] is UNKNOWN or inputs[key] != state.get(key):
            changes[key] = Kind.UPDATE
    crosses = inputs["crossFingerprints"]
    if has_unknown([crosses]) or sorted(crosses) != sorted(state.get("crossFingerprints", [])):
        changes["crossFingerprints"] = Kind.UPDATE
    if state.get("switchedOff"):
        changes["switchedOff"] = Kind.UPDATE
    if state.get("confirmed") is False and inputs["awaitListener"] is True and not changes:
        changes["confirmed"] = Kind.UPDATE
    return changes


def refuse_lockout(
    what: str, inputs: Properties, trusted: str, issuing: str, former: Sequence[str] = ()
) -> None:
    """Raise `UserError` when the listener would trust an authority that no client has a certificate
    of.

    `trusted`: what was trusted while the listener was last on (`trusted_while_on`); `issuing` and
    `former` are those of the last deployed state. All are fingerprints. A listener that is off, or
    is being switched off, locks nobody out.
    """
    if not _locks_out(inputs, (trusted, issuing, *former)):
        return
    wanted = inputs["trustedFingerprint"]
    authority = (
        "one that has not been made yet" if wanted is UNKNOWN else f"the one with the SHA-256 {short(wanted)}"
    )
    raise UserError(
        f"{what} would trust another certificate authority, {authority}, of which no client has a certificate"
        f" so far (it trusts {short(trusted)}, and {short(issuing)} was issuing), so everybody would be"
        " locked out: set issuingAuthority to the new one first, run pulumi up, let the clients install"
        " their certificates, then change trustedAuthority; or set cutOff to true if locking everybody out"
        " is the purpose"
    )


def refuse_lockout_by_taking(what: str, inputs: Properties, found: Claim) -> None:
    """Raise `UserError` when a listener that is on would be taken over together with its clients'
    access.
    """
    if _locks_out(inputs, (found.trusted, found.issuing)):
        raise UserError(
            f"{what} asks for clients of the certificate authority with the SHA-256 {short(found.trusted)},"
            f" as stack {found.owner} has it, and would be taken over with another one, so everybody would be"
            " locked out: let authorities name that one, or set caEnabled to false for the take-over; or set"
            " cutOff to true if locking everybody out is the purpose"
        )


def _locks_out(inputs: Properties, known: Sequence[str]) -> bool:
    wanted = inputs["trustedFingerprint"]
    return (
        inputs["caEnabled"] is not False
        and inputs["cutOff"] is not True
        and (wanted is UNKNOWN or wanted not in known)
    )


def refuse_ended(what: str, inputs: Properties, state: Properties | None, now: datetime) -> None:
    """Raise `UserError` when the listener would begin to ask for certificates of an authority that
    has ended: everybody would be locked out.

    `state`: None for a new listener. What is on already, or is being switched off, is not refused
    anything for that.
    """
    pem = inputs["trustedCertificatePem"]
    goes_on = (
        state is not None
        and state["caEnabled"] is True
        and state["trustedFingerprint"] == inputs["trustedFingerprint"]
    )
    if inputs["caEnabled"] is not True or goes_on or pem in ("", UNKNOWN):
        return
    from alb_mutual_tls.pki import bundle
    from alb_mutual_tls.pki.renewal import to_text

    end = bundle.load_one(pem).not_valid_after_utc
    if end <= now:
        raise UserError(
            f"{what} would ask for certificates of an authority that ended on {to_text(end)}, so everybody"
            " would be locked out: let it trust another authority (docs/rotation.md), or leave caEnabled"
            " false"
        )


def former(inputs: Properties, state: Properties | None) -> Any:
    """The authorities that trust may go back to: those that this listener has trusted, and that its
    clients' cross certificates lead to.

    A cross certificate alone does not count, because an `up` with a change of trust that is refused
    signs one too. `state`: None for a new listener.
    """
    crosses = inputs["crossFingerprints"]
    if state is None or crosses is UNKNOWN:
        return crosses
    trusted = (trusted_while_on(state), *state.get("formerFingerprints", []))
    return [fingerprint for fingerprint in crosses if fingerprint in trusted]


@dataclass(frozen=True)
class Planned:
    """What is to be written, and what the user should know: `warnings` and `notes` are
    sentences.
    """

    patch: Patch
    listener: Listener | None = None
    claim: Claim | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan_create(document: Document, inputs: Properties, urn: str, claim_id: str) -> Planned:
    """Take a listener: for the first time, after a run that was killed, from a moved resource, or
    with `takeOver` from another stack.
    """
    listener, warnings = _listener_for(document, inputs)
    what = describe(listener.albconfig, listener.port)
    identity = None if inputs["owner"] is UNKNOWN else str(inputs["owner"])
    found = claims.for_create(
        _claim_on(document, listener), identity, take_over=inputs["takeOver"] is True, listener=what
    )
    notes: list[str] = []
    if listener.ca_enabled and inputs["caEnabled"] is False:
        warnings.append(opens(short_name(inputs)))
    if found is not None and found.owner.identity != identity:
        warnings.append(f"{what} is taken over from stack {found.owner}")
        if listener.ca_enabled:
            refuse_lockout_by_taking(what, inputs, found)
            if inputs["caEnabled"] is not False and inputs["trustedFingerprint"] not in (
                found.trusted,
                found.issuing,
            ):
                warnings.append(rejects_all(short_name(inputs), {}))
    elif found is not None:
        if listener.ca_enabled:
            refuse_lockout(what, inputs, found.trusted, found.issuing)
        if found.owner.urn != urn:
            notes.append(f"{what} is taken over from {found.owner.urn} of this stack")
    elif (
        listener.ca_enabled
        and inputs["caEnabled"] is True
        and listener.ca_certificate_ids != (inputs["caCertificateId"],)
    ):
        named = ", ".join(listener.ca_certificate_ids) or "no CA certificate"
        warnings.append(
            f"{what} already asks for client certificates ({named}): from now on only clients of this stack's"
            " authority get in"
        )
    if found is not None:
        previous = found.previous
    elif not inputs.get("caCertificateExisting") and inputs["caCertificateId"] in listener.ca_certificate_ids:
        previous = listener_patch.OFF  # our own upload, of a run whose annotation somebody removed
    else:
        previous = listener_patch.previous_values(listener)
    return _plan(document, listener, inputs, urn, claim_id, previous, warnings, notes)


def plan_update(document: Document, inputs: Properties, urn: str, state: Properties) -> Planned:
    """Give a listener that is ours what is wished now."""
    listener, warnings = _listener_for(document, inputs)
    what = describe(listener.albconfig, listener.port)
    identity = "" if inputs["owner"] is UNKNOWN else str(inputs["owner"])
    try:
        standing = _claim_on(document, listener)
    except ClaimUnreadable as error:
        if inputs["caEnabled"] is not False or inputs["caCertificateId"] is UNKNOWN:
            raise
        # somebody may need it off now: what cannot be read is left as it is
        key = claims.annotation_key(listener.port, listener.protocol)
        text = listener_patch.annotation(document, key) or ""
        patch = listener_patch.plan(document, listener, Desired(False, inputs["caCertificateId"]), key, text)
        return Planned(patch, listener, None, (*warnings, str(error)))
    found = claims.for_update(
        standing, state["claimId"], Owner(identity, urn), take_over=inputs["takeOver"] is True, listener=what
    )
    if found is None:
        refuse_lockout(
            what,
            inputs,
            trusted_while_on(state),
            state["issuingFingerprint"],
            state.get("formerFingerprints", []),
        )
    elif found.owner.identity != identity:
        warnings.append(f"{what} is taken over from stack {found.owner}")
        if listener.ca_enabled:
            refuse_lockout_by_taking(what, inputs, found)
    previous = state["previous"] if found is None else found.previous
    return _plan(
        document,
        listener,
        inputs,
        urn,
        state["claimId"],
        previous,
        warnings,
        [],
        state["appliedCaCertificateId"],
    )


def _listener_for(document: Document, inputs: Properties) -> tuple[Listener, list[str]]:
    listener = find_listener(document, inputs["port"])
    reasons = unfit(document, listener)
    if reasons and inputs["caEnabled"] is not False:
        raise UserError("; ".join(reasons))
    doubts = doubtful(document, listener) if inputs["caEnabled"] is not False else ()
    return listener, [*reasons, *doubts]


def _claim_on(document: Document, listener: Listener) -> Claim | None:
    key = claims.annotation_key(listener.port, listener.protocol)
    return claims.parse(listener_patch.annotation(document, key), listener.albconfig, key)


def _plan(
    document: Document,
    listener: Listener,
    inputs: Properties,
    urn: str,
    claim_id: str,
    previous: str,
    warnings: list[str],
    notes: list[str],
    applied_before: str = "",
) -> Planned:
    needed = ("caEnabled", "caCertificateId", "trustedFingerprint", "issuingFingerprint", "owner")
    if any(inputs[key] is UNKNOWN for key in needed):
        return Planned(
            [], listener, None, tuple(warnings), tuple(notes)
        )  # a preview: what would be written is not known yet
    claim = Claim(
        id=claim_id,
        owner=Owner(inputs["owner"], urn),
        trusted=inputs["trustedFingerprint"],
        issuing=inputs["issuingFingerprint"],
        applied=applied_before if inputs["caCertificateId"] == "" else inputs["caCertificateId"],
        previous=previous,
    )
    wish = Desired(inputs["caEnabled"], inputs["caCertificateId"])
    patch = listener_patch.plan(
        document,
        listener,
        wish,
        claims.annotation_key(listener.port, listener.protocol),
        claims.render(claim),
    )
    return Planned(patch, listener, claim, tuple(warnings), tuple(notes))


def plan_delete(document: Document, state: Properties) -> Planned:
    """Give the listener back: its first values while it is still ours, else nothing."""
    what, key = describe(state["albConfig"], state["port"]), claims.annotation_key(state["port"])
    found = claims.parse(listener_patch.annotation(document, key), state["albConfig"], key)
    applied = state["appliedCaCertificateId"]
    try:
        listener = find_listener(document, state["port"])
    except ListenerMissing:
        ours = found is not None and found.id == state["claimId"]
        return Planned(
            listener_patch.forget(document, key) if ours else [],
            notes=(f"{what} is gone, so there is nothing to restore",),
        )
    # what this stack has uploaded goes with it; what was in CAS before stays there, and the
    # listener may name it again
    uploads = () if state.get("caCertificateExisting") else (applied,)
    restored = listener_patch.restore(document, listener, state["previous"], key, uploads)
    if not restored and found is None:
        return Planned([], listener)
    match claims.for_delete(
        found, state["claimId"], applied, listener.ca_certificate_ids, enabled=listener.ca_enabled
    ):
        case ClaimEnding.RESTORE:
            opened = listener.ca_enabled and not _was_on(state["previous"], uploads)
            return Planned(restored, listener, found, warnings=(opens(short_name(state)),) if opened else ())
        case ClaimEnding.RELEASE:
            return Planned(
                listener_patch.forget(document, key),
                listener,
                found,
                warnings=(_left(what, listener, applied),),
            )
        case _:
            if found is None:
                return Planned([], listener, warnings=(_left(what, listener, applied),))
            if found.owner.identity == state["owner"]:
                return Planned(
                    [],
                    listener,
                    found,
                    notes=(f"{what} is left as it is, {found.owner.urn} has taken it over",),
                )
            return Planned(
                [],
                listener,
                found,
                warnings=(f"{what} is left as it is, because stack {found.owner} has claimed it",),
            )


def _was_on(previous: str, uploads: Sequence[str]) -> bool:
    """Whether a listener asks for client certificates once these first values are back."""
    values = {fold(key): value for key, value in listener_patch.parse_previous(previous).items()}
    ids = certificate_ids(values.get(fold(CA_CERTIFICATES)))
    return values.get(fold(CA_ENABLED)) is True and not set(ids) & set(uploads)


def _left(what: str, listener: Listener, applied: str) -> str:
    named = ", ".join(listener.ca_certificate_ids) or "no CA certificate"
    return (
        f"{what} is left as it is (caEnabled {str(listener.ca_enabled).lower()}, {named}), because somebody"
        f" has changed what this stack wrote (CA certificate {applied}): look at it with kubectl get"
        f" albconfig {listener.albconfig} -o yaml"
    )


def holds_claim(document: Document, state: Properties) -> bool:
    """Whether the AlbConfig still has the claim that this resource made."""
    key = claims.annotation_key(state["port"])
    try:
        found = claims.parse(listener_patch.annotation(document, key), state["albConfig"], key)
    except ClaimUnreadable:
        return False
    return found is not None and found.id == state["claimId"]


def live(state: Properties, document: Document, listener: Listener) -> Properties:
    """The state with what the listener really has. `previous`, `claimId` and
    `appliedCaCertificateId` stay: a destroy compares with them.

    `owner` becomes what the annotation says when it is not the claim that the state knows, so that
    the next diff shows it.
    """
    key = claims.annotation_key(listener.port, listener.protocol)
    seen = {
        **state,
        "caEnabled": listener.ca_enabled,
        "caCertificateId": ",".join(listener.ca_certificate_ids),
        "owner": _holder(state, listener_patch.annotation(document, key), key),
    }
    note = claims.switched_off(document, listener.port)
    return (
        {**seen, "switchedOff": f"by {note.by} on {note.at}"}
        if note
        else {key: seen[key] for key in seen if key != "switchedOff"}
    )


def _holder(state: Properties, text: str | None, key: str) -> str:
    if text is None:
        return ""
    try:
        found = claims.parse(text, state["albConfig"], key)
    except ClaimUnreadable:
        return "(unreadable annotation)"
    assert found is not None
    if found.id != state["claimId"]:
        return str(found.owner)
    expected = (
        state["trustedFingerprint"],
        state["issuingFingerprint"],
        state["appliedCaCertificateId"],
        state["previous"],
    )
    return (
        found.owner.identity
        if (found.trusted, found.issuing, found.applied, found.previous) == expected
        else "(altered annotation)"
    )
