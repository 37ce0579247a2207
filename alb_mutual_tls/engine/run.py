"""Runs the Pulumi engine without a terminal and returns its events.

Events come by `--event-log FILE`, as they do for Pulumi's own Automation API. Pulumi hides that
flag until PULUMI_DEBUG_COMMANDS is set. The flag is the same for every command and leaves what
people read alone. `--json`, in contrast, streams for `up` and `refresh` but not for `preview`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from alb_mutual_tls.engine.events import Events, parse
from alb_mutual_tls.engine.failure import Failure, failure
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.engine.program import pulumi_program
from alb_mutual_tls.engine.redaction import redacted, secrets_of

Command = Literal["preview", "up", "refresh"]


@dataclass(frozen=True)
class Run:
    """An engine command that has ended.

    `failure` is None exactly when the exit code is 0.
    """

    command: Command
    exit_code: int
    events: Events
    failure: Failure | None


def run(
    command: Command,
    *,
    directory: Path,
    stack: str,
    arguments: Sequence[str] = (),
    log: IO[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Run `pulumi preview`, `up --yes` or `refresh --yes` on a stack.

    The stack belongs to the project in `directory`. `log` is a file with a descriptor, such as
    sys.stderr. It gets what the engine prints for people, as it comes; None drops it. `environment`
    defaults to that of this process.

    Ctrl-C, here or as KeyboardInterrupt from a handler of SIGTERM, is passed on once. The engine
    then ends in its own time, so that it leaves no lock behind. Raises UserError where pulumi is
    not installed.
    """
    given = os.environ if environment is None else environment
    hidden = secrets_of(given)
    with tempfile.TemporaryDirectory(
        prefix="alb-mutual-tls-"
    ) as folder:  # mode 0700: events hold the configuration
        events = Path(folder) / "events.json"
        line = [
            pulumi_program(),
            command,
            "--non-interactive",
            "--color",
            "never",
            "--suppress-progress",
            "--cwd",
            str(directory),
        ]
        line += ["--stack", stack, "--event-log", str(events), *arguments]
        line += [] if command == "preview" else ["--yes", "--skip-preview"]
        process = subprocess.Popen(
            line,
            env={**given, "PULUMI_DEBUG_COMMANDS": "true", "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if log is None else log,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            # a terminal's Ctrl-C would reach it twice, and the second one ends it at once
            process_group=0,
        )
        said, interrupted = _said(process)
        told = events.read_text(errors="replace", encoding="utf-8") if events.exists() else ""
    said = redacted(said, hidden)
    if log is not None:
        log.write(said)
        log.flush()
    parsed = parse(told.splitlines(), secrets=hidden)
    failed = failure(parsed, exit_code=process.returncode, said=said)
    if failed is not None and interrupted:
        failed = Failure(FailureKind.INTERRUPTED, ())
    return Run(command, process.returncode, parsed, failed)


def _said(process: subprocess.Popen[str]) -> tuple[str, bool]:
    """What it writes to standard error until it ends, and whether it was interrupted."""
    try:
        return process.communicate()[1], False
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        return process.communicate()[1], True
