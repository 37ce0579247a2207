from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.access.check import check
from alb_mutual_tls.alibaba.endpoints import Endpoints
from alb_mutual_tls.errors import Unreachable, WrongPlace
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.wire import UNKNOWN

ROLE = {"roleArn": "acs:ram::1:role/r"}
OIDC = {"roleArn": "acs:ram::1:role/r", "oidcProviderArn": "p", "oidcTokenFile": "f"}
FULL = {
    "kubeconfig": "k",
    "context": "c",
    "region": "cn-hangzhou",
    "accountType": "International",
    "endpoints": {"cas": "127.0.0.1:1", "alb": "alb.aliyuncs.com", "sts": "sts"},
    "protocol": "HTTP",
    "accessKey": "a",
    "secretKey": "s",
    "assumeRole": {**ROLE, "sessionName": "n", "sessionExpiration": 900, "externalId": "e", "policy": "{}"},
    "accountId": "1234567890123456",
    "ackClusterId": "c1",
}


def test_everything_of_the_contract_is_accepted() -> None:
    assert check(FULL) == []
    assert check({}) == []
    for start in (
        {"profile": "p"},
        {"ecsRoleName": "r"},
        {"credentialsUri": "http://u"},
        {"assumeRoleWithOidc": OIDC},
    ):
        assert check(start) == []


def test_objects_arrive_as_objects_or_as_the_engines_json_text() -> None:
    text = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in FULL.items()}
    assert check(text) == []
    assert Configuration.of(text) == Configuration.of(FULL)
    seconds = Configuration.of({"assumeRole": {**ROLE, "sessionExpiration": "900"}}).values["assumeRole"]
    assert seconds is not None
    assert seconds["sessionExpiration"] == 900


def test_what_is_not_known_yet_and_what_the_engine_adds_is_passed_over() -> None:
    assert (
        check(
            {
                "kubeconfig": UNKNOWN,
                "endpoints": {"cas": UNKNOWN},
                "version": "0.1.0",
                "__internal": {},
                "region": None,
                "profile": "",
            }
        )
        == []
    )
    assert check({"accessKey": "a", "secretKey": UNKNOWN}) == []


@pytest.mark.parametrize(
    ("properties", "property", "sentence"),
    [
        (
            {"regoin": "cn"},
            "regoin",
            "has no property regoin: remove it, the properties are accessKey, accountId",
        ),
        ({"securityToken": "t"}, "securityToken", "has no property securityToken"),
        ({"region": 7}, "region", "region is 7: give a text"),
        ({"accessKey": "a", "secretKey": 4711}, "secretKey", "secretKey is not text: give a text"),
        ({"accountType": "Chinese"}, "accountType", "give one of domestic, international"),
        ({"protocol": "FTP"}, "protocol", "give one of https, http"),
        ({"accessKey": "a"}, "accessKey", "accessKey is set and secretKey is not"),
        ({"secretKey": "s"}, "secretKey", "secretKey is set and accessKey is not"),
        (
            {"profile": "p", "ecsRoleName": "r"},
            "ecsRoleName",
            "profile and ecsRoleName are set: keep the one",
        ),
        ({"accountId": "mine"}, "accountId", "give the digits"),
        ({"endpoints": {"cas": "https://cas.aliyuncs.com"}}, "endpoints", "without https://"),
        (
            {"endpoints": {"ecs": "e"}},
            "endpoints",
            "endpoints has no field ecs: remove it, the fields are cas, alb, sts, cs",
        ),
        ({"endpoints": {"cas": 1}}, "endpoints", "endpoints.cas is 1: give a text"),
        ({"endpoints": "cas"}, "endpoints", "give an object with cas, alb, sts, cs"),
        ({"endpoints": ["cas"]}, "endpoints", "give an object with cas, alb, sts, cs"),
        ({"assumeRole": {"sessionName": "n"}}, "assumeRole", "assumeRole.roleArn must be set"),
        ({"assumeRole": {**ROLE, "sessionExpiration": 60}}, "assumeRole", "give seconds from 900 to 43200"),
        (
            {"assumeRoleWithOidc": ROLE},
            "assumeRoleWithOidc",
            "assumeRoleWithOidc.oidcProviderArn and assumeRoleWithOidc.oidcTokenFile must be set",
        ),
        ({"assumeRoleWithOidc": {**OIDC, "oidcToken": "t"}}, "assumeRoleWithOidc", "has no field oidcToken"),
    ],
)
def test_what_is_wrong_is_said_with_value_rule_and_remedy(
    properties: dict[str, Any], property: str, sentence: str
) -> None:
    reasons = {failure.property: failure.reason for failure in check(properties)}
    assert sentence in reasons[property]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert {failure.property for failure in check({"regoin": "x", "protocol": "FTP", "accessKey": "a"})} == {
        "regoin",
        "protocol",
        "accessKey",
    }


def test_secrets_are_not_in_what_is_printed() -> None:
    assert "hidden" not in repr(Configuration.of({"accessKey": "a", "secretKey": "hidden"}))


