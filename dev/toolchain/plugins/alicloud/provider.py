"""The one function of the stand-in and the configuration that it takes.

It sends a signed GetCallerIdentity to the sandbox's STS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.plugin.handler import Function, Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import CheckFailure, Properties
from dev.toolchain.plugins.sandbox_only import SandboxOnly

NAME: Final = "alicloud"
VERSION: Final = "4.0.0"
ACCOUNT_VARIABLES: Final = ("ALICLOUD_ACCOUNT_ID", "ALIBABA_CLOUD_ACCOUNT_ID")
GET_ACCOUNT: Final = "alicloud:index/getAccount:getAccount"
_KEYS: Final = ("region", "accountType", "protocol", "endpoints", "accessKey", "secretKey", "securityToken")
_VARIABLES: Final = {
    "accessKey": ("ALICLOUD_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_ID"),
    "secretKey": ("ALICLOUD_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABACLOUD_ACCESS_KEY_SECRET"),
    "securityToken": (
        "ALICLOUD_SECURITY_TOKEN",
        "ALIBABA_CLOUD_SECURITY_TOKEN",
        "ALIBABACLOUD_SECURITY_TOKEN",
    ),
}


@dataclass(frozen=True)
class Configuration:
    """How STS is reached.

    `sts` is HOST:PORT. The three texts of the credentials are empty where there are none.
    """

    sts: str = ""
    protocol: str = "HTTPS"
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    security_token: str = field(default="", repr=False)

    @classmethod
    def of(cls, properties: Mapping[str, Any], environment: Mapping[str, str]) -> Self:
        """Read the provider's properties as the engine hands them over.

        Every value is text, and lists are JSON text. Raises `UserError`.
        """
        values = {
            key: value
            for key, value in properties.items()
            if value not in (None, "") and not key.startswith("__") and key != "version"
        }
        foreign = sorted(values.keys() - set(_KEYS))
        if foreign:
            raise UserError(
                f"the alicloud stand-in takes no {foreign[0]}: it takes {', '.join(_KEYS)}; set keys, or use"
                " the official plugin"
            )
        endpoints = values.get("endpoints") or []
        blocks = json.loads(endpoints) if isinstance(endpoints, str) else endpoints
        merged = {
            name: host
            for block in ([blocks] if isinstance(blocks, dict) else blocks)
            for name, host in block.items()
        }

        def credential(key: str) -> str:
            return str(
                values.get(key)
                or next((environment[name] for name in _VARIABLES[key] if environment.get(name)), "")
            )

        return cls(
            sts=str(merged.get("sts") or ""),
            protocol=str(values.get("protocol") or "HTTPS").upper(),
            access_key=credential("accessKey"),
            secret_key=credential("secretKey"),
            security_token=credential("securityToken"),
        )


def caller_account(configuration: Configuration) -> str:
    """Ask STS for the account of the credentials.

    Raises `UserError`: there are none, STS is not the sandbox's, refuses or does not answer.
    """
    if configuration.sts.rpartition(":")[0] != "127.0.0.1":
        raise UserError(
            "the alicloud stand-in asks only the sandbox's STS on 127.0.0.1, and alicloud:endpoints names"
            f" {configuration.sts or 'none'}: set sts in it, or install the official plugin with `pulumi"
            " plugin install resource alicloud`"
        )
    if not configuration.access_key or not configuration.secret_key:
        raise UserError(
            "no access key is configured for alicloud: run `. .sandbox/env`, or set alicloud:accessKey and"
            " alicloud:secretKey"
        )
    from alibabacloud_sts20150401.client import Client
    from alibabacloud_tea_openapi.utils_models import Config
    from darabonba.runtime import RuntimeOptions

    client = Client(
        Config(
            endpoint=configuration.sts,
            protocol=configuration.protocol,
            access_key_id=configuration.access_key,
            access_key_secret=configuration.secret_key,
            security_token=configuration.security_token or None,
            connect_timeout=5_000,
            read_timeout=15_000,
        )
    )
    try:
        answer = client.get_caller_identity_with_options(RuntimeOptions(autoretry=False))
    except Exception as error:
        code = getattr(error, "code", None)
        if getattr(error, "status_code", None) is None:
            raise Unreachable(
                f"STS at {configuration.sts} did not answer GetCallerIdentity: see `python -m dev.sandbox"
                " status`"
            ) from None
        raise UserError(
            f"STS at {configuration.sts} refused GetCallerIdentity ({code}): check the access key"
        ) from None
    return str(answer.body.account_id)


class AlicloudStandIn(SandboxOnly):
    """The provider `alicloud`."""

    name = NAME
    version = VERSION

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(environment)
        self.functions: Mapping[str, Function] = {GET_ACCOUNT: self.get_account}
        self._configuration = Configuration()
        self._account: str | None = None

    def check_config(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Refuse what the stand-in would have to ignore."""
        _, failures = super().check_config(request, old_inputs, inputs)
        if not failures:
            try:
                Configuration.of(inputs, self.environment)
            except UserError as error:
                failures = [CheckFailure("", str(error))]
        return inputs, failures

    def configure(self, properties: Properties) -> None:
        """Take the configuration; nobody is asked."""
        super().configure(properties)
        self._configuration = Configuration.of(properties, self.environment)

    def get_account(self, arguments: Properties) -> Properties:
        """The account of the credentials."""
        self.permit()
        if self._account is None:
            named = next(
                (self.environment[name] for name in ACCOUNT_VARIABLES if self.environment.get(name)), None
            )
            self._account = named or caller_account(self._configuration)
        return {"id": self._account}

    def handler(self, token: str) -> Handler:
        """There is no resource type."""
        raise KeyError(token)
