"""What a `pulumi preview` without changes costs, beside programs that do less.

Every round runs each program once, one after the other, so that whatever else the machine does
meets them all alike; only ratios of one run mean something.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.growth import albconfig, apply
from tests.integration.engine import PROGRAM, REPOSITORY, Sandbox, Stack, succeed

EMPTY: Final = "import pulumi\n"
FLOOR: Final = """\
import pulumi
import pulumi_tls as tls

from components.albmtls import AlbMtls, StackIdentity
from components.settings import parse
from pulumi.runtime.config import CONFIG

provider = AlbMtls("albmtls", parse(CONFIG.get()).provider)
StackIdentity("identity", pulumi.ResourceOptions(provider=provider))
tls.PrivateKey("key", algorithm="ED25519")
"""


@dataclass
class Program:
    """A program that is previewed, and what each preview took.

    Times are seconds on the clock, and seconds of all processors together.
    """

    name: str
    stack: Stack
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def preview(self) -> None:
        """One preview, which must show no change."""
        command = self.stack.command("preview", "--expect-no-changes", "--suppress-progress")
        before, began = os.times(), time.perf_counter()
        done = subprocess.run(
            command,
            env=self.stack.sandbox.env,
            cwd=self.stack.directory,
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
        )
        self.wall.append(time.perf_counter() - began)
        after = os.times()
        self.processor.append(
            after.children_user - before.children_user + after.children_system - before.children_system
        )
        succeed(done)


def directory(place: Path, name: str, checkout: Path, main: str | None = None) -> Path:
    """Make a project directory that uses a checkout's code.

    `main`: another program than its own.
    """
    made = place / name
    made.mkdir()
    for part in PROGRAM:
        if part != "__main__.py" or main is None:
            (made / part).symlink_to(checkout / part)
    if main is not None:
        (made / "__main__.py").write_text(main, encoding="utf-8")
        (made / "Pulumi.yaml").unlink()
        text = (checkout / "Pulumi.yaml").read_text(encoding="utf-8")
        (made / "Pulumi.yaml").write_text(
            text.replace("name: alb-mutual-tls", f"name: {name}", 1) if main == EMPTY else text,
            encoding="utf-8",
        )
    return made


def programs(place: Path, sandbox: Sandbox, against: Path | None) -> list[Program]:
    """The programs, deployed on a running sandbox."""
    found = [
        Program("empty program", Stack("empty", directory(place, "empty", REPOSITORY, EMPTY), sandbox)),
        Program(
            "one resource of each provider",
            Stack("floor", directory(place, "floor", REPOSITORY, FLOOR), sandbox),
        ),
        Program("stack dev", Stack("bench", directory(place, "dev", REPOSITORY), sandbox)),
    ]
    if against is not None:
        # a listener of its own, since two stacks cannot have one
        other = Stack("against", directory(place, "against", against), sandbox)
        other.set(listeners={"https": {"albConfig": "against", "port": 443}}, awaitListener=False)
        apply(sandbox, albconfig("against", [443]))
        found.append(Program(f"stack dev of {against.name}", other))
    for program in found:
        program.stack.up()
    return found


def previews(programs: Sequence[Program], rounds: int) -> None:
    """Preview each program once in a round; the first round does not count."""
    for number in range(rounds + 1):
        for one in programs:
            one.preview()
            if number == 0:
                one.wall.clear()
                one.processor.clear()


def table(measured: Sequence[Program]) -> str:
    """Medians and their ratios to the first program, as a Markdown table."""
    first = statistics.median(measured[0].wall)
    lines = ["| program | wall, median s (min - max) | ratio | processor, median s |", "|---|---|---|---|"]
    for one in measured:
        wall, processor = statistics.median(one.wall), statistics.median(one.processor)
        lines.append(
            f"| {one.name} | {wall:.2f} ({min(one.wall):.2f} - {max(one.wall):.2f}) | {wall / first:.2f} |"
            f" {processor:.2f} |"
        )
    return "\n".join(lines)