KEY = {"accessKey": "a", "secretKey": "s"}


def places(properties: dict[str, Any]) -> Endpoints:
    """Where the APIs are with such a configuration."""
    return Configuration.of({**KEY, **properties}).endpoints


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory whose profile `mine` has a region, and an environment with nothing else in
    it.
    """
    profile = {
        "name": "mine",
        "mode": "AK",
        "access_key_id": "a",
        "access_key_secret": "s",
        "region_id": "cn-beijing",
    }
    (tmp_path / ".aliyun").mkdir()
    (tmp_path / ".aliyun/config.json").write_text(json.dumps({"profiles": [profile]}))
    for name in tuple(os.environ):
        if name.startswith(("ALICLOUD_", "ALIBABA")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("variable", ["ALICLOUD_REGION", "ALIBABA_CLOUD_REGION"])
def test_the_region_is_that_of_the_stack_else_of_the_environment_else_of_the_profile(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places({}).alb is None
    assert Configuration.of({"profile": "mine"}).endpoints.alb == "alb.cn-beijing.aliyuncs.com"
    monkeypatch.setenv(variable, "cn-shenzhen")
    assert Configuration.of({"profile": "mine"}).endpoints.alb == "alb.cn-shenzhen.aliyuncs.com"
    assert places({"region": "cn-shanghai"}).alb == "alb.cn-shanghai.aliyuncs.com"
    assert places({"region": "cn-shanghai"}).sts == "sts.cn-shanghai.aliyuncs.com"


@pytest.mark.usefixtures("home")
def test_the_account_type_chooses_the_half_of_the_world_in_which_cas_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    abroad = {"region": "ap-southeast-1"}
    assert places(abroad).cas == "cas.aliyuncs.com"
    assert places({**abroad, "accountType": "International"}).cas == "cas.ap-southeast-1.aliyuncs.com"
    assert places({"region": "cn-hangzhou", "accountType": "international"}).cas == "cas.aliyuncs.com"
    monkeypatch.setenv("ALIBABA_CLOUD_ACCOUNT_TYPE", "International")
    assert places(abroad).cas == "cas.ap-southeast-1.aliyuncs.com"
    assert places({**abroad, "accountType": "domestic"}).cas == "cas.aliyuncs.com"


@pytest.mark.usefixtures("home")
def test_the_protocol_is_https_unless_the_stack_says_http() -> None:
    assert places({}).protocol == "HTTPS"
    assert places({"protocol": "http"}).protocol == "HTTP"


class FakeCluster:
    def __init__(self, *, kubeconfig: str | None, context: str | None) -> None:
        self.where = (kubeconfig, context)

    def uid(self) -> str:
        return "uid-1"

    def ack_cluster_id(self) -> str | None:
        return {"k": "c1"}.get(self.where[0] or "")


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alb_mutual_tls.cluster.cluster.Cluster", FakeCluster)


@pytest.mark.usefixtures("clusters")
def test_the_cluster_is_made_once_and_compared_with_what_is_expected() -> None:
    configuration = Configuration.of({"kubeconfig": "k", "context": "c", "ackClusterId": "c1"})
    assert configuration.cluster() is configuration.cluster()
    assert configuration.require_cluster("uid-1", "it") is configuration.cluster()
    assert configuration.require_cluster("", "it") is configuration.cluster()
    with pytest.raises(WrongPlace, match=r"it belongs to the cluster with the UID uid-2, .* UID uid-1"):
        configuration.require_cluster("uid-2", "it")
    with pytest.raises(WrongPlace, match="leads to the ACK cluster c1, and the key ackClusterId wants c2"):
        Configuration.of({"kubeconfig": "k", "ackClusterId": "c2"}).cluster()
    with pytest.raises(Exception, match="does not tell its ACK id"):
        Configuration.of({"kubeconfig": "other", "ackClusterId": "c1"}).cluster()


def test_sts_is_asked_once_also_while_it_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def silent(api: Any) -> str:
        asked.append(api)
        raise Unreachable("no answer")

    monkeypatch.setattr("alb_mutual_tls.alibaba.sts.account_id", silent)
    configuration = Configuration.of({"accessKey": "a", "secretKey": "s"})
    for _ in range(3):
        with pytest.raises(Unreachable, match="no answer"):
            configuration.account_id()
    assert len(asked) == 1

    def answering(api: Any) -> str:
        asked.append(api)
        return "1"

    monkeypatch.setattr("alb_mutual_tls.alibaba.sts.account_id", answering)
    other = Configuration.of({"accessKey": "a", "secretKey": "s"})
    assert [
        other.account_id(),
        other.account_id(),
        other.require_account("1", "it"),
        other.require_account("", "it"),
    ] == ["1"] * 4
    assert len(asked) == 2
    with pytest.raises(
        WrongPlace, match=r"it is in the Alibaba Cloud account 2, and .* belong to the account 1"
    ):
        other.require_account("2", "it")
