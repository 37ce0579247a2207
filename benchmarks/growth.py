"""What a stack costs by its size: first `up`, preview without changes, memory, state."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.integration.engine import Sandbox, Stack

Sizes = dict[str, tuple[int, ...]]
SIZES: Final[Sizes] = {
    "clients": (1, 20, 100, 300),
    "members": (1, 100, 300, 1000),
    "listeners": (1, 20, 100, 400),
}
"""Clients each of their own, members of a group, listeners of one AlbConfig."""
QUICK: Final[Sizes] = {"clients": (1, 20), "members": (1, 100), "listeners": (1, 20)}
SETTINGS: Final[dict[str, Any]] = {
    "authorities": {"root": {"keyAlgorithm": "ECDSA-P256"}},
    "awaitListener": False,
    "clients": {},
    "listeners": {},
}


@dataclass
class Measured:
    """A stack of a kind and a size.

    `up` and `previews`: seconds; `memory`: of the largest process, in MB; `state`: bytes.
    """

    kind: str
    size: int
    up: float = 0.0
    memory: float = 0.0
    state: int = 0
    previews: list[float] = field(default_factory=list)

    @property
    def preview(self) -> float:
        """The median."""
        return statistics.median(self.previews)


def keys(kind: str, size: int) -> dict[str, Any]:
    """The configuration of such a stack."""
    names = [f"n{number:04}" for number in range(size)]
    match kind:
        case "clients":
            return {**SETTINGS, "clients": {name: {} for name in names}}
        case "members":
            return {**SETTINGS, "clientGroups": {"fleet": {"names": names}}}
    listeners = {name: {"albConfig": f"big-{size}", "port": 1000 + at} for at, name in enumerate(names)}
    return {**SETTINGS, "caEnabled": True, "listeners": listeners}


def albconfig(name: str, ports: list[int]) -> dict[str, Any]:
    """An AlbConfig with an HTTPS listener on each port."""
    certificates = [{"CertificateId": "15683209-cn-hangzhou", "IsDefault": True}]
    return {
        "apiVersion": "alibabacloud.com/v1",
        "kind": "AlbConfig",
        "metadata": {"name": name},
        "spec": {
            "config": {"name": name, "addressType": "Internet"},
            "listeners": [
                {"port": port, "protocol": "HTTPS", "certificates": certificates} for port in ports
            ],
        },
    }


def apply(sandbox: Sandbox, document: dict[str, Any]) -> None:
    """Make an object of the cluster."""
    command = ["kubectl", "apply", "-f", "-"]
    subprocess.run(
        command, input=json.dumps(document), env=sandbox.env, text=True, check=True, capture_output=True
    )


def grow(make: Callable[[str], Stack], sandbox: Sandbox, sizes: Sizes, rounds: int) -> Iterator[Measured]:
    """Deploy and preview a stack of each size; `make` makes the stack of a name."""
    for kind, numbers in sizes.items():
        for size in numbers:
            if kind == "listeners":
                apply(sandbox, albconfig(f"big-{size}", [1000 + at for at in range(size)]))
            stack = make(f"{kind}-{size}")
            stack.set(**keys(kind, size))
            made = Measured(kind, size)
            made.up, made.memory = timed(stack, "up", "--yes", "--skip-preview")
            for _ in range(rounds):
                made.previews.append(timed(stack, "preview", "--expect-no-changes")[0])
            (file,) = (sandbox.layout.state / ".pulumi/stacks").rglob(f"{stack.name}.json")
            made.state = file.stat().st_size
            yield made


def timed(stack: Stack, *arguments: str) -> tuple[float, float]:
    """Seconds that a command of the engine takes, and the MB of its largest process."""
    command = [*stack.command(*arguments), "--suppress-progress"]
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        env=stack.sandbox.env,
        cwd=stack.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as engine:
        assert engine.stdout is not None
        shown = engine.stdout.read()
        _, status, usage = os.wait4(engine.pid, 0)
        engine.returncode = os.waitstatus_to_exitcode(status)
    assert engine.returncode == 0, shown[-3000:]
    return time.perf_counter() - began, usage.ru_maxrss / 1024


_LOOP: Final = r"""
set -eu
openssl ecparam -name prime256v1 -genkey -noout -out root.key
openssl req -x509 -new -key root.key -subj /CN=root -days 3650 -out root.crt
for number in $(seq "$1"); do
    openssl ecparam -name prime256v1 -genkey -noout -out "$number.key"
    openssl req -new -key "$number.key" -subj "/CN=$number" -out "$number.csr"
    openssl x509 -req -in "$number.csr" -CA root.crt -CAkey root.key -CAcreateserial -days 90 \
        -out "$number.crt"
done
"""


def openssl_loop(directory: str, size: int) -> float:
    """Seconds that a loop of openssl takes for as many clients, as the documentation makes one."""
    began = time.perf_counter()
    subprocess.run(["sh", "-c", _LOOP, "sh", str(size)], cwd=directory, check=True, capture_output=True)
    return time.perf_counter() - began
