"""Refuses changes of a listener that would lock its clients out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.claim import Claim
from alb_mutual_tls.pki.renewal import from_text
from alb_mutual_tls.provider.consequences import describe, short, trusted_while_on
from alb_mutual_tls.provider.listener_inputs import ListenerSettings, LocatedInputs
from alb_mutual_tls.provider.listener_state import ListenerState
from alb_mutual_tls.wire import UNKNOWN, Unknown


def refuse_lockout(
    what: str, inputs: ListenerSettings, trusted: str, issuing: str, former: Sequence[str] = ()
) -> None:
    """Raise `UserError` when the listener would trust a CA that no client knows.

    `trusted`: what was trusted while the listener was last on (`trusted_while_on`).
    `issuing`, `former`: those of the last deployed state.

    All are fingerprints. A listener that is off, or is being switched off, locks nobody out.
    """
    if not _locks_out(inputs, (trusted, issuing, *former)):
        return
    wanted = inputs["trustedFingerprint"]
    authority = "one that has not been made yet" if wanted is UNKNOWN else f"that of SHA-256 {short(wanted)}"
    raise UserError(
        f"{what} would trust an authority that no client has a certificate of ({authority}), so everybody"
        " would be locked out: set issuingAuthority to it first and run pulumi up, let the clients install"
        " their certificates, then set trustedAuthority (docs/rotation.md); if writing authorities has"
        " removed the implicit root, add root: {} there; set cutOff to true only to lock everybody out"
    )


def refuse_lockout_to_come(state: ListenerState, inputs: LocatedInputs) -> None:
    """Refuse in a preview what an update would refuse.

    Of a listener that is taken over the claim that is found counts, which only the update reads.
    """
    if state.get("claimId") and inputs["takeOver"] is not True:
        what, former = describe(inputs["albConfig"], inputs["port"]), state.get("formerFingerprints", [])
        refuse_lockout(what, inputs, trusted_while_on(state), state["issuingFingerprint"], former)


def refuse_lockout_by_taking(what: str, inputs: ListenerSettings, claim: Claim) -> None:
    """Raise `UserError` when a take-over would end the access of a listener's clients."""
    if _locks_out(inputs, (claim.trusted, claim.issuing)):
        raise UserError(
            f"{what} asks for clients of the certificate authority with the SHA-256 {short(claim.trusted)},"
            f" as {claim.owner} has it, and would be taken over with another one, so everybody would be"
            " locked out: let authorities name that one, or set caEnabled to false for the take-over; or set"
            " cutOff to true if locking everybody out is the purpose"
        )


def _locks_out(inputs: ListenerSettings, known: Sequence[str]) -> bool:
    wanted = inputs["trustedFingerprint"]
    return (
        inputs["caEnabled"] is not False
        and inputs["cutOff"] is not True
        and (wanted is UNKNOWN or wanted not in known)
    )


def refuse_ended(what: str, inputs: ListenerSettings, state: ListenerState | None, now: datetime) -> None:
    """Raise `UserError` when the listener would begin to trust an expired CA.

    Everybody would be locked out. `state`: None for a new listener. A listener that is on with this
    CA already, or is being switched off, is not refused.
    """
    end = inputs["trustedNotAfter"]
    goes_on = (
        state is not None
        and state["caEnabled"] is True
        and state["trustedFingerprint"] == inputs["trustedFingerprint"]
    )
    if inputs["caEnabled"] is not True or goes_on or end is UNKNOWN or end == "":
        return
    if from_text(end) <= now:
        raise UserError(
            f"{what} would ask for certificates of an authority that ended on {end}, so everybody"
            " would be locked out: let it trust another authority (docs/rotation.md), or leave caEnabled"
            " false"
        )


def former(inputs: ListenerSettings, state: ListenerState | None) -> list[str | Unknown] | Unknown:
    """The authorities that trust may go back to.

    This listener has trusted them, and its clients' cross certificates lead to them.
    A cross certificate alone does not count, because an `up` with a change of trust that is refused
    signs one too. `state`: None for a new listener.
    """
    crosses = inputs["crossFingerprints"]
    if state is None or crosses is UNKNOWN:
        return crosses
    trusted = (trusted_while_on(state), *state.get("formerFingerprints", []))
    return [fingerprint for fingerprint in crosses if fingerprint in trusted]
