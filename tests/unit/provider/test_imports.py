"""`pulumi import` hands a handler an id that anybody may have typed, and an empty state."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from alb_mutual_tls import tokens
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.__main__ import AlbMtls
from alb_mutual_tls.provider.stack_identity import StackIdentity

RESOURCES = [
    token
    for token in vars(tokens).values()
    if str(token).startswith("albmtls:index:") and token != tokens.PACKAGED_COMPONENT
]


def request() -> Request:
    return Request(
        urn="u", name="it", preview=False, timeout=0, cancelled=threading.Event(), log=lambda *_: None
    )


@pytest.mark.parametrize("token", RESOURCES)
def test_no_resource_is_imported_under_any_text(token: str, tmp_path: Path) -> None:
    provider = AlbMtls()
    provider.configure({"kubeconfig": str(tmp_path / "none")})
    with pytest.raises(UserError):
        provider.handler(token).read(request(), "production", {}, {})


def test_an_identity_is_imported_from_a_former_state() -> None:
    found = StackIdentity().read(request(), "0a1b2c3d", {}, {})
    assert found is not None
    assert (found.id, found.state) == ("0a1b2c3d", {"identity": "0a1b2c3d"})


def test_an_identity_that_is_in_the_state_is_read_whatever_it_is() -> None:
    assert StackIdentity().read(request(), "production", {}, {"identity": "production"}) is not None
