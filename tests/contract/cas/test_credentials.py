"""Every way to give credentials, used for a real signed call to the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.sandbox.cloud import OpenApiServer
from tests.contract.cas.conftest import Gateway
from tests.contract.cas.credentials import (
    KEY,
    PROVIDER,
    ROLE,
    SECRET,
    account,
    listening,
    serving,
    session_of,
    write_profiles,
)

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Plugin


@pytest.mark.parametrize(
    ("identifier", "secret"),
    [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY"),
        ("ALIBABACLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_SECRET"),
    ],
)
def test_a_key_from_the_environment(
    start: Callable[..., Plugin], bare: dict[str, Any], identifier: str, secret: str
) -> None:
    plugin = start(**{identifier: KEY, secret: SECRET})
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_a_temporary_key_from_the_environment(
    start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer
) -> None:
    session = session_of(server)
    variables = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": session["AccessKeyId"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": session["AccessKeySecret"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": session["SecurityToken"],
    }
    plugin = start(**variables)
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_an_expired_token_says_to_log_in_again(
    start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer
) -> None:
    session = session_of(server, seconds=-1)
    plugin = start(
        ALICLOUD_ACCESS_KEY=session["AccessKeyId"],
        ALICLOUD_SECRET_KEY=session["AccessKeySecret"],
        ALICLOUD_SECURITY_TOKEN=session["SecurityToken"],
    )
    plugin.configure(bare)
    failed = plugin.refused(lambda: account(plugin))
    assert "from the environment variable ALICLOUD_ACCESS_KEY" in failed.sentence
    assert "log in again" in failed.sentence
    assert session["SecurityToken"] not in failed.sentence


@pytest.mark.parametrize("variables", [{"ALIBABA_CLOUD_ACCESS_KEY_ID": KEY}, {"ALICLOUD_SECRET_KEY": SECRET}])
def test_half_a_key_in_the_environment_is_an_error(
    start: Callable[..., Plugin], bare: dict[str, Any], variables: dict[str, str]
) -> None:
    plugin = start(**variables)
    plugin.configure(bare)
    failed = plugin.refused(lambda: account(plugin))
    assert "is set and" in failed.sentence
    assert SECRET not in failed.sentence


@pytest.mark.parametrize("variable", [None, "ALICLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE"])
def test_a_profile_of_the_aliyun_cli(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, variable: str | None
) -> None:
    write_profiles(
        home,
        {"name": "default", "mode": "AK", "access_key_id": "another", "access_key_secret": "another"},
        {"name": "mine", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET},
    )
    plugin = start(**({variable: "mine"} if variable else {}))
    plugin.configure(bare if variable else {**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"


def test_the_current_profile_is_used_when_nothing_is_said(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path
) -> None:
    write_profiles(home, {"name": "default", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET})
    plugin = start()
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_what_the_stack_configures_comes_before_the_environment(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path
) -> None:
    write_profiles(home, {"name": "mine", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET})
    plugin = start(ALIBABA_CLOUD_ACCESS_KEY_ID="another", ALIBABA_CLOUD_ACCESS_KEY_SECRET="another")
    plugin.configure({**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"


@pytest.mark.parametrize("variable", [None, "ALICLOUD_CREDENTIALS_URI", "ALIBABA_CLOUD_CREDENTIALS_URI"])
def test_credentials_from_a_service(
    start: Callable[..., Plugin],
    bare: dict[str, Any],
    gateway: Gateway,
    server: OpenApiServer,
    variable: str | None,
) -> None:
    session = session_of(server)
    with serving(json.dumps({"Code": "Success", **session}).encode(), 200) as uri:
        plugin = start(**({variable: uri} if variable else {}))
        plugin.configure(bare if variable else {**bare, "credentialsUri": uri})
        assert account(plugin) == "1234567890123456"
    assert gateway.signers == [("GetCallerIdentity", session["AccessKeyId"])]


@contextmanager
def metadata(session: dict[str, Any], asked: list[str]) -> Iterator[str]:
    """An ECS metadata service whose instance has the role `deployer`; it answers nobody without a
    token of its own, as hardened instances do.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked.append(f"PUT {self.path}")
            self._answer(200, "the-metadata-token")

        def do_GET(self) -> None:
            asked.append(f"GET {self.path}")
            known = self.path == "/latest/meta-data/ram/security-credentials/deployer"
            allowed = self.headers.get("X-aliyun-ecs-metadata-token") == "the-metadata-token"
            self._answer(200 if known and allowed else 404, json.dumps({"Code": "Success", **session}))

        def _answer(self, status: int, content: str) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    with listening(Handler) as address:
        yield address


