"""The program of the resource provider `albmtls`, which the Pulumi engine starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError

try:
    from alb_mutual_tls.access.check import check
    from alb_mutual_tls.plugin.handler import Handler
    from alb_mutual_tls.plugin.request import Request
    from alb_mutual_tls.plugin.server import serve
    from alb_mutual_tls.provider import place
    from alb_mutual_tls.provider.configuration import Configuration
    from alb_mutual_tls.provider.handlers import make_handler
    from alb_mutual_tls.wire import CheckFailure, Properties
except ModuleNotFoundError as error:
    sys.exit(
        f"pulumi-resource-albmtls: {sys.executable} has no package {error.name}: run make up in a checkout, "
        "or pip install -r requirements.txt (or alb-mutual-tls) into the Python environment of the program"
    )

if TYPE_CHECKING:
    from alb_mutual_tls.provider.consequences import Clients


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
        self._issued: dict[str, Clients] = {}

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
            configuration = self._configuration or Configuration.of({})
            self._handlers[token] = make_handler(token, configuration, self._clock, self._issued)
        return self._handlers[token]


def main(clock: Callable[[], datetime] = now) -> None:
    """Serve until the engine ends the process.

    `clock` gives the current moment, with its time zone: tests live at other times.
    """
    serve(AlbMtls(clock))


if __name__ == "__main__":
    main()
