"""`CaCertificate`: a CA certificate in a CAS repository.

Listeners name the certificate by its id. This is the documentation's step 2.
"""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from alb_mutual_tls import tokens
from alb_mutual_tls.access.cloud import NoRegion
from alb_mutual_tls.alibaba.polling import Wait
from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import CA_CERTIFICATES, certificate_ids, member
from alb_mutual_tls.pki.bundle import fingerprint, fingerprints, split
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.ca_certificate_inputs import CaInputs, check_inputs
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.outage import PENDING, raise_unless_tolerable
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, Unknown, has_unknown, known

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster

_RELEASE_SECONDS = 180.0


class Upload(TypedDict):
    """What was uploaded, or found, and where; empty while it is pending."""

    caCertificateId: str | Unknown
    fingerprint: str | Unknown
    account: str
    cluster: str
    owned: bool | Unknown
    holder: str | Unknown


class CaState(TypedDict):
    """The state; what earlier versions did not write may be missing."""

    warehouseId: str
    name: str
    certificatePem: str
    generated: NotRequired[bool]
    caCertificateId: str
    fingerprint: str
    account: NotRequired[str]
    cluster: NotRequired[str]
    owned: NotRequired[bool]
    holder: NotRequired[str]


class CaCertificate:
    """The handler. It uploads a certificate once.

    One with the same content (SHA-256 of the DER) that is there already is taken over instead.
    `owned` says whether it may be deleted: what this stack uploaded, or a generated CA, whose key
    nobody else has. A brought CA that was there before is somebody's, and never deleted. There is
    no update: another content is another upload, made before the old one goes.

    While no listener asks for certificates of it, failing to upload is a warning, the id is
    `PENDING` and `caCertificateId` empty. What somebody has done to the upload meanwhile is then no
    reason to make another.

    A replacement of the same content (`pulumi up --replace`) finds the upload of the resource that
    it replaces, so two records of the state have it for a while. `holder` is a random value of each
    record: the last one that goes deletes the upload, the others leave it.
    """

    token = tokens.CA_CERTIFICATE
    secret_outputs: frozenset[str] = frozenset()

    def __init__(self, configuration: Configuration, clock: Callable[[], datetime] = now) -> None:
        self._configuration = configuration
        self._clock = clock
        self._holders: defaultdict[str, dict[str, bool]] = defaultdict(
            dict
        )  # id -> holder -> owned, as far as this process has met them
        self._lock = threading.Lock()

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        return check_inputs(inputs)

    def diff(
        self, request: Request, id: str, state: CaState, old_inputs: CaInputs, inputs: CaInputs
    ) -> Difference:
        if inputs.get("demanded") is False and inputs == {**old_inputs, "demanded": False}:
            return Difference(stables=("caCertificateId", "fingerprint"))
        changes: dict[str, Kind] = {}
        if inputs["warehouseId"] is UNKNOWN or inputs["warehouseId"] != state.get("warehouseId"):
            changes["warehouseId"] = Kind.UPDATE_REPLACE
        if inputs["certificatePem"] is UNKNOWN or fingerprint(inputs["certificatePem"]) != state.get(
            "fingerprint"
        ):
            changes["certificatePem"] = Kind.UPDATE_REPLACE
        if not changes and inputs["generated"] != state.get("generated"):
            changes["generated"] = Kind.UPDATE
        return Difference(
            changes,
            stables=(
                () if any(kind.replaces for kind in changes.values()) else ("caCertificateId", "fingerprint")
            ),
        )

    def create(self, request: Request, inputs: CaInputs) -> tuple[str, Mapping[str, Any]]:
        if inputs["warehouseId"] == "":
            return self._pending(request, inputs, "its repository is pending too")
        try:
            id, upload = self._find_or_upload(request, inputs)
        except UserError as error:
            raise_unless_tolerable(error)
            if inputs.get("demanded") is not False:
                raise
            return self._pending(request, inputs, str(error))
        return id, {**inputs, **upload}

    @staticmethod
    def _pending(request: Request, inputs: CaInputs, reason: str) -> tuple[str, Mapping[str, Any]]:
        request.warn(
            f"the CA certificate {inputs['name']} is not uploaded, and the next pulumi up does it: {reason}"
        )
        upload: Upload = {
            "caCertificateId": "",
            "fingerprint": "",
            "account": "",
            "cluster": "",
            "owned": False,
            "holder": "",
        }
        return "" if request.preview else PENDING, {**inputs, **upload}

    def _find_or_upload(self, request: Request, inputs: CaInputs) -> tuple[str, Upload]:
        configuration = self._configuration
        self._refuse_unfit(inputs)
        account = configuration.account_id()
        cluster = configuration.cluster().uid() if configuration.has_cluster() else ""
        pem = inputs["certificatePem"]
        planned: Upload = {
            "caCertificateId": UNKNOWN,
            "fingerprint": UNKNOWN if pem is UNKNOWN else fingerprint(pem),
            "account": account,
            "cluster": cluster,
            "owned": UNKNOWN,
            "holder": UNKNOWN,
        }
        if request.preview and has_unknown(inputs):
            return "", planned
        cas, warehouse = configuration.cas(request), known(inputs["warehouseId"])
        existing = cas.find_certificate(warehouse, known(pem))
        if existing is None and request.preview:
            return "", {**planned, "owned": True}
        identifier = existing or cas.upload(warehouse, known(inputs["name"]), known(pem))
        with self._lock:
            holders = self._holders[identifier]
            owned = existing is None or bool(inputs["generated"]) or any(holders.values())
            if request.preview:
                return "", {**planned, "caCertificateId": identifier, "owned": owned}
            holder = secrets.token_hex(4)
            holders[holder] = owned
        return identifier, {**planned, "caCertificateId": identifier, "owned": owned, "holder": holder}

    def read(self, request: Request, id: str, inputs: CaInputs, state: CaState) -> Reading | None:
        if id == PENDING:
            return None
        if not state.get("warehouseId"):
            raise UserError(
                f"the CA certificate {id} cannot be imported: declare an authority with the same certificate"
                " and the key repository, and it is found and used when pulumi up runs"
            )
        with self._lock:
            self._holders[id][state.get("holder", "")] = bool(state.get("owned"))
        try:
            self._configuration.require_account(state.get("account", ""), f"the CA certificate {id}")
            content = self._configuration.cas(request).content(id, state["warehouseId"])
        except UserError as error:
            raise_unless_tolerable(error)
            request.warn(f"the CA certificate {id} was not looked at, what is known of it is kept: {error}")
            return Reading(id, state, inputs)
        if content is None:
            return None
        if state.get("fingerprint") in fingerprints(content):
            return Reading(id, {**state, "caCertificateId": id}, inputs)
        live = "".join(split(content))
        if not live:
            request.warn(
                f"the CA certificate {id} was not looked at, what is known of it is kept: CAS shows it"
                " without any content, so look at it in the Certificate Management Service console"
            )
            return Reading(id, state, inputs)
        request.warn(f"under the id {id} CAS shows another certificate than this stack has uploaded")
        return Reading(
            id,
            {**state, "caCertificateId": id, "certificatePem": live, "fingerprint": fingerprint(content)},
            inputs,
        )

    def update(
        self, request: Request, id: str, state: CaState, old_inputs: CaInputs, inputs: CaInputs
    ) -> Mapping[str, Any]:
        return {**state, **inputs}

    def delete(self, request: Request, id: str, inputs: CaInputs, state: CaState) -> None:
        if id == PENDING:
            return
        configuration = self._configuration
        configuration.require_account(state.get("account", ""), f"the CA certificate {id}")
        with self._lock:
            self._holders[id].pop(state.get("holder", ""), None)
            replaced = bool(self._holders[id])
        if replaced:
            request.info(
                f"the CA certificate {id} is left, because the resource that takes the place of this one"
                " uses it"
            )
            return
        if not state.get("owned"):
            request.info(f"the CA certificate {id} was there before this stack used it, so it is left")
            return
        if state.get("cluster") or configuration.has_cluster():
            cluster = configuration.require_cluster(state.get("cluster", ""), f"the CA certificate {id}")
            users = albconfigs_naming(cluster.albconfigs(), id)
            if users:
                raise UserError(
                    f"the CA certificate {id} is not deleted, because it is still named by"
                    f" {', '.join(users)}: take it out of caCertificates there (with caEnabled false), then"
                    " run this again"
                )
            self._refuse_services(request, cluster, id)
        self._await_release(request, id)
        configuration.cas(request).delete_certificate(id, state["warehouseId"])

    def _refuse_unfit(self, inputs: CaInputs) -> None:
        """Refuse to upload a brought CA that is unfit for use.

        Later it may end, and its listeners can still be switched off.
        """
        pem = inputs["certificatePem"]
        if inputs["generated"] is not False or pem is UNKNOWN:
            return
        from alb_mutual_tls.pki.authority_faults import authority_faults

        if faults := authority_faults(pem, self._clock()):
            raise UserError(f"the CA certificate that was brought cannot be used: {'; '.join(faults)}")

    @staticmethod
    def _refuse_services(request: Request, cluster: Cluster, id: str) -> None:
        """CLB and NLB are never asked: their Services are what can be looked at."""
        from alb_mutual_tls.cluster.api import Forbidden
        from alb_mutual_tls.listener.services import CA_ANNOTATION, services_by_ca

        try:
            users = services_by_ca(cluster.services()).get(id)
        except Forbidden as error:
            request.warn(
                f"whether the CLB or NLB of a Service uses the CA certificate {id} was not looked at: {error}"
            )
            return
        if users:
            raise UserError(
                f"the CA certificate {id} is not deleted, because the CLB or NLB of"
                f" {', '.join(map(str, users))} has it: give it another one in the annotation"
                f" {CA_ANNOTATION}, then run this again"
            )

    def _await_release(self, request: Request, id: str) -> None:
        """Wait until no listener of the region names the certificate.

        Deleting it under a listener may cut that listener's clients off.
        """
        from alb_mutual_tls.alibaba.alb import NotPermitted
        from alb_mutual_tls.listener.enforced import names

        seconds = request.timeout or _RELEASE_SECONDS
        wait = Wait(seconds, request.wait, request.now)
        try:
            alb = self._configuration.alb()
            holders = []
            for state in alb.listeners_naming(id):
                holders.append(state)
                request.wait(0)
            while holders:
                shown = ", ".join(
                    f"listener {item.listener_id} ({item.port}/HTTPS) of {item.load_balancer_id}"
                    for item in holders
                )
                if wait.over:
                    raise UserError(
                        f"the CA certificate {id} is not deleted, because after {seconds:.0f} s ALB still has"
                        f" it on {shown}: look at the events of the AlbConfig, take it off those listeners,"
                        " then run this again"
                    )
                request.status(f"waiting for ALB to let go of {id}: {shown}")
                wait.pause()
                again = [alb.listener(item.listener_id) for item in holders]
                holders = [item for item in again if item is not None and names(item, id)]
        except (NotPermitted, NoRegion) as error:
            request.warn(
                f"it was not confirmed that no ALB listener uses the CA certificate {id} any more: {error}"
            )


def albconfigs_naming(albconfigs: list[dict[str, Any]], identifier: str) -> list[str]:
    """The listeners in AlbConfigs that name a CA certificate, in words. Pure.

    Also those that the controller would refuse, without a port for instance: their author may be
    about to put them right.
    """
    users = []
    for albconfig in albconfigs:
        name, listeners = (
            member(member(albconfig, "metadata"), "name"),
            member(member(albconfig, "spec"), "listeners"),
        )
        for listener in listeners if isinstance(listeners, list) else ():
            if identifier in certificate_ids(member(listener, CA_CERTIFICATES)):
                users.append(
                    f"AlbConfig {name}, listener {member(listener, 'port')}/{member(listener, 'protocol')}"
                )
    return users
