"""The provider's configuration, credentials, and what Alibaba Cloud answers."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi

from alb_mutual_tls.access.check import check
from alb_mutual_tls.alibaba.answers import CAS, CS, STS
from alb_mutual_tls.alibaba.credential_choice import choose
from alb_mutual_tls.alibaba.credentials import (
    AssumedRole,
    Choice,
    CredentialSettings,
    CredentialsUri,
    DefaultChain,
    Keys,
    OidcRole,
)
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.alibaba.session import SdkCredential
from alb_mutual_tls.cluster import user_kubeconfig
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.place import recorded
from components.guard import require_account
from tests.unit.errors.case import Case
from tests.unit.errors.cases.cluster import kubeconfig
from tests.unit.errors.servers import answering

_OIDC = {"roleArn": "r", "oidcProviderArn": "p", "oidcTokenFile": "f"}
_KEYS = Keys("sandbox-access-key", "secret")


def checked(**properties: Any) -> Case:
    return lambda _: check(properties)


# --- another account, another cluster


class _Place:
    """Where a configuration leads."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = properties

    def has_cluster(self) -> bool:
        return True

    def cluster(self) -> _Place:
        return self

    def uid(self) -> str:
        return f"uid of {self._properties['context']}"

    def account_id(self) -> str:
        return f"account of {self._properties['profile']}"


def _led_elsewhere(_: Path) -> object:
    old = recorded({}, {"context": "a", "profile": "a"}, _Place)
    return recorded(old, {"context": "b", "profile": "a"}, _Place)


def _other_account_configured(_: Path) -> object:
    old = recorded({}, {"context": "a", "profile": "a"}, _Place)
    return recorded(old, {"context": "a", "profile": "b"}, _Place)


def _account(directory: Path, answer: Any = None, recorded: str = "", **properties: Any) -> object:
    """Ask STS for the account, which is 1 unless `answer` says something else, and compare it with
    the recorded one.
    """
    with answering((200, answer or {"AccountId": "1"})) as address:
        key = {
            "accessKey": _KEYS.access_key_id,
            "secretKey": _KEYS.access_key_secret,
            "protocol": "HTTP",
            "endpoints": {"sts": address},
        }
        return Configuration.of({**key, **properties}).require_account(recorded, "the CA certificate ca-1")


def _account_of_the_program(_: Path) -> object:
    """What the program says when get_account finds another account."""
    answers = types.ModuleType("pulumi_alicloud")
    answers.get_account = lambda: types.SimpleNamespace(id="1")  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, pulumi_alicloud=answers):
        try:
            require_account({"accountId": "2"})
        except pulumi.RunError as error:
            return [str(error)]
    return []


def _cluster(directory: Path, *answers: Any, recorded: str = "", **properties: Any) -> object:
    with answering(*((200, answer) for answer in answers)) as address:
        path = kubeconfig(directory, server=f"http://{address}")
        return Configuration.of({"kubeconfig": path, **properties}).require_cluster(
            recorded, "listener 443/HTTPS of AlbConfig alb"
        )


# --- credentials


def _chosen(settings: CredentialSettings, *profiles: Mapping[str, Any], text: str | None = None) -> Case:
    def case(home: Path) -> object:
        if profiles or text:
            (home / ".aliyun").mkdir()
            (home / ".aliyun/config.json").write_text(text or json.dumps({"profiles": profiles}))
        return choose(settings, {}, home)

    return case


def _resolved(choice: Choice, answer: Any = None) -> object:
    with answering((200, answer or {})) as address:
        return SdkCredential(
            choice, lambda credential: OpenApi(STS, address, "HTTP", credential, deadline=0.1)
        ).resolve()


def _nothing_found(_: Path) -> object:
    found = "alibabacloud_credentials.provider.DefaultCredentialsProvider.get_credentials"
    with mock.patch(
        found, side_effect=ValueError("not in any of the providers")
    ):  # whatever the machine that runs this has
        return _resolved(Choice(DefaultChain(), "the default credential chain"))


def _no_service(_: Path) -> object:
    return _resolved(Choice(CredentialsUri("http://127.0.0.1:9/"), "alicloud:credentialsUri"))


def _no_token(directory: Path) -> object:
    return _resolved(Choice(OidcRole("r", "p", str(directory / "token")), "alicloud:assumeRoleWithOidc"))


def _no_session(_: Path) -> object:
    return _resolved(Choice(_KEYS, "alicloud:accessKey", (AssumedRole("acs:ram::1:role/r"),)))


# --- answers


def api(address: str) -> OpenApi:
    credential = SdkCredential(
        Choice(_KEYS, "alicloud:accessKey"), lambda _: OpenApi(STS, address, "HTTP", None)
    )
    return OpenApi(CAS, address, "HTTP", credential)


