"""Alibaba Cloud as the stack's provider reaches it, with every call written down."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.alibaba.alb import Alb
from alb_mutual_tls.alibaba.answers import ALB, CAS, CS, STS
from alb_mutual_tls.alibaba.credentials import (
    AssumedRole,
    CredentialSettings,
    OidcRole,
    choose,
    profile_region,
)
from alb_mutual_tls.alibaba.endpoints import Endpoints, endpoints
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.alibaba.recording import Call, RecordedApi
from alb_mutual_tls.alibaba.session import SdkCredential
from alb_mutual_tls.alibaba.sts import account_id
from alb_mutual_tls.errors import UserError, WrongPlace

_OBJECTS: Final = ("endpoints", "assumeRole", "assumeRoleWithOidc")


class Cloud:
    """CAS, ALB, CS and STS with one credential.

    `inputs`: those of the provider albmtls, as they stand in the state, or `options`.
    """

    def __init__(self, inputs: Mapping[str, Any], *, deadline: float = 45.0) -> None:
        values = {key: _plain(key, value) for key, value in inputs.items() if value not in (None, "")}
        self.protocol = str(values.get("protocol") or "HTTPS").upper()
        self.calls: list[Call] = []
        self._deadline = deadline
        self._account = values.get("accountId") or values.get("account")
        settings = _settings(values)
        self.places = _places(values, settings, self.protocol)
        self._credential = SdkCredential(choose(settings, os.environ, Path.home()), self._sts)
        self.sts = RecordedApi(
            STS, self.places.sts, self.protocol, self._credential, self.calls, deadline=deadline
        )
        self.cas = RecordedApi(
            CAS, self.places.cas, self.protocol, self._credential, self.calls, deadline=deadline
        )

    def describe_credential(self) -> str:
        """The masked key id and where it came from."""
        return self._credential.describe()

    def account(self) -> str:
        """The account of the credentials; raises `WrongPlace` when the stack's is another one."""
        found = account_id(self.sts)
        if self._account is not None and found != str(self._account):
            raise WrongPlace(
                f"the credentials ({self.describe_credential()}) belong to the account {found}, and the stack"
                f" to {self._account}: use credentials of that account; nothing was written"
            )
        return found

    def alb(self) -> Alb:
        """The ALB API of the region; raises `UserError` when there is none."""
        if self.places.alb is None:
            raise UserError(
                "no region is configured, so ALB cannot be asked: set alicloud:region to the region of the"
                " ACK cluster"
            )
        return Alb(
            RecordedApi(
                ALB, self.places.alb, self.protocol, self._credential, self.calls, deadline=self._deadline
            )
        )

    def cs(self) -> OpenApi:
        """Container Service in the region; raises `UserError` when there is none."""
        if self.places.cs is None:
            raise UserError(
                "no region is configured, so Container Service cannot be asked: set alicloud:region to the"
                " region of the ACK cluster"
            )
        return RecordedApi(
            CS, self.places.cs, self.protocol, self._credential, self.calls, deadline=self._deadline
        )

    def _sts(self, credential: SdkCredential | None) -> OpenApi:
        return OpenApi(
            STS, self.places.sts, self.protocol, credential
        )  # not recorded: its answers are credentials


def places_of(inputs: Mapping[str, Any]) -> Endpoints:
    """The hosts of the APIs, from inputs of the provider; those that are secret count as
    not given.
    """
    values = {key: _plain(key, value) for key, value in inputs.items() if value not in (None, "")}
    return _places(values, _settings(values), str(values.get("protocol") or "HTTPS").upper())


def _plain(key: str, value: Any) -> Any:
    """A value as it is meant: the engine keeps objects as JSON text, and numbers in them as
    text.
    """
    if key not in _OBJECTS:
        return value
    fields = json.loads(value) if isinstance(value, str) else dict(value)
    present = {name: item for name, item in fields.items() if item not in (None, "")}
    if isinstance(present.get("sessionExpiration"), str):
        present["sessionExpiration"] = int(present["sessionExpiration"])
    return present


def _settings(values: Mapping[str, Any]) -> CredentialSettings:
    role, oidc = values.get("assumeRole"), values.get("assumeRoleWithOidc")
    return CredentialSettings(
        access_key=values.get("accessKey"),
        secret_key=values.get("secretKey"),
        profile=values.get("profile"),
        assume_role=AssumedRole.of(role) if role else None,
        assume_role_with_oidc=OidcRole.of(oidc) if oidc else None,
        ecs_role_name=values.get("ecsRoleName"),
        credentials_uri=values.get("credentialsUri"),
    )


def _places(values: Mapping[str, Any], settings: CredentialSettings, protocol: str) -> Endpoints:
    region = (
        values.get("region") or os.environ.get("ALICLOUD_REGION") or os.environ.get("ALIBABA_CLOUD_REGION")
    )
    account_type = values.get("accountType") or os.environ.get("ALIBABA_CLOUD_ACCOUNT_TYPE") or "domestic"
    return endpoints(
        account_type=str(account_type).lower(),
        region=region or profile_region(settings, os.environ, Path.home()),
        overrides=values.get("endpoints") or {},
        protocol=protocol,
    )
