"""Somebody else writes the AlbConfig between our GET and our PATCH, on a real kube-apiserver:
nothing of theirs is lost, and ours lands or says why.
"""

from __future__ import annotations

import copy
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, cast

import pytest

from alb_mutual_tls.cluster.api import path_of
from alb_mutual_tls.cluster.cluster import Cluster
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import certificate_ids, find_listener
from alb_mutual_tls.listener.exact_json import Document, same
from alb_mutual_tls.listener.patch import Patch
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.listener_client_authentication import ListenerClientAuthentication
from tests.contract.listener.conftest import ControlPlane
from tests.contract.listener.test_patch_on_a_real_api_server import RealConfiguration
from tests.unit.provider.fakes import CA_1, CA_2, wanted

PORT = 443
KEY = "albmtls/443-https"
START: list[Document] = [
    {"port": 80, "protocol": "HTTP"},
    {"port": PORT, "protocol": "HTTPS", "certificates": [{"CertificateId": "1"}], "x-note": None},
    {"port": PORT, "protocol": "QUIC-OFF", "description": "same port, another protocol"},
    {"port": "8443", "protocol": "HTTPS", "caEnabled": True, "caCertificates": [{"CertificateId": "theirs"}]},
]


class Eager(Request):
    """Tries again at once."""

    def wait(self, seconds: float) -> None:
        assert seconds < 2


class Interrupted(Cluster):
    """A client that is overtaken: before each of its patches arrives, one of `writers` has its
    turn.
    """

    writers: list[Callable[[], None]]

    def patch_albconfig(self, name: str, patch: Patch) -> Document:
        if self.writers:
            self.writers.pop(0)()
        return super().patch_albconfig(name, patch)

    def ingress_classes(self) -> list[Document]:
        return []  # bypasses are told of elsewhere


class Writer:
    """Somebody who knows nothing of us: reads the AlbConfig, changes it, writes it whole."""

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        self._cluster = cluster
        self._chance = chance
        self.last: Document = {}
        self.gone = False
        """Whether our listener is gone, or cannot be told from another any more."""
        self._changes: tuple[Callable[[list[Document]], None], ...] = (
            self._reorder,
            self._add,
            self._remove,
            self._edit,
            self._edit_ours,
            self._switch_ours,
            self._delete_ours,
            self._double_ours,
        )
        self.names = tuple(change.__name__.lstrip("_") for change in self._changes)

    def put(self, listeners: list[Document], annotations: dict[str, str]) -> Document:
        operations = [
            {"op": "add", "path": "/spec", "value": {"listeners": listeners}},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
        ]
        api = self._cluster._use()
        self.last = api.patch(
            path_of("apis", "alibabacloud.com", "v1", "albconfigs", "alb"), operations, "somebody-else"
        )
        return self.last

    def write(self, which: int) -> None:
        document = self._cluster.albconfig("alb")
        assert document is not None
        listeners = document["spec"]["listeners"]
        self._changes[which](listeners)
        annotations = document["metadata"].get("annotations") or {}
        self.put(listeners, annotations | {"example.com/writes": str(self._chance.getrandbits(64))})

    def _reorder(self, listeners: list[Document]) -> None:
        self._chance.shuffle(listeners)

    def _add(self, listeners: list[Document]) -> None:
        listeners.insert(
            self._chance.randint(0, len(listeners)),
            {"port": self._chance.randint(9000, 60000), "protocol": "HTTPS"},
        )

    def _remove(self, listeners: list[Document]) -> None:
        others = [number for number, item in enumerate(listeners) if item["port"] != PORT]
        if others:
            del listeners[self._chance.choice(others)]

    def _edit(self, listeners: list[Document]) -> None:
        self._chance.choice(listeners)["idleTimeout"] = self._chance.getrandbits(30)

    def _edit_ours(self, listeners: list[Document]) -> None:
        for item in self._ours(listeners):
            item["description"] = str(self._chance.getrandbits(64))

    def _switch_ours(self, listeners: list[Document]) -> None:
        for item in self._ours(listeners):
            item |= {
                "caEnabled": self._chance.random() < 0.5,
                "caCertificates": [{"CertificateId": f"by-hand-{self._chance.getrandbits(16)}"}],
            }

    def _delete_ours(self, listeners: list[Document]) -> None:
        for item in self._ours(listeners):
            listeners.remove(item)
        self.gone = True

    def _double_ours(self, listeners: list[Document]) -> None:
        listeners.append({"port": str(PORT), "protocol": "HTTPS"})
        self.gone = True

    @staticmethod
    def _ours(listeners: list[Document]) -> list[Document]:
        return [item for item in listeners if str(item["port"]) == str(PORT) and item["protocol"] == "HTTPS"]


def theirs(document: Document) -> Any:
    """All that is not ours: every listener in its order, ours without our two keys, and the other
    annotations.
    """
    listeners = copy.deepcopy(document["spec"]["listeners"])
    for item in listeners:
        if str(item["port"]) == str(PORT) and item["protocol"] == "HTTPS":
            item.pop("caEnabled", None)
            item.pop("caCertificates", None)
    annotations = {
        key: value for key, value in (document["metadata"].get("annotations") or {}).items() if key != KEY
    }
    return [listeners, annotations]


