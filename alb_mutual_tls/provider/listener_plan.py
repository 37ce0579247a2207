"""Plans what is written to take, change and give back a listener. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from alb_mutual_tls.provider.consequences import (
    describe,
    opens,
    rejects_all,
    short_name,
    trusted_while_on,
)
from alb_mutual_tls.provider.listener_inputs import LocatedInputs, desired
from alb_mutual_tls.provider.listener_lockout import refuse_lockout, refuse_lockout_by_taking
from alb_mutual_tls.provider.listener_state import ListenerState
from alb_mutual_tls.wire import UNKNOWN


@dataclass(frozen=True)
class Planned:
    """What is to be written, and the sentences that the user should see."""

    patch: Patch
    listener: Listener | None = None
    claim: Claim | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan_create(document: Document, inputs: LocatedInputs, urn: str, claim_id: str) -> Planned:
    """Take a listener.

    That is for the first time, after a run that was killed, from a moved resource, or with
    `takeOver` from another stack.
    """
    listener, warnings = _listener_for(document, inputs)
    what = describe(listener.albconfig, listener.port)
    identity = None if inputs["owner"] is UNKNOWN else str(inputs["owner"])
    claim = claims.for_create(
        _claim_on(document, listener), identity, take_over=inputs["takeOver"] is True, listener=what
    )
    notes: list[str] = []
    if listener.ca_enabled and inputs["caEnabled"] is False:
        warnings.append(opens(short_name(inputs)))
    if claim is not None and claim.owner.identity != identity:
        warnings.append(f"{what} is taken over from {claim.owner}")
        if listener.ca_enabled:
            refuse_lockout_by_taking(what, inputs, claim)
            if inputs["caEnabled"] is not False and inputs["trustedFingerprint"] not in (
                claim.trusted,
                claim.issuing,
            ):
                warnings.append(rejects_all(short_name(inputs), {}))
    elif claim is not None:
        if listener.ca_enabled:
            refuse_lockout(what, inputs, claim.trusted, claim.issuing)
        if claim.owner.urn != urn:
            notes.append(f"{what} is taken over from {claim.owner.urn} of this stack")
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
    if claim is not None:
        previous = claim.previous
    elif (
        inputs["caCertificateExisting"] is not True
        and inputs["caCertificateId"] in listener.ca_certificate_ids
    ):
        previous = listener_patch.OFF  # our own upload, of a run whose annotation somebody removed
    else:
        previous = listener_patch.previous_values(listener)
    return _plan(document, listener, inputs, urn, claim_id, previous, warnings, notes)


def plan_update(document: Document, inputs: LocatedInputs, urn: str, state: ListenerState) -> Planned:
    """Give a listener that is ours what is desired now."""
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
    claim = claims.for_update(
        standing, state["claimId"], Owner(identity, urn), take_over=inputs["takeOver"] is True, listener=what
    )
    if claim is None:
        refuse_lockout(
            what,
            inputs,
            trusted_while_on(state),
            state["issuingFingerprint"],
            state.get("formerFingerprints", []),
        )
    elif claim.owner.identity != identity:
        warnings.append(f"{what} is taken over from {claim.owner}")
        if listener.ca_enabled:
            refuse_lockout_by_taking(what, inputs, claim)
    previous = state["previous"] if claim is None else claim.previous
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


def _listener_for(document: Document, inputs: LocatedInputs) -> tuple[Listener, list[str]]:
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
    inputs: LocatedInputs,
    urn: str,
    claim_id: str,
    previous: str,
    warnings: list[str],
    notes: list[str],
    applied_before: str = "",
) -> Planned:
    wanted, owner = desired(inputs), inputs["owner"]
    trusted, issuing = inputs["trustedFingerprint"], inputs["issuingFingerprint"]
    if wanted is None or owner is UNKNOWN or trusted is UNKNOWN or issuing is UNKNOWN:
        # a preview: what would be written is not known yet
        return Planned([], listener, None, tuple(warnings), tuple(notes))
    claim = Claim(
        id=claim_id,
        owner=Owner(owner, urn),
        trusted=trusted,
        issuing=issuing,
        applied=wanted.ca_certificate_id or applied_before,
        previous=previous,
    )
    patch = listener_patch.plan(
        document,
        listener,
        wanted,
        claims.annotation_key(listener.port, listener.protocol),
        claims.render(claim),
    )
    return Planned(patch, listener, claim, tuple(warnings), tuple(notes))


def plan_delete(document: Document, state: ListenerState) -> Planned:
    """Give the listener back: its first values while it is still ours, else nothing."""
    what, key = describe(state["albConfig"], state["port"]), claims.annotation_key(state["port"])
    claim = claims.parse(listener_patch.annotation(document, key), state["albConfig"], key)
    applied = state["appliedCaCertificateId"]
    try:
        listener = find_listener(document, state["port"])
    except ListenerMissing:
        ours = claim is not None and claim.id == state["claimId"]
        return Planned(
            listener_patch.forget(document, key) if ours else [],
            notes=(f"{what} is gone, so there is nothing to restore",),
        )
    # what this stack has uploaded goes with it; what was in CAS before stays there, and the
    # listener may name it again
    uploads = () if state.get("caCertificateExisting") else (applied,)
    restored = listener_patch.restore(document, listener, state["previous"], key, uploads)
    if not restored and claim is None:
        return Planned([], listener)
    match claims.for_delete(
        claim, state["claimId"], applied, listener.ca_certificate_ids, enabled=listener.ca_enabled
    ):
        case ClaimEnding.RESTORE:
            opened = listener.ca_enabled and not _was_on(state["previous"], uploads)
            return Planned(restored, listener, claim, warnings=(opens(short_name(state)),) if opened else ())
        case ClaimEnding.RELEASE:
            return Planned(
                listener_patch.forget(document, key),
                listener,
                claim,
                warnings=(_left(what, listener, applied),),
            )
        case _:
            if claim is None:
                return Planned([], listener, warnings=(_left(what, listener, applied),))
            if claim.owner.identity == state["owner"]:
                return Planned(
                    [],
                    listener,
                    claim,
                    notes=(f"{what} is left as it is, {claim.owner.urn} has taken it over",),
                )
            return Planned(
                [],
                listener,
                claim,
                warnings=(f"{what} is left as it is, because {claim.owner} has claimed it",),
            )


def _was_on(previous: str, uploads: Sequence[str]) -> bool:
    """Whether a listener with these first values asks for client certificates."""
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
