"""What is left of a `pulumi up` whose engine alone was killed, as the kernel does when memory is
short.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from dev.sandbox import lifecycle
from tests.integration.engine import Sandbox, Stack


def test_the_language_host_of_a_killed_engine_is_found_and_ended(sandbox: Sandbox, program: Path) -> None:
    stack = Stack("killed", program, sandbox)
    with sandbox.failing(["GetCallerIdentity"], "timeout-before"):
        run = stack.begin("up", "--yes", "--skip-preview")
        try:
            run.until(lambda: bool(run.plugins()))
            os.kill(run.engine.pid, signal.SIGKILL)
            run.engine.wait()
            assert "pulumi-language" in {one.name for one in run.session()}
            lifecycle.end_orphans(sandbox.layout, 5, print)
            assert not {one.name for one in run.session()} & {"pulumi-language", "pulumi-resource"}
        finally:
            run.kill()
    stack.pulumi("cancel", "--yes")
    stack.remove()
