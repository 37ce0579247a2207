"""Waiting for the truth: what ALB does not confirm is said with what it shows, kept in the state,
and looked at again by the next up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox.layout import NO_ALB_ACCESS_KEY_ID
from tests.integration.engine import Sandbox, Stack

pytestmark = pytest.mark.campaign

LISTEN_PORTS = "alb.ingress.kubernetes.io/listen-ports"
LISTENER = "albmtls:index:ListenerClientAuthentication"


@pytest.fixture(scope="module")
def first(sandbox: Sandbox) -> dict[str, Any]:
    """The AlbConfig's spec before any of it."""
    spec: dict[str, Any] = sandbox.albconfig()["spec"]
    return spec


@pytest.fixture(scope="module")
def stack(first: dict[str, Any], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack that is not up yet and does not wait long; the tests of this module follow each
    other.
    """
    made = Stack("truth", program, sandbox)
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}}, awaitTimeoutSeconds=3)
    yield made
    made.remove()
    assert sandbox.albconfig()["spec"] == first


def listen_ports(sandbox: Sandbox, *entries: dict[str, int]) -> None:
    """The listeners that the Ingress binds."""
    sandbox.kubectl(
        "annotate", "ingress", "https-ingress", "--overwrite", f"{LISTEN_PORTS}={json.dumps(entries)}"
    )


def test_a_wait_that_ended_says_what_alb_shows_and_why_and_the_next_up_checks_again(
    stack: Stack, sandbox: Sandbox
) -> None:
    listen_ports(
        sandbox, {"HTTP": 80}, {"HTTPS": 443}, {"HTTPS": 8443}
    )  # the controller refuses all of the AlbConfig for the third
    try:
        shown = " ".join(stack.fails("up").split())
        certificate = sandbox.listeners()[443]["caCertificates"][0]["CertificateId"]
        assert (
            "ALB did not confirm within 3 s that listener 443/HTTPS of AlbConfig alb asks for client"
            f" certificates of CA certificate {certificate}" in shown
        )
        assert "shows status Running, CaEnabled false, CA certificate none" in shown
        assert "the last warnings of AlbConfig alb are " in shown
        assert "FailedBuildModel: Listener is not fulfilled yet: 8443-HTTPS" in shown
        (outputs,) = [item["outputs"] for urn, item in stack.kept().items() if LISTENER in urn]
        assert outputs["confirmed"] is False
        assert stack.get() == (200, "old")
        again = " ".join(stack.fails("up").split())
        assert "ALB did not confirm within 3 s" in again
    finally:
        listen_ports(sandbox, {"HTTP": 80}, {"HTTPS": 443})
    since = len(sandbox.audit_log())
    stack.up()
    assert sandbox.patches(since) == []
    assert stack.get()[0] in (0, 400)
    stack.unchanged()


def test_without_permission_for_alb_it_is_said_that_enforcement_was_not_confirmed(stack: Stack) -> None:
    right = dict(stack.env)
    stack.env = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": NO_ALB_ACCESS_KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": f"{NO_ALB_ACCESS_KEY_ID}-secret",
    }
    try:
        for wish in (False, True):
            stack.set(caEnabled=wish)
            shown = " ".join(stack.up().split())
            assert "the AlbConfig is written, but it was not confirmed that ALB enforces it" in shown
            assert "grant the RAM action alb:ListListeners" in shown
        stack.unchanged()
    finally:
        stack.env = right
