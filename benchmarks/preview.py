"""`python -m benchmarks.preview`: what a `pulumi preview` without changes costs, beside programs
that do less, on a sandbox of its own.

Every round runs each program once, one after the other, so that whatever else the machine does
meets them all alike; only ratios of one run mean something.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.integration.engine import PROGRAM, REPOSITORY, Sandbox, Stack, succeed

PORTS: Final = (29000, 28000)
"""Port bases of the sandbox and of its listeners."""
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


@contextmanager
def programs(place: Path, against: Path | None) -> Iterator[list[Program]]:
    """The programs, deployed on a running sandbox."""
    sandbox = Sandbox.start(place / "sandbox", *PORTS)
    try:
        found = [
            Program("empty program", Stack("empty", directory(place, "empty", REPOSITORY, EMPTY), sandbox)),
            Program(
                "one resource of each provider",
                Stack("floor", directory(place, "floor", REPOSITORY, FLOOR), sandbox),
            ),
            Program("stack dev", Stack("bench", directory(place, "dev", REPOSITORY), sandbox)),
        ]
        if against is not None:
            # the same stack, seen by the other checkout's program, which may not know all endpoints
            endpoints = found[-1].stack.config["alicloud:endpoints"][0]
            found[-1].stack.config["alicloud:endpoints"] = [
                {name: endpoints[name] for name in ("cas", "alb", "sts")}
            ]
            other = Stack("other", directory(place, "against", against), sandbox)
            other.name, other.config = "bench", found[-1].stack.config
            found.append(Program(f"stack dev of {against}", other))
        for program in found if against is None else [*found[:2], found[3]]:
            program.stack.up()
        yield found
    finally:
        succeed(sandbox("stop"))


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds",
        type=int,
        default=7,
        help="how often each program is previewed (after one round that does not count)",
    )
    parser.add_argument(
        "--against", type=Path, help="another checkout, whose program previews the same stack"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}: give at least 1")
    if options.against is not None and not (options.against / "Pulumi.yaml").is_file():
        parser.error(
            f"--against {options.against} holds no Pulumi.yaml: give the directory of a checkout with its"
            " .venv and .toolchain"
        )
    place = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with programs(place, options.against and options.against.absolute()) as measured:
            for number in range(options.rounds + 1):
                for one in measured:
                    one.preview()
                    if number == 0:
                        one.wall.clear()
                        one.processor.clear()
                print(f"round {number} of {options.rounds}", file=sys.stderr)
            print(f"no-op `pulumi preview`, {options.rounds} rounds, interleaved\n\n{table(measured)}")
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
