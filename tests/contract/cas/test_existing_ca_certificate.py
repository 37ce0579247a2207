"""ExistingCaCertificate over gRPC: a CA certificate that somebody else has put into CAS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alb_mutual_tls.pki.bundle import fingerprint
from alb_mutual_tls.wire import Properties
from dev.sandbox.cloud import OpenApiServer
from tests.contract.cas.test_repository_and_certificate import ACCOUNT, CA, inputs_of, made, stored
from tests.unit.pki.material import authority, first_version, pem, subordinate

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Gateway, Plugin

EXISTING = "albmtls:index:ExistingCaCertificate"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def uploaded(plugin: Plugin, text: str) -> str:
    """Somebody uploads a CA certificate."""
    _, repository = made(plugin)
    return plugin.create(CA, inputs_of(repository, text))[0]


def test_it_is_looked_up_by_its_id_in_preview_and_for_good(
    plugin: Plugin, gateway: Gateway, authorities: list[str]
) -> None:
    identifier = uploaded(plugin, authorities[0])
    gateway.calls.clear()
    planned = plugin.create(EXISTING, {"caCertificateId": identifier}, preview=True)
    found = plugin.create(EXISTING, {"caCertificateId": identifier})
    id, state = found
    assert planned == ("", state)
    assert id == identifier
    assert state.keys() == {"caCertificateId", "certificatePem", "fingerprint", "account"}
    assert state["certificatePem"].split() == authorities[0].split()
    assert state["account"] == ACCOUNT
    assert gateway.calls["DescribeWarehouseCert"] == 2
    assert gateway.calls["UploadPCACert"] == 0


def test_where_ca_certificates_are_kept_is_said_once_in_a_run(
    plugin: Plugin, gateway: Gateway, authorities: list[str]
) -> None:
    identifier = uploaded(plugin, authorities[0])
    for preview in (True, False):
        plugin.create(EXISTING, {"caCertificateId": identifier}, preview=preview)
    told = [message for severity, message in plugin.engine.lines if severity == "INFO"]
    assert told == [f"CA certificates are kept by CAS at {gateway.endpoint}, as alicloud:endpoints.cas says"]


def test_nothing_changes_and_destroy_leaves_it(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    identifier = uploaded(plugin, authorities[0])
    inputs = {"caCertificateId": identifier}
    _, state = plugin.create(EXISTING, inputs)
    assert plugin.read(EXISTING, identifier, state, inputs) == state
    assert plugin.diff(EXISTING, identifier, state, inputs, inputs) == {}
    assert plugin.diff(EXISTING, identifier, state, inputs, {"caCertificateId": "9"}) == {
        "caCertificateId": "UPDATE_REPLACE"
    }
    plugin.delete(EXISTING, identifier, state, inputs)
    assert [item["Identifier"] for item in stored(server, "certificates")] == [identifier]


def test_one_that_is_not_there_is_an_error_that_says_where_it_was_looked_for(plugin: Plugin) -> None:
    failed = plugin.refused(lambda: plugin.create(EXISTING, {"caCertificateId": "nowhere"}, preview=True))
    assert (
        failed.sentence
        == f"there is no CA certificate nowhere in CAS of account {ACCOUNT}: correct caCertificateId, or"
        " check accountType and credentials"
    )


@pytest.mark.parametrize("identifier", ["1234567-cn-hangzhou", "1234567-ap-southeast-1"])
def test_the_id_of_a_server_certificate_is_told_from_a_wrong_one(plugin: Plugin, identifier: str) -> None:
    failed = plugin.refused(lambda: plugin.create(EXISTING, {"caCertificateId": identifier}, preview=True))
    assert failed.sentence.startswith(
        f"there is no CA certificate {identifier} in CAS of account {ACCOUNT}: that is how the ids of server"
    )


def test_a_chain_up_to_its_root_is_one_too_and_a_subordinate_alone_is_not(plugin: Plugin) -> None:
    root = authority("root", start=NOW - DAY, end=NOW + DAY)
    below = pem(subordinate(root, "below").certificate)
    found = plugin.create(EXISTING, {"caCertificateId": uploaded(plugin, below + pem(root.certificate))})
    assert found[1]["certificatePem"] == below + pem(root.certificate)
    assert any(
        "is a chain: listeners that trust it let everybody below its root in" in line
        for line in plugin.engine.warnings()
    )
    alone = uploaded(plugin, below)
    failed = plugin.refused(lambda: plugin.create(EXISTING, {"caCertificateId": alone}, preview=True))
    assert failed.sentence.startswith(
        f"the CA certificate {alone} cannot be used: the chain ends with CN=below, which was issued by"
        " CN=root"
    )


def test_a_ca_of_the_private_ca_service_is_found_by_its_id_and_ends_with_its_root(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway
) -> None:
    root = authority("root", start=NOW - DAY, end=NOW + DAY)
    chain = pem(subordinate(root, "below").certificate) + pem(root.certificate)
    for identifier, text in (("ca-of-the-service", pem(root.certificate)), ("its-subordinate", chain)):
        server.repositories.hold_private_ca(identifier, text)
        id, state = plugin.create(EXISTING, {"caCertificateId": identifier})
        assert (id, state["certificatePem"]) == (identifier, text)
        assert plugin.read(EXISTING, identifier, state, {"caCertificateId": identifier}) == state
        assert server.repositories.ca_pem(identifier) is not None
    assert gateway.calls["DescribeWarehouseCert"] == gateway.calls["DescribeCACertificate"] == 4


def test_without_the_permission_to_look_there_the_id_is_not_said_to_be_missing(
    plugin: Plugin, gateway: Gateway
) -> None:
    gateway.fault("DescribeCACertificate", "forbidden")
    failed = plugin.refused(lambda: plugin.create(EXISTING, {"caCertificateId": "nowhere"}, preview=True))
    assert "grant the RAM action yundun-cert:DescribeCACertificate" in failed.sentence


def test_a_root_of_version_1_is_taken_with_a_warning(plugin: Plugin, server: OpenApiServer) -> None:
    old = pem(first_version(authority("root", start=NOW - DAY, end=NOW + DAY)))
    repository = made(plugin)[1]
    identifier = server.repositories.upload_pca_cert(
        {"WarehouseId": int(repository["warehouseId"]), "Cert": old}
    )["Identifier"]
    _, state = plugin.create(EXISTING, {"caCertificateId": identifier})
    assert state["certificatePem"] == old
    (warning,) = plugin.engine.warnings()
    assert (
        "is an X.509 v1 root, as the documentation's commands make it: listeners trust it, but this stack"
        " signs nothing with it" in warning
    )
    assert plugin.read(EXISTING, identifier, state, {"caCertificateId": identifier}) == state
    assert plugin.engine.warnings() == [warning]


def test_one_that_was_deleted_in_the_console_is_missing_which_is_an_error_only_where_a_listener_demands_it(
    plugin: Plugin, authorities: list[str]
) -> None:
    inputs = inputs_of(made(plugin)[1], authorities[0])
    identifier, upload = plugin.create(CA, inputs)
    _, state = plugin.create(EXISTING, {"caCertificateId": identifier})
    plugin.delete(CA, identifier, upload, inputs)
    live = plugin.read(EXISTING, identifier, state, {"caCertificateId": identifier})
    assert live == {**state, "missing": True}
    assert any(
        f"there is no CA certificate {identifier} in CAS any more" in warning
        for warning in plugin.engine.warnings()
    )
    for demanded, changes in ((True, {"caCertificateId": "UPDATE_REPLACE"}), (False, {})):
        wanted = {"caCertificateId": identifier, "demanded": demanded}
        assert plugin.diff(EXISTING, identifier, live, wanted, wanted) == changes
    assert "there is no CA certificate" in plugin.refused(lambda: plugin.create(EXISTING, wanted)).sentence


def test_what_is_known_of_it_is_kept_while_cas_cannot_be_reached(
    start: Callable[..., Plugin], settings: Properties, gateway: Gateway, authorities: list[str]
) -> None:
    plugin = start(TEST_API_DEADLINE="0.3")
    plugin.configure(settings)
    identifier = uploaded(plugin, authorities[0])
    _, state = plugin.create(EXISTING, {"caCertificateId": identifier})
    gateway.fault("DescribeWarehouseCert", *["failed"] * 50)
    assert plugin.read(EXISTING, identifier, state, {"caCertificateId": identifier}) == state
    assert any(
        "was not looked at, what is known of it is kept" in warning for warning in plugin.engine.warnings()
    )


def test_one_that_has_ended_since_is_told_at_each_refresh_and_nothing_fails(plugin: Plugin) -> None:
    expired = pem(authority("ended", start=NOW - 9 * DAY, end=NOW - DAY).certificate)
    identifier = uploaded(plugin, expired)
    state = {
        "caCertificateId": identifier,
        "certificatePem": expired,
        "fingerprint": fingerprint(expired),
        "account": ACCOUNT,
    }
    assert plugin.read(EXISTING, identifier, state, {"caCertificateId": identifier}) == state
    (told,) = plugin.engine.warnings()
    assert told.startswith(
        f"listeners that trust the CA certificate {identifier} let no client in: CN=ended: it expired on"
    )


def test_a_ca_that_is_unfit_is_refused_in_preview_whether_it_is_brought_or_there(
    plugin: Plugin, server: OpenApiServer
) -> None:
    expired = pem(authority("ended", start=NOW - 9 * DAY, end=NOW - DAY).certificate)
    to_come = pem(authority("to come", start=NOW + DAY, end=NOW + 9 * DAY).certificate)
    _, repository = made(plugin)
    for text, reason in ((expired, "it expired on"), (to_come, "it is not valid before")):
        brought: dict[str, Any] = inputs_of(repository, text, generated=False)
        for preview in (True, False):
            failed = plugin.refused(lambda: plugin.create(CA, brought, preview=preview))  # noqa: B023
            assert failed.sentence.startswith(f"the CA certificate that was brought cannot be used: {reason}")
    assert stored(server, "certificates") == []
    identifier = uploaded(plugin, expired)
    failed = plugin.refused(lambda: plugin.create(EXISTING, {"caCertificateId": identifier}))
    assert failed.sentence.startswith(
        f"the CA certificate {identifier} cannot be used: CN=ended: it expired on"
    )
