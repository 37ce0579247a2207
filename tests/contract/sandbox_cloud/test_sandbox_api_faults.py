"""Each fault of the OpenAPI endpoint under the official client and under the provider's own, and
what it leaves behind.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_cas20200407 import models as cas_models
from alibabacloud_cas20200407.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from alb_mutual_tls.alibaba import cas as cas_module
from alb_mutual_tls.alibaba.answers import CAS
from alb_mutual_tls.alibaba.cas import Cas
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.provider.configuration import Configuration
from dev.sandbox import faults
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.layout import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Layout

MADE = cas_models.CreateWarehouseRequest(name="mine", type="uploadedAuthorityCertificate")


@pytest.fixture
def layout(tmp_path: Path, server: OpenApiServer) -> Iterator[Layout]:
    """Of the endpoint's directory."""
    made = Layout(tmp_path)
    yield made
    faults.clear(made)


def fault(
    layout: Layout, action: str, kind: str, times: int | None = None, seconds: float | None = None
) -> None:
    faults.wish_api(layout, action, faults.scripted(action, kind, times, seconds))


def results(layout: Layout, action: str) -> list[str]:
    lines = [json.loads(line) for line in (layout.directory / "logs/api.log").read_text().splitlines()]
    return [line["result"] for line in lines if line["action"] == action]


def names(cas: Any) -> list[str]:
    return [
        one.name
        for one in cas.list_cert_warehouse(cas_models.ListCertWarehouseRequest()).body.cert_warehouse_list
    ]


@pytest.mark.parametrize(
    ("kind", "code", "result"),
    [
        ("throttle", "Throttling.User", "Throttling.User (fault throttle)"),
        ("5xx", "ServiceUnavailable", "ServiceUnavailable (fault 5xx)"),
    ],
)
def test_a_refusal_is_answered_as_often_as_asked_for_and_nothing_is_done(
    cas: Any, layout: Layout, kind: str, code: str, result: str
) -> None:
    fault(layout, "CreateWarehouse", kind, 2)
    for _ in range(2):
        with pytest.raises(Exception, match="request id") as refused:
            cas.create_warehouse(MADE)
        assert str(getattr(refused.value, "code", "")) == code
    assert names(cas) == []
    cas.create_warehouse(MADE)
    assert names(cas) == ["mine"]
    assert results(layout, "CreateWarehouse") == [result, result, "OK"]
    assert faults.active(layout) == {}


@pytest.mark.parametrize(
    ("kind", "seconds", "error", "left", "result"),
    [
        ("reset", None, "reset", [], "not done (fault reset)"),
        ("timeout-before", 0.3, "without response", [], "not done (fault timeout-before)"),
        ("timeout-after", 0.3, "without response", ["mine"], "OK (fault timeout-after)"),
    ],
)
def test_an_answer_that_does_not_come_leaves_done_what_the_fault_says(
    cas: Any, layout: Layout, kind: str, seconds: float | None, error: str, left: list[str], result: str
) -> None:
    fault(layout, "CreateWarehouse", kind, seconds=seconds)
    began = time.monotonic()
    with pytest.raises(Exception, match=error):
        cas.create_warehouse(MADE)
    assert time.monotonic() - began >= (seconds or 0)
    assert names(cas) == left
    assert results(layout, "CreateWarehouse") == [result]


def test_a_slow_list_shows_a_change_after_so_many_lists(cas: Any, layout: Layout) -> None:
    cas.create_warehouse(MADE)
    fault(layout, "ListCertWarehouse", "slow", 2)
    cas.create_warehouse(cas_models.CreateWarehouseRequest(name="later", type="uploadedAuthorityCertificate"))
    assert [names(cas), names(cas), names(cas)] == [["mine"], ["mine"], ["later", "mine"]]
    assert results(layout, "ListCertWarehouse") == ["OK (fault slow)"] * 3


def test_a_slow_list_shows_a_deletion_after_so_many_seconds(cas: Any, layout: Layout) -> None:
    instance = cas.create_warehouse(MADE).body.warehouse_instance_id
    fault(layout, "ListCertWarehouse", "slow", seconds=0.5)
    cas.delete_warehouse(cas_models.DeleteWarehouseRequest(warehouse_instance_id=instance))
    began = time.monotonic()
    assert names(cas) == ["mine"]
    while names(cas):
        assert time.monotonic() - began < 5
        time.sleep(0.15)  # ten lists a second are allowed
    assert time.monotonic() - began > 0.3


def test_the_end_of_the_endpoint_does_not_wait_for_a_time_out(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    fault(layout, "CreateWarehouse", "timeout-before")
    failed: list[Exception] = []

    def ask() -> None:
        try:
            Client(
                Config(
                    endpoint=server.address,
                    protocol="HTTP",
                    access_key_id=ACCESS_KEY_ID,
                    access_key_secret=ACCESS_KEY_SECRET,
                )
            ).create_warehouse(MADE)
        except Exception as error:
            failed.append(error)

    with OpenApiServer(tmp_path) as server:
        client = threading.Thread(target=ask)
        client.start()
        while not layout.faults_spent_file.exists():
            assert client.is_alive()
            time.sleep(0.02)
        began = time.monotonic()
    client.join(timeout=10)
    assert failed
    assert time.monotonic() - began < 5


def provider_cas(server: OpenApiServer) -> Cas:
    settings = {
        "region": "cn-hangzhou",
        "protocol": "HTTP",
        "accessKey": ACCESS_KEY_ID,
        "secretKey": ACCESS_KEY_SECRET,
    }
    return Cas(OpenApi(CAS, server.address, "HTTP", Configuration.of(settings)._credential()))


@pytest.mark.parametrize("kind", ["throttle", "5xx", "reset", "timeout-before", "timeout-after"])
def test_the_providers_own_client_makes_one_repository_and_one_upload_whatever_the_fault(
    server: OpenApiServer, layout: Layout, good: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cas_module, "SETTLING", 1.5)  # these lists do not lag behind
    seconds = 0.2 if kind.startswith("timeout") else None
    for action in ("CreateWarehouse", "UploadPCACert", "DeletePCACert", "DeleteWarehouse"):
        fault(layout, action, kind, seconds=seconds)
    cas = provider_cas(server)
    repository = cas.make_repository("mine")
    identifier = cas.upload(repository.warehouse_id, "root", good.pem)
    assert [item.identifier for item in cas.certificates(repository.warehouse_id)] == [identifier]
    assert [item.name for item in cas.repositories()] == ["mine"]
    cas.delete_certificate(identifier, repository.warehouse_id)
    assert cas.certificates(repository.warehouse_id) == []
    cas.delete_repository(repository.instance_id, "mine")
    assert cas.repositories() == []
    assert faults.active(layout) == {}


def test_the_providers_own_client_waits_for_slow_lists(
    server: OpenApiServer, layout: Layout, good: Any
) -> None:
    for action in ("ListCertWarehouse", "ListCert"):
        fault(layout, action, "slow", 2)
    fault(layout, "UploadPCACert", "timeout-after", seconds=0.2)
    cas = provider_cas(server)
    repository = cas.make_repository("mine")
    cas.upload(repository.warehouse_id, "root", good.pem)
    faults.clear(layout)
    assert len(cas.certificates(repository.warehouse_id)) == 1
    assert len(cas.repositories()) == 1
