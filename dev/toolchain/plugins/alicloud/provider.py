"""The one function of the stand-in, and the configuration that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Function, Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import CheckFailure, Properties
from dev.toolchain.plugins.alicloud.identity import Configuration, caller_account
from dev.toolchain.plugins.sandbox_only import SandboxOnly

NAME: Final = "alicloud"
VERSION: Final = "4.0.0"
ACCOUNT_VARIABLES: Final = ("ALICLOUD_ACCOUNT_ID", "ALIBABA_CLOUD_ACCOUNT_ID")
GET_ACCOUNT: Final = "alicloud:index/getAccount:getAccount"


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
