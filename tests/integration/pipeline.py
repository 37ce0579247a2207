"""The scripts of `ci/` as a pipeline starts them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.integration.engine import REPOSITORY, Sandbox, Stack
from tests.integration.underway import Underway


def listener(sandbox: Sandbox) -> tuple[bool, list[str]]:
    """Whether the listener 443 of the AlbConfig demands certificates, and of which CAs."""
    fields = sandbox.listeners()[443]
    return bool(fields.get("caEnabled")), [one["CertificateId"] for one in fields.get("caCertificates") or ()]


def begin(stack: Stack, script: str, *arguments: str) -> tuple[Underway, Path]:
    """Start a script of `ci/` with the stack as it is configured now; returns it and the file of
    its summary.
    """
    stack.command()
    output = stack.directory / "summary.md"
    output.unlink(missing_ok=True)
    command: list[str | Path] = [
        REPOSITORY / "ci" / script,
        "--stack",
        stack.name,
        "--cwd",
        stack.directory,
        "--output",
        output,
        *arguments,
    ]
    log = stack.directory / "ci.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=stack.sandbox.env | stack.env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    return Underway(process, log), output


def ci(
    stack: Stack, script: str, *arguments: str, after_patch: Sequence[Callable[[], object]] = ()
) -> tuple[int, str]:
    """Run a script of `ci/`; returns its exit code and summary.

    The n-th of `after_patch` is called when it has sent its n-th PATCH.
    """
    since = len(stack.sandbox.audit_log())
    underway, output = begin(stack, script, *arguments)
    for number, act in enumerate(after_patch, start=1):
        underway.until(lambda number=number: len(stack.sandbox.patches(since)) >= number)  # type: ignore[misc]
        act()
    code = underway.engine.wait(300)
    assert "Traceback" not in underway.shown(), underway.shown()
    summary = output.read_text() if output.exists() else underway.shown()
    print(f"--- ci/{script} {' '.join(arguments)}: exit code {code}\n{summary}")
    return code, summary
