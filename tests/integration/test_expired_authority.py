"""An authority that has expired lets no client in any more, and switching off works."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import pytest

from dev.toolchain.plugins.tls.provider import VERSION
from dev.toolchain.stand_ins import plugin_directory
from tests.integration.engine import REPOSITORY, Sandbox, Stack

pytestmark = pytest.mark.campaign

DAY = 86_400
LIFE = 20
"""Seconds that are left to the authority when it is made: enough to sign a client."""


def ageing(home: Path) -> dict[str, str]:
    """The environment of an engine whose tls plugin lives almost a day ago, so that a certificate of one day ends LIFE seconds from now."""
    program = (
        "import time; from alb_mutual_tls.provider.host import serve; from dev.toolchain.plugins.tls.provider import TlsStandIn; "
        f"serve(TlsStandIn(clock=lambda: time.time_ns() - {DAY - LIFE} * 10**9))"
    )
    launcher = plugin_directory(home, "tls", VERSION) / "pulumi-resource-tls"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(REPOSITORY))} exec {shlex.quote(str(REPOSITORY / ".venv/bin/python"))} -P -c {shlex.quote(program)} "$@"\n'
    )
    launcher.chmod(0o755)
    return {"PULUMI_HOME": str(home)}


def test_off_works_with_an_authority_that_has_expired(sandbox: Sandbox, program: Path, tmp_path: Path) -> None:
    first = sandbox.albconfig()["spec"]
    stack = Stack("expired", program, sandbox)
    stack.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256", "validityDays": 1}})
    stack.env = ageing(tmp_path / "home")
    stack.up()
    stack.env = {}
    made = time.monotonic()
    client = stack.client(tmp_path / "client")
    while stack.get(client) == (200, "old"):  # until ALB finds that it has expired
        assert time.monotonic() - made < 2 * LIFE
        time.sleep(0.5)
    assert stack.get(client)[0] in (0, 400)
    refused = stack.refused()
    assert "everybody would be locked out" in refused  # what took the expired authority's place is trusted only on demand
    stack.set(caEnabled=False)
    stack.up()
    assert stack.get() == (200, "old")
    stack.unchanged()
    stack.remove()
    assert sandbox.albconfig()["spec"] == first
