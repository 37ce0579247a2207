"""The resource types of the stand-in."""

from __future__ import annotations

from collections.abc import Mapping

from alb_mutual_tls.plugin.handler import Handler
from dev.toolchain.plugins.sandbox_only import SandboxOnly
from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.self_signed_cert import SelfSignedCert

NAME = "tls"
VERSION = "5.6.2"


class TlsStandIn(SandboxOnly):
    """The provider `tls`; any configuration will do (`proxy`, its only key, is for a function that
    the stand-in has not).
    """

    name = NAME
    version = VERSION

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(environment)
        kinds = (PrivateKey, CertRequest, SelfSignedCert)
        self._handlers: dict[str, Handler] = {kind.token: kind(self.permit) for kind in kinds}

    def handler(self, token: str) -> Handler:
        """The handler of a resource type; raises `KeyError` when there is none."""
        return self._handlers[token]
