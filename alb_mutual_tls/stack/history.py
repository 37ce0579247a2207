"""The configuration in the stack file, compared with the last deployment's.

The last deployment's configuration comes from the history that the backend keeps. Values are
compared in this process's memory, and no representation shows a secret one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.engine.program import Asked
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
from alb_mutual_tls.tokens import PROJECT

_PAGE: Final = 50
"""How many entries of the stack's history are read at once, the newest first."""
_PARTIAL: Final = tuple(
    f"pulumi.flag.{flag}" for flag in ("target", "exclude", "target-replace", "exclude-protected")
)
"""The options of pulumi that leave resources out, as the history notes them."""
_LISTENERS: Final = f"{PROJECT}:listeners"


@dataclass(frozen=True)
class Value:
    """A value of the configuration.

    It is a text, or the object or list that stands in the stack file. `secret` is true where any
    part of it is secret.
    """

    plain: Any = field(repr=False)
    secret: bool = False


Configuration = Mapping[str, Value]


@dataclass(frozen=True)
class HistoryEntry:
    """A run in the stack's history.

    `kind` is update, refresh, destroy, ... `targeted` means that the run did not touch the whole
    stack.
    """

    kind: str
    succeeded: bool
    targeted: bool
    configuration: Configuration


def history(directory: Path, stack: str | None, *, secrets: bool = True) -> tuple[HistoryEntry, ...]:
    """Return the runs on the stack, the newest first.

    It goes back as far as it takes to know what is deployed. Without `secrets` no passphrase is
    needed, and secret values are None. Raises UserError where the backend or its secrets cannot be
    read.
    """
    with closing(_asked_history(directory, stack, 1, secrets=secrets)) as first:
        return _history(first, directory, stack, secrets=secrets)


def _asked_history(directory: Path, stack: str | None, page: int, *, secrets: bool) -> Asked:
    arguments = ("--json", "--page-size", str(_PAGE), "--page", str(page))
    return Asked(directory, stack, "stack", "history", *arguments, *(["--show-secrets"] if secrets else []))


def _history(first: Asked, directory: Path, stack: str | None, *, secrets: bool) -> tuple[HistoryEntry, ...]:
    """The runs, of which the first page has been asked for."""
    listed = first.answer_json() or []
    entries = [*map(_entry, listed)]
    for page in count(2):
        if len(listed) < _PAGE or any(map(_settles, entries[-_PAGE:])):
            break
        with closing(_asked_history(directory, stack, page, secrets=secrets)) as asked:
            listed = asked.answer_json() or []
        entries += map(_entry, listed)
    return tuple(entries)


def _entry(told: Mapping[str, Any]) -> HistoryEntry:
    environment = told.get("environment") or {}
    return HistoryEntry(
        kind=str(told.get("kind")),
        succeeded=told.get("result") == "succeeded",
        targeted=any(flag in environment for flag in _PARTIAL),
        configuration=values(told.get("config") or {}),
    )


def _settles(entry: HistoryEntry) -> bool:
    return entry.succeeded and entry.kind in ("update", "destroy") and not entry.targeted


def deployed(entries: Sequence[HistoryEntry]) -> HistoryEntry | None:
    """Return the last completed update of the whole stack, or None.

    None also means that the stack was destroyed after that update.
    """
    last = next(filter(_settles, entries), None)
    return last if last is not None and last.kind == "update" else None


def of_checkout(directory: Path, stack: str | None, *, secrets: bool = True) -> Configuration:
    """Return the configuration in the checkout's stack file.

    `secrets` means the same as in `history`.
    """
    with closing(_asked_configuration(directory, stack, secrets=secrets)) as asked:
        return values(asked.answer_json())


def _asked_configuration(directory: Path, stack: str | None, *, secrets: bool) -> Asked:
    return Asked(directory, stack, "config", "--json", *(["--show-secrets"] if secrets else []))


def values(told: Mapping[str, Any]) -> Configuration:
    """A configuration as `pulumi config --json` and the history tell it."""
    return {
        key: Value(value.get("objectValue", value.get("value")), bool(value.get("secret")))
        for key, value in told.items()
    }


def different(configuration: Configuration, other: Configuration) -> list[str]:
    """Return the keys in which two configurations differ.

    The type of a number or boolean does not count, since `pulumi config set` writes text.
    """
    return sorted(
        key
        for key in {*configuration, *other}
        if _comparable(configuration.get(key)) != _comparable(other.get(key))
    )


