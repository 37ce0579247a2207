"""Fetches the chosen credentials and keeps them until they expire.

The official SDK fetches them. Roles are assumed with STS at the configured endpoint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alb_mutual_tls.alibaba.credential_choice import HOW_TO
from alb_mutual_tls.alibaba.credentials import (
    Base,
    Choice,
    CliProfile,
    CredentialsUri,
    DefaultChain,
    EcsRole,
    Keys,
    OidcRole,
    mask,
)
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.alibaba.sdk import load_sdk
from alb_mutual_tls.errors import UserError


class SdkCredential:
    """The chosen credentials, in the form that the SDK's clients take.

    They are fetched when first needed and again before they expire. `sts` makes the STS API for a
    credential, or an unsigned one for None. So roles are assumed at the configured endpoint.
    """

    def __init__(
        self,
        choice: Choice,
        sts: Callable[[SdkCredential | None], OpenApi],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._choice = choice
        self._sts = sts
        self._clock = clock
        self._lock = threading.Lock()
        self._provider: Any = None
        self._session: Any = None
        self._expires = 0.0

    def describe(self) -> str:
        """The masked id of the key and where it came from, for sentences."""
        start = (
            mask(self._choice.base.access_key_id) + " from " if isinstance(self._choice.base, Keys) else "of "
        )
        roles = "".join(f", in the role {role.role_arn}" for role in self._choice.roles)
        return f"{start}{self._choice.origin}{roles}"

    def get_credential(self) -> Any:
        """The credential model, under the name by which the SDK's clients ask for it."""
        return self.resolve()

    def resolve(self) -> Any:
        """Return the SDK's credential model.

        It has `access_key_id`, `access_key_secret` and `security_token`. Raises `UserError` when
        there are no credentials.
        """
        load_sdk()
        with self._lock:
            if self._choice.roles:
                return self._fresh(self._assume_role)
            if isinstance(self._choice.base, OidcRole):
                return self._fresh(self._assume_role_with_oidc)
            return self._from_sdk()

    def _fresh(self, fetch: Callable[[], Mapping[str, Any]]) -> Any:
        if self._session is None or self._clock() > self._expires - 300:
            answer = fetch()
            given = answer.get("Credentials")
            if (
                not isinstance(given, Mapping)
                or not given.get("AccessKeyId")
                or not given.get("AccessKeySecret")
            ):
                raise UserError(
                    f"STS answered without credentials for the key {self.describe()}: check"
                    " alicloud:endpoints (sts)"
                )
            self._session = _model(
                given["AccessKeyId"], given["AccessKeySecret"], given.get("SecurityToken"), "ram_role_arn"
            )
            self._expires = expiry(str(given.get("Expiration", "")), self._clock() + 900)
        return self._session

    def _assume_role(self) -> Mapping[str, Any]:
        *before, role = self._choice.roles
        source = SdkCredential(
            Choice(self._choice.base, self._choice.origin, tuple(before)), self._sts, self._clock
        )
        query = {
            "RoleArn": role.role_arn,
            "RoleSessionName": role.session_name or "alb-mutual-tls",
            "DurationSeconds": role.session_seconds or 3600,
            "ExternalId": role.external_id,
            "Policy": role.policy,
        }
        return self._sts(source).read(
            "AssumeRole", {key: value for key, value in query.items() if value is not None}
        )

    def _assume_role_with_oidc(self) -> Mapping[str, Any]:
        role = self._choice.base
        assert isinstance(role, OidcRole)
        try:
            token = Path(role.token_file).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UserError(
                f"the OIDC token file {role.token_file} ({self._choice.origin}) cannot be read"
                f" ({error.strerror}): correct oidcTokenFile"
            ) from None
        query = {
            "RoleArn": role.role_arn,
            "OIDCProviderArn": role.oidc_provider_arn,
            "OIDCToken": token,
            "RoleSessionName": role.session_name or "alb-mutual-tls",
            "DurationSeconds": role.session_seconds or 3600,
            "Policy": role.policy,
        }
        return self._sts(None).read(
            "AssumeRoleWithOIDC", {key: value for key, value in query.items() if value is not None}
        )

    def _from_sdk(self) -> Any:
        try:
            if self._provider is None:
                self._provider = _sdk_provider(self._choice.base)
            given = self._provider.get_credentials()
        except UserError:
            raise
        except Exception as error:
            if isinstance(self._choice.base, DefaultChain):
                raise UserError(f"no Alibaba Cloud credentials were found: {HOW_TO}") from None
            # The SDK's messages may quote what a credential service answered, so only the kind of
            # failure is told.
            raise UserError(
                f"{self._choice.origin} gave no credentials ({type(error).__name__}): correct it, or {HOW_TO}"
            ) from None
        return _model(
            given.get_access_key_id(),
            given.get_access_key_secret(),
            given.get_security_token() or None,
            given.get_provider_name(),
        )


def expiry(text: str, otherwise: float) -> float:
    """The end of a session (RFC 3339 UTC) as seconds since the epoch."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return otherwise


def _model(identifier: str, secret: str, token: str | None, provider_name: str) -> Any:
    from alibabacloud_credentials.models import CredentialModel

    return CredentialModel(
        access_key_id=identifier,
        access_key_secret=secret,
        security_token=token,
        type="sts" if token else "access_key",
        provider_name=provider_name,
    )


def _sdk_provider(base: Base) -> Any:
    from alibabacloud_credentials import provider

    if isinstance(base, Keys) and base.security_token:
        return provider.StaticSTSCredentialsProvider(
            access_key_id=base.access_key_id,
            access_key_secret=base.access_key_secret,
            security_token=base.security_token,
        )
    if isinstance(base, Keys):
        return provider.StaticAKCredentialsProvider(
            access_key_id=base.access_key_id, access_key_secret=base.access_key_secret
        )
    if isinstance(base, EcsRole):
        return provider.EcsRamRoleCredentialsProvider(role_name=base.role_name, async_update_enabled=False)
    if isinstance(base, CredentialsUri):
        return provider.URLCredentialsProvider(uri=base.uri)
    if isinstance(base, CliProfile):
        return provider.CLIProfileCredentialsProvider(profile_name=base.name, profile_file=base.file)
    return provider.DefaultCredentialsProvider()
