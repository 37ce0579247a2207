"""The steps of a rotation in wrong orders, on the real engine: refused in preview and in up with
one sentence, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox import lifecycle
from dev.sandbox.control_plane import KUBE_APISERVER
from tests.integration.engine import Sandbox, Stack, succeed

pytestmark = pytest.mark.campaign

A, B = ({name: {"keyAlgorithm": "ECDSA-P256"}} for name in "ab")
NOBODY_HAS_ONE = "would trust an authority that no client has a certificate of"


@pytest.fixture(scope="module")
def old(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What the client has before any of it."""
    return stack.client(tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack with the authority a; the tests of this module follow each other."""
    made = Stack("orders", program, sandbox)
    wish(made, A, issuing="a", trusted="a", deletionProtection=True)
    made.up()
    yield made
    made.set(deletionProtection=False)
    made.up()
    made.remove()


def wish(stack: Stack, authorities: dict[str, Any], issuing: str, trusted: str, **more: Any) -> None:
    stack.set(authorities=authorities, issuingAuthority=issuing, trustedAuthority=trusted, **more)


def refused(stack: Stack, authorities: dict[str, Any], issuing: str, trusted: str) -> str:
    """What is said to such a wish; the listener and the configuration then are as they were."""
    before, config = stack.sandbox.listeners()[443], dict(stack.config)
    wish(stack, authorities, issuing, trusted)
    shown = stack.refused()
    stack.config = config
    assert stack.sandbox.listeners()[443] == before
    return shown


def test_trust_in_an_authority_that_was_not_issuing_is_refused_before_it_is_made_and_afterwards(
    stack: Stack, old: tuple[Path, Path]
) -> None:
    assert NOBODY_HAS_ONE in refused(stack, A | B, issuing="a", trusted="b")
    wish(stack, A | B, issuing="a", trusted="a")
    stack.up()
    # the first refused up has signed a by b, which must not count
    assert NOBODY_HAS_ONE in refused(stack, A | B, issuing="a", trusted="b")
    assert NOBODY_HAS_ONE in refused(stack, A | B, issuing="b", trusted="b")
    assert stack.get(old) == (200, "old")


def test_the_trusted_authority_cannot_be_taken_out(stack: Stack) -> None:
    config = dict(stack.config)
    wish(stack, B, issuing="b", trusted="a")
    assert "trustedAuthority: 'a' is not one of the authorities; set it to one of b" in stack.fails("preview")
    stack.config = config


def test_an_up_that_was_killed_between_clients_and_listener_does_not_count_as_issuing(
    stack: Stack, old: tuple[Path, Path], tmp_path: Path
) -> None:
    layout = stack.sandbox.layout
    wish(stack, A | B, issuing="a", trusted="a")
    stack.up()
    wish(stack, A | B, issuing="b", trusted="a")
    lifecycle.pause(layout, KUBE_APISERVER, lambda _: None)
    running = stack.begin("up", "--yes", "--skip-preview", "--suppress-progress", "--refresh=false")
    try:
        running.until(lambda: stack.pending("albmtls:index:ListenerClientAuthentication") == ["updating"])
    finally:
        running.kill()
        lifecycle.resume(layout, lambda _: None)
    succeed(stack.pulumi("cancel", "--yes"))
    assert stack.client(tmp_path / "half-way")[0].read_text() != old[0].read_text()
    assert NOBODY_HAS_ONE in refused(stack, A | B, issuing="b", trusted="b")
    stack.up()
    assert [stack.get(client) for client in (old, stack.client(tmp_path / "new"))] == [(200, "old")] * 2


def test_trust_changes_once_the_authority_was_issuing_and_goes_back_while_the_former_one_is_there(
    stack: Stack, tmp_path: Path
) -> None:
    wish(stack, B, issuing="b", trusted="b")
    assert "cannot be deleted" in stack.fails("preview")
    new = stack.client(tmp_path / "new")
    wish(stack, A | B, issuing="b", trusted="b")
    stack.up()
    stack.set(trustedAuthority="a")
    succeed(stack.preview())
    stack.set(trustedAuthority="b", authorities=B)
    stack.up()
    wish(stack, A | B, issuing="b", trusted="b")
    stack.up()
    # of that name, but another one
    assert NOBODY_HAS_ONE in refused(stack, A | B, issuing="b", trusted="a")
    assert stack.get(new) == (200, "old")
