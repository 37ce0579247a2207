"""The command `python -m dev.sandbox start|stop|status|logs|fault`.

It runs a local ALB with its cluster, see README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from alb_mutual_tls.errors import UserError
from dev.sandbox import faults, journal, lifecycle, status
from dev.sandbox.control_plane import KUBE_APISERVER
from dev.sandbox.guard import Interrupted
from dev.sandbox.layout import DEFAULT_DIRECTORY, Layout
from dev.sandbox.parts import CLOUD, parts

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run a command; returns its exit code."""
    options = parser(environment).parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except Interrupted as reason:
        print(f"error: {reason}", file=sys.stderr)
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who read has gone (`logs | head`); keep the interpreter from complaining when it closes
        # stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UserError as reason:
        print(f"error: {reason}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as reason:
        print(
            f"error: Python package {reason.name} is missing; run `make up` once, then use .venv/bin/python",
            file=sys.stderr,
        )
        return 1
    except OSError as reason:
        print(f"error: the sandbox cannot be used: {reason}", file=sys.stderr)
        return 1


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """The commands with their options; defaults come from `environment`."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--directory",
        type=Path,
        default=Path(environment.get("SANDBOX_DIRECTORY") or DEFAULT_DIRECTORY),
        help="where the sandbox lives (default: $SANDBOX_DIRECTORY, else .sandbox of the checkout)",
    )
    made = argparse.ArgumentParser(prog="python -m dev.sandbox", description="A local ALB with its cluster.")
    commands = made.add_subparsers(required=True, metavar="start|stop|status|logs|fault")

    start = commands.add_parser(
        "start", parents=[common], help="start what does not run, and wait until all is ready"
    )
    for option, meaning in (
        ("--port-base", "of the cluster's and the APIs' ports"),
        ("--listener-base", "listener P is served on this plus P"),
    ):
        variable = f"SANDBOX{option[1:].replace('-', '_').upper()}"
        start.add_argument(
            option,
            type=int,
            default=environment.get(variable) or None,
            help=f"{meaning} (default: ${variable}, else as last time)",
        )
    start.set_defaults(run=_start)

    stop = commands.add_parser("stop", parents=[common], help="end all parts; data stays")
    stop.add_argument("--purge", action="store_true", help="remove the data too")
    stop.set_defaults(run=_stop)

    show = commands.add_parser(
        "status", parents=[common], help="how each part is; exit code 0 only if all are running"
    )
    show.add_argument("--json", action="store_true", help="for programs")
    show.set_defaults(run=_status)

    logs = commands.add_parser("logs", parents=[common], help="last lines of the logs")
    logs.add_argument(
        "part", nargs="?", metavar="PART", help=f"one of {', '.join(journal.LOGS)} (default: all)"
    )
    logs.add_argument("-n", "--lines", type=int, default=20, help="how many (default: 20)")
    logs.add_argument(
        "-f", "--follow", action="store_true", help="show what is written from now on, until Ctrl-C"
    )
    logs.set_defaults(run=_logs)

    fault = commands.add_parser(
        "fault",
        parents=[common],
        help="make the sandbox misbehave",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    fault.add_argument(
        "target",
        metavar="TARGET",
        help=f"one of {', '.join((*faults.FAULTS, faults.API, faults.APISERVER))}; none clears all",
    )
    described = [
        f"{target} {name}: {what}" for target, names in faults.FAULTS.items() for name, what in names.items()
    ]
    described += [f"{faults.APISERVER} {name}: {what}" for name, what in faults.APISERVER_FAULTS.items()] + [
        f"{faults.API} ACTION KIND"
    ]
    fault.add_argument("name", metavar="NAME", nargs="?", help="\n".join(described))
    kinds = "\n".join(f"{kind}: {what}" for kind, what in faults.API_FAULTS.items())
    fault.add_argument("kind", metavar="KIND", nargs="?", help=f"of a fault of an action of the API\n{kinds}")
    fault.add_argument("--times", type=int, help="how many requests of the action meet it (default: 1)")
    fault.add_argument("--seconds", type=float, help="how long a time-out lasts or a list is slow")
    fault.set_defaults(run=_fault)
    return made


def _say(sentence: str) -> None:
    print(f"sandbox: {sentence}", flush=True)


def _start(options: argparse.Namespace) -> int:
    began = time.monotonic()
    layout = Layout.choose(options.directory, options.port_base, options.listener_base)
    started = lifecycle.start(layout, _say)
    if started:
        _say(f"ready in {time.monotonic() - began:.1f} s; to work on it: . {_short(layout.env)}")
    else:
        _say(f"already running in {_short(layout.directory)}; to work on it: . {_short(layout.env)}")
    for target, name in faults.active(layout).items():
        _say(
            f"fault of {target} in force: {name} (end it with `python -m dev.sandbox fault {target}"
            f" {faults.NONE}`)"
        )
    return 0


def _stop(options: argparse.Namespace) -> int:
    layout = Layout(options.directory)
    ran = lifecycle.stop(layout, _say)
    if options.purge:
        lifecycle.purge(layout, _say)
    _say(
        f"{'stopped' if ran else 'nothing was running'} in"
        f" {_short(layout.directory)}{'; its data is removed' if options.purge else ''}"
    )
    return 0


def _status(options: argparse.Namespace) -> int:
    found = status.look(Layout.load(options.directory))
    print(json.dumps(found.as_json(), indent=2) if options.json else found.as_table())
    return 0 if found.ready else 1


def _logs(options: argparse.Namespace) -> int:
    layout = Layout.load(options.directory)
    if options.follow and options.part is None:
        raise UserError(f"say which log to follow: one of {', '.join(journal.LOGS)}")
    for name in [options.part] if options.part else journal.LOGS:
        if options.part is None:
            print(f"==> {_short(journal.file_of(layout, name))}")
        print("".join(f"{line}\n" for line in journal.last(layout, name, options.lines)), end="")
    if options.follow:
        for text in journal.follow(journal.file_of(layout, options.part)):
            print(text, end="", flush=True)
    return 0


def _fault(options: argparse.Namespace) -> int:
    layout = Layout.load(options.directory)
    act, said = _wish(layout, options)
    cloud = next(part for part in parts(layout, {}) if part.name == CLOUD)
    if cloud.pid() is None:
        raise UserError(f"the sandbox in {layout.directory} is not running; start it first")
    act()
    sentence = said()
    faults.await_applied(layout, lambda: cloud.pid() is not None)
    _say(sentence)
    return 0


def _wish(layout: Layout, options: argparse.Namespace) -> tuple[Callable[[], object], Callable[[], str]]:
    """Return what a `fault` command does, and what it says afterwards.

    Raises UserError if the command asks for something that does not exist.
    """
    target, name, kind = options.target, options.name, options.kind
    if (options.times is not None or options.seconds is not None) and target != faults.API:
        raise UserError(f"--times and --seconds are for faults of {faults.API}")
    if target == faults.NONE and name is None:
        return lambda: _clear(layout), lambda: "no faults"
    if target == faults.API:
        if name is None or kind is None:
            raise UserError(
                f"say which action and which fault: fault {faults.API} ACTION KIND, KIND one of"
                f" {', '.join(faults.API_FAULTS)}"
            )
        fault, shown = faults.scripted(name, kind, options.times, options.seconds), f"{target} {name}"
        return (
            lambda: faults.wish_api(layout, name, fault),
            lambda: f"{shown}: {faults.active(layout).get(shown, 'no fault')}",
        )
    if kind is not None:
        raise UserError(f"{target} takes one name, not {name} {kind}")
    if target == faults.APISERVER:
        acts: dict[str, tuple[Callable[[], object], str]] = {
            "restart": (lambda: lifecycle.restart(layout, KUBE_APISERVER, _say), "was restarted"),
            "pause": (lambda: lifecycle.pause(layout, KUBE_APISERVER, _say), "is paused"),
            "resume": (lambda: lifecycle.resume(layout, _say), "is not paused"),
        }
        if name not in acts:
            raise UserError(f"{target} has no fault {name!r}; choose one of {', '.join(acts)}")
        act, said = acts[name]
        return act, lambda: f"{KUBE_APISERVER} {said}"
    faults.check(target, str(name))
    return lambda: faults.wish(layout, target, name), lambda: f"{target}: {faults.FAULTS[target][name]}"


def _clear(layout: Layout) -> None:
    lifecycle.resume(layout, _say)
    faults.clear(layout)


def _short(file: Path) -> str:
    """As seen from the working directory if it lies in it."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)


if __name__ == "__main__":
    sys.exit(main())
