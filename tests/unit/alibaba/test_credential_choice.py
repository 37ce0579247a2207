from __future__ import annotations

import json
from pathlib import Path

import pytest

from alb_mutual_tls.alibaba.credential_choice import choose, profile_region
from alb_mutual_tls.alibaba.credentials import (
    AssumedRole,
    Choice,
    CliProfile,
    CredentialSettings,
    CredentialsUri,
    DefaultChain,
    EcsRole,
    Keys,
    OidcRole,
    mask,
)
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.alibaba.session import SdkCredential, expiry
from alb_mutual_tls.errors import UserError

ROLE = AssumedRole("acs:ram::1:role/r")
OIDC = OidcRole("acs:ram::1:role/r", "acs:ram::1:oidc-provider/p", "token")
ENVIRONMENT = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "environment", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    profiles = [
        {
            "name": "keys",
            "mode": "AK",
            "access_key_id": "profile",
            "access_key_secret": "secret",
            "region_id": "cn-beijing",
        },
        {"name": "half", "mode": "AK", "access_key_id": "profile"},
        {
            "name": "session",
            "mode": "StsToken",
            "access_key_id": "profile",
            "access_key_secret": "secret",
            "sts_token": "token",
        },
        {
            "name": "role",
            "mode": "RamRoleArn",
            "access_key_id": "profile",
            "access_key_secret": "secret",
            "ram_role_arn": "arn",
            "expired_seconds": 900,
        },
        {
            "name": "chained",
            "mode": "ChainableRamRoleArn",
            "source_profile": "role",
            "ram_role_arn": "second",
        },
        {"name": "loop", "mode": "ChainableRamRoleArn", "source_profile": "pool", "ram_role_arn": "arn"},
        {"name": "pool", "mode": "ChainableRamRoleArn", "source_profile": "loop", "ram_role_arn": "arn"},
        {
            "name": "oidc",
            "mode": "OIDC",
            "ram_role_arn": "arn",
            "oidc_provider_arn": "provider",
            "oidc_token_file": "file",
        },
        {"name": "incomplete", "mode": "OIDC", "ram_role_arn": "arn"},
        {"name": "sso", "mode": "CloudSSO"},
    ]
    (tmp_path / ".aliyun").mkdir()
    (tmp_path / ".aliyun" / "config.json").write_text(json.dumps({"current": "keys", "profiles": profiles}))
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "environment", "expected"),
    [
        (
            CredentialSettings(access_key="a", secret_key="s"),
            ENVIRONMENT,
            Choice(Keys("a", "s"), "alicloud:accessKey"),
        ),
        (
            CredentialSettings(assume_role_with_oidc=OIDC),
            ENVIRONMENT,
            Choice(OIDC, "alicloud:assumeRoleWithOidc"),
        ),
        (
            CredentialSettings(credentials_uri="http://u"),
            ENVIRONMENT,
            Choice(CredentialsUri("http://u"), "alicloud:credentialsUri"),
        ),
        (CredentialSettings(ecs_role_name="r"), ENVIRONMENT, Choice(EcsRole("r"), "alicloud:ecsRoleName")),
        (
            CredentialSettings(),
            ENVIRONMENT,
            Choice(Keys("environment", "secret"), "the environment variable ALIBABA_CLOUD_ACCESS_KEY_ID"),
        ),
        (
            CredentialSettings(assume_role=ROLE),
            ENVIRONMENT,
            Choice(
                Keys("environment", "secret"), "the environment variable ALIBABA_CLOUD_ACCESS_KEY_ID", (ROLE,)
            ),
        ),
        (
            CredentialSettings(),
            {
                **ENVIRONMENT,
                "ALICLOUD_ACCESS_KEY": "first",
                "ALICLOUD_SECRET_KEY": "s",
                "ALICLOUD_SECURITY_TOKEN": "t",
            },
            Choice(Keys("first", "s", "t"), "the environment variable ALICLOUD_ACCESS_KEY"),
        ),
        (
            # a token of one family is never put to the key of another
            CredentialSettings(),
            {**ENVIRONMENT, "ALICLOUD_SECURITY_TOKEN": "t"},
            Choice(Keys("environment", "secret"), "the environment variable ALIBABA_CLOUD_ACCESS_KEY_ID"),
        ),
        (
            CredentialSettings(),
            {"ALICLOUD_CREDENTIALS_URI": "u"},
            Choice(CredentialsUri("u"), "the environment variable ALICLOUD_CREDENTIALS_URI"),
        ),
        (
            CredentialSettings(),
            {"ALIBABA_CLOUD_ECS_METADATA": "r"},
            Choice(EcsRole("r"), "the environment variable ALIBABA_CLOUD_ECS_METADATA"),
        ),
        (CredentialSettings(), {}, Choice(DefaultChain(), "the default credential chain")),
    ],
)
def test_the_stack_comes_first_then_the_environment_then_the_chain(
    home: Path, settings: CredentialSettings, environment: dict[str, str], expected: Choice
) -> None:
    assert choose(settings, environment, home) == expected


