"""What `./mtls` costs in a crowded cluster: seconds, memory, requests."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.growth import SETTINGS, albconfig, apply
from tests.integration.engine import REPOSITORY, Sandbox, Stack

ALBCONFIGS: Final = 1000
INGRESSES: Final = 5000
LISTENERS: Final = 200
CLIENTS: Final = 100
_AT_ONCE: Final = 500
_FIRST_PORT: Final = 2000
_OF_ONE: Final = 40


@dataclass(frozen=True)
class Cost:
    """A run of a command: seconds of the clock, MB at most, requests to the API server."""

    what: str
    seconds: float
    memory: float
    requests: int
    told: str


def costs(make: Callable[[str], Stack], sandbox: Sandbox) -> Iterator[Cost]:
    """Run `status` and `audit` in a crowd, and `verify` at many listeners with many clients."""
    stack = make("crowd")
    listeners = dict(_listeners(stack, sandbox))
    clients: dict[str, Any] = {f"n{at:03}": {} for at in range(CLIENTS)}
    stack.set(**{**SETTINGS, "caEnabled": True, "clients": clients, "listeners": listeners})
    stack.up()
    trust = ("--ca-file", str(sandbox.server_ca))
    yield _cost(f"verify, {LISTENERS} listeners, {CLIENTS} clients", stack, "verify", *trust)
    for kind in _crowd():
        for at in range(0, len(kind), _AT_ONCE):
            apply(sandbox, {"apiVersion": "v1", "kind": "List", "items": kind[at : at + _AT_ONCE]})
    crowd = f"{ALBCONFIGS} AlbConfigs, {INGRESSES} Ingresses"
    yield _cost(f"audit, {crowd}", stack, "audit")
    yield _cost(f"status, {crowd}", stack, "status")


def table(found: Sequence[Cost]) -> str:
    """The costs as Markdown."""
    rows = [
        f"| {cost.what} | {cost.seconds:.1f} | {cost.memory:.0f} | {cost.requests} | {cost.told} |"
        for cost in found
    ]
    head = ["| `./mtls` | s | memory, MB | requests to the API server | verdict |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def _cost(what: str, stack: Stack, *command: str) -> Cost:
    before = len(stack.sandbox.audit_log())
    began = time.perf_counter()
    with subprocess.Popen(
        [str(REPOSITORY / "mtls"), *command, "--json", "--stack", stack.name, "--cwd", str(stack.directory)],
        env=stack.sandbox.env,
        cwd=stack.directory,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        document = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    assert "error" not in document, document["error"]  # a verdict, whatever it is
    seen = stack.sandbox.audit_log()[before:]
    sent = [event for event in seen if "alb-mutual-tls" in event.get("userAgent", "")]
    return Cost(what, seconds, usage.ru_maxrss / 1024, len(sent), document["summary"].partition(";")[0])


def _listeners(stack: Stack, sandbox: Sandbox) -> Iterator[tuple[str, dict[str, Any]]]:
    """Listeners of several AlbConfigs, as ALB takes no more than fifty each."""
    ports = range(_FIRST_PORT, _FIRST_PORT + _OF_ONE)
    for number in range(LISTENERS // _OF_ONE):
        name = f"many-{number}"
        apply(sandbox, albconfig(name, list(ports)))
        address = _address(sandbox, name)
        for port in ports:
            yield f"l{number}-{port}", stack.listener(name, port, at=address)


def _address(sandbox: Sandbox, name: str) -> str:
    """The address of a load balancer, once the controller has made it."""
    end = time.monotonic() + 60
    while True:
        try:
            return sandbox.address(name)
        except StopIteration:
            assert time.monotonic() < end, f"AlbConfig {name} got no load balancer"
            time.sleep(0.2)


def _crowd() -> list[list[dict[str, Any]]]:
    """AlbConfigs, a class for each, and Ingresses spread over them."""
    names = [f"crowd-{at}" for at in range(ALBCONFIGS)]
    classes = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": name},
            "spec": {
                "controller": "ingress.k8s.alibabacloud/alb",
                "parameters": {"apiGroup": "alibabacloud.com", "kind": "AlbConfig", "name": name},
            },
        }
        for name in names
    ]
    return [[albconfig(name, [443]) for name in names], classes, [_ingress(at) for at in range(INGRESSES)]]


def _ingress(at: int) -> dict[str, Any]:
    backend = {"service": {"name": "x", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"host": f"h{at}.example.com", "http": {"paths": [path]}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": f"crowd-{at}", "namespace": "default"},
        "spec": {"ingressClassName": f"crowd-{at % ALBCONFIGS}", "rules": [rule]},
    }
