"""Starts and ends every command line.

This is the one place that turns a result into an exit code (docs/exit-codes.md).
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from enum import IntEnum
from itertools import pairwise
from types import FrameType
from typing import Any, Final, TextIO

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.waiting import told


class ExitCode(IntEnum):
    """The exit codes of every command of `mtls` and `ci/`.

    A command that a signal interrupts ends with 128 plus the signal's number, whatever its result.
    """

    GOOD = 0
    """All held, or was done."""
    BAD = 1
    """Looked at, and it is not as it should be: it fell short, was refused, failed, has drifted."""
    UNDECIDED = 2
    """Not decided, not done, a wrong option, output that could not be written, or a fault of this
    program.
    """


GRACE_SECONDS: Final = 1.0
"""How long an interrupted command lets its threads end by themselves."""
INTERRUPTED: Final = 128
"""Plus the number of the signal, as shells have it: 130 for Ctrl-C, 143 for SIGTERM."""

_CHOICE: Final = re.compile(
    r"Invalid value for '(--[a-z-]+)'.*?: (?:Value error, )?'(.*)' is not one of (.+)"
)
_signals: Final[list[int]] = []
"""Those that came."""
_arguments: Final[list[str]] = []
"""The command line, without the program's name."""
_PLACE: Final = {
    "--stack": "--stack",
    "-s": "--stack",
    "--cwd": "--cwd",
    "-C": "--cwd",
    "--component": "--component",
}
"""The options that say which stack a command is about, in each spelling."""


def given_place() -> str:
    """Return the options of this command line that say which stack.

    They are quoted for the shell, each after a space. Advice that names another command of this
    program ends with them, so that it is about the same stack.
    """
    found: dict[str, str] = {}
    for word, following in pairwise([*_arguments, ""]):
        option, equals, value = (
            word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        )
        if option in _PLACE:
            found[_PLACE[option]] = value if equals else following
    return "".join(f" {option} {shlex.quote(value)}" for option, value in found.items())


def given_command(name: str) -> str:
    """The command line as it was given, to be repeated; `name` is what it begins with."""
    return f"{name}{shlex.join(_arguments)}"


def interruptible(*numbers: signal.Signals) -> None:
    """Let these signals end a command as Ctrl-C does.

    They raise KeyboardInterrupt, after which the command can still clean up.
    """
    for number in numbers:
        signal.signal(number, _interrupt)


def _interrupt(number: int, _: FrameType | None) -> None:
    _signals.append(number)
    raise KeyboardInterrupt


def run(load: Callable[[], Callable[..., object]], name: str) -> None:
    """Run the Typer application that `load` gives, and exit.

    A user's error is one sentence on stderr; so is a fault of our own, with its traceback. Python
    exits with 1 for such a fault, and click does when a reader is gone. Here 1 would say that a
    listener fell short.
    """
    output = _guarded()
    _signals.clear()
    _arguments[:] = sys.argv[1:]
    before = signal.getsignal(signal.SIGINT)
    if (
        before is signal.default_int_handler
    ):  # else somebody has it ignored, as shells do for what runs in the background
        interruptible(signal.SIGINT)
    try:
        with told():
            code = _code(load, name)
        sys.stdout.flush()
    finally:
        _arguments.clear()
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, before)
    if _signals:
        code = INTERRUPTED + _signals[0]
        _leave_threads_behind(code)
    elif output is not None and output.failure is not None and output.failure.errno != errno.EPIPE:
        print(
            f"{name}: standard output cannot be written: {output.failure.strerror}: free some space, or write"
            " to another place",
            file=sys.stderr,
        )
        code = ExitCode.UNDECIDED
    sys.exit(code)


def _leave_threads_behind(code: int) -> None:
    """Exit at once where a thread still waits for an answer; Python would wait with it."""
    until = time.monotonic() + GRACE_SECONDS
    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    for thread in others:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() and not thread.daemon for thread in others):
        sys.stderr.flush()
        os._exit(code)


def _code(load: Callable[[], Callable[..., object]], name: str) -> int:
    import typer

    try:
        ended = load()(prog_name=name, standalone_mode=False)
    except typer.TyperException as error:  # a wrong option
        _refuse(name, _usage(error, name))
    except typer.Abort:
        print(f"{name}: there was no answer to the question: nothing was done", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED + signal.SIGINT
    except UserError as error:
        _refuse(name, str(error))
    except (Exception, SystemExit) as error:  # SystemExit: click's answer to any EPIPE
        if isinstance(error, SystemExit) and error.code == 0:  # what completion asked for is printed
            return ExitCode.GOOD
        traceback.print_exc()
        print(f"{name}: internal error, please report it: {type(error).__name__}: {error}", file=sys.stderr)
    else:
        return ended if isinstance(ended, int) else ExitCode.GOOD
    return ExitCode.UNDECIDED


def _refuse(name: str, sentence: str) -> None:
    """Say why nothing was done, on standard error or in the JSON document that is wanted."""
    if "--json" in _arguments:
        print(json.dumps(refusal(sentence), indent=2, ensure_ascii=False))
    else:
        print(f"{name}: {sentence}", file=sys.stderr)


def refusal(sentence: str) -> dict[str, object]:
    """What every JSON document begins with where a command could do nothing."""
    return {
        "version": 1,
        "verdict": "not decided",
        "exitCode": int(ExitCode.UNDECIDED),
        "summary": f"not decided: {sentence}",
        "error": sentence,
    }


def _usage(error: Any, name: str) -> str:
    """A wrong option as one sentence, with the choices that there are and where to read on."""
    said = " ".join(error.format_message().split()).rstrip(".")
    said = said.replace(". Did you mean ", ": did you mean ")
    choice = _CHOICE.search(said)
    if choice:
        option, given, rest = choice.groups()
        choices = ", ".join(re.findall(r"'([^']+)'", rest))
        said = f"{option} {given}: choose {choices}"
    path = getattr(getattr(error, "ctx", None), "command_path", name)
    more = f"{path.replace('ci ', 'ci/')} --help"
    return f"{said[:1].lower()}{said[1:]}{f' See {more}' if said.endswith('?') else f'; see {more}'}"


class _Output(io.RawIOBase):
    """A standard stream that accepts everything.

    It does so even when nobody reads it any more or the disk is full. The command then still
    finishes, cleans up and ends with its own exit code. `failure` holds the first error.
    """

    def __init__(self, descriptor: int) -> None:
        self.failure: OSError | None = None
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        left = memoryview(data)
        while left and self.failure is None:
            try:
                left = left[os.write(self._descriptor, left) :]
            except OSError as error:
                self.failure = error
        return len(data)


def _guarded() -> _Output | None:
    """Guard standard output and standard error.

    Returns the former; None where a test has put another in its place.
    """
    errors, output = _Output(2), _Output(1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(errors, sys.stderr)
    if sys.stdout is not sys.__stdout__:
        return None
    sys.stdout = _text(output, sys.stdout)
    return output


def _text(raw: _Output, stream: TextIO | None) -> io.TextIOWrapper:
    if (
        stream is None
    ):  # it was closed before this program began; what is opened next must not take its number
        raw.failure = OSError(errno.EBADF, os.strerror(errno.EBADF))
        os.dup2(os.open(os.devnull, os.O_WRONLY), raw.fileno())
    encoding, errors = ("utf-8", "backslashreplace") if stream is None else (stream.encoding, stream.errors)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, errors, line_buffering=raw.isatty() or raw.fileno() == 2
    )
