"""What keeps stand-ins to the sandbox.

What they make is for trying things out and must never end up in production.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import CheckFailure, Properties

SANDBOX = "ALB_MUTUAL_TLS_SANDBOX"
BACKEND = "PULUMI_BACKEND_URL"


class SandboxOnly:
    """What all stand-ins have in common.

    The engine shows a failing Configure as one line, hence the refusal there and not at the start.
    """

    name: str

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.environment = os.environ if environment is None else environment

    def check_config(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Refuse to go on outside the sandbox."""
        sentence = refusal(self.name, self.environment)
        return inputs, [] if sentence is None else [CheckFailure("", sentence)]

    def configure(self, properties: Properties) -> None:
        """Refuse to go on outside the sandbox."""
        self.permit()

    def permit(self) -> None:
        """Raises `UserError` outside the sandbox."""
        sentence = refusal(self.name, self.environment)
        if sentence is not None:
            raise UserError(sentence)


def refusal(plugin: str, environment: Mapping[str, str]) -> str | None:
    """Return why this environment is not the sandbox's; `None` when it is.

    The reason is one sentence that names the plugin.

    It is when ALB_MUTUAL_TLS_SANDBOX names a directory with a sandbox.json and PULUMI_BACKEND_URL
    is the `state` directory in it.
    """
    found = _what_is_wrong(environment)
    if found is None:
        return None
    return (
        f"the {plugin} stand-in serves only the sandbox, and {found}: run `. .sandbox/env` first, or install"
        f" the official plugin with `pulumi plugin install resource {plugin}` to use another state backend"
    )


def _what_is_wrong(environment: Mapping[str, str]) -> str | None:
    directory = environment.get(SANDBOX)
    if not directory:
        return f"{SANDBOX} is not set"
    if not (Path(directory) / "sandbox.json").is_file():
        return f"{SANDBOX} names {directory}, which holds no sandbox.json"
    backend = environment.get(BACKEND)
    if not backend:
        return f"{BACKEND} is not set"
    state = Path(directory) / "state"
    address = urlsplit(backend)
    if address.scheme != "file" or address.netloc or Path(unquote(address.path)).resolve() != state.resolve():
        return f"{BACKEND} is {_without_secrets(backend)}, not file://{state}"
    return None


def _without_secrets(backend: str) -> str:
    """Scheme and host only: a query may hold credentials."""
    address = urlsplit(backend)
    return f"{address.scheme}://{address.hostname or ''}{address.path}"
