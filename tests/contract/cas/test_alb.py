"""What ALB shows, and that a CA certificate is not deleted under a listener."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from alb_mutual_tls.alibaba.alb import Alb
from alb_mutual_tls.alibaba.answers import ALB
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.listener.enforced import CaReference
from alb_mutual_tls.provider.configuration import Configuration
from dev.sandbox.cloud import OpenApiServer
from dev.sandbox.cloud.model import Balancer, Listener

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Gateway, Plugin

CA = "albmtls:index:CaCertificate"


def balancer(*listeners: Listener, name: str = "alb", index: int = 0) -> Balancer:
    return Balancer(
        albconfig=name, uid=f"uid-of-{name}", index=index, address="127.0.0.1", listeners=listeners
    )


def uploaded(plugin: Plugin, pem: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    _, repository = plugin.create(
        "albmtls:index:CertificateRepository", {"name": "alb-mutual-tls-0a1b2c3d", "configured": False}
    )
    inputs = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": pem,
        "generated": True,
    }
    id, state = plugin.create(CA, inputs)
    return id, state, inputs


def holding(ca_certificate_id: str | None, *, enabled: bool = True) -> Balancer:
    return balancer(
        Listener(80, "HTTP"),
        Listener(
            443, "HTTPS", ca_enabled=enabled, ca_certificate_id=ca_certificate_id, certificate_ids=("1",)
        ),
    )


@pytest.fixture
def alb(settings: dict[str, Any]) -> Alb:
    return Configuration.of(settings).alb()


def test_a_listener_is_found_by_load_balancer_and_port(server: OpenApiServer, alb: Alb) -> None:
    one = balancer(
        Listener(443, "HTTPS", ca_enabled=True, ca_certificate_id="ca-1"),
        Listener(443, "QUIC"),
        Listener(8443, "HTTPS"),
    )
    other = balancer(Listener(443, "HTTPS"), name="other", index=1)
    server.balancers.take([one, other])

    state = alb.listener_state(one.id, 443)
    assert state is not None
    assert (state.ca_enabled, state.ca_certificate_id, state.status, state.port) == (
        True,
        "ca-1",
        "Running",
        443,
    )
    assert state.ca_certificates == (CaReference("ca-1", "Associated"),)
    assert state.load_balancer_id == one.id
    assert state.describe() == "status Running, CaEnabled true, CA certificate ca-1 (Associated)"
    plain = alb.listener_state(one.id, 8443)
    assert plain is not None
    assert plain.ca_certificate_id is None
    assert plain.describe() == "status Running, CaEnabled false, CA certificate none"
    assert alb.listener_state(one.id, 80) is None
    assert alb.listener_state("alb-of-nobody", 443) is None
    assert alb.listener(state.listener_id) == state
    assert alb.listener("lsn-of-nobody") is None


def test_listeners_naming_a_certificate_are_found_in_the_whole_region_and_past_the_first_page(
    server: OpenApiServer, alb: Alb
) -> None:
    many = [
        balancer(*(Listener(port, "HTTPS") for port in range(1000, 1110)), name="many", index=1),
        balancer(Listener(443, "HTTPS", ca_enabled=False, ca_certificate_id="ca-1"), name="last", index=2),
    ]
    server.balancers.take(many)
    (found,) = alb.listeners_naming("ca-1")
    assert found.load_balancer_id == many[1].id
    assert list(alb.listeners_naming("ca-2")) == []


def test_a_certificate_goes_once_alb_has_let_go_of_it(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    id, state, inputs = uploaded(plugin, authorities[0])
    server.balancers.take([holding(id)])
    releasing = threading.Timer(1.0, lambda: server.balancers.take([holding(None)]))
    releasing.start()
    plugin.delete(CA, id, state, inputs)
    releasing.join()
    assert server.repositories.ca_pem(id) is None


def test_a_certificate_that_alb_keeps_is_not_deleted_and_its_holder_is_named(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    id, state, inputs = uploaded(plugin, authorities[0])
    held = holding(id, enabled=False)
    server.balancers.take([held])
    failed = plugin.refused(lambda: plugin.delete(CA, id, state, inputs, timeout=1))
    assert failed.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "after 1 s ALB still has it on listener lsn-" in failed.sentence
    assert f"(443/HTTPS) of {held.id}" in failed.sentence
    assert server.repositories.ca_pem(id) is not None


def test_ctrl_c_ends_the_wait_at_once(
    plugin: Plugin, start: Any, settings: dict[str, Any], server: OpenApiServer, authorities: list[str]
) -> None:
    from alb_mutual_tls.plugin.protocol import empty_pb2

    id, state, inputs = uploaded(plugin, authorities[0])
    server.balancers.take([holding(id)])
    own = start()
    own.configure(settings)
    cancelling = threading.Timer(1.5, lambda: own.stub.Cancel(empty_pb2.Empty()))
    cancelling.start()
    begun = time.monotonic()
    failed = own.refused(lambda: own.delete(CA, id, state, inputs))
    cancelling.join()
    assert failed.code is grpc.StatusCode.CANCELLED
    assert time.monotonic() - begun < 5
    assert server.repositories.ca_pem(id) is not None


def test_without_permission_to_look_at_alb_the_deletion_goes_on_and_says_so(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway, authorities: list[str]
) -> None:
    id, state, inputs = uploaded(plugin, authorities[0])
    gateway.fault("ListListeners", "forbidden")
    plugin.delete(CA, id, state, inputs)
    assert server.repositories.ca_pem(id) is None
    (warning,) = plugin.engine.warnings()
    assert "was not confirmed" in warning
    assert "alb:ListListeners" in warning


def test_without_a_region_the_deletion_goes_on_and_says_so(
    plugin: Plugin, server: OpenApiServer, settings: dict[str, Any], authorities: list[str]
) -> None:
    id, state, inputs = uploaded(plugin, authorities[0])
    endpoints = {key: value for key, value in settings["endpoints"].items() if key != "alb"}
    plugin.configure(
        {**{key: value for key, value in settings.items() if key != "region"}, "endpoints": endpoints}
    )
    plugin.delete(CA, id, state, inputs)
    assert server.repositories.ca_pem(id) is None
    (warning,) = plugin.engine.warnings()
    assert "alicloud:region is not set" in warning


def test_what_cas_itself_refuses_to_delete_is_told(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway, authorities: list[str]
) -> None:
    id, state, inputs = uploaded(plugin, authorities[0])
    server.balancers.take([holding(id)])
    gateway.fault("ListListeners", "forbidden")
    failed = plugin.refused(lambda: plugin.delete(CA, id, state, inputs))
    assert "Certificate.InUse" in failed.sentence


def test_an_api_without_an_answer_is_not_asked_for_ever(settings: dict[str, Any]) -> None:
    api = OpenApi(ALB, "127.0.0.1:9", "HTTP", None)
    begun = time.monotonic()
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9 did not answer ListListeners"):
        Alb(api).listener_state("alb-1", 443)
    assert time.monotonic() - begun < 20
