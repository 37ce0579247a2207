"""What others have in CAS and on ALB: the same certificate, listeners that name ours, and lists
that do not know yet what was deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dev.sandbox import faults
from dev.sandbox.cloud import OpenApiServer
from dev.sandbox.cloud.model import Balancer, Listener
from dev.sandbox.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.cas.conftest import Gateway, Plugin

REPOSITORY = "albmtls:index:CertificateRepository"
CA = "albmtls:index:CaCertificate"
INPUTS = {"name": "alb-mutual-tls-0a1b2c3d", "configured": False}


def stored(server: OpenApiServer, kind: str) -> list[dict[str, Any]]:
    with server.repositories.store.reading() as content:
        return list(content[kind])


def inputs_of(repository: dict[str, Any], pem: str) -> dict[str, Any]:
    return {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": pem,
        "generated": True,
    }


def test_a_generated_ca_that_somebody_uploaded_first_is_used_and_goes_with_the_stack_that_has_its_key(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    _, repository = plugin.create(REPOSITORY, INPUTS)
    place = int(repository["warehouseId"])
    server.repositories.upload_pca_cert(
        {"WarehouseId": place, "Cert": authorities[1], "Name": "root"}
    )  # same name, another content
    first = server.repositories.upload_pca_cert(
        {"WarehouseId": place, "Cert": authorities[0], "Name": "by hand"}
    )["Identifier"]

    id, state = plugin.create(CA, inputs_of(repository, authorities[0]))
    assert (id, state["owned"]) == (first, True)
    assert len(stored(server, "certificates")) == 2
    plugin.delete(CA, id, state, inputs_of(repository, authorities[0]))
    assert [item["Name"] for item in stored(server, "certificates")] == ["root"]


def test_the_same_content_in_a_repository_of_somebody_else_is_neither_used_nor_touched(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    _, theirs = plugin.create(REPOSITORY, {"name": "theirs", "configured": True})
    other = server.repositories.upload_pca_cert(
        {"WarehouseId": int(theirs["warehouseId"]), "Cert": authorities[0]}
    )["Identifier"]
    _, repository = plugin.create(REPOSITORY, INPUTS)
    id, state = plugin.create(CA, inputs_of(repository, authorities[0]))
    assert id != other
    plugin.delete(CA, id, state, inputs_of(repository, authorities[0]))
    assert [item["Identifier"] for item in stored(server, "certificates")] == [other]


def test_all_listeners_of_all_load_balancers_that_hold_a_certificate_are_listed(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    _, repository = plugin.create(REPOSITORY, INPUTS)
    inputs = inputs_of(repository, authorities[0])
    id, state = plugin.create(CA, inputs)
    holding = [
        Balancer(
            albconfig=name,
            uid=f"uid-of-{name}",
            index=index,
            address="127.0.0.1",
            listeners=tuple(Listener(port, "HTTPS", ca_certificate_id=id) for port in ports),
        )
        for index, (name, ports) in enumerate({"alb": (443, 8443), "other": (443,)}.items())
    ]
    server.balancers.take(holding)
    failed = plugin.refused(lambda: plugin.delete(CA, id, state, inputs, timeout=0.5))
    for balancer in holding:
        for listener in balancer.listeners:
            assert (
                f"listener {balancer.listener_id(listener)} ({listener.port}/HTTPS) of {balancer.id}"
                in failed.sentence
            )
    assert stored(server, "certificates") != []


@pytest.mark.parametrize("lost", ["lost", "failed-done"])
def test_what_was_deleted_stays_deleted_although_lists_still_show_it(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway, authorities: list[str], tmp_path: Path, lost: str
) -> None:
    instance, repository = plugin.create(REPOSITORY, INPUTS)
    inputs = inputs_of(repository, authorities[0])
    id, state = plugin.create(CA, inputs)
    layout = Layout(tmp_path / "sandbox")
    for action in ("ListCert", "ListCertWarehouse"):
        faults.wish_api(layout, action, faults.scripted(action, "slow", times=2))
    gateway.fault("DeletePCACert", lost)
    gateway.fault("DeleteWarehouse", lost)
    plugin.delete(CA, id, state, inputs)
    plugin.delete(REPOSITORY, instance, repository, INPUTS)
    assert stored(server, "certificates") == stored(server, "warehouses") == []
