"""How often `mtls audit` asks, and that it only reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alb_mutual_tls.alibaba.alb import Alb
from alb_mutual_tls.alibaba.answers import NotPermitted
from alb_mutual_tls.alibaba.recording import Call
from alb_mutual_tls.cluster.cluster import Event
from alb_mutual_tls.errors import Unreachable
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.operations.audit.scan import WORKERS, scan
from alb_mutual_tls.operations.audit.scanned import NotSeen
from tests.unit.operations.audit.audits import CA, alb, certificate, https, ingresses


@dataclass
class Cluster:
    """A cluster that counts its lists."""

    documents: list[Document]
    lists: list[str] = field(default_factory=list)

    def albconfigs(self) -> list[Document]:
        self.lists.append("albconfigs")
        return self.documents

    def ingress_classes(self) -> list[Document]:
        self.lists.append("ingressclasses")
        return ingresses([])[0]

    def services(self) -> list[Document]:
        self.lists.append("services")
        return []

    def ingresses(self) -> list[Document]:
        self.lists.append("ingresses")
        return ingresses([])[1]

    def warning_events(self, name: str) -> list[Event]:
        self.lists.append(f"events of {name}")
        return [Event("FailedBuildModel", text, "2026-06-01T00:00:00Z") for text in ("first", "last")]

    def __str__(self) -> str:
        return "the cluster"


class Cloud:
    """Alibaba Cloud with the HTTPS listeners of some load balancers, and CA certificates in
    repositories; it has no way to write.

    `fails`: the error of an action.
    """

    def __init__(
        self,
        balancers: Mapping[str, int],
        repositories: int = 0,
        fails: Mapping[str, Exception] | None = None,
    ) -> None:
        self._listeners = [
            f"{balancer}/{1000 + number}" for balancer, count in balancers.items() for number in range(count)
        ]
        self._repositories, self._fails = repositories, fails or {}
        self.calls: list[Call] = []
        self.most_at_once = self._at_once = 0
        self._lock = threading.Lock()

    def cas_api(self) -> Cloud:
        return self

    def account_id(self) -> str:
        return str(self.read("GetCallerIdentity")["AccountId"])

    def alb(self) -> Alb:
        return Alb(self)  # type: ignore[arg-type]

    def read(self, action: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._lock:
            self.calls.append(Call(action, tuple(query or {})))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            time.sleep(0.001)
            if action in self._fails:
                raise self._fails[action]
            answer: dict[str, Any] = getattr(self, f"_{action}")(query or {})
            return answer
        finally:
            with self._lock:
                self._at_once -= 1

    def _GetCallerIdentity(self, query: Mapping[str, Any]) -> dict[str, Any]:
        return {"AccountId": "1234567890123456"}

    def _ListListeners(self, query: Mapping[str, Any]) -> dict[str, Any]:
        assert len(query["LoadBalancerIds"]) <= 20
        start, size = int(query.get("NextToken", 0)), int(query["MaxResults"])
        mine = [one for one in self._listeners if one.partition("/")[0] in query["LoadBalancerIds"]]
        shown = [
            {
                "ListenerId": one,
                "LoadBalancerId": one.partition("/")[0],
                "ListenerPort": int(one.partition("/")[2]),
            }
            for one in mine
        ]
        more = {"NextToken": str(start + size)} if start + size < len(mine) else {}
        return {
            "Listeners": [{**one, "ListenerProtocol": "HTTPS"} for one in shown[start : start + size]],
            **more,
        }

    def _GetListenerAttribute(self, query: Mapping[str, Any]) -> dict[str, Any]:
        balancer, _, port = query["ListenerId"].partition("/")
        certificates = [{"CertificateId": CA, "Status": "Associated"}]
        return {
            "LoadBalancerId": balancer,
            "ListenerPort": int(port),
            "ListenerStatus": "Running",
            "CaEnabled": True,
            "CaCertificates": certificates,
        }

    def _ListCertWarehouse(self, query: Mapping[str, Any]) -> dict[str, Any]:
        kinds = ("uploadCA", "ssl")
        shown = [
            {"WhId": number, "Name": f"r-{number}", "Type": kinds[number % 2]}
            for number in range(2 * self._repositories)
        ]
        start = (query["CurrentPage"] - 1) * query["ShowSize"]
        return {"CertWarehouseList": shown[start : start + query["ShowSize"]], "TotalCount": len(shown)}

    def _ListCert(self, query: Mapping[str, Any]) -> dict[str, Any]:
        one = {
            "Identifier": f"u-{query['WarehouseId']}",
            "WhId": int(query["WarehouseId"]),
            "AfterDate": 1_800_000_000_000,
            "CommonName": "x",
        }
        return {"CertList": [one], "TotalCount": 1}

    def _DescribeWarehouseCert(self, query: Mapping[str, Any]) -> dict[str, Any]:
        return {"Content": certificate("root")}


def albconfigs(count: int, listeners: int) -> list[Document]:
    fields = {"caEnabled": True, "caCertificates": [{"CertificateId": CA}]}
    return [
        alb(
            *(https(1000 + number, **fields) for number in range(listeners)),
            name=f"alb-{place:02}",
            balancer=f"b-{place:02}",
        )
        for place in range(count)
    ]


def test_hundreds_of_listeners_take_few_lists_and_one_question_each() -> None:
    cluster, cloud = (
        Cluster(albconfigs(30, 10)),
        Cloud({f"b-{place:02}": 10 for place in range(30)} | {"of another cluster": 500}, 60),
    )
    found = scan(cluster, lambda: cloud)  # type: ignore[arg-type,return-value]
    assert cluster.lists == ["albconfigs", "ingressclasses", "ingresses", "services"]
    assert found.requests == {
        "GetCallerIdentity": 1,
        "ListListeners": 3,  # 20 load balancers with 200 listeners, and 10 with 100
        "GetListenerAttribute": 300,
        "DescribeWarehouseCert": 1,  # all of them name one CA certificate
        "ListCertWarehouse": 3,
        "ListCert": 60,
    }
    assert 1 < cloud.most_at_once <= WORKERS
    assert not isinstance(found.alb, NotSeen)
    assert {(key, one.load_balancer_id, one.port) for key, one in found.alb.items()} == {
        ((f"b-{place:02}", 1000 + number), f"b-{place:02}", 1000 + number)
        for place in range(30)
        for number in range(10)
    }
    assert not isinstance(found.uploads, NotSeen)
    assert [one.identifier for one in found.uploads] == [f"u-{2 * number}" for number in range(60)]


def test_a_cluster_without_load_balancers_asks_alb_nothing() -> None:
    found = scan(Cluster([]), lambda: Cloud({}))  # type: ignore[arg-type,return-value]
    assert found.requests == {"GetCallerIdentity": 1, "ListCertWarehouse": 1}


def test_who_is_not_permitted_is_asked_once() -> None:
    cloud = Cloud({"b-00": 100}, fails={"GetListenerAttribute": NotPermitted("no")})
    found = scan(Cluster(albconfigs(1, 100)), lambda: cloud)  # type: ignore[arg-type,return-value]
    assert found.alb == NotSeen("no", barred=True)
    # some are under way when the first is refused
    assert found.requests["GetListenerAttribute"] < 50


def test_without_an_account_nobody_else_is_asked() -> None:
    cloud = Cloud({"b-00": 1}, fails={"GetCallerIdentity": Unreachable("STS does not answer")})
    found = scan(Cluster(albconfigs(1, 1)), lambda: cloud)  # type: ignore[arg-type,return-value]
    assert (
        found.alb
        == found.certificates
        == found.uploads
        == found.account
        == NotSeen("STS does not answer", barred=False)
    )
    assert found.requests == {"GetCallerIdentity": 1}


def test_the_controllers_last_word_is_asked_for_where_it_refuses_something() -> None:
    cluster, cloud = (
        Cluster(
            [
                alb(https(443)),
                alb(https(443, protocol="https"), name="odd"),
                alb(listeners="none", name="worse"),
            ]
        ),
        Cloud({}),
    )
    found = scan(cluster, lambda: cloud)  # type: ignore[arg-type,return-value]
    last = "FailedBuildModel: last (2026-06-01T00:00:00Z)"
    assert found.events == {"odd": last, "worse": last}
    assert cluster.lists == [
        "albconfigs",
        "events of odd",
        "events of worse",
        "ingressclasses",
        "ingresses",
        "services",
    ]
