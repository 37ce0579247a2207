"""`IssuedCertificates`: the record of the client certificates of a stack.

It has also those that outlive their clients. It lives in the state alone. Only its inputs make a
difference: a certificate that ends changes nothing, and is forgotten with the next update. An
update comes after every certificate that it records, and before a removed client's resource is
deleted, which the engine does at the end. So after a run that was killed on the way the state still
has what was current before, and the next run moves it. What that run had issued and the next one
replaces again was in no output of the stack, so nobody can have been given it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import issued as lifetimes
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.consequences import Clients, opens
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown, has_unknown, known


class RecordInputs(TypedDict):
    """What clients and listeners have now.

    `current`: client -> certificate in PEM; `rootCertificatePems`: the roots that accept what the
    clients present now; `listeners`: ALBCONFIG:PORT -> whether it demands certificates of them.
    A change of `listeners` alone is not a difference: no provider is asked in a preview about a
    listener that is taken out of the configuration, so the record's says what that means.
    """

    current: Clients | Unknown
    rootCertificatePems: list[str | Unknown] | Unknown
    listeners: NotRequired[Mapping[str, bool]]


class RecordState(TypedDict):
    """The clients' certificates, and those that outlive their clients."""

    current: Mapping[str, str]
    rootCertificatePems: list[str]
    certificates: Mapping[str, lifetimes.IssuedCertificate]
    outstanding: list[lifetimes.Outstanding]


_INPUTS: Final = tuple(RecordInputs.__annotations__)


class IssuedCertificates:
    """The handler. `clock` gives the current moment, with its time zone.

    `issued` is told what is current, record -> client -> PEM, for whoever speaks of the clients.
    """

    token = tokens.ISSUED_CERTIFICATES
    secret_outputs: frozenset[str] = frozenset()

    def __init__(
        self, clock: Callable[[], datetime] = now, issued: MutableMapping[str, Clients] | None = None
    ) -> None:
        self._clock = clock
        self._met = {} if issued is None else issued
        self._let_go: set[str] = set()

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        failures = unexpected("IssuedCertificates", inputs, _INPUTS)
        current, roots = inputs.get("current"), inputs.get("rootCertificatePems")
        if current is not UNKNOWN and not (
            isinstance(current, Mapping) and all(map(_text, current.values()))
        ):
            failures.append(
                CheckFailure(
                    "current", "current is not an object of texts: give the certificate of each client in PEM"
                )
            )
        if roots is not UNKNOWN and not (isinstance(roots, list) and all(map(_text, roots))):
            failures.append(
                CheckFailure(
                    "rootCertificatePems",
                    "rootCertificatePems is not a list of texts: give root certificates in PEM",
                )
            )
        listeners = inputs.get("listeners", {})
        if not (isinstance(listeners, Mapping) and all(isinstance(on, bool) for on in listeners.values())):
            failures.append(
                CheckFailure(
                    "listeners",
                    "listeners is not an object of true and false: give whether each demands certificates",
                )
            )
        return inputs, failures

    def diff(
        self, request: Request, id: str, state: RecordState, old_inputs: RecordInputs, inputs: RecordInputs
    ) -> Difference:
        """Compare the inputs with the record.

        The differences are the clients whose certificates changed since the last deployment, and
        the roots.
        """
        self._meet(request, inputs)
        self._warn_of_listeners(request, old_inputs.get("listeners", {}), inputs.get("listeners", {}))
        changes = (
            {}
            if inputs["rootCertificatePems"] == state["rootCertificatePems"]
            else {"rootCertificatePems": Kind.UPDATE}
        )
        if inputs["current"] is UNKNOWN:
            return Difference({**changes, "current": Kind.UPDATE})
        return Difference(changes | _clients(state["current"], inputs["current"]))

    def create(self, request: Request, inputs: RecordInputs) -> tuple[str, Mapping[str, Any]]:
        """Begin the record; the id is the resource's name."""
        self._meet(request, inputs)
        if request.preview:
            return "", {**inputs, "certificates": UNKNOWN, "outstanding": []}
        return request.name, {**inputs, "certificates": _entries(inputs), "outstanding": []}

    def read(self, request: Request, id: str, inputs: RecordInputs, state: RecordState) -> Reading | None:
        """Return the state: there is nothing outside of it."""
        if "certificates" not in state:
            raise UserError(
                f"{request.name}: the record of issued certificates cannot be imported; let pulumi up"
                " begin one"
            )
        return Reading(id, state, inputs)

    def update(
        self, request: Request, id: str, state: RecordState, old_inputs: RecordInputs, inputs: RecordInputs
    ) -> Mapping[str, Any]:
        """Move what is no longer current to `outstanding`.

        Say of each client that is removed until when its certificate is accepted.
        """
        now, last, before = self._clock(), state["certificates"], state["outstanding"]
        current = inputs["current"]
        for client in [] if current is UNKNOWN else sorted(last.keys() - current.keys()):
            if (until := lifetimes.accepted_until(client, last, before, now)) and _still_leads_somewhere(
                last.get(client), inputs
            ):
                request.warn(
                    f"client {client} is removed, but whoever holds its certificate is let in until {until}"
                    " wherever its authority is trusted: ALB knows no revocation, and only a cut-off ends it"
                    " earlier (docs/rotation.md)"
                )
        if request.preview or has_unknown(inputs):
            return {**inputs, "certificates": UNKNOWN, "outstanding": UNKNOWN}
        entries = _entries(inputs)
        return {
            **inputs,
            "certificates": lifetimes.kept(last, entries),
            "outstanding": lifetimes.outstanding(last, before, entries, now),
        }

    def delete(self, request: Request, id: str, inputs: RecordInputs, state: RecordState) -> None:
        """Forget the record, with the stack or the component that it is of."""

    def _warn_of_listeners(
        self, request: Request, before: Mapping[str, bool], now: Mapping[str, bool]
    ) -> None:
        for name in sorted(
            name for name, on in before.items() if on and name not in now and name not in self._let_go
        ):
            self._let_go.add(name)  # a refresh asks for the difference too
            request.warn(
                f"{name} is given back as it was before this stack: unless that asked for certificates,"
                f" {opens(name)}"
            )

    def _meet(self, request: Request, inputs: RecordInputs) -> None:
        self._met[request.name] = {} if inputs["current"] is UNKNOWN else dict(inputs["current"])


def _text(value: object) -> bool:
    return value is UNKNOWN or isinstance(value, str)


def _entries(inputs: RecordInputs) -> dict[str, lifetimes.IssuedCertificate]:
    roots = [known(root) for root in known(inputs["rootCertificatePems"])]
    return {client: lifetimes.entry(known(pem), roots) for client, pem in known(inputs["current"]).items()}


def _still_leads_somewhere(entry: lifetimes.IssuedCertificate | None, inputs: RecordInputs) -> bool:
    """Whether one of the roots of the clients accepts this certificate too.

    After a cut-off none does.
    """
    roots = inputs["rootCertificatePems"]
    if entry is None or roots is UNKNOWN:
        return roots is not UNKNOWN
    return bool(
        set(entry["acceptedBy"]) & lifetimes.identities(root for root in roots if root is not UNKNOWN)
    )


def _clients(before: Clients, now: Clients) -> dict[str, Kind]:
    changes = {}
    for client in sorted(before.keys() | now.keys()):
        path = f'current["{client}"]'
        if client not in before:
            changes[path] = Kind.ADD
        elif client not in now:
            changes[path] = Kind.DELETE
        elif before[client] != now[client]:
            changes[path] = Kind.UPDATE
    return changes
