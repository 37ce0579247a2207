"""`ListenerClientAuthentication`: client authentication on an HTTPS listener.

An AlbConfig declares the listener. This is the documentation's steps 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from alb_mutual_tls import tokens
from alb_mutual_tls.clock import now
from alb_mutual_tls.cluster.cluster import NoAlbConfigKind
from alb_mutual_tls.errors import AlbConfigMissing, UserError
from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener.bypasses import NOT_LOOKED_AT
from alb_mutual_tls.listener.declared import HTTPS, ListenerMissing, find_listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.plugin.handler import Difference, PartiallyMade, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider import listener_lockout as lockout
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.consequences import (
    Clients,
    consequences,
    describe,
    lockout_to_come,
    short_name,
    trusted_while_on,
)
from alb_mutual_tls.provider.listener_inputs import (
    DEFAULTS,
    ListenerInputs,
    LocatedInputs,
    check_inputs,
    desired,
    located,
)
from alb_mutual_tls.provider.listener_plan import Planned, plan_create, plan_delete, plan_update
from alb_mutual_tls.provider.listener_state import (
    ListenerLocation,
    ListenerOutputs,
    ListenerState,
    ListenerTrust,
    differences,
    hold_of,
    holds_claim,
    live,
)
from alb_mutual_tls.provider.listener_warnings import (
    tell,
    warn_of_bypasses,
    warn_of_owners,
    warn_of_rehearsals,
)
from alb_mutual_tls.provider.listener_write import look_at_albconfig, write
from alb_mutual_tls.provider.outage import raise_unless_tolerable
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster


class ListenerClientAuthentication:
    """The handler. It writes two keys of one listener, and one annotation.

    They are written with one guarded JSON Patch, and put back when the resource goes. `clock` gives
    the current moment, with its time zone; `issued` holds the current certificates, record ->
    client -> PEM (`IssuedCertificates`).
    """

    token = tokens.LISTENER_CLIENT_AUTHENTICATION
    secret_outputs: frozenset[str] = frozenset()

    def __init__(
        self,
        configuration: Configuration,
        clock: Callable[[], datetime] = now,
        issued: Mapping[str, Clients] | None = None,
    ) -> None:
        self._configuration = configuration
        self._clock = clock
        self._issued = {} if issued is None else issued

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        checked = {**DEFAULTS, **{key: value for key, value in inputs.items() if value is not None}}
        return checked, check_inputs(checked)

    def diff(
        self,
        request: Request,
        id: str,
        state: ListenerState,
        old_inputs: ListenerInputs,
        inputs: ListenerInputs,
    ) -> Difference:
        changes = differences(state, inputs)
        if located(inputs) and not any(kind.replaces for kind in changes.values()):
            lockout.refuse_lockout_to_come(state, inputs)
        return Difference(changes, stables=("protocol", "cluster"))

    def create(self, request: Request, inputs: ListenerInputs) -> tuple[str, Mapping[str, Any]]:
        if not located(inputs) or inputs["caEnabled"] is UNKNOWN:
            return "", {
                **inputs,
                **dict.fromkeys(
                    ("cluster", "albConfigUid", "account", "claimId", "previous", "appliedCaCertificateId"),
                    UNKNOWN,
                ),
            }
        what = describe(inputs["albConfig"], inputs["port"])
        lockout.refuse_ended(what, inputs, None, self._clock())
        cluster = self._configuration.cluster()
        location: ListenerLocation = {
            "protocol": HTTPS,
            "cluster": cluster.uid(),
            "account": self._account(request, "", inputs["caEnabled"], what),
        }
        return f"{inputs['albConfig']}/{inputs['port']}", self._take(request, cluster, inputs, location)

    def read(self, request: Request, id: str, inputs: ListenerInputs, state: ListenerState) -> Reading | None:
        if not state.get("cluster"):
            raise UserError(
                f"client authentication of listener {id} cannot be imported: declare the listener, and pulumi"
                " up takes it over and remembers what it had before"
            )
        what = describe(state["albConfig"], state["port"])
        cluster = self._configuration.require_cluster(state["cluster"], what)
        self._account(request, state["account"], False, what)
        try:
            document = look_at_albconfig(cluster, state["albConfig"])
        except (AlbConfigMissing, NoAlbConfigKind):
            return None if state["claimId"] else Reading(id, state, inputs)
        if state["albConfigUid"] and document["metadata"]["uid"] != state["albConfigUid"]:
            return None
        warn_of_rehearsals(request, document, state["port"])
        try:
            listener = find_listener(document, state["port"])
        except ListenerMissing:
            if state["claimId"] and not holds_claim(document, state):
                return None
            # Not gone while its claim is there: somebody must take that away, at the latest a
            # destroy.
            return Reading(id, {**state, "caEnabled": False}, {**inputs, "caEnabled": False})
        if note := claims.switched_off(document, listener):
            request.warn(note.sentence(short_name(state)))
        seen = live(state, document, listener)
        return Reading(
            id, seen, {**inputs, "caEnabled": seen["caEnabled"], "caCertificateId": seen["caCertificateId"]}
        )

    def update(
        self,
        request: Request,
        id: str,
        state: ListenerState,
        old_inputs: ListenerInputs,
        inputs: LocatedInputs,
    ) -> Mapping[str, Any]:
        what = describe(inputs["albConfig"], inputs["port"])
        cluster = self._configuration.require_cluster(state["cluster"], what)
        location: ListenerLocation = {
            "protocol": HTTPS,
            "cluster": state["cluster"],
            "account": self._account(request, state["account"], inputs["caEnabled"], what),
        }
        lockout.refuse_ended(what, inputs, state, self._clock())
        if inputs["caEnabled"] is UNKNOWN:
            return {**state, **inputs, **location}
        if state["claimId"]:
            for sentence in consequences(state, inputs, self._clients(request, inputs)):
                request.warn(sentence)
            if warning := lockout_to_come(what, inputs, trusted_while_on(state), state["issuingFingerprint"]):
                request.warn(warning)
        return self._take(request, cluster, inputs, location, state)

    def delete(self, request: Request, id: str, inputs: ListenerInputs, state: ListenerState) -> None:
        what = describe(state["albConfig"], state["port"])
        cluster = self._configuration.require_cluster(state["cluster"], what)
        self._account(request, state["account"], False, what)
        if not state["claimId"]:
            return

        def plan(document: Document) -> Planned:
            if document["metadata"]["uid"] != state["albConfigUid"]:
                return Planned(
                    [],
                    notes=(
                        (
                            f"AlbConfig {state['albConfig']} was made anew meanwhile, so there is nothing to"
                            " restore"
                        ),
                    ),
                )
            return plan_delete(document, state)

        try:
            planned, _ = write(request, cluster, state["albConfig"], what, plan)
        except (AlbConfigMissing, NoAlbConfigKind):
            request.info(f"AlbConfig {state['albConfig']} is gone, so there is nothing to restore")
            return
        tell(request, planned)

    # --- taking a listener

    def _take(
        self,
        request: Request,
        cluster: Cluster,
        inputs: LocatedInputs,
        location: ListenerLocation,
        state: ListenerState | None = None,
    ) -> ListenerOutputs:
        """Create and update: plan, write, warn, wait; returns the outputs."""
        what = describe(inputs["albConfig"], inputs["port"])
        keeps = state is not None and inputs["caEnabled"] is not True
        trust: ListenerTrust = {
            "formerFingerprints": lockout.former(inputs, state),
            "trustedWhileOn": trusted_while_on(state) if state and keeps else inputs["trustedFingerprint"],
        }
        held = state["claimId"] if state else ""
        claim_id = held or claims.new_id()
        uid = state["albConfigUid"] if state else ""
        seen: list[Document] = []

        def plan(document: Document) -> Planned:
            seen.append(document)
            if uid and document["metadata"]["uid"] != uid:
                raise AlbConfigMissing(
                    f"AlbConfig {inputs['albConfig']} was made anew meanwhile: run pulumi up again"
                )
            if state is None or not state["claimId"]:
                return plan_create(document, inputs, request.urn, claim_id)
            return plan_update(document, inputs, request.urn, state)

        try:
            if request.preview:
                document = look_at_albconfig(cluster, inputs["albConfig"])
                planned = plan(document)
            else:
                planned, document = write(request, cluster, inputs["albConfig"], what, plan)
        except (AlbConfigMissing, NoAlbConfigKind, ListenerMissing) as error:
            if inputs["caEnabled"] is True:
                raise
            request.warn(f"client authentication is off, and there is nothing to switch off: {error}")
            hold = hold_of(state if isinstance(error, ListenerMissing) else None)
            return {**inputs, **location, **trust, **hold, "confirmed": True}
        tell(request, planned)
        warn_of_rehearsals(request, document, inputs["port"])
        warn_of_owners(request, seen[0], inputs)
        warn_of_bypasses(request, cluster, document, find_listener(document, inputs["port"]), inputs)
        if inputs["caEnabled"] is True and self._configuration.first("where no bypass is looked for"):
            request.info(NOT_LOOKED_AT)
        outputs: ListenerOutputs = {
            **inputs,
            **location,
            **trust,
            "albConfigUid": document["metadata"]["uid"],
            "claimId": UNKNOWN if request.preview and not held else claim_id,
            "previous": planned.claim.previous if planned.claim else state["previous"] if state else UNKNOWN,
            "appliedCaCertificateId": (
                inputs["caCertificateId"]
                if inputs["caCertificateId"] != ""
                else state["appliedCaCertificateId"]
                if state
                else ""
            ),
            "confirmed": True,
        }
        if not request.preview and inputs["awaitListener"] is True:
            self._await(request, cluster, inputs, outputs)
        return outputs

    def _await(
        self, request: Request, cluster: Cluster, inputs: LocatedInputs, outputs: ListenerOutputs
    ) -> None:
        from alb_mutual_tls.provider.listener_truth import await_truth

        wanted, most = desired(inputs), inputs["awaitTimeoutSeconds"]
        assert wanted is not None and most is not UNKNOWN, "an update knows its inputs"
        seconds = min(float(most), request.timeout) if request.timeout else float(most)
        reason = await_truth(
            request,
            cluster,
            self._configuration.alb,
            inputs["albConfig"],
            inputs["port"],
            wanted,
            seconds,
            self._configuration.cas_host,
        )
        if reason is not None:
            raise PartiallyMade(
                f"{inputs['albConfig']}/{inputs['port']}", {**outputs, "confirmed": False}, [reason]
            )

    # --- what is compared

    def _clients(self, request: Request, inputs: LocatedInputs) -> Clients:
        """The clients of the component that the listener belongs to.

        The two share the beginning of their names.
        """
        component = request.name.removesuffix(f"-{inputs['albConfig']}-{inputs['port']}")
        return self._issued.get(f"{component}-issued", {})

    def _account(self, request: Request, recorded: str, enabled: bool | Unknown, what: str) -> str:
        """The account.

        Where it cannot be told, reading and switching off go on with the cluster alone, which was
        compared before.
        """
        try:
            return self._configuration.require_account(recorded, what)
        except UserError as error:
            raise_unless_tolerable(error)
            if enabled is not False:
                raise
            request.warn(f"the Alibaba Cloud account could not be compared: {error}")
            return recorded
