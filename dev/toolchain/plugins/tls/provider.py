"""The resource types of the stand-in, and the refusal to serve anything but the sandbox."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.provider.host import CheckFailure, Handler, Properties, Request
from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.locally_signed_cert import LocallySignedCert
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.resource import Clock
from dev.toolchain.plugins.tls.sandbox_only import refusal
from dev.toolchain.plugins.tls.self_signed_cert import SelfSignedCert

NAME = "tls"
VERSION = "5.6.2"


class TlsStandIn:
    """The provider `tls`. The engine shows a failing Configure as one line, hence the refusal there rather than at the start of the process.

    `clock` gives nanoseconds since 1970.
    """

    name = NAME
    version = VERSION

    def __init__(self, environment: Mapping[str, str] | None = None, clock: Clock = time.time_ns) -> None:
        self._environment = os.environ if environment is None else environment
        kinds = (PrivateKey, SelfSignedCert, CertRequest, LocallySignedCert)
        self._handlers: dict[str, Handler] = {kind.token: kind(clock, self._permit) for kind in kinds}

    def check_config(self, request: Request, old_inputs: Properties, inputs: Properties) -> tuple[Properties, list[CheckFailure]]:
        """Refuse to go on outside the sandbox; any configuration will do (`proxy`, the only key, is for a function that the stand-in has not)."""
        sentence = refusal(self._environment)
        return inputs, [] if sentence is None else [CheckFailure("", sentence)]

    def configure(self, properties: Properties) -> None:
        """Refuse to go on outside the sandbox."""
        self._permit()

    def _permit(self) -> None:
        sentence = refusal(self._environment)
        if sentence is not None:
            raise UserError(sentence)

    def handler(self, token: str) -> Handler:
        """The handler of a resource type; raises `KeyError` when there is none."""
        return self._handlers[token]
