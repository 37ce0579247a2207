"""Adapts the official SDK to a provider process.

The SDK loads faster, stays quiet and respects NO_PROXY.
"""

from __future__ import annotations

import logging
import sys
import threading
import types
from typing import Any
from urllib.parse import urlsplit


def load_sdk() -> None:
    """Import the SDK's core without its asynchronous HTTP library.

    Only the half of the SDK that is not used here needs that library (0.3 s).
    """
    with _loading:
        if "alibabacloud_tea_openapi.client" in sys.modules:
            return
        absent = "aiohttp" not in sys.modules
        if absent:
            sys.modules["aiohttp"] = _Absent("aiohttp")
        try:
            import alibabacloud_tea_openapi.client  # noqa: F401
        finally:
            if absent:
                del sys.modules["aiohttp"]
        _honour_no_proxy()
    logger = logging.getLogger(
        "credentials"
    )  # alibabacloud_credentials prints tracebacks of its own through it
    logger.handlers.clear()
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


_loading = threading.Lock()


class _Absent(types.ModuleType):
    """A module whose names are only needed for annotations."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def _honour_no_proxy() -> None:
    """Make the SDK respect NO_PROXY.

    By itself it reads HTTP_PROXY and HTTPS_PROXY but not NO_PROXY. It would ask a proxy even for
    this machine.
    """
    import darabonba.core
    import Tea.core
    from requests import PreparedRequest, Response, Session
    from requests.utils import should_bypass_proxies

    class ProxyAwareSession(Session):
        def send(self, request: PreparedRequest, **options: Any) -> Response:
            host = urlsplit(request.url or "").hostname or ""
            own = host in ("localhost", "::1", "100.100.100.200") or host.startswith(
                "127."
            )  # the last is the ECS metadata service
            if own or should_bypass_proxies(request.url or "", no_proxy=None):
                options["proxies"] = {}
            return super().send(request, **options)

    darabonba.core.Session = Tea.core.Session = ProxyAwareSession
