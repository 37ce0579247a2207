"""Container Service's one action: a kubeconfig that ends when it says, for the one who asks as
Alibaba's client does and for nobody else.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from cryptography import x509
from darabonba.core import DaraCore
from darabonba.runtime import RuntimeOptions

from dev.sandbox import certificates
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.layout import (
    ACCESS_KEY_ID,
    ACK_CLUSTER_ID,
    NO_ALB_ACCESS_KEY_ID,
    OTHER_ACCOUNT_ACCESS_KEY_ID,
    Layout,
)

MINUTES = {"TemporaryDurationMinutes": "15"}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A sandbox with its certificates, of which nothing runs."""
    made = Layout(tmp_path_factory.mktemp("sandbox"))
    certificates.make(made)
    made.save()
    return made


@pytest.fixture(scope="module")
def server(layout: Layout) -> Iterator[OpenApiServer]:
    with OpenApiServer(layout.directory, queries_per_second=None) as running:
        yield running


def ask(
    server: OpenApiServer,
    query: dict[str, str],
    cluster: str = ACK_CLUSTER_ID,
    key: str = ACCESS_KEY_ID,
    **other: str,
) -> Any:
    """Call the action as the official client of this product does, with fields of the call changed;
    returns the answer's body.
    """
    client = Client(
        Config(
            endpoint=server.address,
            protocol="HTTP",
            access_key_id=key,
            access_key_secret=other.pop("secret", f"{key}-secret"),
        )
    )
    parameters = utils_models.Params(
        **{
            "action": "DescribeClusterUserKubeconfig",
            "version": "2015-12-15",
            "protocol": "HTTPS",
            "pathname": f"/k8s/{cluster}/user_config",
            "method": "GET",
            "auth_type": "AK",
            "style": "ROA",
            "req_body_type": "json",
            "body_type": "json",
            **other,
        }
    )
    return client.call_api(parameters, utils_models.OpenApiRequest(query=query), RuntimeOptions())["body"]


def refused(server: OpenApiServer, query: dict[str, str], changed: dict[str, str] | None = None) -> Any:
    with pytest.raises(Exception, match="request id") as error:
        ask(server, query, **(changed or {}))
    return error.value


def client_certificate(kubeconfig: str) -> x509.Certificate:
    (user,) = yaml.safe_load(kubeconfig)["users"]
    return x509.load_pem_x509_certificate(base64.b64decode(user["user"]["client-certificate-data"]))


def test_the_kubeconfigs_certificate_is_the_clusters_and_ends_when_it_is_said_to(
    server: OpenApiServer, layout: Layout
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    answer = ask(server, MINUTES)
    assert sorted(answer) == ["config", "expiration"]
    certificate = client_certificate(answer["config"])
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificate((layout.pki / "kube-ca.crt").read_bytes())
    )
    ends = datetime.fromisoformat(answer["expiration"])
    assert certificate.not_valid_after_utc == ends
    assert before <= ends - timedelta(minutes=15) <= datetime.now(UTC)


def test_the_public_address_is_in_it_unless_the_private_one_is_asked_for(
    server: OpenApiServer, layout: Layout
) -> None:
    for private, host in (("false", "127.0.0.1"), ("true", "localhost")):
        document = yaml.safe_load(ask(server, {**MINUTES, "PrivateIpAddress": private})["config"])
        assert document["clusters"][0]["cluster"]["server"] == f"https://{host}:{layout.port_base + 443}"
        assert document["current-context"] == document["contexts"][0]["name"]
        assert (
            document["contexts"][0]["context"]["user"] == document["users"][0]["name"] == "200000000000000001"
        )


def test_a_cluster_that_is_not_the_accounts_is_not_found_in_the_form_of_this_api(
    server: OpenApiServer,
) -> None:
    for changed in ({"cluster": "c0"}, {"key": OTHER_ACCOUNT_ACCESS_KEY_ID}):
        error = refused(server, MINUTES, changed)
        assert (error.status_code, error.code) == (404, "ErrorClusterNotFound")
        assert sorted(error.data) == ["code", "message", "requestId", "statusCode"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"TemporaryDurationMinutes": "14"}, "InvalidParameter.TemporaryDurationMinutes"),
        ({"TemporaryDurationMinutes": "4321"}, "InvalidParameter.TemporaryDurationMinutes"),
        ({"TemporaryDurationMinutes": "an hour"}, "InvalidParameter.TemporaryDurationMinutes"),
        ({**MINUTES, "PrivateIpAddress": "True"}, "InvalidParameter.PrivateIpAddress"),
        ({**MINUTES, "Minutes": "15"}, "InvalidParameter"),
        ({**MINUTES, "ClusterId": "c1"}, "InvalidParameter"),
        ({}, "Sandbox.NotCovered"),
    ],
)
def test_parameters_are_taken_as_documented_and_no_others(
    server: OpenApiServer, query: dict[str, str], code: str
) -> None:
    assert refused(server, query).code == code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"secret": "wrong"}, "SignatureDoesNotMatch"),
        ({"key": NO_ALB_ACCESS_KEY_ID}, "Forbidden.RAM"),
        ({"key": "nobody"}, "InvalidAccessKeyId.NotFound"),
        ({"method": "POST"}, "InvalidAction.NotFound"),
        ({"pathname": "/"}, "InvalidAction.NotFound"),
        ({"pathname": f"/k8s/{ACK_CLUSTER_ID}/user_config/"}, "InvalidAction.NotFound"),
        ({"version": "2020-04-07"}, "InvalidAction.NotFound"),
        ({"action": "DescribeClusterDetail"}, "InvalidAction.NotFound"),
    ],
)
def test_who_asks_otherwise_is_refused(server: OpenApiServer, changed: dict[str, str], code: str) -> None:
    assert refused(server, MINUTES, changed).code == code


def test_a_request_that_was_signed_for_one_path_does_not_pass_at_another(
    server: OpenApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, str] = {}
    send = DaraCore.do_action

    def recorded(request: Any, runtime: Any = None) -> Any:
        sent.update(request.headers)
        return send(request, runtime)

    monkeypatch.setattr(DaraCore, "do_action", recorded)
    ask(server, MINUTES)
    connection = http.client.HTTPConnection(server.address, timeout=5)
    connection.request("GET", "/k8s/c0/user_config?TemporaryDurationMinutes=15", headers=sent)
    assert json.loads(connection.getresponse().read())["code"] == "SignatureDoesNotMatch"
    connection.close()


def test_the_log_has_names_and_nothing_of_the_kubeconfig(server: OpenApiServer, layout: Layout) -> None:
    answer = ask(server, MINUTES)
    (user,) = yaml.safe_load(answer["config"])["users"]
    log = (layout.directory / "logs" / "api.log").read_text()
    assert json.loads(log.splitlines()[-1])["parameters"] == ["ClusterId", "TemporaryDurationMinutes"]
    assert user["user"]["client-key-data"] not in log
    kept = [path for path in layout.directory.rglob("*") if path.is_file()]
    assert not [
        path for path in kept if user["user"]["client-certificate-data"].encode() in path.read_bytes()
    ]
