"""Which Alibaba Cloud credentials are used.

Settings and environment mean what they mean to the alicloud provider of Pulumi and Terraform
(terraform-provider-alicloud, alicloud/provider.go, providerConfigure). One difference: what is
configured in the stack comes before the environment altogether, so that a configured `profile` is
never passed over because a key happens to be exported. Here is only decided; `session.py` fetches.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
)
from alb_mutual_tls.errors import UserError

_KEY_FAMILIES = (
    ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"),
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ("ALIBABACLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_SECRET", "ALIBABACLOUD_SECURITY_TOKEN"),
)
_PROFILE_VARIABLES = ("ALICLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE")
_FILE_VARIABLES = ("ALICLOUD_SHARED_CREDENTIALS_FILE", "ALIBABA_CLOUD_CREDENTIALS_FILE")
_URI_VARIABLES = ("ALICLOUD_CREDENTIALS_URI", "ALIBABA_CLOUD_CREDENTIALS_URI")
_ECS_VARIABLES = ("ALICLOUD_ECS_ROLE_NAME", "ALIBABA_CLOUD_ECS_METADATA")
HOW_TO = (
    "set alicloud:profile or alicloud:accessKey and alicloud:secretKey (--secret) in the stack, or export"
    " ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run aliyun configure"
)


def choose(settings: CredentialSettings, environment: Mapping[str, str], home: Path) -> Choice:
    """Decide which credentials are used.

    `environment` are the process's variables and `home` the folder of `.aliyun/config.json`. Raises
    `UserError` when only half of a key is given or a named profile does not exist; no network, and
    nothing is read but the profile file.
    """
    choice = _configured(settings, environment, home) or _from_environment(environment, home)
    if settings.assume_role is None:
        return choice
    return Choice(choice.base, choice.origin, (*choice.roles, settings.assume_role))


def _configured(settings: CredentialSettings, environment: Mapping[str, str], home: Path) -> Choice | None:
    if settings.assume_role_with_oidc is not None:
        return Choice(settings.assume_role_with_oidc, "alicloud:assumeRoleWithOidc")
    if settings.access_key or settings.secret_key:
        return Choice(
            _pair(settings.access_key, settings.secret_key, None, "alicloud:accessKey", "alicloud:secretKey"),
            "alicloud:accessKey",
        )
    if settings.profile:
        return _profile(settings.profile, "alicloud:profile", _profile_file(environment, home))
    if settings.credentials_uri:
        return Choice(CredentialsUri(settings.credentials_uri), "alicloud:credentialsUri")
    if settings.ecs_role_name:
        return Choice(EcsRole(settings.ecs_role_name), "alicloud:ecsRoleName")
    return None


def _from_environment(environment: Mapping[str, str], home: Path) -> Choice:
    for family in _KEY_FAMILIES:
        identifier, secret, token = (environment.get(name, "").strip() for name in family)
        if identifier or secret:
            # The three of one family belong together: a token of another family would be of another
            # session.
            return Choice(
                _pair(identifier, secret, token, family[0], family[1]),
                f"the environment variable {family[0]}",
            )
    for name in _PROFILE_VARIABLES:
        if environment.get(name):
            return _profile(
                environment[name], f"the environment variable {name}", _profile_file(environment, home)
            )
    for name in _URI_VARIABLES:
        if environment.get(name):
            return Choice(CredentialsUri(environment[name]), f"the environment variable {name}")
    for name in _ECS_VARIABLES:
        if environment.get(name):
            return Choice(EcsRole(environment[name]), f"the environment variable {name}")
    return Choice(DefaultChain(), "the default credential chain")


def _pair(
    identifier: str | None, secret: str | None, token: str | None, identifier_name: str, secret_name: str
) -> Keys:
    if not identifier or not secret:
        there, missing = (identifier_name, secret_name) if identifier else (secret_name, identifier_name)
        raise UserError(f"{there} is set and {missing} is not: set both, or neither to use other credentials")
    return Keys(identifier.strip(), secret.strip(), token or None)


def _profile_file(environment: Mapping[str, str], home: Path) -> Path:
    for name in _FILE_VARIABLES:
        if environment.get(name):
            return Path(environment[name]).expanduser()
    return home / ".aliyun" / "config.json"


def read_profiles(file: Path) -> dict[str, dict[str, Any]]:
    """Return the profiles of an aliyun CLI configuration file by name.

    Raises `UserError` when the file cannot be read or is not such a file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {str(item["name"]): item for item in content["profiles"]}
    except OSError as error:
        raise UserError(
            f"the aliyun CLI profiles in {file} cannot be read ({error.strerror}): run aliyun configure"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{file} is not a configuration file of the aliyun CLI: run aliyun configure"
        ) from None


