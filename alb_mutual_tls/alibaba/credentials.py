"""The kinds of Alibaba Cloud credentials, and the settings that choose among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Keys:
    """An access key, with a token when it is a temporary one."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OidcRole:
    """A RAM role for the bearer of an OIDC token.

    `token_file` is read at every use, since the token is short-lived.
    """

    role_arn: str
    oidc_provider_arn: str
    token_file: str
    session_name: str | None = None
    session_seconds: int | None = None
    policy: str | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> OidcRole:
        """From the value of the key `assumeRoleWithOidc`."""
        return cls(
            role_arn=fields["roleArn"],
            oidc_provider_arn=fields["oidcProviderArn"],
            token_file=fields["oidcTokenFile"],
            session_name=fields.get("roleSessionName"),
            session_seconds=fields.get("sessionExpiration"),
            policy=fields.get("policy"),
        )


@dataclass(frozen=True)
class EcsRole:
    """The RAM role of the ECS instance this runs on."""

    role_name: str


@dataclass(frozen=True)
class CredentialsUri:
    """A local service that hands out credentials."""

    uri: str


@dataclass(frozen=True)
class CliProfile:
    """A profile of the aliyun CLI whose mode the SDK evaluates.

    Such modes are `CloudSSO`, `OAuth`, `External` and `EcsRamRole`.
    """

    name: str
    file: str


@dataclass(frozen=True)
class DefaultChain:
    """The credentials that the official SDK finds by itself.

    It tries RRSA, the current CLI profile and the ECS metadata service.
    """


Base = Keys | OidcRole | EcsRole | CredentialsUri | CliProfile | DefaultChain


@dataclass(frozen=True)
class AssumedRole:
    """A RAM role assumed with other credentials.

    The session lasts `session_seconds`: 900 to 43200, by default 3600.
    """

    role_arn: str
    session_name: str | None = None
    session_seconds: int | None = None
    external_id: str | None = None
    policy: str | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> AssumedRole:
        """From the value of the key `assumeRole`."""
        return cls(
            role_arn=fields["roleArn"],
            session_name=fields.get("sessionName"),
            session_seconds=fields.get("sessionExpiration"),
            external_id=fields.get("externalId"),
            policy=fields.get("policy"),
        )


@dataclass(frozen=True)
class Choice:
    """The chosen credentials and the roles to assume with them.

    The roles are assumed one after the other. `origin` says in words where the first credentials
    were found.
    """

    base: Base
    origin: str
    roles: tuple[AssumedRole, ...] = ()


@dataclass(frozen=True)
class CredentialSettings:
    """The credential settings of the provider configuration.

    A setting is None where it is not set.
    """

    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    profile: str | None = None
    assume_role: AssumedRole | None = None
    assume_role_with_oidc: OidcRole | None = None
    ecs_role_name: str | None = None
    credentials_uri: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> CredentialSettings:
        """From the keys of the provider."""
        role, oidc = values.get("assumeRole"), values.get("assumeRoleWithOidc")
        return cls(
            access_key=values.get("accessKey"),
            secret_key=values.get("secretKey"),
            profile=values.get("profile"),
            assume_role=AssumedRole.of(role) if role else None,
            assume_role_with_oidc=OidcRole.of(oidc) if oidc else None,
            ecs_role_name=values.get("ecsRoleName"),
            credentials_uri=values.get("credentialsUri"),
        )


def mask(access_key_id: str) -> str:
    """Mask an access key id so that it can be shown.

    What is left is enough to recognize it but not to use it.
    """
    return (
        f"{access_key_id[:4]}****{access_key_id[-4:]}"
        if len(access_key_id) >= 12
        else f"{access_key_id[:2]}****"
    )
