"""Says what a change of a listener means for whoever connects. Pure.

The sentences are for previews and updates. Here is also how listeners and authorities are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.listener.declared import HTTPS
from alb_mutual_tls.wire import UNKNOWN, Unknown

if TYPE_CHECKING:
    from alb_mutual_tls.provider.listener_inputs import ListenerAddress, LocatedInputs
    from alb_mutual_tls.provider.listener_state import ListenerState

Clients = Mapping[str, str | Unknown]
"""Clients of a stack, each with its certificate in PEM as it will be."""
_MOST_NAMES: Final = 20


def describe(albconfig: str, port: int) -> str:
    """The listener, in words."""
    return f"listener {port}/{HTTPS} of AlbConfig {albconfig}"


def trusted_while_on(state: ListenerState) -> str:
    """The fingerprint of the authority that was trusted when the listener was on last.

    Clients are known to have dealt with that one. A listener that never was on has the first one
    that it named.
    """
    return state.get("trustedWhileOn") or state["trustedFingerprint"]


def consequences(state: ListenerState, inputs: LocatedInputs, clients: Clients) -> list[str]:
    """What an update means for whoever connects, a sentence each.

    `clients`: the stack's clients, each with its certificate in PEM as it will be; `UNKNOWN` while
    it is still to be issued.
    """
    name, wanted = short_name(inputs), inputs["trustedFingerprint"]
    if inputs["caEnabled"] is False:
        return [opens(name)] if state["caEnabled"] is True else []
    if wanted in (trusted_while_on(state), *state.get("formerFingerprints", [])):
        return []
    if wanted is not UNKNOWN and wanted == state["issuingFingerprint"]:
        return [_rejects_old_bundles(name, clients)]
    return [rejects_all(name, clients)] if inputs["cutOff"] is True else []


def short_name(address: ListenerAddress) -> str:
    """The listener as ALBCONFIG:PORT."""
    return f"{address['albConfig']}:{address['port']}"


def opens(name: str) -> str:
    """What switching off means."""
    return f"{name} will let everybody in without a client certificate"


def rejects_all(name: str, clients: Clients) -> str:
    told = f": {enumerated(sorted(clients))}" if clients else ""
    return f"every client of {name} is rejected until it has installed a new certificate{told}"


def _rejects_old_bundles(name: str, clients: Clients) -> str:
    if not clients:
        return f"from now on {name} rejects whoever has only a certificate of the former authority"
    from alb_mutual_tls.pki import bundle
    from alb_mutual_tls.pki.profile import BACKDATE

    issued: dict[str, list[str]] = {}
    for client in sorted(clients):
        pem = clients[client]
        date = (
            "in this update"
            if pem is UNKNOWN
            else f"on {bundle.load_one(pem).not_valid_before_utc + BACKDATE:%Y-%m-%d}"
        )
        issued.setdefault(date, []).append(client)
    dates = [
        date if len(issued) == 1 else f"{date} ({enumerated(names)})"
        for date, names in sorted(issued.items())
    ]
    return (
        f"from now on {name} rejects old bundles of {enumerated(sorted(clients))} (new ones were issued"
        f" {', '.join(dates)})"
    )


def enumerated(names: Sequence[str]) -> str:
    """The names of clients, but no more than a reader takes in."""
    return (
        ", ".join(names)
        if len(names) <= _MOST_NAMES
        else f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"
    )


def lockout_to_come(what: str, inputs: LocatedInputs, trusted: str, issuing: str) -> str | None:
    """A warning when a listener that is off gets an authority that no client knows.

    Nobody notices until it is switched on.
    """
    wanted = inputs["trustedFingerprint"]
    if inputs["caEnabled"] is not False or wanted is UNKNOWN or wanted in (trusted, issuing):
        return None
    later = "when it is switched on, clients with certificates of the former one are locked out"
    if wanted != inputs["issuingFingerprint"]:
        later = "no client gets a certificate of it, so switching it on will be refused unless cutOff is set"
    return (
        f"{what} is off and now names another certificate authority ({short(wanted)} in place of"
        f" {short(trusted)}): {later}"
    )


def short(fingerprint: str) -> str:
    return f"{fingerprint[:16]}..." if fingerprint else "none"
