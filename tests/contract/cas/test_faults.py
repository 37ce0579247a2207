"""What goes wrong between the provider and Alibaba Cloud, and that nothing is made twice or lost by
it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from dev.sandbox.cloud import OpenApiServer

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Gateway, Plugin

REPOSITORY = "albmtls:index:CertificateRepository"
CA = "albmtls:index:CaCertificate"
INPUTS = {"name": "alb-mutual-tls-0a1b2c3d", "configured": False}
UNDONE = ("reset", "failed", "throttled", "html")
DONE = ("lost", "failed-done")


def count(server: OpenApiServer, kind: str) -> int:
    with server.repositories.store.reading() as content:
        return len(content[kind])


@pytest.mark.parametrize("fault", UNDONE + DONE)
def test_a_repository_is_made_once_whatever_happens_to_the_answer(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway, fault: str
) -> None:
    gateway.fault("CreateWarehouse", fault)
    _, state = plugin.create(REPOSITORY, INPUTS)
    assert count(server, "warehouses") == 1
    assert state["owned"] is True


@pytest.mark.parametrize("fault", UNDONE + DONE)
def test_a_certificate_is_uploaded_once_whatever_happens_to_the_answer(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway, authorities: list[str], fault: str
) -> None:
    _, repository = plugin.create(REPOSITORY, INPUTS)
    gateway.fault("UploadPCACert", fault)
    inputs = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": authorities[0],
        "generated": False,
    }
    _, state = plugin.create(CA, inputs)
    assert count(server, "certificates") == 1
    assert state["owned"] is True


@pytest.mark.parametrize("fault", UNDONE + DONE)
def test_deletions_end_whatever_happens_to_the_answer(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway, authorities: list[str], fault: str
) -> None:
    instance, repository = plugin.create(REPOSITORY, INPUTS)
    inputs = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": authorities[0],
        "generated": True,
    }
    identifier, certificate = plugin.create(CA, inputs)
    gateway.fault("DeletePCACert", fault)
    plugin.delete(CA, identifier, certificate, inputs)
    gateway.fault("DeleteWarehouse", fault)
    plugin.delete(REPOSITORY, instance, repository, INPUTS)
    assert count(server, "certificates") == count(server, "warehouses") == 0


def test_lists_that_lag_behind_are_waited_for(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway, authorities: list[str]
) -> None:
    gateway.fault("ListCertWarehouse", "", "empty", "empty", "empty")
    instance, repository = plugin.create(REPOSITORY, INPUTS)
    gateway.fault("ListCertWarehouse", "empty", "empty")
    assert plugin.read(REPOSITORY, instance, repository, INPUTS) == repository

    gateway.fault("UploadPCACert", "lost")
    gateway.fault("ListCert", "", "empty", "empty")
    inputs = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": authorities[0],
        "generated": True,
    }
    plugin.create(CA, inputs)
    assert count(server, "warehouses") == count(server, "certificates") == 1


@pytest.mark.parametrize("fault", ["throttled", "failed", "reset", "html"])
def test_reads_are_repeated(plugin: Plugin, gateway: Gateway, fault: str) -> None:
    instance, repository = plugin.create(REPOSITORY, INPUTS)
    gateway.fault("ListCertWarehouse", fault, fault)
    assert plugin.read(REPOSITORY, instance, repository, INPUTS) == repository


@pytest.mark.parametrize(
    ("action", "act"),
    [
        ("ListCertWarehouse", lambda plugin: plugin.create(REPOSITORY, INPUTS)),
        ("CreateWarehouse", lambda plugin: plugin.create(REPOSITORY, INPUTS)),
    ],
)
def test_a_missing_permission_is_named_and_not_tried_again(
    plugin: Plugin, gateway: Gateway, action: str, act: Callable[[Any], Any]
) -> None:
    gateway.fault(action, "forbidden")
    failed = plugin.refused(lambda: act(plugin))
    assert f"yundun-cert:{action}" in failed.sentence
    assert "sand****-key from alicloud:accessKey" in failed.sentence
    assert gateway.calls[action] == 1


def test_a_read_that_is_refused_is_never_taken_for_gone(
    plugin: Plugin, gateway: Gateway, authorities: list[str]
) -> None:
    instance, repository = plugin.create(REPOSITORY, INPUTS)
    inputs = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": authorities[0],
        "generated": True,
    }
    identifier, certificate = plugin.create(CA, inputs)
    for action, token, id, state in (
        ("DescribeWarehouseCert", CA, identifier, certificate),
        ("ListCertWarehouse", REPOSITORY, instance, repository),
    ):
        gateway.fault(action, "forbidden")
        gateway.fault("ListCert", *["empty"] * 9)
        assert plugin.read(token, id, state, inputs) == state
        warning = plugin.engine.warnings()[-1]
        assert "was not looked at, what is known of it is kept" in warning
        assert f"yundun-cert:{action}" in warning


def test_an_unknown_key_is_a_404_and_never_taken_for_gone(
    start: Callable[..., Plugin], settings: dict[str, Any], gateway: Gateway, authorities: list[str]
) -> None:
    good = start()
    good.configure(settings)
    _, repository = good.create(REPOSITORY, INPUTS)
    inputs = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": authorities[0],
        "generated": True,
    }
    identifier, certificate = good.create(CA, inputs)

    bad = start()
    bad.configure({**settings, "accessKey": "LTAI5tUnknownKey"})
    assert bad.read(CA, identifier, certificate, inputs) == certificate
    (warning,) = bad.engine.warnings()
    assert "was not looked at, what is known of it is kept" in warning
    assert "InvalidAccessKeyId.NotFound" in warning
    assert "LTAI****nKey from alicloud:accessKey" in warning
    assert "sandbox-access-key-secret" not in warning
    failed = bad.refused(lambda: bad.create(CA, inputs))
    assert "InvalidAccessKeyId.NotFound" in failed.sentence


def test_a_wrong_secret_is_told_without_showing_it(
    start: Callable[..., Plugin], settings: dict[str, Any]
) -> None:
    plugin = start()
    plugin.configure({**settings, "secretKey": "not-the-right-one"})
    failed = plugin.refused(lambda: plugin.create(REPOSITORY, INPUTS, preview=True))
    assert failed.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "SignatureDoesNotMatch" in failed.sentence
    assert "its secret is wrong" in failed.sentence
    assert "not-the-right-one" not in failed.sentence


def test_an_endpoint_that_nobody_serves_is_named(
    start: Callable[..., Plugin], settings: dict[str, Any]
) -> None:
    plugin = start()
    plugin.configure({**settings, "endpoints": dict.fromkeys(("cas", "alb", "sts"), "127.0.0.1:9")})
    failed = plugin.refused(lambda: plugin.create(REPOSITORY, INPUTS, preview=True))
    assert "at 127.0.0.1:9 did not answer GetCallerIdentity" in failed.sentence
    assert "alicloud:endpoints" in failed.sentence


def test_a_read_during_an_outage_keeps_what_is_known_and_says_so(
    start: Callable[..., Plugin],
    settings: dict[str, Any],
    plugin: Plugin,
    gateway: Gateway,
    authorities: list[str],
) -> None:
    """Every `pulumi up` refreshes first: if an outage of CAS or STS failed it, nobody could switch
    a listener off meanwhile.
    """
    instance, repository = plugin.create(REPOSITORY, INPUTS)
    inputs = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": authorities[0],
        "generated": True,
    }
    identifier, certificate = plugin.create(CA, inputs)

    nowhere = dict.fromkeys(("cas", "alb", "sts"), "127.0.0.1:9")
    for endpoints in (nowhere, {**nowhere, "sts": gateway.endpoint}):
        cut_off = start()
        cut_off.configure({**settings, "endpoints": endpoints})
        assert cut_off.read(REPOSITORY, instance, repository, INPUTS) == repository
        assert cut_off.read(CA, identifier, certificate, inputs) == certificate
        assert (
            len(
                [
                    line
                    for line in cut_off.engine.warnings()
                    if "was not looked at, what is known of it is kept" in line
                ]
            )
            == 2
        )
        failed = cut_off.refused(partial(cut_off.delete, REPOSITORY, instance, repository, INPUTS))
        assert "127.0.0.1:9" in failed.sentence


def test_without_any_credentials_the_user_is_told_where_to_put_them(
    start: Callable[..., Plugin], settings: dict[str, Any]
) -> None:
    plugin = start()
    plugin.configure({key: value for key, value in settings.items() if key not in ("accessKey", "secretKey")})
    failed = plugin.refused(lambda: plugin.create(REPOSITORY, INPUTS, preview=True))
    assert failed.sentence.startswith("no Alibaba Cloud credentials were found: set alicloud:profile or")


def test_another_account_than_the_states_is_an_error_that_names_both(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    instance, repository = plugin.create(REPOSITORY, INPUTS)
    inputs = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": authorities[0],
        "generated": True,
    }
    identifier, certificate = plugin.create(CA, inputs)
    for token, id, state, given in (
        (REPOSITORY, instance, repository, INPUTS),
        (CA, identifier, certificate, inputs),
    ):
        elsewhere = {**state, "account": "1000000000000001"}
        for act in (plugin.read, plugin.delete):
            failed = plugin.refused(partial(act, token, id, elsewhere, given))
            assert "1000000000000001" in failed.sentence
            assert "1234567890123456" in failed.sentence
    assert count(server, "certificates") == count(server, "warehouses") == 1


def test_the_expected_account_is_compared_when_the_provider_is_configured_and_only_then(
    start: Callable[..., Plugin], settings: dict[str, Any], gateway: Gateway
) -> None:
    plugin = start()
    plugin.configure(settings)
    assert not gateway.calls
    wrong = {**settings, "accountId": "1000000000000001"}
    told = "belong to the account 1234567890123456, and the key accountId wants 1000000000000001"
    assert told in plugin.refused(lambda: plugin.configure(wrong)).sentence
    assert gateway.calls == {"GetCallerIdentity": 1}
    plugin.configure({**settings, "accountId": "1234567890123456"})
    plugin.create(REPOSITORY, INPUTS, preview=True)
    assert gateway.calls["GetCallerIdentity"] == 2


def test_an_account_that_cannot_be_asked_for_is_compared_by_the_resources(
    start: Callable[..., Plugin], settings: dict[str, Any], gateway: Gateway
) -> None:
    plugin = start()
    gateway.fault("GetCallerIdentity", *["reset"] * 5)
    plugin.configure({**settings, "accountId": "1000000000000001"})
    failed = plugin.refused(lambda: plugin.create(REPOSITORY, INPUTS))
    assert "did not answer GetCallerIdentity" in failed.sentence
    assert set(gateway.calls) == {"GetCallerIdentity"}