@pytest.mark.parametrize(
    "how", ["configured", "ALICLOUD_ECS_ROLE_NAME", "ALIBABA_CLOUD_ECS_METADATA", "profile"]
)
def test_the_role_of_the_ecs_instance(
    start: Callable[..., Plugin],
    bare: dict[str, Any],
    home: Path,
    gateway: Gateway,
    server: OpenApiServer,
    how: str,
) -> None:
    session, asked = (
        session_of(server, seconds=3600),
        list[str](),
    )  # the SDK renews what ends within 15 minutes
    write_profiles(home, {"name": "ecs", "mode": "EcsRamRole", "ram_role_name": "deployer"})
    more = {"configured": {"ecsRoleName": "deployer"}, "profile": {"profile": "ecs"}}.get(how, {})
    with metadata(session, asked) as address:
        variables = {"TEST_METADATA_SERVICE": address, "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "false"}
        plugin = start(**variables, **({} if more else {how: "deployer"}))
        plugin.configure({**bare, **more})
        assert account(plugin) == "1234567890123456"
    assert asked == ["PUT /latest/api/token", "GET /latest/meta-data/ram/security-credentials/deployer"]
    assert gateway.signers == [("GetCallerIdentity", session["AccessKeyId"])]


def test_a_role_that_the_ecs_instance_does_not_have_is_told(
    start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer
) -> None:
    with metadata(session_of(server), []) as address:
        plugin = start(TEST_METADATA_SERVICE=address, ALIBABA_CLOUD_ECS_METADATA_DISABLED="false")
        plugin.configure({**bare, "ecsRoleName": "another"})
        failed = plugin.refused(lambda: account(plugin))
    assert failed.sentence.startswith("alicloud:ecsRoleName gave no credentials")
    assert "\n" not in failed.sentence


def test_a_profile_that_runs_a_command(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, gateway: Gateway, server: OpenApiServer
) -> None:
    session = session_of(server)
    answer = {
        "mode": "StsToken",
        "access_key_id": session["AccessKeyId"],
        "access_key_secret": session["AccessKeySecret"],
        "sts_token": session["SecurityToken"],
        "expiration": session["Expiration"],
    }
    (home / "answer").write_text(json.dumps(answer))
    write_profiles(home, {"name": "run", "mode": "External", "process_command": f"cat {home / 'answer'}"})
    plugin = start()
    plugin.configure({**bare, "profile": "run"})
    assert account(plugin) == "1234567890123456"
    assert gateway.signers == [("GetCallerIdentity", session["AccessKeyId"])]


@pytest.mark.parametrize("mode", ["StsToken", "RamRoleArn", "OIDC"])
def test_a_profile_of_a_session_or_of_a_role(
    start: Callable[..., Plugin],
    bare: dict[str, Any],
    home: Path,
    gateway: Gateway,
    server: OpenApiServer,
    mode: str,
) -> None:
    session = session_of(server)
    profiles = {
        "StsToken": {
            "access_key_id": session["AccessKeyId"],
            "access_key_secret": session["AccessKeySecret"],
            "sts_token": session["SecurityToken"],
        },
        "RamRoleArn": {
            "access_key_id": KEY,
            "access_key_secret": SECRET,
            "ram_role_arn": ROLE,
            "ram_session_name": "mine",
        },
        "OIDC": {
            "ram_role_arn": ROLE,
            "oidc_provider_arn": PROVIDER,
            "oidc_token_file": "token",
            "role_session_name": "mine",
        },
    }
    (home / "token").write_text("the-token")
    write_profiles(home, {"name": "mine", "mode": mode, **profiles[mode]})
    gateway.answer("AssumeRoleWithOIDC", {"RequestId": "1", "Credentials": session})
    plugin = start()
    plugin.configure({**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"
    assert gateway.signers[-1][0] == "GetCallerIdentity"
    assert (gateway.signers[-1][1] == session["AccessKeyId"]) == (mode != "RamRoleArn")


@pytest.mark.parametrize("variable", ["ALICLOUD_SHARED_CREDENTIALS_FILE", "ALIBABA_CLOUD_CREDENTIALS_FILE"])
def test_a_profile_file_elsewhere(
    start: Callable[..., Plugin], bare: dict[str, Any], tmp_path: Path, variable: str
) -> None:
    file = tmp_path / "profiles.json"
    file.write_text(
        json.dumps(
            {"profiles": [{"name": "mine", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET}]}
        )
    )
    plugin = start(**{variable: str(file)})
    plugin.configure({**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"


def test_a_service_without_credentials_is_named_and_its_answer_is_not_shown(
    start: Callable[..., Plugin], bare: dict[str, Any]
) -> None:
    with serving(b'{"secret": "half-an-answer"}', 404) as uri:
        plugin = start()
        plugin.configure({**bare, "credentialsUri": uri})
        failed = plugin.refused(lambda: account(plugin))
    assert failed.sentence.startswith("alicloud:credentialsUri gave no credentials")
    assert "half-an-answer" not in failed.sentence
