"""CertificateRepository and CaCertificate over gRPC, in front of the sandbox's CAS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from alb_mutual_tls.wire import UNKNOWN
from dev.sandbox.cloud import OpenApiServer

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Gateway, Plugin

REPOSITORY = "albmtls:index:CertificateRepository"
CA = "albmtls:index:CaCertificate"
ACCOUNT = "1234567890123456"
NAME = "alb-mutual-tls-0a1b2c3d"


def stored(server: OpenApiServer, kind: str) -> list[dict[str, Any]]:
    with server.repositories.store.reading() as content:
        return list(content[kind])


def made(plugin: Plugin, *, name: str = NAME, configured: bool = False) -> tuple[str, dict[str, Any]]:
    return plugin.create(REPOSITORY, {"name": name, "configured": configured})


def inputs_of(state: dict[str, Any], pem: str, *, generated: bool = True) -> dict[str, Any]:
    return {
        "warehouseId": state["warehouseId"],
        "name": "root",
        "certificatePem": pem,
        "generated": generated,
    }


def test_a_first_up_makes_one_repository_and_one_upload_with_six_calls_at_most(
    plugin: Plugin, server: OpenApiServer, gateway: Gateway, authorities: list[str]
) -> None:
    instance, repository = made(plugin)
    identifier, certificate = plugin.create(CA, inputs_of(repository, authorities[0]))

    (warehouse,) = stored(server, "warehouses")
    assert repository == {
        "name": NAME,
        "configured": False,
        "instanceId": instance,
        "warehouseId": str(warehouse["WhId"]),
        "type": "uploadCA",
        "account": ACCOUNT,
        "owned": True,
    }
    assert instance == warehouse["InstanceId"]
    (upload,) = stored(server, "certificates")
    assert identifier == upload["Identifier"] == certificate["caCertificateId"]
    assert certificate["owned"] is True
    assert certificate["account"] == ACCOUNT
    assert certificate["cluster"] == ""
    assert certificate.keys() == {
        *inputs_of(repository, authorities[0]),
        *("caCertificateId", "fingerprint", "account", "cluster", "owned", "holder"),
    }
    assert sum(count for action, count in gateway.calls.items() if action != "GetCallerIdentity") <= 6
    assert gateway.calls["GetCallerIdentity"] == 1


def test_a_no_op_reads_each_once_and_writes_nothing(
    plugin: Plugin, gateway: Gateway, authorities: list[str]
) -> None:
    instance, repository = made(plugin)
    identifier, certificate = plugin.create(CA, inputs_of(repository, authorities[0]))
    gateway.calls.clear()

    assert plugin.read(REPOSITORY, instance, repository, {"name": NAME, "configured": False}) == repository
    assert plugin.read(CA, identifier, certificate, inputs_of(repository, authorities[0])) == certificate
    assert plugin.diff(REPOSITORY, instance, repository, {}, {"name": NAME, "configured": False}) == {}
    assert plugin.diff(CA, identifier, certificate, {}, inputs_of(repository, authorities[0])) == {}
    assert gateway.calls == {"ListCertWarehouse": 1, "DescribeWarehouseCert": 1}


def test_creating_again_finds_both_instead_of_making_more(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    first = made(plugin)
    upload = plugin.create(CA, inputs_of(first[1], authorities[0]))

    assert made(plugin) == first
    identifier, again = plugin.create(CA, inputs_of(first[1], authorities[0]))
    assert (identifier, {**again, "holder": upload[1]["holder"]}) == upload
    assert len(stored(server, "warehouses")) == len(stored(server, "certificates")) == 1


def test_the_same_certificate_in_another_spelling_is_the_same(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    _, repository = made(plugin)
    identifier, state = plugin.create(CA, inputs_of(repository, authorities[0]))
    spelled = "subject=authority 0\r\n" + authorities[0].replace("\n", "\r\n")

    assert plugin.create(CA, inputs_of(repository, spelled))[0] == identifier
    assert plugin.diff(CA, identifier, state, {}, inputs_of(repository, spelled)) == {}
    assert (
        plugin.diff(CA, identifier, state, {}, {**inputs_of(repository, authorities[0]), "name": "renamed"})
        == {}
    )
    assert len(stored(server, "certificates")) == 1


def test_a_preview_plans_without_making_anything(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    id, planned = plugin.create(REPOSITORY, {"name": NAME, "configured": False}, preview=True)
    assert id == ""
    assert planned["instanceId"] is UNKNOWN
    assert planned["account"] == ACCOUNT
    unnamed = plugin.create(REPOSITORY, {"name": UNKNOWN, "configured": False}, preview=True)[1]
    assert unnamed["name"] is UNKNOWN

    _, upload = plugin.create(CA, inputs_of({"warehouseId": UNKNOWN}, authorities[0]), preview=True)
    assert upload["caCertificateId"] is UNKNOWN
    assert upload["fingerprint"]
    assert stored(server, "warehouses") == []


def test_a_preview_knows_what_is_there_already(plugin: Plugin, authorities: list[str]) -> None:
    instance, repository = made(plugin)
    identifier, _ = plugin.create(CA, inputs_of(repository, authorities[0]))

    assert (
        plugin.create(REPOSITORY, {"name": NAME, "configured": False}, preview=True)[1]["instanceId"]
        == instance
    )
    assert (
        plugin.create(CA, inputs_of(repository, authorities[0]), preview=True)[1]["caCertificateId"]
        == identifier
    )


def test_a_name_that_only_resembles_is_not_taken(plugin: Plugin, server: OpenApiServer) -> None:
    made(plugin, name=f"{NAME}-of-somebody")
    made(plugin, name=NAME.upper())

    instance, _ = made(plugin)
    assert len(stored(server, "warehouses")) == 3
    assert (
        next(item["Name"] for item in stored(server, "warehouses") if item["InstanceId"] == instance) == NAME
    )


def test_repositories_are_found_on_later_pages(plugin: Plugin, server: OpenApiServer) -> None:
    first, _ = made(plugin)
    for number in range(60):
        server.repositories.create_warehouse(
            {"Name": f"{NAME}-{number}", "Type": "uploadedAuthorityCertificate"}
        )

    assert made(plugin)[0] == first
    assert len(stored(server, "warehouses")) == 61


def test_certificates_are_found_on_later_pages(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    _, repository = made(plugin)
    identifier, state = plugin.create(CA, inputs_of(repository, authorities[0]))
    for _ in range(55):
        server.repositories.upload_pca_cert(
            {"WarehouseId": int(repository["warehouseId"]), "Cert": authorities[1]}
        )

    found, again = plugin.create(CA, inputs_of(repository, authorities[0]))
    assert (found, {**again, "holder": state["holder"]}) == (identifier, state)


def test_a_configured_repository_that_was_there_is_used_and_never_deleted(
    plugin: Plugin, server: OpenApiServer
) -> None:
    instance = str(
        server.repositories.create_warehouse({"Name": "theirs", "Type": "uploadedAuthorityCertificate"})[
            "WarehouseInstanceId"
        ]
    )

    id, state = made(plugin, name="theirs", configured=True)
    assert (id, state["owned"]) == (instance, False)
    plugin.delete(REPOSITORY, id, state, {"name": "theirs", "configured": True})
    assert len(stored(server, "warehouses")) == 1


def test_a_configured_repository_that_was_not_there_is_made_and_deleted(
    plugin: Plugin, server: OpenApiServer
) -> None:
    id, state = made(plugin, name="ours", configured=True)
    assert state["owned"] is True
    plugin.delete(REPOSITORY, id, state, {"name": "ours", "configured": True})
    assert stored(server, "warehouses") == []


def test_a_configured_name_that_two_repositories_have_is_refused(
    plugin: Plugin, server: OpenApiServer
) -> None:
    ids = [
        server.repositories.create_warehouse({"Name": "twice", "Type": "uploadedAuthorityCertificate"})[
            "WarehouseInstanceId"
        ]
        for _ in range(2)
    ]
    failed = plugin.refused(lambda: made(plugin, name="twice", configured=True))
    assert failed.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "2 repositories are named twice" in failed.sentence
    assert all(str(id) in failed.sentence for id in ids)


def test_of_two_repositories_with_the_default_name_always_the_older_is_taken(
    plugin: Plugin, server: OpenApiServer
) -> None:
    older = server.repositories.create_warehouse({"Name": NAME, "Type": "uploadedAuthorityCertificate"})[
        "WarehouseInstanceId"
    ]
    server.repositories.create_warehouse({"Name": NAME, "Type": "uploadedAuthorityCertificate"})

    assert made(plugin)[0] == made(plugin)[0] == older


@pytest.mark.parametrize("configured", [False, True])
def test_a_repository_of_the_name_but_another_type_is_refused(
    plugin: Plugin, server: OpenApiServer, configured: bool
) -> None:
    server.repositories.create_warehouse({"Name": NAME, "Type": "uploadedCertificate"})
    failed = plugin.refused(lambda: made(plugin, configured=configured))
    assert "is of type uploadPCA" in failed.sentence
    assert "uploadCA" in failed.sentence
    assert len(stored(server, "warehouses")) == 1


def test_a_repository_in_use_by_others_is_left_with_a_warning_that_names_what_is_in_it(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    id, state = made(plugin)
    other = server.repositories.upload_pca_cert(
        {"WarehouseId": int(state["warehouseId"]), "Cert": authorities[1]}
    )["Identifier"]

    plugin.delete(REPOSITORY, id, state, {"name": NAME, "configured": False})
    assert len(stored(server, "warehouses")) == 1
    (warning,) = plugin.engine.warnings()
    assert f"{other} (authority 1)" in warning


def test_deleting_both_leaves_nothing_and_deleting_again_is_no_error(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    instance, repository = made(plugin)
    identifier, certificate = plugin.create(CA, inputs_of(repository, authorities[0]))
    for _ in range(2):
        plugin.delete(CA, identifier, certificate, inputs_of(repository, authorities[0]))
        plugin.delete(REPOSITORY, instance, repository, {"name": NAME, "configured": False})
    assert stored(server, "warehouses") == stored(server, "certificates") == []


def test_a_brought_ca_that_was_there_is_adopted_and_never_deleted(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    _, repository = made(plugin)
    theirs = server.repositories.upload_pca_cert(
        {"WarehouseId": int(repository["warehouseId"]), "Cert": authorities[1]}
    )["Identifier"]
    inputs = inputs_of(repository, authorities[1], generated=False)

    id, state = plugin.create(CA, inputs)
    assert (id, state["owned"]) == (theirs, False)
    plugin.delete(CA, id, state, inputs)
    assert [item["Identifier"] for item in stored(server, "certificates")] == [theirs]


@pytest.mark.parametrize("generated", [True, False])
@pytest.mark.parametrize(
    "again", [False, True], ids=["in the process that made it", "in a process that only read it"]
)
def test_a_replacement_of_the_same_content_uses_the_upload_and_the_last_one_that_goes_deletes_it(
    start: Callable[..., Plugin],
    settings: dict[str, Any],
    plugin: Plugin,
    server: OpenApiServer,
    authorities: list[str],
    generated: bool,
    again: bool,
) -> None:
    _, repository = made(plugin)
    inputs = inputs_of(repository, authorities[0], generated=generated)
    identifier, old = plugin.create(CA, inputs)
    if again:
        plugin = start()
        plugin.configure(settings)
        assert plugin.read(CA, identifier, old, inputs) == old

    replaced, new = plugin.create(CA, inputs)
    assert replaced == identifier
    assert new["owned"] is True
    plugin.delete(CA, identifier, old, inputs)
    assert [upload["Identifier"] for upload in stored(server, "certificates")] == [identifier]
    plugin.delete(CA, identifier, new, inputs)
    assert stored(server, "certificates") == []


def test_a_replacement_that_was_interrupted_is_finished_by_the_next_process(
    start: Callable[..., Plugin],
    settings: dict[str, Any],
    plugin: Plugin,
    server: OpenApiServer,
    authorities: list[str],
) -> None:
    """The engine was killed between the creation of the new one and the deletion of the old one:
    both stand in the state.
    """
    _, repository = made(plugin)
    inputs = inputs_of(repository, authorities[0])
    identifier, old = plugin.create(CA, inputs)
    _, new = plugin.create(CA, inputs)
    later = start()
    later.configure(settings)
    later.read(CA, identifier, new, inputs)
    later.delete(CA, identifier, old, inputs)
    assert [upload["Identifier"] for upload in stored(server, "certificates")] == [identifier]


def test_what_was_deleted_in_the_console_is_gone_and_made_anew(
    plugin: Plugin, server: OpenApiServer, authorities: list[str]
) -> None:
    instance, repository = made(plugin)
    inputs = inputs_of(repository, authorities[0])
    identifier, certificate = plugin.create(CA, inputs)
    server.repositories.delete_pca_cert({"Identifier": identifier})
    assert plugin.read(CA, identifier, certificate, inputs) is None

    server.repositories.delete_warehouse({"WarehouseInstanceId": instance})
    assert plugin.read(CA, identifier, certificate, inputs) is None
    assert plugin.read(REPOSITORY, instance, repository, {"name": NAME, "configured": False}) is None


def test_another_content_or_another_repository_is_another_upload(
    plugin: Plugin, authorities: list[str]
) -> None:
    _, repository = made(plugin)
    inputs = inputs_of(repository, authorities[0])
    identifier, certificate = plugin.create(CA, inputs)
    assert plugin.diff(CA, identifier, certificate, inputs, {**inputs, "certificatePem": authorities[1]}) == {
        "certificatePem": "UPDATE_REPLACE"
    }
    assert plugin.diff(CA, identifier, certificate, inputs, {**inputs, "certificatePem": UNKNOWN}) == {
        "certificatePem": "UPDATE_REPLACE"
    }
    assert plugin.diff(CA, identifier, certificate, inputs, {**inputs, "warehouseId": "17"}) == {
        "warehouseId": "UPDATE_REPLACE"
    }


def test_naming_the_default_repository_in_the_configuration_changes_it_in_place(
    plugin: Plugin, server: OpenApiServer
) -> None:
    old = {"name": NAME, "configured": False}
    new = {"name": NAME, "configured": True}
    id, state = made(plugin)
    assert plugin.diff(REPOSITORY, id, state, old, new) == {"configured": "UPDATE"}
    assert plugin.update(REPOSITORY, id, state, old, new) == {**state, "configured": True}
    assert plugin.diff(REPOSITORY, id, state, old, {**old, "name": "another"}) == {"name": "UPDATE_REPLACE"}
    assert len(stored(server, "warehouses")) == 1


def test_a_private_key_never_leaves_the_machine_nor_reaches_the_terminal(
    plugin: Plugin, gateway: Gateway, authorities: list[str]
) -> None:
    secret = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPlain\n-----END PRIVATE KEY-----\n"
    inputs, failures = plugin.check(CA, inputs_of({"warehouseId": "1"}, authorities[0] + secret))
    assert "contains a private key" in failures["certificatePem"]
    assert "MC4CAQ" not in str(inputs) + str(failures)

    failed = plugin.refused(lambda: plugin.create(CA, inputs_of(made(plugin)[1], authorities[0] + secret)))
    assert "contains a private key" in failed.sentence
    assert gateway.calls["UploadPCACert"] == 0


def test_wrong_inputs_are_refused_in_sentences(plugin: Plugin) -> None:
    _, failures = plugin.check(
        CA, {"warehouseId": 1, "name": "", "certificatePem": "hello", "generated": "no", "extra": 1}
    )
    assert set(failures) == {"warehouseId", "name", "certificatePem", "generated", "extra"}
    _, failures = plugin.check(REPOSITORY, {"name": 7, "configured": "yes"})
    assert set(failures) == {"name", "configured"}
    assert plugin.check(REPOSITORY, {"name": UNKNOWN, "configured": False})[1] == {}


def test_a_long_chain_goes_in_the_body_and_a_single_certificate_in_the_query(
    plugin: Plugin, gateway: Gateway, authorities: list[str], long_chain: str
) -> None:
    _, repository = made(plugin)
    plugin.create(CA, inputs_of(repository, authorities[0]))
    identifier, state = plugin.create(CA, inputs_of(repository, long_chain))
    first, second = ((path, body) for action, path, body in gateway.seen if action == "UploadPCACert")
    assert "Cert=" in first[0]
    assert first[1] == b""
    assert "Cert=" not in second[0]
    assert b"Cert=" in second[1]
    assert plugin.read(CA, identifier, state, {}) == state


def test_the_identity_of_a_stack_is_made_once_and_stays(plugin: Plugin) -> None:
    token = "albmtls:index:StackIdentity"
    assert plugin.create(token, {}, preview=True)[1] == {"identity": UNKNOWN}
    id, state = plugin.create(token, {})
    assert len(id) == 8
    assert int(id, 16) >= 0
    assert state == {"identity": id}
    assert plugin.read(token, id, state, {}) == state
    assert plugin.diff(token, id, state, {}, {}) == {}
    assert plugin.create(token, {})[0] != id
    plugin.delete(token, id, state, {})
