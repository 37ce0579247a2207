"""Every way to give credentials, used for a real signed call to the sandbox."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from alb_mutual_tls.provider.host import UNKNOWN
from dev.sandbox.cloud import OpenApiServer

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Gateway, Plugin

TOKEN = "albmtls:index:CertificateRepository"
KEY, SECRET = "sandbox-access-key", "sandbox-access-key-secret"
ROLE = "acs:ram::1234567890123456:role/deployer"


@pytest.fixture
def bare(settings: dict[str, Any]) -> dict[str, Any]:
    """The configuration without any credentials."""
    return {key: value for key, value in settings.items() if key not in ("accessKey", "secretKey")}


def account(plugin: Plugin) -> str:
    """The account in which a preview would make a repository."""
    return str(plugin.create(TOKEN, {"name": UNKNOWN, "configured": False}, preview=True)[1]["account"])


def write_profiles(home: Path, *profiles: dict[str, Any]) -> None:
    (home / ".aliyun").mkdir()
    (home / ".aliyun" / "config.json").write_text(json.dumps({"current": profiles[0]["name"], "profiles": profiles}))


@pytest.mark.parametrize(
    ("identifier", "secret"),
    [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY"),
        ("ALIBABACLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_SECRET"),
    ],
)
def test_a_key_from_the_environment(start: Callable[..., Plugin], bare: dict[str, Any], identifier: str, secret: str) -> None:
    plugin = start(**{identifier: KEY, secret: SECRET})
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_a_temporary_key_from_the_environment(start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer) -> None:
    session = server.identities.assume_role({"RoleArn": ROLE, "RoleSessionName": "test", "DurationSeconds": 900})["Credentials"]
    variables = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": session["AccessKeyId"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": session["AccessKeySecret"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": session["SecurityToken"],
    }
    plugin = start(**variables)
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_an_expired_token_says_to_log_in_again(start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer) -> None:
    session = server.identities.assume_role({"RoleArn": ROLE, "RoleSessionName": "test", "DurationSeconds": -1})["Credentials"]
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
def test_half_a_key_in_the_environment_is_an_error(start: Callable[..., Plugin], bare: dict[str, Any], variables: dict[str, str]) -> None:
    plugin = start(**variables)
    plugin.configure(bare)
    failed = plugin.refused(lambda: account(plugin))
    assert "is set and" in failed.sentence
    assert SECRET not in failed.sentence


@pytest.mark.parametrize("variable", [None, "ALICLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE"])
def test_a_profile_of_the_aliyun_cli(start: Callable[..., Plugin], bare: dict[str, Any], home: Path, variable: str | None) -> None:
    write_profiles(
        home,
        {"name": "default", "mode": "AK", "access_key_id": "another", "access_key_secret": "another"},
        {"name": "mine", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET},
    )
    plugin = start(**({variable: "mine"} if variable else {}))
    plugin.configure(bare if variable else {**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"


def test_the_current_profile_is_used_when_nothing_is_said(start: Callable[..., Plugin], bare: dict[str, Any], home: Path) -> None:
    write_profiles(home, {"name": "default", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET})
    plugin = start()
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_what_the_stack_configures_comes_before_the_environment(start: Callable[..., Plugin], bare: dict[str, Any], home: Path) -> None:
    write_profiles(home, {"name": "mine", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET})
    plugin = start(ALIBABA_CLOUD_ACCESS_KEY_ID="another", ALIBABA_CLOUD_ACCESS_KEY_SECRET="another")
    plugin.configure({**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"


def test_a_role_is_taken_on_at_the_configured_endpoint_once(
    start: Callable[..., Plugin], settings: dict[str, Any], gateway: Gateway, server: OpenApiServer
) -> None:
    plugin = start()
    role = {"roleArn": ROLE, "sessionName": "session", "sessionExpiration": 900, "externalId": "ticket", "policy": '{"Statement": []}'}
    plugin.configure({**settings, "assumeRole": role})
    plugin.create(TOKEN, {"name": "made-in-a-role", "configured": False})
    assert gateway.calls["AssumeRole"] == 1
    (sent,) = (path for action, path, _ in gateway.seen if action == "AssumeRole")
    for expected in ("RoleSessionName=session", "DurationSeconds=900", "ExternalId=ticket", "Policy="):
        assert expected in sent


def test_a_role_that_may_not_be_taken_on_is_named(start: Callable[..., Plugin], settings: dict[str, Any]) -> None:
    plugin = start()
    plugin.configure({**settings, "assumeRole": {"roleArn": "acs:ram::1000000000000001:role/deployer"}})
    failed = plugin.refused(lambda: account(plugin))
    assert "refused AssumeRole: EntityNotExist.Role" in failed.sentence


def test_profiles_that_take_on_roles_one_after_the_other(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, gateway: Gateway
) -> None:
    write_profiles(
        home,
        {"name": "start", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET},
        {"name": "one", "mode": "ChainableRamRoleArn", "source_profile": "start", "ram_role_arn": ROLE, "ram_session_name": "one"},
        {"name": "two", "mode": "ChainableRamRoleArn", "source_profile": "one", "ram_role_arn": ROLE, "ram_session_name": "two"},
    )
    plugin = start()
    plugin.configure({**bare, "profile": "two"})
    assert account(plugin) == "1234567890123456"
    assert gateway.calls["AssumeRole"] == 2


@contextmanager
def serving(answer: bytes, status: int) -> Iterator[str]:
    """What `credentialsUri` asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    service = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{service.server_address[1]}/session"
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


