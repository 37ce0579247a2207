"""The program of the resource provider `albmtls`, which the Pulumi engine starts."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.clock import now
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.tokens import PACKAGE, VERSION

try:
    from alb_mutual_tls.access.check import check
    from alb_mutual_tls.plugin.handler import Construction, Handler
    from alb_mutual_tls.plugin.protocol import admit_the_sdk
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

COMPONENTS: Final = "--components"
"""The option that names the package which makes components; pulumi-resource-albmtls gives it."""
_SCHEMA: Final = Path(__file__).with_name("schema.json")


class AlbMtls:
    """The provider: its configuration and, lazily, one handler per resource type.

    `clock` gives the current moment, with its time zone. `components`: the package that makes
    components; what starts the plugin says where it stands, as the provider knows none.
    """

    name = PACKAGE
    version = VERSION

    def __init__(self, clock: Callable[[], datetime] = now, components: str | None = None) -> None:
        self._clock = clock
        self._components = components
        self._given: Properties = {}
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
        given = place.given(properties)
        configuration = Configuration.of(given)
        place.compare(configuration)
        self._configuration, self._given = configuration, given
        self._handlers = {}

    def handler(self, token: str) -> Handler:
        if token not in self._handlers:
            configuration = self._configuration or Configuration.of({})
            self._handlers[token] = make_handler(token, configuration, self._clock, self._issued)
        return self._handlers[token]

    def schema(self) -> str:
        """What programs in other languages and their editors see of the package."""
        return _SCHEMA.read_text(encoding="utf-8")

    def construct(self, wanted: Construction) -> Any:
        """Make a component."""
        if self._components is None:
            raise UserError(
                f"this plugin was started without what makes {wanted.message.type}: let the engine start"
                " pulumi-resource-albmtls"
            )
        admit_the_sdk()
        module = importlib.import_module(f"{self._components}.construct")
        return module.construct(
            wanted.message, wanted.inputs, wanted.secrets, engine=wanted.engine, provider=self._given
        )


def main(clock: Callable[[], datetime] = now) -> None:
    """Serve until the engine ends the process.

    `clock` gives the current moment, with its time zone: tests live at other times.
    """
    components = None
    if sys.argv[1:2] == [COMPONENTS]:  # what follows is the engine's
        components = sys.argv[2]
        del sys.argv[1:3]
    serve(AlbMtls(clock, components))


if __name__ == "__main__":
    main()
