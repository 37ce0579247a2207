"""A cluster and an ALB in memory, for the handler; writers and faults are told to them as
functions.
"""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from alb_mutual_tls.cluster.cluster import Conflict, Event
from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.listener.declared import ListenerMissing, find_listener
from alb_mutual_tls.listener.enforced import CaReference, ListenerState
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import Patch
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.listener_client_authentication import ListenerClientAuthentication
from alb_mutual_tls.wire import Properties
from tests.unit.listener.json_patch import TestFailed, apply

CA_1, CA_2 = "1efd3cac-e8c1-611d-b971-f96e5e432aba", "1efd3caf-3cc7-6f42-be33-29ca9cecdfd3"
KEY = "albmtls/443-https"
ON = {"caEnabled": True, "caCertificates": [{"CertificateId": CA_1}]}
A, B, C = "a" * 64, "b" * 64, "c" * 64
URN = "urn:pulumi:dev::alb-mutual-tls::albmtls:index:ListenerClientAuthentication::{}"


def alb(*listeners: Any, name: str = "alb", **spec: Any) -> Document:
    found = listeners or (
        {"port": 80, "protocol": "HTTP"},
        {"port": 443, "protocol": "HTTPS", "certificates": [{"CertificateId": "1"}]},
    )
    return {
        "metadata": {"name": name, "uid": f"uid-of-{name}"},
        "spec": {"config": {"edition": "Standard"}, "listeners": list(found), **spec},
        "status": {"loadBalancer": {"id": f"alb-of-{name}"}},
    }


@dataclass
class FakeCluster:
    documents: dict[str, Document]
    identity: str = "cluster-1"
    before_patch: list[Callable[[Document], None]] = field(default_factory=list)
    """Each is taken once, right before a patch arrives."""
    after_patch: list[Callable[[], None]] = field(default_factory=list)
    """Each is taken once, right after a patch was applied; may raise, as when the answer is lost.
    """
    patches: list[Patch] = field(default_factory=list)
    """Those that were applied."""
    events: list[Event] = field(default_factory=list)
    classes: list[Document] = field(default_factory=list)
    members: list[Document] = field(default_factory=list)
    locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def __str__(self) -> str:
        return f"the cluster {self.identity}"

    def uid(self) -> str:
        return self.identity

    def albconfig(self, name: str) -> Document | None:
        return copy.deepcopy(self.documents.get(name))

    def albconfigs(self) -> list[Document]:
        return list(copy.deepcopy(self.documents).values())

    def patch_albconfig(self, name: str, patch: Patch) -> Document:
        if self.before_patch:
            self.before_patch.pop(0)(self.documents[name])
        try:
            self.documents[name] = apply(patch, self.documents[name])
        except (TestFailed, KeyError) as error:
            raise Conflict(
                f"AlbConfig {name} was changed by somebody else meanwhile (HTTP 422: {error})"
            ) from None
        self.patches.append(patch)
        if any(
            operation["op"] != "test" and operation["path"].startswith("/spec/listeners/")
            for operation in patch
        ):
            for entry in self.documents[name]["metadata"].get("managedFields", ()):
                entry["fieldsV1"]["f:spec"].pop(
                    "f:listeners", None
                )  # without a schema a list is owned as a whole
        applied = self.documents[name]
        if self.after_patch:
            self.after_patch.pop(0)()
        return copy.deepcopy(self.documents.get(name, applied))

    def writing(self, name: str) -> threading.Lock:
        return self.locks[name]

    def ingress_classes(self) -> list[Document]:
        return self.classes

    def seen_albconfig(self, name: str) -> Any:
        """Each call is one of a process of its own."""
        return self.albconfig(name)

    def seen_ingresses(self) -> Any:
        return self.ingress_classes(), self.ingresses()

    def ingresses(self) -> list[Document]:
        return self.members

    def warning_events(self, name: str) -> list[Event]:
        return list(self.events)


@dataclass
class FakeAlb:
    """Shows what the AlbConfig says, after `slow` looks; `answer` takes its place when it
    is set.
    """

    cluster: FakeCluster
    slow: int = 0
    answer: Callable[[], ListenerState | None] | None = None
    looks: int = 0

    def listener_state(self, load_balancer_id: str, port: int) -> ListenerState | None:
        self.looks += 1
        if self.answer is not None:
            return self.answer()
        name = load_balancer_id.removeprefix("alb-of-")
        try:
            listener = find_listener(self.cluster.documents[name], port)
        except ListenerMissing:
            return None
        caught_up = self.looks > self.slow
        references = tuple(
            CaReference(id, "Associated" if caught_up else "Associating")
            for id in listener.ca_certificate_ids
        )
        return ListenerState(
            "lsn-1", load_balancer_id, port, "Running", listener.ca_enabled and caught_up, references
        )


