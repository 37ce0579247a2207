"""Brings the parts of a sandbox up, and says why one did not come up."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.sandbox import control_plane, data_plane, ports
from dev.sandbox.guard import Interruption
from dev.sandbox.layout import Layout
from dev.sandbox.part import Part
from dev.sandbox.parts import STOP_LIMIT, Say, end

_REMEDY: Final = (
    "\n  if its data is damaged: `python -m dev.sandbox stop --purge` removes it, and all else of this"
    " sandbox"
)


@dataclass
class Startup:
    """Brings parts up side by side, each as soon as those it needs are ready."""

    layout: Layout
    every: list[Part]
    say: Say
    noted: Interruption
    limit: float
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    configuration: str = ""

    def run(self, dead: list[Part]) -> None:
        try:
            self._run({part.name for part in dead})
        except BaseException:
            if started := [part for part in self.every if part.name in self.children]:
                self.say(f"ending again what was started: {', '.join(part.name for part in started)}")
                end(started, STOP_LIMIT, self.say)
            raise

    def _run(self, waiting: set[str]) -> None:
        lacks: dict[str, str] = {}
        while len(self.ready) < len(self.every):
            self.noted.check()
            for part in self.every:
                if part.name in waiting and self.ready.issuperset(part.after):
                    waiting.discard(part.name)
                    self._launch(part)
                elif part.name not in self.ready | waiting:
                    lacks[part.name] = self._look(part) or ""
            if time.monotonic() - self.began > self.limit:
                self._give_up({name: lack for name, lack in lacks.items() if name not in self.ready})
            time.sleep(0.04)

    def _launch(self, part: Part) -> None:
        if part.name == data_plane.NGINX:
            if busy := ports.clashes(ports.listeners(self.layout), self.layout):
                raise UserError("\n".join(busy))
            self.configuration = data_plane.fingerprint(self.layout)
        self.children[part.name] = part.start()

    def _look(self, part: Part) -> str | None:
        child = self.children.get(part.name)
        if (child and child.poll() is not None) or part.pid() is None:
            raise UserError(self._obituary(part, child))
        lack = part.probe()
        if lack:
            return lack
        self.ready.add(part.name)
        if child:
            self.say(f"{part.name} is ready ({time.monotonic() - self.began:.1f} s)")
        if (
            child
            and part.name == data_plane.NGINX
            and data_plane.fingerprint(self.layout) != self.configuration
        ):
            # The cloud part could not tell nginx of a change before nginx was there to be told.
            data_plane.reload(self.layout, part.command[0])
        return None

    def _obituary(self, part: Part, child: subprocess.Popen[bytes] | None) -> str:
        if child:
            with suppress(subprocess.TimeoutExpired):
                child.wait(1)  # until its last thread is gone, and with it its hold on the ports
        # Between the look at the ports and the start somebody may have taken one.
        endpoints = [
            endpoint
            for endpoint in ports.services(self.layout) + ports.listeners(self.layout)
            if endpoint.part == part.name
        ]
        if child and (busy := ports.clashes(endpoints, self.layout)):
            return "\n".join(busy)
        code = child.poll() if child else None
        ended = "ended" if code is None else f"ended with exit code {code}"
        if code and code < 0:
            ended = f"was killed by signal {-code}"
        reason = part.complaint() or "it said nothing"
        return (
            f"{part.name} {ended} while the sandbox was started: {reason[:300]}\n  whole log:"
            f" {part.log}{_REMEDY if part.name == control_plane.ETCD else ''}"
        )

    def _give_up(self, lacks: dict[str, str]) -> None:
        described = "; ".join(f"{name}: {lack}" for name, lack in lacks.items())
        raise UserError(
            f"not ready after {self.limit:.0f} s: {described}; stop and start the sandbox\n  logs:"
            f" {self.layout.logs}"
        )
