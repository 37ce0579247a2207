"""How a sandbox is: for people as a table, for programs as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev.sandbox import faults, ports
from dev.sandbox.layout import Layout
from dev.sandbox.part import State
from dev.sandbox.parts import addresses, parts

_LAST_WORDS: Final = 3


@dataclass(frozen=True)
class PartStatus:
    """How a part is."""

    name: str
    state: State
    lack: str
    """What it lacks; empty if it is running or stopped."""
    pid: int | None
    addresses: tuple[str, ...]
    log: Path
    last_words: tuple[str, ...]
    """Of its log, if it crashed or is not ready by itself."""


@dataclass(frozen=True)
class Status:
    """How all parts are, and what the sandbox as a whole offers."""

    directory: Path
    parts: tuple[PartStatus, ...]
    listeners: tuple[str, ...]
    faults: dict[str, str]
    """What misbehaves -> how, of the desired faults."""

    @property
    def ready(self) -> bool:
        return all(part.state is State.RUNNING for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "directory": str(self.directory),
            "parts": [
                {
                    "name": part.name,
                    "state": str(part.state),
                    "lack": part.lack,
                    "pid": part.pid,
                    "addresses": list(part.addresses),
                    "log": str(part.log),
                }
                for part in self.parts
            ],
            "listeners": list(self.listeners),
            "faults": self.faults,
        }

    def as_table(self) -> str:
        """A line for each part, then what is wrong and where things are."""
        rows = [("part", "state", "pid", "addresses")]
        rows += [
            (part.name, str(part.state), str(part.pid or "-"), ", ".join(part.addresses) or "-")
            for part in self.parts
        ]
        lines = table(rows)
        for part in self.parts:
            if part.state in _VERBS:
                lines += ["", f"{part.name} {_VERBS[part.state]} ({part.lack}); whole log: {part.log}"]
                lines += [f"  {line[:200]}" for line in part.last_words]
        lines += ["", f"directory: {self.directory}"]
        lines += [f"fault of {target}: {name}" for target, name in self.faults.items()]
        return "\n".join(lines)


_VERBS: Final = {State.CRASHED: "crashed", State.NOT_READY: "is not ready", State.PAUSED: "is paused"}


def look(layout: Layout) -> Status:
    """Ask every part how it is."""
    where = addresses(layout)
    found = []
    for part in parts(layout, {}):
        state, lack = part.state()
        words = tuple(part.last_words(_LAST_WORDS)) if lack and state is not State.PAUSED else ()
        found.append(PartStatus(part.name, state, lack, part.pid(), tuple(where[part.name]), part.log, words))
    return Status(
        layout.directory,
        tuple(found),
        tuple(str(endpoint) for endpoint in ports.listeners(layout)),
        faults.active(layout),
    )


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns under each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
