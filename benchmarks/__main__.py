"""`python -m benchmarks`: what previews and first deployments cost, on a sandbox of its own."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import mtls, page
from benchmarks.growth import QUICK, SIZES, Measured, grow, openssl_loop
from benchmarks.preview import directory, previews, programs, table
from tests.integration.engine import REPOSITORY, Sandbox, Stack, succeed

PORTS: Final = (29000, 28000)
"""Port bases of the sandbox and of its listeners."""


def main() -> None:
    """Measure, print, and write docs/performance.md where it is wanted."""
    options = _options()
    place = Path(tempfile.mkdtemp(prefix="bench-"))
    sandbox = Sandbox.start(place / "sandbox", *PORTS)
    try:
        told = "\n\n".join(_measure(options, place, sandbox))
    finally:
        succeed(sandbox("stop"))
        shutil.rmtree(place, ignore_errors=True)
    print(told)


def _measure(options: argparse.Namespace, place: Path, sandbox: Sandbox) -> list[str]:
    measured = programs(place, sandbox, options.against and options.against.absolute())
    previews(measured, options.rounds)
    told = [f"No-op `pulumi preview`, {options.rounds} rounds, interleaved:", table(measured)]
    _say(told[-1])
    sizes = QUICK if options.quick else SIZES
    if options.only_previews:
        return told
    loops = {}
    for size in sorted({size for kind in ("clients", "members") for size in sizes[kind] if size > 1}):
        (place / f"openssl-{size}").mkdir()
        loops[size] = openssl_loop(str(place / f"openssl-{size}"), size)

    def make(name: str) -> Stack:
        return Stack(name, directory(place, name, REPOSITORY), sandbox)

    grown: list[Measured] = []
    for one in grow(make, sandbox, sizes, options.rounds):
        _say(f"{one.size} {one.kind}: first up {one.up:.1f} s, preview {one.preview:.2f} s")
        grown.append(one)
    told += [
        "Stacks by size, with ECDSA-P256 and without waiting for ALB, beside openssl in a loop (key, request,"
        " certificate):",
        page.growth_table(grown, loops),
    ]
    if not options.quick:
        crowded = []
        for cost in mtls.costs(make, sandbox):
            _say(f"{cost.what}: {cost.seconds:.1f} s")
            crowded.append(cost)
        told += ["`./mtls` in a crowded cluster:", mtls.table(crowded)]
    if options.write:
        page.write(REPOSITORY / "docs", "\n\n".join(told), page.plots(grown, loops))
    return told


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each stack is previewed")
    parser.add_argument(
        "--against", type=Path, help="another checkout, whose program previews a stack of its own beside"
    )
    parser.add_argument("--quick", action="store_true", help="small stacks only")
    parser.add_argument("--only-previews", action="store_true", help="leave out how costs grow with a stack")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plots")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}: give at least 1")
    if options.against is not None and not (options.against / "Pulumi.yaml").is_file():
        parser.error(
            f"--against {options.against} holds no Pulumi.yaml: give the directory of a checkout with its"
            " .venv and .toolchain"
        )
    return options


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