def test_every_mode_of_a_profile_leads_to_its_credentials(home: Path) -> None:
    def chosen(name: str) -> Choice:
        return choose(CredentialSettings(profile=name), ENVIRONMENT, home)

    assert chosen("keys").base == Keys("profile", "secret")
    assert chosen("session").base == Keys("profile", "secret", "token")
    assert chosen("role").roles == (AssumedRole("arn", session_seconds=900),)
    assert [role.role_arn for role in chosen("chained").roles] == ["arn", "second"]
    assert chosen("chained").base == Keys("profile", "secret")
    assert chosen("oidc").base == OidcRole("arn", "provider", "file")
    assert chosen("sso").base == CliProfile("sso", str(home / ".aliyun" / "config.json"))
    assert "profile keys of" in chosen("keys").origin
    assert choose(CredentialSettings(profile="role", assume_role=ROLE), {}, home).roles[-1] == ROLE


def test_a_profile_file_of_ones_own_is_read(tmp_path: Path, home: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(
        json.dumps(
            {"profiles": [{"name": "keys", "mode": "AK", "access_key_id": "other", "access_key_secret": "s"}]}
        )
    )
    environment = {"ALICLOUD_PROFILE": "keys", "ALICLOUD_SHARED_CREDENTIALS_FILE": str(other)}
    assert choose(CredentialSettings(), environment, home).base == Keys("other", "s")


@pytest.mark.parametrize(
    ("settings", "environment", "sentence"),
    [
        (CredentialSettings(access_key="a"), {}, "alicloud:accessKey is set and alicloud:secretKey is not"),
        (CredentialSettings(secret_key="s"), {}, "alicloud:secretKey is set and alicloud:accessKey is not"),
        (
            CredentialSettings(),
            {"ALICLOUD_ACCESS_KEY": "a"},
            "ALICLOUD_ACCESS_KEY is set and ALICLOUD_SECRET_KEY is not",
        ),
        (CredentialSettings(profile="half"), {}, "access_key_secret of profile half"),
        (
            CredentialSettings(profile="nobody"),
            {},
            "does not exist, the profiles are chained, half, incomplete, keys",
        ),
        (CredentialSettings(profile="incomplete"), {}, "has no oidc_provider_arn, which its mode OIDC needs"),
        (CredentialSettings(profile="loop"), {}, "leads back to itself"),
        (
            CredentialSettings(profile="keys"),
            {"ALIBABA_CLOUD_CREDENTIALS_FILE": "/no/such/file"},
            "/no/such/file cannot be read",
        ),
    ],
)
def test_what_is_half_given_or_missing_is_said_in_one_sentence(
    home: Path, settings: CredentialSettings, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(UserError) as caught:
        choose(settings, environment, home)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_profile_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    for content in ("not json", "[]", "{}", '{"profiles": [{"mode": "AK"}]}'):
        file.write_text(content)
        with pytest.raises(UserError, match="is not a configuration file of the aliyun CLI"):
            choose(
                CredentialSettings(profile="keys"), {"ALIBABA_CLOUD_CREDENTIALS_FILE": str(file)}, tmp_path
            )


def test_the_region_of_the_profile_is_taken_when_a_profile_is_used(home: Path) -> None:
    assert profile_region(CredentialSettings(profile="keys"), {}, home) == "cn-beijing"
    assert profile_region(CredentialSettings(), {"ALICLOUD_PROFILE": "keys"}, home) == "cn-beijing"
    assert profile_region(CredentialSettings(profile="role"), {}, home) is None
    assert profile_region(CredentialSettings(), {}, home) is None


def test_secrets_are_not_in_what_is_printed() -> None:
    for shown in (
        repr(Keys("id", "hidden", "hidden")),
        repr(CredentialSettings(access_key="id", secret_key="hidden")),
    ):
        assert "hidden" not in shown


@pytest.mark.parametrize(
    ("key", "shown"), [("LTAI5tExampleOfAKey", "LTAI****AKey"), ("short", "sh****"), ("", "****")]
)
def test_a_key_id_is_shown_so_that_it_can_be_recognised_but_not_used(key: str, shown: str) -> None:
    assert mask(key) == shown


def test_a_credential_describes_itself_with_its_origin_and_roles() -> None:
    def sts(credential: SdkCredential | None) -> OpenApi:
        raise AssertionError("nothing is asked")

    described = SdkCredential(
        Choice(Keys("LTAI5tExampleOfAKey", "s"), "alicloud:accessKey", (ROLE,)), sts
    ).describe()
    assert described == "LTAI****AKey from alicloud:accessKey, in the role acs:ram::1:role/r"
    assert (
        SdkCredential(Choice(EcsRole("r"), "alicloud:ecsRoleName"), sts).describe()
        == "of alicloud:ecsRoleName"
    )


def test_the_end_of_a_session_is_read_and_guessed_when_it_is_no_date() -> None:
    assert expiry("2026-01-01T00:00:00Z", 1.0) == 1767225600.0
    assert expiry("tomorrow", 1.0) == 1.0