def _comparable(value: Value | None) -> Any:
    if value is None or isinstance(value.plain, (str, dict, list)):
        return value and value.plain
    return json.dumps(value.plain)


# --- what `mtls verify` and `mtls status`, which go by what is deployed, are to know of the stack
# file


@dataclass(frozen=True)
class StackFile:
    """The configuration in the stack file, with notes about it.

    The configuration is empty where the file could not be read. Each note is a sentence.
    """

    configuration: Configuration
    notes: tuple[str, ...]


@contextmanager
def asked_stack_file(directory: Path, stack: str | None) -> Iterator[Callable[[], StackFile]]:
    """Let pulumi read the stack file and the history; what is yielded waits for both.

    It needs no passphrase, so of secrets only the keys are compared. Neither raises UserError,
    since what is deployed can be reported all the same.
    """
    with ExitStack() as open_:
        try:
            file = open_.enter_context(closing(_asked_configuration(directory, stack, secrets=False)))
            past = open_.enter_context(closing(_asked_history(directory, stack, 1, secrets=False)))
        except UserError as error:
            unknown = StackFile({}, (f"{_NOT_KNOWN}: {error}",))
            yield lambda: unknown
            return
        yield lambda: _stack_file(file, lambda: _history(past, directory, stack, secrets=False))


def _stack_file(file: Asked, past: Callable[[], Sequence[HistoryEntry]]) -> StackFile:
    """The stack file, with a note on what has changed since the last deployment."""
    try:
        now = without_secrets(values(file.answer_json()))
    except UserError as error:
        return StackFile({}, (f"{_NOT_KNOWN}: {error}",))
    try:
        last = deployed(past())
    except UserError as error:
        return StackFile(now, (f"{_NOT_KNOWN}: {error}",))
    if last is None:
        return StackFile(now, (f"{_NOT_KNOWN}: its history has no deployment that got to its end",))
    changed = different(now, without_secrets(last.configuration))
    return StackFile(now, (CHANGED.format(keys=", ".join(changed)),) if changed else ())


_NOT_KNOWN: Final = "whether the stack's configuration has changed since the last deployment is not known"
CHANGED: Final = (
    "the configuration has changed since the last deployment ({keys}), and this goes by what is deployed,"
    " verify.* of listeners apart: run pulumi up to deploy it"
)


def with_verify_of_file(
    directory: Path, stack: str | None, components: Sequence[DeployedComponent]
) -> tuple[DeployedComponent, ...]:
    """As `with_verify_of`; where the stack file cannot be read, as they are."""
    try:
        return with_verify_of(of_checkout(directory, stack, secrets=False), components)
    except UserError:
        return tuple(components)


def without_secrets(configuration: Configuration) -> Configuration:
    """The same, where each secret value is only known to be there."""
    return {
        key: replace(value, plain=None) if value.secret else value for key, value in configuration.items()
    }


def with_verify_of(
    configuration: Configuration, components: Sequence[DeployedComponent]
) -> tuple[DeployedComponent, ...]:
    """Return the components with `verify` taken from the stack file.

    The listeners get address, server name and path from there. Nothing that is deployed depends on
    them. A listener that the file lacks, or has at another place, keeps its deployed values. Raises
    UserError where such a value is not text.
    """
    listeners = configuration[_LISTENERS].plain if _LISTENERS in configuration else {}
    if isinstance(listeners, str):
        try:
            listeners = json.loads(listeners)
        except ValueError:
            listeners = {}
    if not isinstance(listeners, dict):
        return tuple(components)
    return tuple(
        replace(
            component,
            listeners=tuple(
                _with_verify_of(listeners.get(listener.name), listener) for listener in component.listeners
            ),
        )
        for component in components
    )


def _with_verify_of(listeners: Any, listener: DeployedListener) -> DeployedListener:
    if not isinstance(listeners, dict) or (listeners.get("albConfig"), str(listeners.get("port"))) != (
        listener.alb_config,
        str(listener.port),
    ):
        return listener
    verify = listeners.get("verify") or {}
    for key in ("address", "serverName", "path") if isinstance(verify, dict) else ():
        if not isinstance(verify.get(key, ""), str):
            raise UserError(
                f"verify.{key} of listener {listener.name} is {verify[key]!r} in the stack file, and no text:"
                " put it in quotes"
            )
    if not isinstance(verify, dict):
        return listener
    return replace(
        listener,
        address=verify.get("address"),
        server_name=verify.get("serverName"),
        path=verify.get("path") or "/",
    )
