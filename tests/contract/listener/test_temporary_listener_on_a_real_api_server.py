"""The patches of a rehearsal do on a real kube-apiserver what the pure tests say they do."""

from __future__ import annotations

import copy
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alb_mutual_tls.cluster.cluster import Cluster, Conflict
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.exact_json import Document, dumps
from alb_mutual_tls.listener.patch import Desired, plan
from alb_mutual_tls.listener.rehearsal_claim import RehearsalClaim, Runner, left_behind
from alb_mutual_tls.listener.temporary import Standing, free_port, plan_add, plan_removal, standing, temporary
from alb_mutual_tls.operations.rehearsal.cleaning import take_away
from tests.contract.listener.conftest import ControlPlane
from tests.unit.listener.corpus import DOCUMENTS, ODD, WITH_HTTPS

CERTIFICATE = {"CertificateId": "1-cn-hangzhou", "IsDefault": True}
HTTP = {"port": 80, "protocol": "HTTP"}
REAL = {"port": 443, "protocol": "HTTPS", "certificates": [CERTIFICATE]}


def get(cluster: Cluster, name: str = "alb") -> Document:
    document = cluster.albconfig(name)
    assert document is not None
    return document


def made(plane: ControlPlane, cluster: Cluster, *listeners: Any, **metadata: Any) -> Document:
    plane.make({"metadata": {"name": "alb", **metadata}, "spec": {"listeners": list(listeners)}})
    return get(cluster)


def claim(document: Document, port: int = 443, id: str = "r-1") -> RehearsalClaim:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    added = temporary(document, find_listener(document, port), free_port(document, (), None), "ca-1")
    return RehearsalClaim(
        id, "0a1b2c3d", "mtls", port, Runner("here", "pid:[1]", 42), now, now + timedelta(minutes=15), added
    )


def comparable(document: Document) -> str:
    """Everything but what the API server counts and notes itself."""
    metadata = {
        key: value
        for key, value in document["metadata"].items()
        if key not in ("resourceVersion", "generation", "managedFields")
    }
    return dumps({**document, "metadata": metadata})


def add(cluster: Cluster, document: Document, wanted: RehearsalClaim, name: str = "alb") -> Document:
    return cluster.patch_albconfig(name, plan_add(document, find_listener(document, wanted.port), wanted))


def wait(_: float) -> None:
    """No pause: the other side of a conflict is done already."""


def test_every_published_albconfig_is_the_same_afterwards(plane: ControlPlane, cluster: Cluster) -> None:
    for name, port in WITH_HTTPS.items():
        document = copy.deepcopy(DOCUMENTS[name])
        for item in document["spec"]["listeners"]:
            if item["protocol"] == "HTTPS":
                item["certificates"] = item.get("certificates") or [CERTIFICATE]
        plane.make(document)
        before = get(cluster, name)
        wanted = claim(before, port)
        after = add(cluster, before, wanted, name)
        assert after["spec"]["listeners"] == [*before["spec"]["listeners"], wanted.added]
        assert [one.claim for one in left_behind(after)] == [wanted]
        assert take_away(cluster, name, wanted, wait) is Standing.UNCHANGED
        assert comparable(get(cluster, name)) == comparable(before), name


def test_odd_values_of_other_listeners_do_not_disturb_and_are_kept(
    plane: ControlPlane, cluster: Cluster
) -> None:
    odd = {f"x-{number}": value for number, value in enumerate(ODD)} | {"text": "a<b> & c\u2028"}
    before = made(
        plane, cluster, {"Port": "80", "protocol": "HTTP", **odd}, {**REAL, **odd}, annotations={"x/b": "<&>"}
    )
    wanted = claim(before)
    add(cluster, before, wanted)
    assert take_away(cluster, "alb", wanted, wait) is Standing.UNCHANGED
    assert comparable(get(cluster)) == comparable(before)


def test_a_copied_text_with_special_characters_is_known_again(plane: ControlPlane, cluster: Cluster) -> None:
    before = made(
        plane,
        cluster,
        {
            **REAL,
            "securityPolicyId": "a<b> & c\u2028 ü",
            "defaultCertificate": {"certificateId": "<&>", "n": 1.50},
        },
    )
    wanted = claim(before)
    after = add(cluster, before, wanted)
    assert standing(after, wanted)[0] is Standing.UNCHANGED
    assert [one.claim for one in left_behind(after)] == [wanted]
    assert take_away(cluster, "alb", wanted, wait) is Standing.UNCHANGED
    assert comparable(get(cluster)) == comparable(before)