def refused(status: int, code: str) -> Case:
    """CAS refuses an upload."""

    def case(_: Path) -> object:
        with answering(
            (status, {"RequestId": "1-2-3", "Code": code, "Message": f"{code}, the service says."})
        ) as address:
            return api(address).write("UploadPCACert", {"WarehouseId": "1"})

    return case


def _html(_: Path) -> object:
    with answering((200, "<html>")) as address:
        return api(address).write("UploadPCACert", {"WarehouseId": "1"})


def _no_answer(_: Path) -> object:
    return api("127.0.0.1:9").write("UploadPCACert", {"WarehouseId": "1"})


def _no_alb(_: Path) -> object:
    with mock.patch.dict("os.environ", clear=True):
        return Configuration.of({"accessKey": "a", "secretKey": "s"}).alb()


def _fetched(status: int, answer: Mapping[str, Any], cluster: str = "c1") -> Case:
    """Fetch a kubeconfig from a Container Service that answers so."""

    def case(_: Path) -> object:
        with answering((status, answer)) as address:
            return user_kubeconfig.fetch(
                OpenApi(CS, address, "HTTP", None), cluster, private_address=False, minutes=15
            )

    return case


CASES: dict[str, Case] = {
    "a property that is none": checked(regoin="cn-hangzhou"),
    "a number for a text": checked(region=7),
    "an account type": checked(accountType="Chinese"),
    "half a key": checked(accessKey="a"),
    "two ways": checked(profile="p", ecsRoleName="r"),
    "an account's name": checked(accountId="mine"),
    "a text for an object": checked(endpoints="cas"),
    "a field that is none": checked(endpoints={"ecs": "e"}),
    "no role": checked(assumeRole={"sessionName": "n"}),
    "too short a session": checked(assumeRoleWithOidc={**_OIDC, "sessionExpiration": 60}),
    "a number for a field": checked(endpoints={"cas": 1}),
    "a URL for a host": checked(endpoints={"cas": "https://cas.aliyuncs.com"}),
    "another cluster is configured": _led_elsewhere,
    "another account is configured": _other_account_configured,
    "another account than the state's": lambda directory: _account(directory, recorded="2"),
    "another account than accountId": lambda directory: _account(directory, accountId="2"),
    "another account than the program wants": _account_of_the_program,
    "another cluster than the state's": lambda directory: _cluster(
        directory, {"metadata": {"uid": "uid-1"}}, recorded="uid-2"
    ),
    "another cluster than ackClusterId": lambda directory: _cluster(
        directory, {"data": {"clusterid": "c1"}}, ackClusterId="c2"
    ),
    "a cluster without an ACK id": lambda directory: _cluster(
        directory, {"data": {}}, {"items": []}, ackClusterId="c1"
    ),
    "no credentials": _nothing_found,
    "a service that gives none": _no_service,
    "no OIDC token": _no_token,
    "no session": _no_session,
    "no profiles": _chosen(CredentialSettings(profile="p")),
    "no profile file": _chosen(CredentialSettings(profile="p"), text="[]"),
    "no such profile": _chosen(CredentialSettings(profile="p"), {"name": "other"}),
    "an incomplete profile": _chosen(CredentialSettings(profile="p"), {"name": "p", "mode": "OIDC"}),
    "profiles in a circle": _chosen(
        CredentialSettings(profile="a"),
        {"name": "a", "mode": "ChainableRamRoleArn", "source_profile": "b", "ram_role_arn": "r"},
        {"name": "b", "mode": "ChainableRamRoleArn", "source_profile": "a", "ram_role_arn": "r"},
    ),
    "an unknown key": refused(404, "InvalidAccessKeyId.NotFound"),
    "a wrong secret": refused(400, "SignatureDoesNotMatch"),
    "an old session": refused(400, "InvalidSecurityToken.Expired"),
    "no permission": refused(403, "Forbidden.RAM"),
    "too many calls": refused(400, "Throttling.User"),
    "a service that fails": refused(503, "ServiceUnavailable"),
    "a wrong clock": refused(400, "InvalidTimeStamp.Expired"),
    "a refusal": refused(400, "InvalidParameter"),
    "no answer": _no_answer,
    "an answer that is none": _html,
    "no account": lambda directory: _account(directory, answer={"RequestId": "1"}),
    "no region": _no_alb,
    "a cluster that is not there": _fetched(
        404, {"code": "ErrorClusterNotFound", "message": "cluster (c1) not found", "requestId": "1-2-3"}
    ),
    "a cluster without a kubeconfig": _fetched(200, {"config": "", "expiration": "2026-01-01T00:00:00Z"}),
    "a cluster's name": _fetched(200, {}, "my cluster"),
    "cancelled before it was sent": lambda _: (
        OpenApi(CAS, "127.0.0.1:9", "HTTP", None).until(lambda: True).write("UploadPCACert", {})
    ),
}
