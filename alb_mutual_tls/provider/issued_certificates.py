"""`IssuedCertificates`: the register of a component's client certificates.

It issues them, all with one update or none, and remembers those that outlive their clients: ALB
knows no revocation. It lives in the state alone. A run that is killed before the state is written
has issued nothing that anybody can have been given.
`cryptography` is imported only when something is to be checked or signed: a preview that changes
nothing does without its 0.1 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from typing import Any, cast

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import issued as lifetimes
from alb_mutual_tls.pki import register
from alb_mutual_tls.pki.issued import IssuedCertificate as Certificate
from alb_mutual_tls.plugin.handler import Difference, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider import register_plan
from alb_mutual_tls.provider import register_sentences as sentences
from alb_mutual_tls.provider.certificate_inputs import known_subject
from alb_mutual_tls.provider.consequences import Clients, opens
from alb_mutual_tls.provider.register_inputs import RegisterInputs, check_inputs
from alb_mutual_tls.provider.register_plan import Plan
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown, has_unknown, known

RegisterState = Mapping[str, Any]
"""The inputs, `client:NAME` and `group:NAME` (`register.py`), `privateKeys` (a secret) and
`outstanding`: the certificates that no client has any more.
"""


class IssuedCertificates:
    """The handler. `clock` gives the current moment, with its time zone.

    `issued` is told what is current, register -> client -> PEM, for whoever speaks of the clients.
    """

    token = tokens.ISSUED_CERTIFICATES
    secret_outputs = frozenset({"issuerPrivateKeyPem", register.KEYS})

    def __init__(
        self, clock: Callable[[], datetime] = now, issued: MutableMapping[str, Clients] | None = None
    ) -> None:
        self._clock = clock
        self._met = {} if issued is None else issued
        self._said: set[tuple[str, str]] = set()

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Say what is wrong with the inputs; those of the last deployment have passed."""
        inputs = {key: value for key, value in inputs.items() if value is not None}
        return inputs, [] if inputs == old_inputs else check_inputs(inputs, old_inputs)

    def diff(
        self,
        request: Request,
        id: str,
        state: RegisterState,
        old_inputs: Properties,
        inputs: RegisterInputs,
    ) -> Difference:
        """The inputs that changed, and the end of each certificate whose time has come."""
        plan = register_plan.plan(state, inputs, self._clock())
        self._meet(request, plan)
        self._warn_of_listeners(request, old_inputs.get("listeners", {}), inputs.get("listeners", {}))
        self._warn_of_clients(request, plan, inputs)
        return Difference(plan.changes)

    def create(self, request: Request, inputs: RegisterInputs) -> tuple[str, Mapping[str, Any]]:
        """Begin the register; the id is the resource's name."""
        return "" if request.preview else request.name, self._outputs(request, {}, inputs)

    def read(self, request: Request, id: str, inputs: RegisterInputs, state: RegisterState) -> Reading | None:
        """Return the state: there is nothing outside of it."""
        if "outstanding" not in state:
            raise UserError(
                f"{request.name}: the record of issued certificates cannot be imported; let pulumi up"
                " begin one"
            )
        return Reading(id, state, inputs)

    def update(
        self,
        request: Request,
        id: str,
        state: RegisterState,
        old_inputs: Properties,
        inputs: RegisterInputs,
    ) -> Mapping[str, Any]:
        """Issue what is new, changed or due; what is current no longer goes to `outstanding`."""
        return self._outputs(request, state, inputs)

    def delete(self, request: Request, id: str, inputs: RegisterInputs, state: RegisterState) -> None:
        """Forget the register.

        Who holds a certificate and its key is let in until it ends.
        """

    # --- issuing

    def _outputs(self, request: Request, state: RegisterState, inputs: RegisterInputs) -> dict[str, Any]:
        now = self._clock()
        plan = register_plan.plan(state, inputs, now)
        self._meet(request, plan)
        issued, keys = self._issue(request, plan, state, inputs, now)
        self._tell(request, plan, state, inputs, now)
        roots = inputs["rootCertificatePems"]
        accepting = None if has_unknown(roots) else lifetimes.identities(map(known, known(roots)))
        current: dict[str, Any] = dict(plan.kept)
        for client, pem in issued.items():
            current[client] = UNKNOWN if pem is UNKNOWN else lifetimes.entry(pem, accepting or ())
        outstanding: Any = [] if not state else UNKNOWN
        if not request.preview:
            accepted = {"acceptedBy": accepting or []}
            wanted = {client: cast(Certificate, current[client] | accepted) for client in plan.wanted}
            current = lifetimes.kept(plan.held, wanted)
            outstanding = lifetimes.outstanding(plan.held, state.get("outstanding", []), current, now)
        outputs: dict[str, Any] = {**inputs, "outstanding": outstanding}
        if inputs.get("groups"):
            to_come = any("keyAlgorithm" in wish and of not in keys for of, wish in plan.wanted.items())
            outputs[register.KEYS] = UNKNOWN if to_come else keys
        for client in inputs["clients"]:
            outputs[f"{register.CLIENT}{client}"] = current[client]
        for group, wish in inputs.get("groups", {}).items():
            members = {name: current[register.member(group, name)] for name in wish["names"]}
            outputs[f"{register.GROUP}{group}"] = members
        return outputs

    def _issue(
        self, request: Request, plan: Plan, state: RegisterState, inputs: RegisterInputs, now: datetime
    ) -> tuple[dict[str, str | Unknown], dict[str, str]]:
        """The certificates that are new, and the private keys of all members."""
        keys = {
            client: key
            for client, key in state.get(register.KEYS, {}).items()
            if client in plan.wanted and "keyAlgorithm" not in plan.changed.get(client, ())
        }
        if not plan.issued:
            return {}, keys
        from alb_mutual_tls.provider.client_issuance import Issuance

        issuance = Issuance(inputs, now, request.preview, keys)
        issued = {client: issuance.issue(client, plan.wanted[client]) for client in plan.issued}
        for sentence in sentences.grouped(issuance.infos):
            request.info(sentence)
        for sentence in sentences.grouped(issuance.warnings):
            request.warn(sentence)
        return issued, issuance.keys

    # --- what is said

    def _tell(
        self, request: Request, plan: Plan, state: RegisterState, inputs: RegisterInputs, now: datetime
    ) -> None:
        for sentence in sentences.renewals(plan, now):
            request.info(sentence)
        for sentence in sentences.replacements(plan, now):
            request.warn(sentence)
        before = state.get("outstanding", [])
        until = {
            client: end
            for client in plan.removed
            if (end := lifetimes.accepted_until(client, plan.held, before, now))
            and _still_leads_somewhere(plan.held[client], inputs)
        }
        for sentence in sentences.removals(until):
            request.warn(sentence)

    def _warn_of_clients(self, request: Request, plan: Plan, inputs: RegisterInputs) -> None:
        for sentence in sentences.endings(plan, self._clock()):
            self._once(request, sentence)
        if not plan.kept or not inputs.get("existingAuthorityPems"):
            return
        from alb_mutual_tls.provider.client_issuance import existing_authorities, named_like_others

        authorities = existing_authorities(inputs)
        named = {
            client: named_like_others(subject, authorities) or ""
            for client in plan.kept
            if (subject := known_subject(plan.wanted[client]["subject"])) is not None
        }
        for sentence in sentences.grouped((client, said) for client, said in named.items() if said):
            self._once(request, sentence)  # no error: it is there, and switching a listener off must work

    def _warn_of_listeners(
        self, request: Request, before: Mapping[str, bool], now: Mapping[str, bool]
    ) -> None:
        for name in sorted(name for name, on in before.items() if on and name not in now):
            self._once(
                request,
                f"{name} is given back as it was before this stack: unless that asked for certificates,"
                f" {opens(name)}",
            )

    def _once(self, request: Request, sentence: str) -> None:
        """Warn, but not again: a refresh asks for the difference too."""
        if (request.urn, sentence) not in self._said:
            self._said.add((request.urn, sentence))
            request.warn(sentence)

    def _meet(self, request: Request, plan: Plan) -> None:
        current: dict[str, str | Unknown] = dict.fromkeys(plan.issued, UNKNOWN)
        for client, certificate in plan.kept.items():
            current[client] = certificate["certificatePem"]
        self._met[request.name] = current


def _still_leads_somewhere(certificate: Certificate, inputs: RegisterInputs) -> bool:
    """Whether one of the roots of the clients accepts this certificate too.

    After a cut-off none does.
    """
    roots = inputs["rootCertificatePems"]
    if roots is UNKNOWN:
        return False
    known_roots = lifetimes.identities(root for root in roots if root is not UNKNOWN)
    return not set(certificate["acceptedBy"]).isdisjoint(known_roots)
