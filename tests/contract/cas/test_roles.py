"""Every way to take on a role, used for a real signed call to the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from dev.sandbox.cloud import OpenApiServer
from tests.contract.cas.conftest import Gateway
from tests.contract.cas.credentials import (
    KEY,
    PROVIDER,
    ROLE,
    SECRET,
    TOKEN,
    account,
    serving,
    session_of,
    write_profiles,
)

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Plugin


def parameters(gateway: Gateway, action: str) -> dict[str, str]:
    """What the one call of an action was given."""
    (sent,) = (path for seen, path, _ in gateway.seen if seen == action)
    return {key: value for key, value in parse_qsl(urlsplit(sent).query) if key != "Format"}


def test_a_role_is_taken_on_at_the_configured_endpoint_once(
    start: Callable[..., Plugin], settings: dict[str, Any], gateway: Gateway, server: OpenApiServer
) -> None:
    plugin = start()
    role = {
        "roleArn": ROLE,
        "sessionName": "session",
        "sessionExpiration": 900,
        "externalId": "ticket",
        "policy": '{"Statement": []}',
    }
    plugin.configure({**settings, "assumeRole": role})
    plugin.create(TOKEN, {"name": "made-in-a-role", "configured": False})
    assert gateway.calls["AssumeRole"] == 1
    assert parameters(gateway, "AssumeRole") == {
        "RoleArn": ROLE,
        "RoleSessionName": "session",
        "DurationSeconds": "900",
        "ExternalId": "ticket",
        "Policy": '{"Statement": []}',
    }
    assert {(action, key[:4]) for action, key in gateway.signers} == {
        ("AssumeRole", "sand"),
        ("GetCallerIdentity", "STS."),
        ("ListCertWarehouse", "STS."),
        ("CreateWarehouse", "STS."),
    }


def test_a_role_without_more_gets_a_session_of_an_hour_under_our_name(
    start: Callable[..., Plugin], settings: dict[str, Any], gateway: Gateway
) -> None:
    plugin = start()
    plugin.configure({**settings, "assumeRole": {"roleArn": ROLE}})
    assert account(plugin) == "1234567890123456"
    assert parameters(gateway, "AssumeRole") == {
        "RoleArn": ROLE,
        "RoleSessionName": "alb-mutual-tls",
        "DurationSeconds": "3600",
    }


def test_a_role_is_taken_on_with_whatever_credentials_there_are(
    start: Callable[..., Plugin], bare: dict[str, Any], gateway: Gateway, server: OpenApiServer
) -> None:
    session = session_of(server)
    with serving(json.dumps({"Code": "Success", **session}).encode(), 200) as uri:
        plugin = start()
        plugin.configure({**bare, "credentialsUri": uri, "assumeRole": {"roleArn": ROLE}})
        assert account(plugin) == "1234567890123456"
    first, second = gateway.signers
    assert first == ("AssumeRole", session["AccessKeyId"])
    assert second[0] == "GetCallerIdentity"
    assert second[1] not in (session["AccessKeyId"], "")


def test_a_role_that_may_not_be_taken_on_is_named(
    start: Callable[..., Plugin], settings: dict[str, Any]
) -> None:
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
        {
            "name": "one",
            "mode": "ChainableRamRoleArn",
            "source_profile": "start",
            "ram_role_arn": ROLE,
            "ram_session_name": "one",
        },
        {
            "name": "two",
            "mode": "ChainableRamRoleArn",
            "source_profile": "one",
            "ram_role_arn": ROLE,
            "ram_session_name": "two",
        },
    )
    plugin = start()
    plugin.configure({**bare, "profile": "two"})
    assert account(plugin) == "1234567890123456"
    assert gateway.calls["AssumeRole"] == 2


def test_an_oidc_token_is_exchanged_without_a_signature_for_a_session_that_signs(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, gateway: Gateway, server: OpenApiServer
) -> None:
    """The sandbox has no AssumeRoleWithOIDC, so the gateway hands out a session of the sandbox,
    with which the next call is really signed.
    """
    session = session_of(server)
    gateway.answer("AssumeRoleWithOIDC", {"RequestId": "1", "Credentials": session})
    (home / "token").write_text("the-token\n")
    plugin = start()
    fields = {"roleArn": ROLE, "oidcProviderArn": PROVIDER, "oidcTokenFile": "token"}
    more = {"roleSessionName": "mine", "sessionExpiration": 900, "policy": '{"Statement": []}'}
    plugin.configure({**bare, "assumeRoleWithOidc": {**fields, **more}})
    assert account(plugin) == "1234567890123456"
    assert parameters(gateway, "AssumeRoleWithOIDC") == {
        "RoleArn": ROLE,
        "OIDCProviderArn": PROVIDER,
        "OIDCToken": "the-token",
        "RoleSessionName": "mine",
        "DurationSeconds": "900",
        "Policy": '{"Statement": []}',
    }
    assert gateway.signers == [("AssumeRoleWithOIDC", ""), ("GetCallerIdentity", session["AccessKeyId"])]


def test_an_oidc_token_is_never_shown(start: Callable[..., Plugin], bare: dict[str, Any], home: Path) -> None:
    (home / "token").write_text("the-token\n")
    plugin = start()
    oidc = {"roleArn": ROLE, "oidcProviderArn": PROVIDER, "oidcTokenFile": "token"}
    plugin.configure({**bare, "assumeRoleWithOidc": oidc})
    failed = plugin.refused(lambda: account(plugin))
    assert "AssumeRoleWithOIDC" in failed.sentence
    assert "the-token" not in failed.sentence

    plugin.configure(
        {**bare, "endpoints": dict.fromkeys(("cas", "alb", "sts"), "127.0.0.1:9"), "assumeRoleWithOidc": oidc}
    )
    failed = plugin.refused(lambda: account(plugin))
    assert "did not answer AssumeRoleWithOIDC (connection refused)" in failed.sentence
    assert "the-token" not in failed.sentence

    plugin.configure({**bare, "assumeRoleWithOidc": {**oidc, "oidcTokenFile": "no/such/token"}})
    failed = plugin.refused(lambda: account(plugin))
    assert "no/such/token" in failed.sentence
