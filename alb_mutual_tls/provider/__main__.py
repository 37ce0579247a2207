"""The program of the resource provider `albmtls`, which the Pulumi engine starts."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from datetime import datetime

from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError

try:
    from alb_mutual_tls import tokens
    from alb_mutual_tls.access.check import check
    from alb_mutual_tls.plugin.handler import Handler
    from alb_mutual_tls.plugin.request import Request
    from alb_mutual_tls.plugin.server import serve
    from alb_mutual_tls.provider import place
    from alb_mutual_tls.provider.configuration import Configuration
    from alb_mutual_tls.wire import CheckFailure, Properties
except ModuleNotFoundError as error:
    sys.exit(
        f"pulumi-resource-albmtls: {sys.executable} has no package {error.name}: run make up in a checkout, "
        "or pip install -r requirements.txt (or alb-mutual-tls) into the Python environment of the program"
    )


_CONFIGURATION, _CLOCK, _ISSUED = "configuration", "clock", "issued"
# token -> module, class, arguments; a module is imported when a resource of its type is first met
_HANDLERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    tokens.STACK_IDENTITY: ("stack_identity", "StackIdentity", ()),
    tokens.CERTIFICATE_REPOSITORY: (
        "certificate_repository",
        "CertificateRepository",
        (_CONFIGURATION,),
    ),
    tokens.CA_CERTIFICATE: ("ca_certificate", "CaCertificate", (_CONFIGURATION, _CLOCK)),
    tokens.EXISTING_CA_CERTIFICATE: (
        "existing_ca_certificate",
        "ExistingCaCertificate",
        (_CONFIGURATION, _CLOCK),
    ),
    tokens.LISTENER_CLIENT_AUTHENTICATION: (
        "listener_client_authentication",
        "ListenerClientAuthentication",
        (_CONFIGURATION, _CLOCK, _ISSUED),
    ),
    tokens.CLUSTER_IDENTITY: ("cluster_identity", "ClusterIdentity", (_CONFIGURATION,)),
    tokens.SECRET_PLACE: ("secret_place", "SecretPlace", (_CONFIGURATION,)),
    tokens.AUTHORITY_CERTIFICATE: ("authority_certificate", "AuthorityCertificate", (_CLOCK,)),
    tokens.SIGNED_CERTIFICATE: ("signed_certificate", "SignedCertificate", (_CLOCK,)),
    tokens.ISSUED_CERTIFICATES: ("issued_certificates", "IssuedCertificates", (_CLOCK, _ISSUED)),
}


class AlbMtls:
    """The provider: its configuration and, lazily, one handler per resource type.

    `clock` gives the current moment, with its time zone.
    """

    name = "albmtls"
    version = "0.1.0"

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock
        self._configuration: Configuration | None = None
        self._handlers: dict[str, Handler] = {}
        self._issued: dict[str, Properties] = {}

    def check_config(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        failures = check(inputs)
        if failures:
            return inputs, failures
        try:
            return place.recorded(old_inputs, inputs, Configuration.of), []
        except UserError as error:
            return inputs, [CheckFailure("", str(error))]

    def configure(self, properties: Properties) -> None:
        failures = check(properties)
        if failures:
            raise UserError("; ".join(failure.reason for failure in failures))
        configuration = Configuration.of(place.given(properties))
        place.compare(configuration)
        self._configuration = configuration
        self._handlers = {}

    def handler(self, token: str) -> Handler:
        if token not in self._handlers:
            module, name, needed = _HANDLERS[token]
            handler = getattr(importlib.import_module(f"alb_mutual_tls.provider.{module}"), name)
            arguments = {
                _CONFIGURATION: self._configuration or Configuration.of({}),
                _CLOCK: self._clock,
                _ISSUED: self._issued,
            }
            self._handlers[token] = handler(**{argument: arguments[argument] for argument in needed})
        return self._handlers[token]


def main(clock: Callable[[], datetime] = now) -> None:
    """Serve until the engine ends the process.

    `clock` gives the current moment, with its time zone: tests live at other times.
    """
    serve(AlbMtls(clock))


if __name__ == "__main__":
    main()