@dataclass
class FakeConfiguration:
    fake_cluster: FakeCluster
    fake_alb: FakeAlb
    account: str | UserError = "1234567890123456"
    said: set[str] = field(default_factory=set)

    def first(self, what: str) -> bool:
        self.said, before = self.said | {what}, self.said
        return what not in before

    def cas_host(self) -> str:
        return "cas.aliyuncs.com"

    def cluster(self) -> FakeCluster:
        return self.fake_cluster

    def alb(self) -> FakeAlb:
        return self.fake_alb

    def require_account(self, recorded: str, what: str) -> str:
        if isinstance(self.account, UserError):
            raise self.account
        if recorded and recorded != self.account:
            raise WrongPlace(f"{what} is in account {recorded}, and the credentials belong to {self.account}")
        return self.account

    def require_cluster(self, recorded: str, what: str) -> FakeCluster:
        if recorded and recorded != self.fake_cluster.identity:
            raise WrongPlace(
                f"{what} belongs to cluster {recorded}, and the kubeconfig leads to"
                f" {self.fake_cluster.identity}"
            )
        return self.fake_cluster


@dataclass
class Timed(Request):
    """A request whose pauses take no time."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        super().wait(0)
        self.seconds += seconds


class World:
    """Everything a handler meets, and what it said."""

    def __init__(self, *documents: Document) -> None:
        self.cluster = FakeCluster(
            {document["metadata"]["name"]: document for document in documents or (alb(),)}
        )
        self.alb = FakeAlb(self.cluster)
        self.configuration = FakeConfiguration(self.cluster, self.alb)
        self.issued: dict[str, Properties] = {}
        self.handler: Handler = ListenerClientAuthentication(
            cast(Configuration, self.configuration), issued=self.issued
        )
        self.said: list[tuple[str, str]] = []
        self.cancelled = threading.Event()

    def request(self, name: str = "https", *, preview: bool = False, urn: str | None = None) -> Request:
        urn = urn or URN.format(name)
        return Timed(
            urn,
            name,
            preview,
            0.0,
            self.cancelled,
            lambda severity, sentence, _: self.said.append((severity, sentence)),
        )

    def listener(self, port: int = 443, name: str = "alb") -> Document:
        return find_listener(self.cluster.documents[name], port).fields

    def annotations(self, name: str = "alb") -> dict[str, str]:
        return dict(self.cluster.documents[name]["metadata"].get("annotations") or {})

    def warnings(self) -> list[str]:
        return [sentence for severity, sentence in self.said if severity == "WARNING"]

    # the engine's steps, in short

    def create(self, inputs: Properties, name: str = "https") -> Properties:
        return dict(self.handler.create(self.request(name), inputs)[1])

    def update(self, state: Mapping[str, Any], inputs: Properties, name: str = "https") -> Properties:
        return dict(self.handler.update(self.request(name), "alb/443", state, {}, inputs))

    def refresh(self, state: Mapping[str, Any]) -> Properties | None:
        reading = self.handler.read(self.request(), "alb/443", {}, state)
        return dict(reading.state) if reading else None

    def changes(self, state: Mapping[str, Any], inputs: Properties) -> dict[str, str]:
        return {
            key: kind.value
            for key, kind in self.handler.diff(self.request(), "alb/443", state, {}, inputs).changes.items()
        }

    def delete(self, state: Mapping[str, Any], name: str = "https") -> None:
        self.handler.delete(self.request(name), "alb/443", {}, state)


def raised(kind: type[Exception], act: Callable[[], object]) -> str:
    """The one sentence that `act` raises."""
    with pytest.raises(kind) as found:
        act()
    assert "\n" not in str(found.value)
    return str(found.value)


def wanted(**changes: Any) -> Properties:
    inputs = {
        "albConfig": "alb",
        "port": 443,
        "caEnabled": True,
        "caCertificateId": CA_1,
        "caCertificateExisting": False,
        "trustedFingerprint": A,
        "trustedNotAfter": "",
        "issuingFingerprint": A,
        "crossFingerprints": [],
        "owner": "1a2b3c4d",
        "awaitListener": True,
        "awaitTimeoutSeconds": 1,
        "takeOver": False,
        "cutOff": False,
    }
    return {**inputs, **changes}
