"""Listeners, callers and the OpenAPI endpoint under Alibaba's official clients: what
they are used to, and how strict it is.
"""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_alb20200616 import models as alb_models
from alibabacloud_cas20200407 import models as cas_models
from alibabacloud_sts20150401 import models as sts_models

from alb_mutual_tls.errors import UserError
from dev.sandbox.cloud import openapi_server
from dev.sandbox.cloud.model import Balancer, Listener
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.layout import NO_ALB_ACCESS_KEY_ID, OTHER_ACCOUNT_ACCESS_KEY_ID, OTHER_ACCOUNT_ID
from tests.contract.sandbox_cloud.calls import call, code, upload, warehouse

SECURE = Listener(
    443, "HTTPS", ca_enabled=True, ca_certificate_id="ca", certificate_ids=("1-cn-hangzhou", "2-cn-hangzhou")
)


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