@pytest.fixture
def overtaken(plane: ControlPlane) -> Iterator[Interrupted]:
    found = Interrupted(kubeconfig=str(plane.kubeconfig))
    found.writers = []
    yield found
    found.close()


@pytest.mark.parametrize("interleavings", [60, pytest.param(1000, marks=pytest.mark.campaign)])
def test_no_writer_and_no_wish_is_lost_in_any_interleaving(
    plane: ControlPlane, cluster: Cluster, overtaken: Interrupted, interleavings: int
) -> None:
    plane.make({"metadata": {"name": "alb"}, "spec": {"listeners": START}})
    handler: Handler = ListenerClientAuthentication(cast(Configuration, RealConfiguration(overtaken)))
    outcomes: Counter[str] = Counter()
    for seed in range(interleavings):
        chance = random.Random(seed)
        writer = Writer(cluster, chance)
        operation = ("create", "update", "delete")[seed % 3]
        request = Eager("urn", "alb/443", False, 0.0, threading.Event(), lambda *_: None)
        # the AlbConfig as it is when we look at it: with its listeners in any order, ours possibly
        # taken before
        listeners = copy.deepcopy(START)
        chance.shuffle(listeners)
        overtaken.writers = []
        first = writer.put(listeners, chance.choice([{}, {"example.com/a": "b"}]))
        state: Mapping[str, Any] = {}
        if operation != "create":
            state = handler.create(request, wanted(awaitListener=False))[1]
            first = cast(Document, overtaken.albconfig("alb"))
        writer.last = first
        turns = chance.choice([1, 1, 2, 3, 5])
        overtaken.writers = [partial(writer.write, chance.randrange(len(writer.names))) for _ in range(turns)]

        sentence = ""
        try:
            if operation == "create":
                state = handler.create(request, wanted(awaitListener=False))[1]
            elif operation == "update":
                state = handler.update(
                    request, "alb/443", state, {}, wanted(awaitListener=False, caCertificateId=CA_2)
                )
            else:
                handler.delete(request, "alb/443", {}, state)
        except UserError as error:
            sentence = str(error)
        now = cast(Document, overtaken.albconfig("alb"))

        where = f"seed {seed}, {operation}"
        assert same(theirs(now), theirs(writer.last)), f"{where}: a change of theirs was lost"
        holders = [
            item
            for item in now["spec"]["listeners"]
            if certificate_ids(item.get("caCertificates")) in ((CA_1,), (CA_2,))
        ]
        assert all("certificates" in item for item in holders), f"{where}: another listener was written"
        if sentence:
            assert writer.gone, f"{where}: {sentence}"
            assert "\n" not in sentence
            assert "443" in sentence
            # a second listener on our port may have come right before a patch that still hit ours:
            # then all of it was written, else nothing
            written = not same(now["spec"], writer.last["spec"])
            assert not written or (KEY in now["metadata"]["annotations"]) == (operation != "delete"), where
            outcomes[f"{operation} ended in one sentence"] += 1
        elif operation == "delete":
            assert KEY not in (now["metadata"].get("annotations") or {}), where
            outcomes["delete gave back"] += 1
        else:
            found = find_listener(now, PORT)
            assert (found.ca_enabled, found.ca_certificate_ids) == (
                True,
                (CA_1 if operation == "create" else CA_2,),
            ), where
            assert KEY in now["metadata"]["annotations"], where
            outcomes[f"{operation} landed"] += 1
    assert outcomes.total() == interleavings
    assert (
        min(outcomes[name] for name in ("create landed", "update landed", "delete gave back"))
        > interleavings / 10
    ), outcomes
    assert (
        min(outcomes[f"{name} ended in one sentence"] for name in ("create", "update")) > interleavings / 100
    ), outcomes


def test_a_writer_who_never_stops_ends_in_one_sentence_that_names_the_listener(
    plane: ControlPlane, cluster: Cluster, overtaken: Interrupted
) -> None:
    plane.make({"metadata": {"name": "alb"}, "spec": {"listeners": START}})
    writer = Writer(cluster, random.Random(0))
    overtaken.writers = [lambda: writer.write(writer.names.index("switch_ours")) for _ in range(100)]
    handler: Handler = ListenerClientAuthentication(cast(Configuration, RealConfiguration(overtaken)))
    request = Eager("urn", "alb/443", False, 0.0, threading.Event(), lambda *_: None)
    with pytest.raises(
        UserError, match="listener 443/HTTPS of AlbConfig alb could not be written, 8 times in a row"
    ) as raised:
        handler.create(request, wanted(awaitListener=False))
    assert "\n" not in str(raised.value)
    now = cast(Document, overtaken.albconfig("alb"))
    assert same(
        [now["spec"], now["metadata"]["annotations"]],
        [writer.last["spec"], writer.last["metadata"]["annotations"]],
    )
