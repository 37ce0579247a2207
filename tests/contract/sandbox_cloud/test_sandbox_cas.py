"""Repositories and CA certificates under Alibaba's official clients: what they are
used to, and what is refused.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_alb20200616 import models as alb_models
from alibabacloud_cas20200407 import models as cas_models
from alibabacloud_cas20200630 import models as private_ca_models

from dev.sandbox.cloud.model import Balancer, Listener
from dev.sandbox.cloud.openapi import OpenApiServer
from tests.contract.sandbox_cloud.calls import call, code, upload, warehouse


def api_log(server_directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (server_directory / "logs" / "api.log").read_text().splitlines()]


def test_a_ca_is_uploaded_found_described_and_deleted(cas: Any, good: Any, tmp_path: Path) -> None:
    instance, wh_id = warehouse(cas)
    assert instance.startswith("cas-wh-")
    assert wh_id > 2**32
    identifier = upload(cas, wh_id, good.pem, name="the root")
    (listed,) = cas.list_cert(cas_models.ListCertRequest(warehouse_id=wh_id)).body.cert_list
    assert (listed.identifier, listed.wh_id, listed.wh_instance_id) == (identifier, wh_id, instance)
    assert (listed.cert_type, listed.status, listed.source_type, listed.algorithm) == (
        "CA",
        "ISSUE",
        "upload",
        "ECC",
    )
    assert (listed.common_name, listed.issuer, listed.exist_private_key) == ("good root", "good root", False)
    assert listed.before_date == int(good.certificate.not_valid_before_utc.timestamp() * 1000)
    assert "the root" not in json.dumps(listed.to_map())
    described = cas.describe_warehouse_cert(
        cas_models.DescribeWarehouseCertRequest(cert_identifier=identifier)
    ).body
    assert described.content.split() == good.pem.split()
    assert len(described.fingerprint) == 40
    assert described.warehouse_instance_id == instance
    cas.delete_pcacert(cas_models.DeletePCACertRequest(identifier=identifier))
    assert cas.list_cert(cas_models.ListCertRequest(warehouse_id=wh_id)).body.cert_list == []
    cas.delete_warehouse(cas_models.DeleteWarehouseRequest(warehouse_instance_id=instance))
    assert cas.list_cert_warehouse(cas_models.ListCertWarehouseRequest()).body.total_count == 0
    upload_line = next(line for line in api_log(tmp_path) if line["action"] == "UploadPCACert")
    assert (upload_line["parameters"], upload_line["result"]) == (["Cert", "Name", "WarehouseId"], "OK")


def test_a_ca_of_the_private_ca_service_is_described_by_its_own_api_and_by_no_other(
    connect: Callable[..., Any], cas: Any, good: Any, server: OpenApiServer
) -> None:
    service = connect("private-ca")
    server.repositories.hold_private_ca("theirs", good.pem)
    found = service.describe_cacertificate(
        private_ca_models.DescribeCACertificateRequest(identifier="theirs")
    ).body
    assert (found.certificate.identifier, found.certificate.certificate_type, found.certificate.status) == (
        "theirs",
        "ROOT",
        "ISSUE",
    )
    assert (
        found.certificate.x_509certificate.split()
        == found.certificate.ca_cert_chain.split()
        == good.pem.split()
    )
    assert found.certificate.after_date == int(good.certificate.not_valid_after_utc.timestamp() * 1000)
    assert (
        code(
            lambda: cas.describe_warehouse_cert(
                cas_models.DescribeWarehouseCertRequest(cert_identifier="theirs")
            )
        )
        == "Certificate.NotFound"
    )
    mine = upload(cas, warehouse(cas)[1], good.pem)
    for identifier, refusal in ((mine, "CACertificate.NotFound"), (None, "Sandbox.NotCovered")):
        request = private_ca_models.DescribeCACertificateRequest(identifier=identifier)
        assert code(lambda request=request: service.describe_cacertificate(request)) == refusal  # type: ignore[misc]


def test_the_certificate_may_be_sent_in_the_body(cas: Any, good: Any) -> None:
    _, wh_id = warehouse(cas)
    answer = call(
        cas, "UploadPCACert", "2020-04-07", query={"WarehouseId": str(wh_id)}, body={"Cert": good.pem}
    )
    assert answer["Identifier"] == cas.list_cert(cas_models.ListCertRequest()).body.cert_list[0].identifier


def test_a_repository_is_listed_under_another_type_than_it_is_created_with(cas: Any) -> None:
    for created, listed in (
        ("uploadedAuthorityCertificate", "uploadCA"),
        ("uploadedCertificate", "uploadPCA"),
        ("pcaCertificate", "aliyunPCA"),
    ):
        instance, _ = warehouse(cas, created, created)
        (found,) = cas.list_cert_warehouse(
            cas_models.ListCertWarehouseRequest(instance_id=instance)
        ).body.cert_warehouse_list
        assert found.type == listed
    assert code(lambda: warehouse(cas, "n", "uploadCA")) == "InvalidParameter.Type"
    assert code(lambda: warehouse(cas, "n", "ssl")) == "Sandbox.NotCovered"


def test_names_are_not_unique_and_are_searched_for_by_any_part(cas: Any) -> None:
    for name in ("alpha", "Alphabet", "beta", "alpha"):
        cas.create_warehouse(
            cas_models.CreateWarehouseRequest(name=name, type="uploadedAuthorityCertificate")
        )
    found = cas.list_cert_warehouse(cas_models.ListCertWarehouseRequest(name="alpha")).body
    assert sorted(one.name for one in found.cert_warehouse_list) == ["Alphabet", "alpha", "alpha"]
    assert len({one.wh_id for one in found.cert_warehouse_list}) == 3


def test_long_lists_come_in_pages(cas: Any, server: OpenApiServer) -> None:
    for place in range(7):
        server.repositories.create_warehouse({"Name": f"n{place}", "Type": "uploadedAuthorityCertificate"})
    pages = [
        cas.list_cert_warehouse(cas_models.ListCertWarehouseRequest(current_page=page, show_size=3)).body
        for page in (1, 2, 3, 4)
    ]
    assert [len(page.cert_warehouse_list) for page in pages] == [3, 3, 1, 0]
    assert {page.total_count for page in pages} == {7}
    assert len({one.wh_id for page in pages for one in page.cert_warehouse_list}) == 7


def test_identifiers_have_no_single_form_and_the_same_content_gets_two(
    cas: Any, good: Any, server: OpenApiServer
) -> None:
    _, wh_id = warehouse(cas)
    for _ in range(30):
        server.repositories.upload_pca_cert({"WarehouseId": wh_id, "Cert": good.pem})
    listed = cas.list_cert(cas_models.ListCertRequest(warehouse_id=wh_id)).body.cert_list
    assert len({one.identifier for one in listed}) == 30
    assert {len(one.identifier) for one in listed} == {32, 36}


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "{pem}{pem}trailing",
        "{pem}{foreign}",
    ],
)
def test_what_is_no_certificate_chain_is_refused(cas: Any, good: Any, foreign: Any, text: str) -> None:
    _, wh_id = warehouse(cas)
    assert (
        code(lambda: upload(cas, wh_id, text.format(pem=good.pem, foreign=foreign.pem)))
        == "InvalidParameter.Cert"
    )


def test_a_leaf_is_refused_where_cas_belong(
    cas: Any, good: Any, tmp_path: Path, server: OpenApiServer
) -> None:
    leaf = good.client(tmp_path, "leaf").read_text().split("-----BEGIN PRIVATE")[0]
    _, wh_id = warehouse(cas)
    assert code(lambda: upload(cas, wh_id, leaf)) == "InvalidParameter.Cert"
    _, other = warehouse(cas, kind="uploadedCertificate")
    chain = upload(cas, other, leaf + good.pem)
    (listed,) = cas.list_cert(cas_models.ListCertRequest(identifiers=f"x,{chain}")).body.cert_list
    assert listed.cert_type == "CERT"
    usable = {
        identifier: server.repositories.ca_pem(identifier) is not None
        for identifier in (chain, upload(cas, wh_id, good.pem))
    }
    assert list(usable.values()) == [False, True]


def test_a_ca_in_a_repository_of_another_type_is_no_ca_for_alb(
    cas: Any, good: Any, server: OpenApiServer
) -> None:
    _, wh_id = warehouse(cas, kind="uploadedCertificate")
    assert server.repositories.ca_pem(upload(cas, wh_id, good.pem)) is None


def test_a_root_of_version_1_as_the_documentations_commands_make_it_is_a_ca(
    cas: Any, tmp_path: Path, server: OpenApiServer
) -> None:
    key, request, root = (str(tmp_path / name) for name in ("ca.key", "ca.csr", "ca.crt"))
    for command in (
        ["openssl", "genrsa", "-out", key, "2048"],
        ["openssl", "req", "-new", "-out", request, "-key", key, "-subj", "/C=cn/O=alibaba/CN=root"],
        [
            "openssl",
            "x509",
            "-req",
            "-in",
            request,
            "-out",
            root,
            "-signkey",
            key,
            "-CAcreateserial",
            "-days",
            "3650",
        ],
    ):
        subprocess.run(command, check=True, capture_output=True)
    _, wh_id = warehouse(cas)
    assert server.repositories.ca_pem(upload(cas, wh_id, Path(root).read_text())) is not None


def test_a_private_key_is_refused_and_recorded_without_its_content(
    cas: Any, good: Any, tmp_path: Path, server: OpenApiServer
) -> None:
    _, wh_id = warehouse(cas)
    with_key = good.client(tmp_path, "leaf").read_text()
    assert (
        code(lambda: upload(cas, wh_id, good.pem, private_key="-----BEGIN PRIVATE KEY-----\nTOPSECRET"))
        == "Sandbox.PrivateKeyRefused"
    )
    assert code(lambda: upload(cas, wh_id, with_key)) == "Sandbox.PrivateKeyRefused"
    assert (
        code(lambda: call(cas, "UploadPCACert", "2020-04-07", body={"Cert": with_key}))
        == "Sandbox.PrivateKeyRefused"
    )
    assert [line["result"] for line in api_log(tmp_path)][-3:] == ["Sandbox.PrivateKeyRefused"] * 3
    for file in (tmp_path / "logs" / "api.log", tmp_path / "cloud" / "cas.json"):
        assert "PRIVATE KEY" not in file.read_text()
        assert "TOPSECRET" not in file.read_text()


def test_what_is_not_there_is_not_found(cas: Any, alb: Any, good: Any) -> None:
    assert code(lambda: upload(cas, 4711, good.pem)) == "Warehouse.NotFound"
    assert (
        code(
            lambda: cas.delete_warehouse(
                cas_models.DeleteWarehouseRequest(warehouse_instance_id="cas-wh-nothin")
            )
        )
        == "Warehouse.NotFound"
    )
    assert (
        code(lambda: cas.delete_pcacert(cas_models.DeletePCACertRequest(identifier="x")))
        == "Certificate.NotFound"
    )
    assert (
        code(
            lambda: cas.describe_warehouse_cert(cas_models.DescribeWarehouseCertRequest(cert_identifier="x"))
        )
        == "Certificate.NotFound"
    )
    assert (
        code(lambda: alb.get_listener_attribute(alb_models.GetListenerAttributeRequest(listener_id="lsn-x")))
        == "ResourceNotFound.Listener"
    )


def test_what_is_in_use_is_not_deleted(cas: Any, good: Any, server: OpenApiServer) -> None:
    instance, wh_id = warehouse(cas)
    identifier = upload(cas, wh_id, good.pem)
    listener = Listener(443, "HTTPS", ca_certificate_id=identifier, certificate_ids=("1-cn-hangzhou",))
    server.balancers.take([Balancer("alb", "u", 0, "127.0.0.1", listeners=(listener,))])
    assert (
        code(lambda: cas.delete_pcacert(cas_models.DeletePCACertRequest(identifier=identifier)))
        == "Certificate.InUse"
    )
    assert (
        code(lambda: cas.delete_warehouse(cas_models.DeleteWarehouseRequest(warehouse_instance_id=instance)))
        == "Warehouse.NotEmpty"
    )
    server.balancers.take([])
    cas.delete_pcacert(cas_models.DeletePCACertRequest(identifier=identifier))
    cas.delete_warehouse(cas_models.DeleteWarehouseRequest(warehouse_instance_id=instance))
