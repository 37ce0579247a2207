"""Handlers of the tls stand-in without a process around them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import CheckFailure, Properties
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.resource import Resource


class Driver:
    """Calls handlers as the host does."""

    def request(self, preview: bool = False) -> Request:
        return Request(
            urn="urn:pulumi:dev::project::tls:index/some:Some::name",
            name="name",
            preview=preview,
            timeout=0.0,
            cancelled=threading.Event(),
            log=lambda *_: None,
        )

    def check(self, kind: type[Resource], **inputs: Any) -> list[CheckFailure]:
        return kind().check(self.request(), {}, inputs)[1]

    def create(self, kind: type[Resource], **inputs: Any) -> Properties:
        handler = kind()
        checked, failures = handler.check(self.request(), {}, inputs)
        assert failures == []
        id, state = handler.create(self.request(), checked)
        assert state["id"] == id
        return state

    def preview(self, kind: type[Resource], **inputs: Any) -> Properties:
        handler = kind()
        checked, failures = handler.check(self.request(), {}, inputs)
        assert failures == []
        return handler.create(self.request(preview=True), checked)[1]

    def changes(self, kind: type[Resource], state: Properties, **inputs: Any) -> dict[str, str]:
        found = kind().diff(self.request(), state["id"], state, {}, inputs)
        return {name: change.value for name, change in found.changes.items()}


@pytest.fixture
def driver() -> Driver:
    return Driver()


@pytest.fixture(scope="session")
def key_pem() -> Callable[..., str]:
    """Keys by algorithm, each made once."""
    made: dict[tuple[Any, ...], str] = {}

    def key(algorithm: str = "ECDSA", **options: Any) -> str:
        known = (algorithm, *sorted(options.items()))
        if known not in made:
            defaults = {"ecdsaCurve": "P256"} if algorithm == "ECDSA" else {}
            made[known] = Driver().create(PrivateKey, algorithm=algorithm, **(defaults | options))[
                "privateKeyPem"
            ]
        return made[known]

    return key
