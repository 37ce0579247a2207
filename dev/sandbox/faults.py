"""Faults that the sandbox shows on demand.

The module says which faults there are and which are desired, and waits until one is in force.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from dev.sandbox.layout import Layout, write_atomically

NONE: Final = "none"
API: Final = "api"
CONTROLLER: Final = "controller"
STALE: Final = "stale"
ALBCONFIG: Final = "albconfig"
WRITERS: Final = "writers"
APISERVER: Final = "apiserver"
SLOW: Final = "slow"

FAULTS: Final[dict[str, dict[str, str]]] = {
    "alb": {
        "ignores-ca-enabled": "listeners with caEnabled true ask for no client certificate",
        "accepts-any-certificate": (
            "a client certificate is asked for, but any is accepted, whoever signed it"
        ),
        "trusts-another-ca": "listeners trust a CA that the AlbConfig does not name",
        "accepts-cut-chains": (
            "clients of authorities that are not known get in too, as if what they have left out had been"
            " fetched from elsewhere"
        ),
        "asks-by-server-name": (
            "a client certificate is asked for only where the TLS server name is one that the listener serves"
        ),
        "resumes-sessions": (
            "a client certificate is asked for only in a new TLS session; whoever has one comes back without"
        ),
        "answers-400": "everybody gets HTTP 400, good clients too",
        NONE: "no fault",
    },
    CONTROLLER: {
        STALE: "what changes in the cluster is not applied until the fault ends",
        NONE: "no fault",
    },
    ALBCONFIG: {
        WRITERS: (
            "somebody else writes all AlbConfigs some ten times a second: the listeners in another order, and"
            " a field of his own"
        ),
        NONE: "he is done and has put everything back",
    },
}
"""Target -> name -> what it does."""

APISERVER_FAULTS: Final[dict[str, str]] = {
    "restart": "kube-apiserver ends and starts again",
    "pause": "kube-apiserver answers nobody, and does not refuse either",
    "resume": "a paused kube-apiserver goes on",
}
"""What can be done to kube-apiserver, at once -> what it does."""

API_FAULTS: Final[dict[str, str]] = {
    "throttle": "not done; answered Throttling.User",
    "5xx": "not done; answered 503 ServiceUnavailable",
    "reset": "not done; the connection is reset",
    "timeout-before": "not done; no answer for SECONDS (20), then the connection ends",
    "timeout-after": "done; no answer for SECONDS (20), then the connection ends",
    SLOW: "a list shows what was made or deleted only SECONDS (5) later, or after TIMES lists",
    NONE: "no fault",
}
"""Kind of fault of an action of the OpenAPI endpoint -> what a request meets."""

LISTS: Final = ("ListCertWarehouse", "ListCert")
"""The actions that can be slow."""

_TIMES: Final = 1
_SECONDS: Final = {"timeout-before": 20.0, "timeout-after": 20.0, SLOW: 5.0}
"""Longer than the 15 s for which the provider waits for an answer."""


def check(target: str, name: str) -> None:
    """Raises UserError, with the names that exist, for a fault that does not."""
    if target not in FAULTS:
        raise UserError(
            f"there are no faults of {target!r}; targets are {', '.join((*FAULTS, API, APISERVER))}, and none"
            " for all"
        )
    if name not in FAULTS[target]:
        raise UserError(f"{target} has no fault {name!r}; choose one of {', '.join(FAULTS[target])}")


def scripted(
    action: str, kind: str, times: int | None = None, seconds: float | None = None
) -> dict[str, Any]:
    """A fault of an action as faults.json holds it.

    Args:
        times: how many requests meet it (1); for `slow` how many lists do not show a change yet.
        seconds: how long a time-out lasts (20); for `slow` how long lists do not show a change yet
        (5, unless `times` is given).
    Raises:
        UserError: there is no such action or fault, or a number does not fit it.
    """
    # takes 0.2 s to import, which other commands can spare
    from dev.sandbox.cloud.actions import VERSIONS

    actions = [name for declared in VERSIONS.values() for name in declared]
    if action not in actions:
        raise UserError(f"the OpenAPI endpoint has no action {action!r}; choose one of {', '.join(actions)}")
    if kind not in API_FAULTS:
        raise UserError(f"api has no fault {kind!r}; choose one of {', '.join(API_FAULTS)}")
    if kind == SLOW and action not in LISTS:
        raise UserError(f"{action} cannot be slow; choose one of {', '.join(LISTS)}")
    if times is not None and times < 1:
        raise UserError(f"--times is {times}; give 1 or more")
    if seconds is not None and not 0 < seconds <= 600:
        raise UserError(f"--seconds is {seconds:g}; give more than 0 and at most 600")
    if seconds is not None and kind not in _SECONDS:
        raise UserError(f"{kind} takes no --seconds; it happens at once")
    if kind == SLOW and times is not None and seconds is not None:
        raise UserError("slow takes --times or --seconds, not both")
    if seconds is None and not (kind == SLOW and times is not None):
        seconds = _SECONDS.get(kind)
    if times is None and kind != SLOW:
        times = _TIMES
    return {
        "kind": kind,
        "times": times,
        "seconds": seconds,
        "id": secrets.token_hex(4),
        "since": time.time(),
    }


def wished(layout: Layout) -> dict[str, Any]:
    """Return the desired faults, target -> name (of `api`: action -> fault).

    Targets without a fault are left out.
    """
    return _read(layout.faults_file)


def applied(layout: Layout) -> dict[str, Any]:
    """The faults in force, as `wished`."""
    return _read(layout.faults_applied_file)


def spent(layout: Layout) -> dict[str, int]:
    """Id of a fault of the OpenAPI endpoint -> how many requests have met it."""
    return _read(layout.faults_spent_file)


def active(layout: Layout) -> dict[str, str]:
    """Return for people what is in force or still to come.

    It is `alb` or `api ACTION` -> the fault.
    """
    content, used = wished(layout), spent(layout)
    shown = {target: name for target, name in content.items() if target != API}
    for action, fault in content.get(API, {}).items():
        times, seconds = fault["times"], fault["seconds"]
        within = f" for {seconds:g} s" if seconds is not None else ""
        if fault["kind"] == SLOW:
            shown[f"{API} {action}"] = f"{SLOW}{within or f' for {times} lists'}"
        elif (left := times - used.get(fault["id"], 0)) > 0:
            shown[f"{API} {action}"] = f"{fault['kind']}{within}, {left} of {times} to come"
    return shown


def wish(layout: Layout, target: str, name: str) -> dict[str, Any]:
    """Write faults.json with fault `name` of `target`.

    Other targets stay as they were. Returns what is desired now.
    """
    check(target, name)
    return _write(layout, {**wished(layout), target: name})


def wish_api(layout: Layout, action: str, fault: dict[str, Any]) -> dict[str, Any]:
    """Write faults.json with a `scripted` fault of an action.

    All others stay as they were. Returns what is desired now.
    """
    content = wished(layout)
    others = {name: one for name, one in content.get(API, {}).items() if name != action}
    return _write(layout, {**content, API: others if fault["kind"] == NONE else {**others, action: fault}})


def clear(layout: Layout) -> dict[str, Any]:
    """Write faults.json without any fault."""
    return _write(layout, {})


def await_applied(layout: Layout, alive: Callable[[], bool], limit: float = 30.0) -> None:
    """Wait until the data plane works with the desired faults.

    Args:
        alive: tells whether the part that applies faults is running.
        limit: seconds.
    Raises:
        UserError: it ended or did not take them within the limit.
    """
    deadline = time.monotonic() + limit
    while applied(layout) != wished(layout) or not layout.faults_applied_file.exists():
        if not alive():
            raise UserError(
                f"the sandbox in {layout.directory} is not running; the fault is in force when it is started"
            )
        if time.monotonic() > deadline:
            raise UserError(
                f"the data plane did not take the fault within {limit:.0f} s; see {layout.log('cloud')}"
            )
        time.sleep(0.02)


def _write(layout: Layout, content: dict[str, Any]) -> dict[str, Any]:
    write_atomically(layout.faults_file, json.dumps(content) + "\n")
    return wished(layout)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise UserError(f"{file} is damaged; delete it") from None
    return {target: value for target, value in content.items() if value not in (NONE, {})}
