"""Bring stack dev up on the sandbox, from start to proof, and back.

The command is `python -m dev.up up|preview|down [--port-base N] [--listener-base N]`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from alb_mutual_tls.errors import UserError
from dev import port_bases
from dev.sandbox import environment, processes, status
from dev.sandbox.layout import DEFAULT_DIRECTORY, REPOSITORY, Layout, write_atomically
from dev.toolchain.progress import duration
from dev.toolchain.store import locked

STACK: Final = "dev"
PROJECT: Final = "alb-mutual-tls"
SANDBOX: Final = DEFAULT_DIRECTORY
STACK_FILE: Final = REPOSITORY / f"Pulumi.{STACK}.yaml"

NEXT_STEPS: Final = """\
next steps:
  . .sandbox/env                                          # pulumi, kubectl and ./mtls in your shell
  pulumi preview                                          # shows no change
  ./mtls clients export client --format curl --output out # the client's certificate, key and curl
  pulumi config set caEnabled false && pulumi up          # lets everybody in; true refuses again
  make down                                               # takes everything down"""


class Failed(Exception):
    """A program that this runs has failed and has said why."""


@dataclass
class Stages:
    """Runs programs one after the other and remembers how long each took."""

    times: list[tuple[str, float]] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        print(f"== {name}", flush=True)
        began = self.clock()
        try:
            yield
        finally:
            self.times.append((name, self.clock() - began))

    def summary(self) -> str:
        total = sum(seconds for _, seconds in self.times)
        return (
            ", ".join(f"{name} {duration(seconds)}" for name, seconds in self.times)
            + f"; {duration(total)} in all"
        )


def run(arguments: Sequence[str], variables: Mapping[str, str]) -> None:
    """Run a program in the checkout, its output being ours.

    Raises:
        Failed: its exit code is not 0.
    """
    code = subprocess.run(arguments, env=dict(variables), cwd=REPOSITORY).returncode
    if code:
        raise Failed(f"`{' '.join([Path(arguments[0]).name, *arguments[1:]])}` ended with code {code}")


def sandbox(*command: str) -> None:
    """Run a command of the sandbox of this checkout."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    run([sys.executable, "-m", "dev.sandbox", *command, "--directory", str(SANDBOX)], variables)


def select_stack(variables: Mapping[str, str], layout: Layout) -> None:
    """Select stack dev, made if need be, and free it from dead owners.

    Pulumi.dev.yaml holds its salt, so the file stays as it is.
    """
    run(["pulumi", "stack", "select", STACK, "--create", "--non-interactive"], variables)
    locks = layout.state / ".pulumi" / "locks" / "organization" / PROJECT / STACK
    owners = [json.loads(file.read_text(encoding="utf-8")) for file in locks.glob("*.json")]
    if owners and all(is_dead(owner) for owner in owners):
        print("an update of this stack was killed; releasing its lock")
        run(["pulumi", "cancel", "--yes", "--stack", STACK, "--non-interactive"], variables)


def is_dead(owner: Mapping[str, object]) -> bool:
    """Whether the process that holds a stack's lock ran on this machine and is gone.

    The lock is that of Pulumi's file backend, and `owner` is its JSON.
    """
    pid = owner.get("pid")
    here = owner.get("hostname") == socket.gethostname()
    return here and isinstance(pid, int) and processes.find(pid) is None


def ready(layout: Layout) -> dict[str, str]:
    """Start the sandbox, and lead the stack's file to its ports.

    Returns the environment of `.sandbox/env`.
    """
    sandbox("start", "--port-base", str(layout.port_base), "--listener-base", str(layout.listener_base))
    before = STACK_FILE.read_text(encoding="utf-8")
    after = led_to(before, layout)
    if after != before:
        write_atomically(STACK_FILE, after)
        print(
            f"{STACK_FILE.name} now leads to the sandbox on the ports from {layout.port_base} and"
            f" {layout.listener_base} on"
        )
    return environment.for_process(layout)


def led_to(text: str, layout: Layout) -> str:
    """Return the stack's file with the sandbox's endpoints.

    Wherever an address is a loopback one, it has the ports of the sandbox's listeners. The rest
    stays as it was.
    """
    text = re.sub(r"\b(alb|cas|sts|cs): 127\.0\.0\.1:\d+", rf"\1: {layout.openapi_endpoint}", text)
    for listener in (yaml.safe_load(text)["config"].get(f"{PROJECT}:listeners") or {}).values():
        address = (listener.get("verify") or {}).get("address")
        if isinstance(address, str) and (host := address.partition(":")[0]).startswith("127.0.0."):
            text = text.replace(
                f"address: {address}\n", f"address: {host}:{layout.listener_port(int(listener['port']))}\n"
            )
    return text


def up(stages: Stages, layout: Layout) -> None:
    """Sandbox, `pulumi up`, handshakes: raises unless all of it held."""
    with stages.stage("sandbox"):
        variables = ready(layout)
    with stages.stage("pulumi up"):
        select_stack(variables, layout)
        run(["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK], variables)
    with stages.stage("mtls verify"):
        run(proof(layout), variables)
    print(f"\n{stages.summary()}\n\n{NEXT_STEPS}")


def proof(layout: Layout) -> list[str]:
    """The command that tries who is let in by stack dev."""
    trust = ["--ca-file", str(layout.server_ca)]
    return [str(REPOSITORY / "mtls"), "verify", "--stack", STACK, "--with-authority-key", *trust]


def preview(stages: Stages, layout: Layout) -> None:
    """Sandbox and `pulumi preview`."""
    with stages.stage("sandbox"):
        variables = ready(layout)
    with stages.stage("pulumi preview"):
        select_stack(variables, layout)
        run(["pulumi", "preview", "--stack", STACK], variables)


def down(stages: Stages, layout: Layout) -> None:
    """Take stack dev down: `pulumi destroy`, then stop the sandbox.

    The stack is destroyed if the sandbox runs and the stack was made. The sandbox is stopped also
    when destroying has failed.
    """
    if not (SANDBOX / "sandbox.json").exists():
        print("there is no sandbox here, so there is nothing to take down")
        return
    problem: Failed | None = None
    stack = layout.state / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json"
    if stack.exists() and any(part.pid is not None for part in status.look(layout).parts):
        try:
            with stages.stage("pulumi destroy"):
                # A part that has crashed would be missing: `start` starts only what does not run.
                variables = ready(layout)
                select_stack(variables, layout)
                run(["pulumi", "destroy", "--yes", "--skip-preview", "--stack", STACK], variables)
        except (Failed, UserError) as error:
            problem = Failed(str(error))
    with stages.stage("stop"):
        sandbox("stop")
    if problem:
        raise Failed(
            f"{problem}; the sandbox is stopped, and what is in its state can be destroyed after `make up`"
        )


def main(arguments: Sequence[str]) -> int:
    commands = {"up": up, "preview": preview, "down": down}
    if not arguments or arguments[0] not in commands:
        print(f"usage: python -m dev.up {'|'.join(commands)}", file=sys.stderr)
        return 2
    try:
        layout = port_bases.chosen(arguments[1:], SANDBOX)
        with locked(
            REPOSITORY / ".toolchain" / "up.lock",
            lambda: print("another make up, preview or down runs; waiting for it", flush=True),
        ):
            commands[arguments[0]](Stages(), layout)
    except (Failed, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