def _profile(name: str, origin: str, file: Path) -> Choice:
    profiles = read_profiles(file)
    return _profile_choice(name, profiles, f"profile {name} of {file} ({origin})", file, frozenset())


def _profile_choice(
    name: str, profiles: Mapping[str, Mapping[str, Any]], origin: str, file: Path, seen: frozenset[str]
) -> Choice:
    profile = profiles.get(name)
    if profile is None:
        raise UserError(
            f"{origin} does not exist, the profiles are {', '.join(sorted(profiles)) or 'none'}: name one of"
            " them, or run aliyun configure"
        )
    mode = profile.get("mode") or "AK"
    identifier, secret = profile.get("access_key_id"), profile.get("access_key_secret")

    def own_keys(token: str | None) -> Keys:
        return _pair(
            identifier, secret, token, f"access_key_id of {origin}", f"access_key_secret of {origin}"
        )

    if mode == "AK":
        return Choice(own_keys(None), origin)
    if mode == "StsToken":
        return Choice(own_keys(profile.get("sts_token")), origin)
    if mode == "OIDC":
        return Choice(_profile_oidc(profile, origin), origin)
    if mode in ("RamRoleArn", "ChainableRamRoleArn"):
        role = AssumedRole(
            role_arn=_needed(profile, "ram_role_arn", origin),
            session_name=profile.get("ram_session_name") or None,
            session_seconds=profile.get("expired_seconds") or None,
            external_id=profile.get("external_id") or None,
            policy=profile.get("policy") or None,
        )
        if mode == "RamRoleArn":
            return Choice(own_keys(profile.get("sts_token")), origin, (role,))
        source = _needed(profile, "source_profile", origin)
        if source in seen or source == name:
            raise UserError(f"{origin} leads back to itself through source_profile {source}: correct {file}")
        start = _profile_choice(source, profiles, f"source_profile {source} of {origin}", file, seen | {name})
        return Choice(start.base, start.origin, (*start.roles, role))
    return Choice(CliProfile(name, str(file)), origin)


def _profile_oidc(profile: Mapping[str, Any], origin: str) -> OidcRole:
    return OidcRole(
        role_arn=_needed(profile, "ram_role_arn", origin),
        oidc_provider_arn=_needed(profile, "oidc_provider_arn", origin),
        token_file=_needed(profile, "oidc_token_file", origin),
        session_name=profile.get("role_session_name") or profile.get("ram_session_name") or None,
        session_seconds=profile.get("expired_seconds") or None,
        policy=profile.get("policy") or None,
    )


def _needed(profile: Mapping[str, Any], key: str, origin: str) -> str:
    value = profile.get(key)
    if not value:
        raise UserError(
            f"{origin} has no {key}, which its mode {profile.get('mode')} needs: run aliyun configure"
        )
    return str(value)


def profile_region(settings: CredentialSettings, environment: Mapping[str, str], home: Path) -> str | None:
    """Return the region of the profile in use.

    The alicloud provider takes the same one when no region is configured.
    """
    name = settings.profile or next(
        (environment[item] for item in _PROFILE_VARIABLES if environment.get(item)), None
    )
    if name is None:
        return None
    region = read_profiles(_profile_file(environment, home)).get(name, {}).get("region_id")
    return str(region) if region else None
