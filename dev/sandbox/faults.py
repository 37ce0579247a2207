"""Faults that the sandbox shows on demand: which there are, which are wished for, and waiting until one is in force."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from alb_mutual_tls.errors import UserError
from dev.sandbox.layout import Layout, write_atomically

NONE: Final = "none"

FAULTS: Final[dict[str, dict[str, str]]] = {
    "alb": {
        "ignores-ca-enabled": "listeners with caEnabled true ask for no client certificate",
        "accepts-any-certificate": "a client certificate is asked for, but any is accepted, whoever signed it",
        "trusts-another-ca": "listeners trust a CA that the AlbConfig does not name",
        "answers-400": "everybody gets HTTP 400, good clients too",
        NONE: "no fault",
    },
}
"""Target -> name -> what it does."""


def check(target: str, name: str) -> None:
    """Raises UserError, with the names that exist, for a fault that does not."""
    if target not in FAULTS:
        raise UserError(f"there are no faults of {target!r}; targets are {', '.join(FAULTS)}")
    if name not in FAULTS[target]:
        raise UserError(f"{target} has no fault {name!r}; choose one of {', '.join(FAULTS[target])}")


def wished(layout: Layout) -> dict[str, str]:
    """The faults wished for, target -> name; targets without a fault are left out."""
    return _read(layout.faults_file)


def applied(layout: Layout) -> dict[str, str]:
    """The faults in force, target -> name; targets without a fault are left out."""
    return _read(layout.faults_applied_file)


def wish(layout: Layout, target: str, name: str) -> dict[str, str]:
    """Write faults.json with fault `name` of `target`, other targets as they were; returns what is wished for now."""
    check(target, name)
    content = {**wished(layout), target: name}
    write_atomically(layout.faults_file, json.dumps(content) + "\n")
    return wished(layout)


def await_applied(layout: Layout, alive: Callable[[], bool], limit: float = 30.0) -> None:
    """Wait until the data plane works with the faults wished for.

    Args:
        alive: tells whether the part that applies faults is running.
        limit: seconds.
    Raises:
        UserError: it ended or did not take them within the limit.
    """
    deadline = time.monotonic() + limit
    while applied(layout) != wished(layout) or not layout.faults_applied_file.exists():
        if not alive():
            raise UserError(f"the sandbox in {layout.directory} is not running; the fault is in force when it is started")
        if time.monotonic() > deadline:
            raise UserError(f"the data plane did not take the fault within {limit:.0f} s; see {layout.log('cloud')}")
        time.sleep(0.02)


def _read(file: Path) -> dict[str, str]:
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise UserError(f"{file} is damaged; delete it") from None
    return {target: name for target, name in content.items() if name != NONE}
