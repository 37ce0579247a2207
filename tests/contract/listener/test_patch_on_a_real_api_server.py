"""The patches do on a real kube-apiserver what the pure tests say they do."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from alb_mutual_tls.cluster.cluster import FIELD_MANAGER, Cluster, Conflict
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.exact_json import Document, dumps, loads, same
from alb_mutual_tls.listener.patch import Desired, forget, plan, previous_values, restore
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.listener_client_authentication import ListenerClientAuthentication
from tests.contract.listener.conftest import ControlPlane
from tests.unit.listener.corpus import DOCUMENTS, WITH_HTTPS
from tests.unit.provider.fakes import wanted

KEY = "albmtls/443-https"
WISH = Desired(True, "1efd3cac-e8c1-611d-b971-f96e5e432aba")


def alb(*listeners: Any, **metadata: Any) -> Document:
    return {"metadata": {"name": "alb", **metadata}, "spec": {"listeners": list(listeners)}}


def get(cluster: Cluster, name: str = "alb") -> Document:
    document = cluster.albconfig(name)
    assert document is not None
    return document


def comparable(document: Document) -> Any:
    return document["spec"], document["metadata"].get("annotations"), document["metadata"]["uid"]


def test_every_published_albconfig_is_patched_and_restored(plane: ControlPlane, cluster: Cluster) -> None:
    for name, port in WITH_HTTPS.items():
        plane.make(DOCUMENTS[name])
        before = get(cluster, name)
        listener = find_listener(before, port)
        after = cluster.patch_albconfig(name, plan(before, listener, WISH, KEY, "claim"))
        now = find_listener(after, port)
        assert (now.ca_enabled, now.ca_certificate_ids) == (True, (WISH.ca_certificate_id,))
        assert plan(get(cluster, name), now, WISH, KEY, "claim") == []
        cluster.patch_albconfig(name, restore(after, now, previous_values(listener), KEY, ()))
        assert comparable(get(cluster, name)) == comparable(before), name


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"caEnabled": None, "caCertificates": None},
        {"caEnabled": False, "caCertificates": []},
        {
            "CAENABLED": True,
            "cacertificates": [
                {
                    "CertificateId": 123456,
                    "weight": loads("0.00001"),
                    "tiny": loads("1.2e-7"),
                    "big": 2**63 - 1,
                    "e": loads("1e+30"),
                }
            ],
        },
    ],
)
def test_nulls_numbers_and_spellings_survive_there_and_back(
    fields: dict[str, Any], plane: ControlPlane, cluster: Cluster
) -> None:
    plane.make(alb({"port": "443", "protocol": "HTTPS", **fields}, annotations={"example.com/b": "kept"}))
    before = get(cluster)
    listener = find_listener(before, 443)
    after = cluster.patch_albconfig("alb", plan(before, listener, WISH, KEY, "claim ~/ ü"))
    assert after["metadata"]["annotations"] == {"example.com/b": "kept", KEY: "claim ~/ ü"}
    restored = cluster.patch_albconfig(
        "alb", restore(after, find_listener(after, 443), previous_values(listener), KEY, ())
    )
    assert same(restored["spec"], before["spec"])
    assert dumps(restored["spec"]) == dumps(before["spec"])
    assert restored["metadata"]["annotations"] == {"example.com/b": "kept"}


def test_texts_that_the_api_server_writes_escaped_do_not_conflict(
    plane: ControlPlane, cluster: Cluster
) -> None:
    odd = 'a<b> & c\u2028\u2029\x08\x0c\x01\x7f\\u003c \\ " ü \U0001f511'
    plane.make(
        alb(
            {
                "port": 443,
                "protocol": "HTTPS",
                "caEnabled": False,
                "caCertificates": [{"CertificateId": odd}],
            },
            annotations={KEY: odd},
        )
    )
    before = get(cluster)
    listener = find_listener(before, 443)
    after = cluster.patch_albconfig("alb", plan(before, listener, WISH, KEY, f"claim {odd}"))
    assert after["metadata"]["annotations"] == {KEY: f"claim {odd}"}
    cluster.patch_albconfig(
        "alb", restore(after, find_listener(after, 443), previous_values(listener), KEY, ())
    )
    assert same(get(cluster)["spec"], before["spec"])


Writer = Callable[[Document], object]


def _others(document: Document) -> list[Any]:
    return cast(list[Any], document["spec"]["listeners"])


@pytest.mark.parametrize(
    "change",
    [
        lambda document: _others(document).insert(0, {"port": 80, "protocol": "HTTP"}),
        lambda document: _others(document).reverse(),
        lambda document: _others(document).clear(),
        lambda document: _others(document)[0].update(caEnabled=True),
        lambda document: _others(document)[0].update(caEnabled=False),
        lambda document: _others(document)[0].update(caCertificates=[]),
        lambda document: _others(document)[0].update(port="443"),
        lambda document: document["metadata"].update(annotations={KEY: "another claim"}),
        lambda document: document["metadata"].update(annotations={"unrelated": "but the map is there now"}),
        lambda document: document["spec"].pop("listeners"),
    ],
)
def test_whoever_changes_what_the_plan_rests_on_makes_it_fail_and_nothing_is_written(
    change: Writer, plane: ControlPlane, cluster: Cluster
) -> None:
    plane.make(alb({"port": 443, "protocol": "HTTPS"}, {"port": 8443, "protocol": "HTTPS"}))
    document = get(cluster)
    patch = plan(document, find_listener(document, 443), WISH, KEY, "claim")
    change(document)
    plane.kubectl("replace", "-f", "-", content=document)
    changed = get(cluster)
    with pytest.raises(Conflict, match="HTTP 422"):
        cluster.patch_albconfig("alb", patch)
    assert get(cluster) == changed


def test_a_pruned_annotation_makes_a_patch_that_rests_on_it_fail(
    plane: ControlPlane, cluster: Cluster
) -> None:
    plane.make(alb({"port": 443, "protocol": "HTTPS"}, annotations={KEY: "claim", "other": "x"}))
    document = get(cluster)
    patches = [forget(document, KEY), plan(document, find_listener(document, 443), WISH, KEY, "new")]
    plane.kubectl("annotate", "albconfig", "alb", f"{KEY}-")
    for patch in patches:
        with pytest.raises(Conflict):
            cluster.patch_albconfig("alb", patch)


def test_an_albconfig_made_anew_is_not_touched(plane: ControlPlane, cluster: Cluster) -> None:
    listener = {"port": 443, "protocol": "HTTPS"}
    plane.make(alb(listener))
    document = get(cluster)
    patch = plan(document, find_listener(document, 443), WISH, KEY, "claim")
    plane.make(alb(listener))
    with pytest.raises(Conflict):
        cluster.patch_albconfig("alb", patch)
    plane.kubectl("delete", "albconfig", "alb")
    with pytest.raises(Conflict, match="has been deleted meanwhile"):
        cluster.patch_albconfig("alb", patch)


def test_writers_of_anything_else_do_not_disturb(plane: ControlPlane, cluster: Cluster) -> None:
    plane.make(alb({"port": 443, "protocol": "HTTPS"}, {"port": 8443, "protocol": "HTTPS"}))
    document = get(cluster)
    patch = plan(document, find_listener(document, 443), WISH, KEY, "claim")
    meanwhile = copy.deepcopy(document)
    meanwhile["status"] = {"loadBalancer": {"id": "alb-1"}}
    _others(meanwhile)[1]["caEnabled"] = True
    _others(meanwhile).append({"port": 80, "protocol": "HTTP"})
    plane.kubectl("replace", "-f", "-", content=meanwhile)
    after = cluster.patch_albconfig("alb", patch)
    _others(meanwhile)[0] |= {
        "caEnabled": True,
        "caCertificates": [{"CertificateId": WISH.ca_certificate_id}],
    }
    assert (after["spec"], after["status"]) == (meanwhile["spec"], meanwhile["status"])
    assert FIELD_MANAGER in {entry["manager"] for entry in after["metadata"]["managedFields"]}


class RealConfiguration:
    """A real cluster, no Alibaba Cloud."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def cluster(self) -> Cluster:
        return self._cluster

    def require_cluster(self, recorded: str, what: str) -> Cluster:
        return self._cluster

    def first(self, what: str) -> bool:
        return False

    def require_account(self, recorded: str, what: str) -> str:
        return "1234567890123456"


