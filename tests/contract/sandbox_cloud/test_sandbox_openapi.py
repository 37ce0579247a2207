"""The OpenAPI endpoint under Alibaba's official clients: what they are used to, and how strict it
is.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_alb20200616 import models as alb_models
from alibabacloud_cas20200407 import models as cas_models
from alibabacloud_cas20200630 import models as private_ca_models
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_tea_openapi import utils_models
from darabonba.runtime import RuntimeOptions

from alb_mutual_tls.errors import UserError
from dev.sandbox.cloud import openapi_server
from dev.sandbox.cloud.model import Balancer, Listener
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.layout import NO_ALB_ACCESS_KEY_ID, OTHER_ACCOUNT_ACCESS_KEY_ID, OTHER_ACCOUNT_ID

SECURE = Listener(
    443, "HTTPS", ca_enabled=True, ca_certificate_id="ca", certificate_ids=("1-cn-hangzhou", "2-cn-hangzhou")
)


def code(call: Callable[[], object]) -> str:
    """The error code that a call ends in."""
    with pytest.raises(Exception, match="request id") as refused:
        call()
    return str(getattr(refused.value, "code", repr(refused.value)))


def warehouse(cas: Any, name: str = "mine", kind: str = "uploadedAuthorityCertificate") -> tuple[str, int]:
    """Make a repository; returns instance id and WhId."""
    instance = cas.create_warehouse(
        cas_models.CreateWarehouseRequest(name=name, type=kind)
    ).body.warehouse_instance_id
    (found,) = cas.list_cert_warehouse(
        cas_models.ListCertWarehouseRequest(instance_id=instance)
    ).body.cert_warehouse_list
    return instance, found.wh_id


def upload(cas: Any, wh_id: int, pem: str, **more: Any) -> str:
    return str(
        cas.upload_pcacert(
            cas_models.UploadPCACertRequest(warehouse_id=wh_id, cert=pem, **more)
        ).body.identifier
    )


def api_log(server_directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (server_directory / "logs" / "api.log").read_text().splitlines()]


def call(
    client: Any,
    action: str,
    version: str,
    *,
    query: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
) -> Any:
    """A generic call, for what the typed client does not send."""
    parameters = utils_models.Params(
        action=action,
        version=version,
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    return client.call_api(
        parameters, utils_models.OpenApiRequest(query=query or {}, body=body), RuntimeOptions()
    )["body"]


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


def test_listeners_show_their_client_authentication(alb: Any, server: OpenApiServer) -> None:
    balancer = Balancer("alb", "u", 0, "127.0.0.1", name="demo", listeners=(Listener(80, "HTTP"), SECURE))
    server.balancers.take([balancer, Balancer("other", "v", 1, "127.0.0.2")])
    (listed,) = alb.list_listeners(
        alb_models.ListListenersRequest(load_balancer_ids=[balancer.id], listener_protocol="HTTPS")
    ).body.listeners
    shown = alb.get_listener_attribute(
        alb_models.GetListenerAttributeRequest(listener_id=listed.listener_id)
    ).body
    assert (shown.ca_enabled, shown.listener_port, shown.listener_protocol, shown.listener_status) == (
        True,
        443,
        "HTTPS",
        "Running",
    )
    assert [one.to_map() for one in shown.ca_certificates] == [
        {"CertificateId": "ca", "IsDefault": True, "Status": "Associated"}
    ]
    assert [one.certificate_id for one in shown.certificates] == ["1-cn-hangzhou"]
    server.balancers.configure(["alb"])
    shown = alb.get_listener_attribute(
        alb_models.GetListenerAttributeRequest(listener_id=listed.listener_id)
    ).body
    assert (shown.ca_enabled, shown.listener_status) == (True, "Configuring")


def test_listeners_come_in_pages(alb: Any, server: OpenApiServer) -> None:
    listeners = tuple(Listener(8000 + place, "HTTP") for place in range(5))
    server.balancers.take([Balancer("alb", "u", 0, "127.0.0.1", listeners=listeners)])
    ports: list[int] = []
    token = None
    while True:
        answer = alb.list_listeners(alb_models.ListListenersRequest(max_results=2, next_token=token)).body
        ports += [one.listener_port for one in answer.listeners]
        token = answer.next_token
        if not token:
            break
    assert ports == [8000, 8001, 8002, 8003, 8004]


def test_the_caller_is_the_sandboxs_user(sts: Any) -> None:
    me = sts.get_caller_identity().body
    assert (me.account_id, me.identity_type, me.arn) == (
        "1234567890123456",
        "RAMUser",
        "acs:ram::1234567890123456:user/sandbox",
    )


def assume(client: Any, **changed: Any) -> Any:
    fields = {
        "role_arn": "acs:ram::1234567890123456:role/deployer",
        "role_session_name": "pulumi",
        "duration_seconds": 900,
    }
    return client.assume_role(sts_models.AssumeRoleRequest(**{**fields, **changed})).body


def test_an_assumed_role_has_an_identity_of_its_own_until_it_expires(
    connect: Any, sts: Any, server: OpenApiServer
) -> None:
    now = time.time()
    server._clock = server.identities._clock = lambda: now
    assumed = assume(sts, external_id="ext", policy='{"Version":"1","Statement":[]}')
    assert assumed.assumed_role_user.arn == "acs:ram::1234567890123456:role/deployer/pulumi"
    keys = assumed.credentials
    fields = {
        "access_key_id": keys.access_key_id,
        "access_key_secret": keys.access_key_secret,
        "security_token": keys.security_token,
    }
    session = connect("sts", **fields)
    me = session.get_caller_identity().body
    assert (me.identity_type, me.account_id) == ("AssumedRoleUser", "1234567890123456")
    assert me.arn == "acs:ram::1234567890123456:assumed-role/deployer/pulumi"
    assert assume(session).credentials.access_key_id != keys.access_key_id
    wrong = {**fields, "security_token": "x" * 20}
    assert code(connect("sts", **wrong).get_caller_identity) == "InvalidSecurityToken.MismatchWithAccessKey"
    assert (
        code(connect("sts", **{**fields, "security_token": None}).get_caller_identity)
        == "MissingSecurityToken"
    )
    server.identities._clock = lambda: now + 901
    assert code(session.get_caller_identity) == "InvalidSecurityToken.Expired"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"role_arn": "deployer"}, "InvalidParameter.RoleArn"),
        ({"role_arn": "acs:ram::1111111111111111:role/deployer"}, "EntityNotExist.Role"),
        ({"role_session_name": "a b"}, "InvalidParameter.RoleSessionName"),
        ({"role_session_name": None}, "MissingRoleSessionName"),
        ({"duration_seconds": 899}, "InvalidParameter.DurationSeconds"),
        ({"policy": "{"}, "InvalidParameter.Policy"),
        ({"external_id": "!"}, "InvalidParameter.ExternalId"),
    ],
)
def test_a_role_that_cannot_be_assumed_is_refused(sts: Any, changed: dict[str, Any], expected: str) -> None:
    assert code(lambda: assume(sts, **changed)) == expected


def test_wrong_keys_are_refused(connect: Any) -> None:
    assert code(connect("sts", access_key_secret="wrong").get_caller_identity) == "SignatureDoesNotMatch"
    assert code(connect("sts", access_key_id="unknown").get_caller_identity) == "InvalidAccessKeyId.NotFound"
    assert (
        code(connect("sts", security_token="unwanted").get_caller_identity)
        == "InvalidSecurityToken.MismatchWithAccessKey"
    )


def test_another_account_has_an_identity_and_repositories_of_its_own(connect: Any, cas: Any) -> None:
    others = {
        "access_key_id": OTHER_ACCOUNT_ACCESS_KEY_ID,
        "access_key_secret": f"{OTHER_ACCOUNT_ACCESS_KEY_ID}-secret",
    }
    assert connect("sts", **others).get_caller_identity().body.account_id == OTHER_ACCOUNT_ID
    warehouse(cas, "ours")
    elsewhere = connect("cas", **others)
    warehouse(elsewhere, "theirs")
    for client, name in ((cas, "ours"), (elsewhere, "theirs")):
        listed = client.list_cert_warehouse(cas_models.ListCertWarehouseRequest()).body.cert_warehouse_list
        assert [one.name for one in listed] == [name]
    assert not connect("alb", **others).list_listeners(alb_models.ListListenersRequest()).body.listeners


def test_a_user_without_permission_for_alb_is_refused_there_and_nowhere_else(connect: Any) -> None:
    keys = {"access_key_id": NO_ALB_ACCESS_KEY_ID, "access_key_secret": f"{NO_ALB_ACCESS_KEY_ID}-secret"}
    assert (
        code(lambda: connect("alb", **keys).list_listeners(alb_models.ListListenersRequest()))
        == "Forbidden.RAM"
    )
    assert connect("sts", **keys).get_caller_identity().body.account_id == "1234567890123456"
    warehouse(connect("cas", **keys), "theirs too")


def test_unknown_actions_and_versions_are_refused(cas: Any, alb: Any) -> None:
    assert code(lambda: call(cas, "ListCertificates", "2020-04-07")) == "InvalidAction.NotFound"
    assert code(lambda: call(cas, "ListCert", "2020-06-30")) == "InvalidAction.NotFound"
    assert code(lambda: call(cas, "ListCert", "2018-07-13")) == "InvalidVersion"
    assert code(lambda: call(cas, "ListListeners", "2020-04-07")) == "InvalidAction.NotFound"
    assert (
        code(lambda: call(alb, "UpdateListenerAttribute", "2020-06-16", query={"ListenerId": "x"}))
        == "InvalidAction.NotFound"
    )


def test_unknown_and_doubled_parameters_are_refused(cas: Any) -> None:
    assert code(lambda: call(cas, "ListCert", "2020-04-07", query={"Keyword": "x"})) == "InvalidParameter"
    assert (
        code(lambda: call(cas, "ListCert", "2020-04-07", query={"KeyWord": "x"}, body={"KeyWord": "x"}))
        == "InvalidParameter"
    )


def test_more_than_ten_calls_of_an_action_within_a_second_are_throttled(
    cas: Any, connect: Any, server: OpenApiServer
) -> None:
    now = time.time()
    server._clock = lambda: now
    for _ in range(10):
        cas.list_cert(cas_models.ListCertRequest())
    with pytest.raises(Exception, match="flow control") as refused:
        cas.list_cert(cas_models.ListCertRequest())
    assert (refused.value.code, refused.value.status_code) == ("Throttling.User", 400)  # type: ignore[attr-defined]
    assert set(refused.value.data) >= {"RequestId", "HostId", "Code", "Message", "Recommend"}  # type: ignore[attr-defined]
    cas.list_cert_warehouse(cas_models.ListCertWarehouseRequest())
    server._clock = lambda: now + 1.001
    cas.list_cert(cas_models.ListCertRequest())


def test_a_request_that_is_sent_again_as_it_was_is_refused(
    server: OpenApiServer, sts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alibabacloud_tea_openapi.utils import Utils

    monkeypatch.setattr(Utils, "get_nonce", staticmethod(lambda: "the same"))
    sts.get_caller_identity()
    assert code(sts.get_caller_identity) == "SignatureNonceUsed"


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path, good: Any, connect: Any) -> None:
    cas = connect("cas")
    _, wh_id = warehouse(cas)
    identifier = upload(cas, wh_id, good.pem)
    # As after kill -9: nobody has told the first one to end.
    with openapi_server(tmp_path) as endpoint:
        again = connect("cas", endpoint=endpoint)
        assert [one.identifier for one in again.list_cert(cas_models.ListCertRequest()).body.cert_list] == [
            identifier
        ]


def test_flow_control_can_be_switched_off_for_tests(tmp_path: Path, connect: Any) -> None:
    with openapi_server(tmp_path / "other", queries_per_second=None) as endpoint:
        cas = connect("cas", endpoint=endpoint)
        for _ in range(25):
            cas.list_cert(cas_models.ListCertRequest())


def test_a_taken_port_is_one_sentence(server: OpenApiServer, tmp_path: Path) -> None:
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port} .*choose another --port-base"):
        OpenApiServer(tmp_path, port=port)


def get(
    address: str, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_readiness_is_told_without_a_signature(server: OpenApiServer) -> None:
    assert get(server.address, "/-/ready") == (503, "not ready\n")
    server.ready.set()
    assert get(server.address, "/-/ready") == (200, "ready\n")


def test_requests_without_action_signature_or_sense_are_answered_in_alibabas_form(
    server: OpenApiServer,
) -> None:
    status, text = get(server.address, "/")
    assert (status, json.loads(text)["Code"]) == (400, "MissingAction")
    named = {"x-acs-action": "ListCert", "x-acs-version": "2020-04-07"}
    assert json.loads(get(server.address, "/", "POST", named)[1])["Code"] == "MissingAuthorization"
    assert get(server.address, "/elsewhere")[0] == 404
    assert get(server.address, "/", "POST", {"content-length": "99999999999"})[0] == 413
    assert get(server.address, "/", "DELETE")[0] == 501


def test_an_error_of_the_sandbox_itself_is_no_traceback(
    server: OpenApiServer, cas: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    def broken(_: object) -> dict[str, Any]:
        raise ZeroDivisionError

    monkeypatch.setitem(server._actions["1234567890123456"], "ListCert", broken)
    assert code(lambda: cas.list_cert(cas_models.ListCertRequest())) == "InternalError"
    assert "ZeroDivisionError" in capfd.readouterr().err
