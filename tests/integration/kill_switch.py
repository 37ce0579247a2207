"""What the tests of the kill switch share: a stack with the default settings, and ways to switch
its listener off.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.console import clear
from tests.integration.engine import REPOSITORY, Sandbox, Stack, run, succeed

QUICK = {"keyAlgorithm": "ECDSA-P256"}
OPENS = "alb:443 will let everybody in without a client certificate"
SWITCH = "/spec/listeners/1/caEnabled"


def default_settings(name: str, program: Path, sandbox: Sandbox, **keys: Any) -> Stack:
    """A stack as a user makes it: what Pulumi.dev.yaml sets for convenience is not set."""
    made = Stack(name, program, sandbox)
    del made.config["alb-mutual-tls:deletionProtection"]
    made.set(authorities={"root": QUICK}, **keys)
    return made


def remove(stack: Stack) -> None:
    """Take the stack away, which the default settings protect."""
    stack.set(deletionProtection=False)
    stack.up()
    stack.remove()


def on(stack: Stack) -> None:
    stack.set(caEnabled=True)
    stack.up()
    assert stack.get()[0] in (0, 400)


def is_open(stack: Stack) -> None:
    """Everybody is let in, and the AlbConfig says so."""
    assert stack.sandbox.listeners()[443]["caEnabled"] is False
    deadline = time.monotonic() + 30
    while stack.get() != (200, "old"):  # ALB follows the AlbConfig
        assert time.monotonic() < deadline
        time.sleep(0.2)


def off(stack: Stack, *arguments: str) -> str:
    """Switch off, which must work and end well, in a preview and in an update; returns what the
    update said, in one line.
    """
    stack.set(caEnabled=False)
    shown = stack.preview(*arguments)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert OPENS in shown.stdout + shown.stderr
    done = stack.pulumi("up", "--yes", "--skip-preview", "--suppress-progress", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    is_open(stack)
    return " ".join((done.stdout + done.stderr).split())


def broken_glass(stack: Stack, *arguments: str) -> str:
    """`./mtls off` where there is nothing but a kubeconfig: no engine, no state, no credentials, no
    API.
    """
    bare = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "KUBECONFIG": stack.config["kubernetes:kubeconfig"],
    }
    assert shutil.which("pulumi", path=bare["PATH"]) is None
    return succeed(
        run(
            REPOSITORY / "mtls",
            "off",
            "--alb-config",
            "alb",
            "--port",
            "443",
            "--yes",
            *arguments,
            env=bare,
            cwd=Path("/"),
        )
    )


@contextmanager
def deleted_uploads(stack: Stack) -> Iterator[None]:
    """Somebody deletes all that is in CAS.

    The sandbox's, as Alibaba documents it, deletes nothing that ALB has, so the listener is off
    meanwhile.
    """
    sandbox = stack.sandbox
    place, named = "/spec/listeners/1/caCertificates", sandbox.listeners()[443]["caCertificates"]
    sandbox.edit({"op": "replace", "path": SWITCH, "value": False}, {"op": "remove", "path": place})
    clear(sandbox)
    sandbox.edit(
        {"op": "replace", "path": SWITCH, "value": True}, {"op": "add", "path": place, "value": named}
    )
    yield