def test_credentials_from_a_service(start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer) -> None:
    session = server.identities.assume_role({"RoleArn": ROLE, "RoleSessionName": "test", "DurationSeconds": 900})["Credentials"]
    with serving(json.dumps({"Code": "Success", **session}).encode(), 200) as uri:
        plugin = start()
        plugin.configure({**bare, "credentialsUri": uri})
        assert account(plugin) == "1234567890123456"


def test_a_service_without_credentials_is_named_and_its_answer_is_not_shown(start: Callable[..., Plugin], bare: dict[str, Any]) -> None:
    with serving(b'{"secret": "half-an-answer"}', 404) as uri:
        plugin = start()
        plugin.configure({**bare, "credentialsUri": uri})
        failed = plugin.refused(lambda: account(plugin))
    assert failed.sentence.startswith("alicloud:credentialsUri gave no credentials")
    assert "half-an-answer" not in failed.sentence


def test_an_oidc_token_is_sent_to_sts_without_a_signature(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, gateway: Gateway
) -> None:
    """The sandbox has no AssumeRoleWithOIDC, so what counts is the request and the sentence."""
    (home / "token").write_text("the-token\n")
    plugin = start()
    oidc = {"roleArn": ROLE, "oidcProviderArn": "acs:ram::1234567890123456:oidc-provider/p", "oidcTokenFile": "token"}
    plugin.configure({**bare, "assumeRoleWithOidc": oidc})
    failed = plugin.refused(lambda: account(plugin))
    assert "AssumeRoleWithOIDC" in failed.sentence
    assert "the-token" not in failed.sentence
    (sent,) = (path for action, path, _ in gateway.seen if action == "AssumeRoleWithOIDC")
    assert "OIDCToken=the-token&" in sent

    plugin.configure({**bare, "endpoints": dict.fromkeys(("cas", "alb", "sts"), "127.0.0.1:9"), "assumeRoleWithOidc": oidc})
    failed = plugin.refused(lambda: account(plugin))
    assert "did not answer AssumeRoleWithOIDC (connection refused)" in failed.sentence
    assert "the-token" not in failed.sentence

    plugin.configure({**bare, "assumeRoleWithOidc": {**oidc, "oidcTokenFile": "no/such/token"}})
    failed = plugin.refused(lambda: account(plugin))
    assert "no/such/token" in failed.sentence


def test_a_proxy_is_not_asked_for_this_machine_nor_for_what_no_proxy_names(start: Callable[..., Plugin], settings: dict[str, Any]) -> None:
    nowhere = "http://127.0.0.1:9"
    plugin = start(HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, http_proxy=nowhere, https_proxy=nowhere)
    plugin.configure(settings)
    assert account(plugin) == "1234567890123456"

    plugin.configure({**settings, "endpoints": dict.fromkeys(("cas", "alb", "sts"), "sts.example.invalid")})
    failed = plugin.refused(lambda: account(plugin))
    assert "(the proxy of HTTP_PROXY or HTTPS_PROXY cannot be used)" in failed.sentence

    bypassing = start(HTTP_PROXY=nowhere, NO_PROXY="example.invalid")
    bypassing.configure({**settings, "endpoints": dict.fromkeys(("cas", "alb", "sts"), "sts.example.invalid")})
    assert "(its name cannot be resolved)" in bypassing.refused(lambda: account(bypassing)).sentence