def test_of_two_rehearsals_at_the_same_moment_one_is_refused(plane: ControlPlane, cluster: Cluster) -> None:
    before = made(plane, cluster, HTTP, REAL, annotations={"x": "y"})
    patches = [plan_add(before, find_listener(before, 443), claim(before, id=id)) for id in ("r-1", "r-2")]
    cluster.patch_albconfig("alb", patches[0])
    with pytest.raises(Conflict, match="HTTP 422"):
        cluster.patch_albconfig("alb", patches[1])
    assert len(get(cluster)["spec"]["listeners"]) == 3


def test_the_real_listener_is_switched_on_and_off_beside_it(plane: ControlPlane, cluster: Cluster) -> None:
    before = made(plane, cluster, HTTP, REAL)
    wanted = claim(before)
    document = add(cluster, before, wanted)
    switched = plan(
        document, find_listener(document, 443), Desired(True, "ca-1"), "albmtls/443-https", "claim"
    )
    cluster.patch_albconfig("alb", switched)
    assert take_away(cluster, "alb", wanted, wait) is Standing.UNCHANGED
    after = get(cluster)
    assert after["spec"]["listeners"] == [
        HTTP,
        {**REAL, "caEnabled": True, "caCertificates": [{"CertificateId": "ca-1"}]},
    ]
    assert after["metadata"]["annotations"] == {"albmtls/443-https": "claim"}


def test_it_is_taken_away_while_somebody_else_turns_the_list_round_all_the_time(
    plane: ControlPlane, cluster: Cluster
) -> None:
    others = [{"port": port, "protocol": "HTTP"} for port in range(9000, 9020)]
    before = made(plane, cluster, REAL, *others)
    wanted, ended = claim(before), threading.Event()
    add(cluster, before, wanted)
    writer, written = Cluster(kubeconfig=str(plane.kubeconfig)), []

    def turn() -> None:
        while not ended.is_set():
            items = get(writer)["spec"]["listeners"]
            try:
                writer.patch_albconfig(
                    "alb",
                    [
                        {"op": "test", "path": "/spec/listeners", "value": items},
                        {"op": "replace", "path": "/spec/listeners", "value": items[::-1]},
                    ],
                )
            except Conflict:
                continue
            written.append(len(items))

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        while len(written) < 3:
            assert thread.is_alive()
        assert take_away(cluster, "alb", wanted, wait) is Standing.UNCHANGED
    finally:
        ended.set()
        thread.join()
        writer.close()
    after = get(cluster)["spec"]["listeners"]
    assert sorted(after, key=lambda item: item["port"]) == [REAL, *others]


def test_what_stands_there_is_left_where_somebody_has_changed_it_and_forgotten_where_it_is_gone(
    plane: ControlPlane, cluster: Cluster
) -> None:
    before = made(plane, cluster, REAL)
    wanted = claim(before)
    add(cluster, before, wanted)
    plane.kubectl(
        "patch",
        "albconfig",
        "alb",
        "--type=json",
        '-p=[{"op":"replace","path":"/spec/listeners/1/caEnabled","value":false}]',
    )
    assert take_away(cluster, "alb", wanted, wait) is Standing.CHANGED
    assert len(get(cluster)["spec"]["listeners"]) == 2
    plane.kubectl(
        "patch", "albconfig", "alb", "--type=json", '-p=[{"op":"remove","path":"/spec/listeners/1"}]'
    )
    assert take_away(cluster, "alb", wanted, wait) is Standing.GONE
    assert comparable(get(cluster)) == comparable(before)


def test_an_albconfig_that_was_deleted_or_made_anew_has_nothing_to_take_away(
    plane: ControlPlane, cluster: Cluster
) -> None:
    before = made(plane, cluster, REAL)
    wanted = claim(before)
    removal, _ = plan_removal(add(cluster, before, wanted), wanted)
    anew = made(plane, cluster, REAL, wanted.added)
    with pytest.raises(Conflict):
        cluster.patch_albconfig("alb", removal)
    assert comparable(get(cluster)) == comparable(anew)
    plane.kubectl("delete", "albconfig", "alb")
    assert take_away(cluster, "alb", wanted, wait) is Standing.GONE