def test_forty_listeners_of_one_albconfig_are_taken_and_given_back_at_the_same_time(
    plane: ControlPlane, cluster: Cluster
) -> None:
    ports = range(8001, 8041)
    plane.make(
        alb(
            *({"port": port, "protocol": "HTTPS", "certificates": [{"CertificateId": "1"}]} for port in ports)
        )
    )
    before = get(cluster)
    handler: Handler = ListenerClientAuthentication(cast(Configuration, RealConfiguration(cluster)))
    states: dict[int, Any] = {}
    failures: list[BaseException] = []

    def each(act: Callable[[int, Request], None]) -> None:
        def run(port: int) -> None:
            try:
                act(port, Request(f"urn::{port}", str(port), False, 0.0, threading.Event(), lambda *_: None))
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(port,)) for port in ports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def create(port: int, request: Request) -> None:
        states[port] = handler.create(request, wanted(port=port, awaitListener=False))[1]

    each(create)
    document = get(cluster)
    assert failures == []
    assert all(find_listener(document, port).ca_enabled for port in ports)
    assert len(document["metadata"]["annotations"]) == 40
    # one write each: nobody had to try again, and nothing was written twice
    assert document["metadata"]["generation"] == before["metadata"]["generation"] + 40
    each(lambda port, request: handler.delete(request, f"alb/{port}", {}, states[port]))
    assert failures == []
    assert comparable(get(cluster)) == comparable(before)
