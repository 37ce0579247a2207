"""The stand-in serves nothing but the sandbox: keys it makes are for trying things out and must never end up in a production CA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

SANDBOX = "ALB_MUTUAL_TLS_SANDBOX"
BACKEND = "PULUMI_BACKEND_URL"


def refusal(environment: Mapping[str, str]) -> str | None:
    """Why this environment is not the sandbox's, in one sentence; `None` when it is.

    It is when ALB_MUTUAL_TLS_SANDBOX names a directory with a sandbox.json and PULUMI_BACKEND_URL is the `state` directory in it.
    """
    found = _what_is_wrong(environment)
    if found is None:
        return None
    return (
        f"the tls stand-in serves only the sandbox, and {found}: run `. .sandbox/env` first, "
        "or install the official plugin with `pulumi plugin install resource tls` to use another state backend"
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
