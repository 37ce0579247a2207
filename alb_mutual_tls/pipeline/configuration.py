"""The configuration that a stack was deployed with, as the backend remembers it, in a file beside the checkout's stack file.

Values of it are compared in this process's memory; in the file what is secret stays encrypted, and no representation shows it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.cli.stack import pulumi
from alb_mutual_tls.errors import UserError

_ENTRIES: Final = 50
"""How many entries of the stack's history are read, the newest first."""
_LONGEST: Final = 200
"""Characters of a value that is shown in a command."""


@dataclass(frozen=True)
class Value:
    """A value of the configuration: a text, or what stands in the stack file as object or list; `secret` where any of it is."""

    plain: Any = field(repr=False)
    secret: bool = False


Configuration = Mapping[str, Value]


@dataclass(frozen=True)
class Entry:
    """A run in the stack's history; `kind`: update, refresh, destroy, ...; `targeted`: it did not touch the whole stack."""

    kind: str
    succeeded: bool
    targeted: bool
    configuration: Configuration


def history(directory: Path, stack: str) -> tuple[Entry, ...]:
    """What was run on the stack, the newest first. Raises UserError where the backend or its secrets cannot be read."""
    listed = json.loads(pulumi(directory, stack, "stack", "history", "--json", "--show-secrets", "--page-size", str(_ENTRIES)) or "[]")
    return tuple(
        Entry(
            kind=str(one.get("kind")),
            succeeded=one.get("result") == "succeeded",
            targeted="pulumi.flag.target" in (one.get("environment") or {}),
            configuration=values(one.get("config") or {}),
        )
        for one in listed
    )


def of_checkout(directory: Path, stack: str) -> Configuration:
    """The configuration in the checkout's stack file."""
    return values(json.loads(pulumi(directory, stack, "config", "--json", "--show-secrets")))


def values(told: Mapping[str, Any]) -> Configuration:
    """A configuration as `pulumi config --json` and the history tell it."""
    return {key: Value(one.get("objectValue", one.get("value")), bool(one.get("secret"))) for key, one in told.items()}


def deployed(entries: Sequence[Entry]) -> Entry | None:
    """The last update of the whole stack that got to its end, unless the stack was destroyed after it; None where there is none."""
    for entry in entries:
        if entry.succeeded and entry.kind == "destroy":
            return None
        if entry.succeeded and entry.kind == "update" and not entry.targeted:
            return entry
    return None


def write(directory: Path, stack: str, entries: Sequence[Entry], wanted: Entry, file: Path) -> None:
    """Write the configuration of an entry to a new file of mode 0600, its secrets encrypted.

    Must come before another run on the stack, for the backend only gives the latest configuration with its secrets encrypted. Raises UserError
    where a secret of the wanted one is not in that.
    """
    file.touch(mode=0o600, exist_ok=False)
    pulumi(directory, stack, "config", "refresh", "--config-file", str(file), "--force")
    if wanted is not entries[0]:
        import yaml

        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        document["config"] = merged(document.get("config") or {}, latest=entries[0].configuration, wanted=wanted.configuration)
        file.write_text(yaml.safe_dump(document), encoding="utf-8")


def merged(encrypted: Mapping[str, Any], *, latest: Configuration, wanted: Configuration) -> dict[str, Any]:
    """The wanted configuration, with those secrets taken from the latest one, where they stand `encrypted`."""
    for key, value in wanted.items():
        if value.secret and latest.get(key) != value:
            raise UserError(
                f"the secret {key} was changed by a run that failed after the last deployment, and its former value cannot be had encrypted: "
                "set it to what it was, and deploy"
            )
    return {key: encrypted[key] if value.secret else value.plain for key, value in sorted(wanted.items())}


def set_value(directory: Path, stack: str, key: str, value: str, file: Path) -> None:
    """`pulumi config set` in a file of its own."""
    pulumi(directory, stack, "config", "set", key, value, "--config-file", str(file))


def unprotect(directory: Path, stack: str, urn: str) -> None:
    """`pulumi state unprotect` of a resource."""
    pulumi(directory, stack, "state", "unprotect", urn, "--yes")


def different(one: Configuration, other: Configuration) -> list[str]:
    """The keys in which two configurations differ; the type of a number or boolean is none of it, as `pulumi config set` writes text."""
    return sorted(key for key in {*one, *other} if _comparable(one.get(key)) != _comparable(other.get(key)))


def _comparable(value: Value | None) -> Any:
    if value is None or isinstance(value.plain, (str, dict, list)):
        return value and value.plain
    return json.dumps(value.plain)


def commands(stack: str, *, now: Configuration, wanted: Configuration) -> list[str]:
    """What makes the checkout's configuration the wanted one, a command or a sentence each."""
    return list(_commands(stack, now, wanted))


def _commands(stack: str, now: Configuration, wanted: Configuration) -> Iterator[str]:
    name = shlex.quote(stack)
    for key in different(now, wanted):
        value = wanted.get(key)
        if value is None:
            yield f"pulumi config rm {shlex.quote(key)} --stack {name}"
            continue
        text = value.plain if isinstance(value.plain, str) else json.dumps(value.plain, ensure_ascii=False)
        if value.secret or len(text) > _LONGEST or "\n" in text:
            yield f"# {key}: give it the value that it had in the last good deployment"
        else:
            yield f"pulumi config set {shlex.quote(key)} {shlex.quote(text)} --stack {name}"
