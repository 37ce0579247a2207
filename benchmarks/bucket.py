"""`python -m benchmarks.bucket PYTHON`: what a first `pulumi up` uploads to a bucket.

Stand-ins serve no bucket, so stacks with clients are deployed to a file backend, where the engine
keeps every checkpoint that it would upload. A stack of our own provider's resources goes to a
bucket and to a file backend both, which shows how requests follow from checkpoints.

PYTHON is one of an environment that holds moto, whose S3 stands for OSS:
`python3 -m venv DIRECTORY && DIRECTORY/bin/pip install 'moto[s3,server]==5.2.5'`.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.preview import directory
from tests.integration.engine import REPOSITORY, Sandbox, Stack, succeed

PORTS: Final = (29000, 28000)
"""Port bases of the sandbox and of its listeners."""
PORT: Final = 29990
"""Port of the bucket."""
_SIZE: Final = 100
_NAMES: Final = [f"n{number:04}" for number in range(_SIZE)]
_SETTINGS: Final[dict[str, Any]] = {
    "authorities": {"root": {"keyAlgorithm": "ECDSA-P256"}},
    "awaitListener": False,
    "clients": {},
    "listeners": {},
}
STACKS: Final[Mapping[str, dict[str, Any]]] = {
    f"{_SIZE} clients": {**_SETTINGS, "clients": {name: {} for name in _NAMES}},
    f"a group of {_SIZE}": {**_SETTINGS, "clientGroups": {"fleet": {"names": _NAMES}}},
}
OWN: Final = f"""\
import pulumi

from components.albmtls import AlbMtls, StackIdentity
from components.settings import parse
from pulumi.runtime.config import CONFIG

provider = AlbMtls("albmtls", parse(CONFIG.get()).provider)
for number in range({_SIZE}):
    StackIdentity(f"identity{{number}}", pulumi.ResourceOptions(provider=provider))
"""
_OWN: Final = f"{_SIZE} resources of our provider"
MEANS: Final[Mapping[str, dict[str, str]]] = {
    "as it comes": {},
    "`PULUMI_DIY_BACKEND_GZIP=true`": {"PULUMI_DIY_BACKEND_GZIP": "true"},
    "`PULUMI_DIY_BACKEND_ZSTD=true`": {"PULUMI_DIY_BACKEND_ZSTD": "true"},
    "`PULUMI_SKIP_CHECKPOINTS=true`": {"PULUMI_SKIP_CHECKPOINTS": "true"},
}


@dataclass(frozen=True)
class Upload:
    """What one first `up` wrote, with one means of the engine.

    `requests` is None for a file backend.
    """

    stack: str
    means: str
    checkpoints: int
    written: int
    requests: Mapping[str, int] | None = None


def table(uploads: Sequence[Upload]) -> str:
    """What was counted, and its ratio to the stack's first row, as a Markdown table."""
    lines = [
        "| stack | engine's means | checkpoints | in them, MB | ratio | requests to a bucket |"
        " uploaded, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    first: dict[str, int] = {}
    for one in uploads:
        ratio = one.written / first.setdefault(one.stack, one.written)
        sent = " | "
        if one.requests is not None:
            kinds = ", ".join(
                f"{count} {kind}"
                for kind, count in sorted(one.requests.items())
                if kind not in ("bytes", "requests")
            )
            sent = f"{one.requests['requests']} ({kinds}) | {one.requests['bytes'] / 1e6:.2f}"
        lines.append(
            f"| {one.stack} | {one.means} | {one.checkpoints} | {one.written / 1e6:.2f} | {ratio:.3f} |"
            f" {sent} |"
        )
    return "\n".join(lines)


@contextmanager
def bucket(python: str) -> Iterator[str]:
    """A bucket as the backend's address."""
    server = subprocess.Popen(
        [python, str(REPOSITORY / "benchmarks/bucket_server.py"), str(PORT)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                counted()
                break
            except OSError:
                assert server.poll() is None, f"{python} could not serve moto's S3: is moto installed there?"
                time.sleep(0.2)
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        connection.request("PUT", "/state")
        assert connection.getresponse().status == 200
        connection.close()
        yield f"s3://state?endpoint=http://127.0.0.1:{PORT}&use_path_style=true&region=us-east-1"
    finally:
        server.terminate()
        server.wait()


def counted() -> dict[str, int]:
    """What the bucket has counted since the last time."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/counted", timeout=30) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def deploy(stack: Stack) -> tuple[int, int]:
    """Deploy a stack to its file backend; number and bytes of the checkpoints it wrote."""
    stack.env["PULUMI_RETAIN_CHECKPOINTS"] = "true"
    stack.up()
    directory = stack.sandbox.layout.state / ".pulumi/stacks"
    # a checkpoint that is kept has a time behind its name
    sizes = [
        file.stat().st_size
        for file in directory.rglob(f"{stack.name}.json*")
        if file.suffix.removeprefix(".").isdigit()
    ]
    return len(sizes), sum(sizes)


def measure(place: Path, address: str) -> Iterator[Upload]:
    """Deploy each stack with each means, one after the other."""
    sandbox = Sandbox.start(place / "sandbox", *PORTS)
    credentials = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    away = replace(sandbox, env={**sandbox.env, **credentials, "PULUMI_BACKEND_URL": address})
    try:
        for number, (means, env) in enumerate(MEANS.items()):
            for at, (kind, keys) in enumerate(STACKS.items()):
                name = f"kept-{at}-{number}"
                stack = Stack(name, directory(place, name, REPOSITORY), sandbox, env=dict(env))
                stack.set(**keys)
                yield Upload(kind, means, *deploy(stack))
            name = f"own-{number}"
            project = directory(place, name, REPOSITORY, OWN)
            there = Stack(name, project, away, env=dict(env))
            counted()
            there.up()
            requests = counted()
            here = Stack(name, project, sandbox, env=dict(env))
            yield Upload(_OWN, means, *deploy(here), requests)
    finally:
        succeed(sandbox("stop"))


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    place = Path(tempfile.mkdtemp(prefix="bench-bucket-"))
    order = [*STACKS, _OWN]
    try:
        with bucket(arguments[0]) as address:
            uploads = sorted(measure(place, address), key=lambda one: order.index(one.stack))
            print(table(uploads))
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
