"""The engine's JSON events of a preview, update or refresh, typed.

Nothing secret is in them. An event is one line of JSON, as `--event-log` writes them:
apitype.EngineEvent, https://www.pulumi.com/docs/reference/cloud-rest-api/schema/appengineevent/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from alb_mutual_tls.engine.redaction import redacted
from alb_mutual_tls.wire import UNKNOWN_TEXT, without_secrets

Values = Mapping[str, Any]

UNCHANGED: Final = frozenset({"same", "read", "read-discard"})
"""Operations that change nothing."""
REFRESH: Final = "refresh"


def name_of(urn: str) -> str:
    """The name that a resource has in the program."""
    return urn.rpartition("::")[2]


def has_unknown(value: Any) -> bool:
    """Whether something in a value is only known after the update."""
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    return any(map(has_unknown, value)) if isinstance(value, list) else value == UNKNOWN_TEXT


@dataclass(frozen=True)
class ResourceState:
    """A resource before or after a step.

    Secret values in its inputs and outputs are None. `parent` is a URN, or empty.
    """

    id: str = ""
    parent: str = ""
    inputs: Values = field(default_factory=dict)
    outputs: Values = field(default_factory=dict)

    def value(self, key: str) -> Any:
        """Return an output, else the input of that name.

        Returns None where neither exists or the value is only known after the update.
        """
        value = self.outputs.get(key, self.inputs.get(key))
        return None if value == UNKNOWN_TEXT else value


@dataclass(frozen=True)
class Step:
    """One operation on one resource, planned by a preview or carried out by an update.

    `op` as the engine names it: same, create, update, delete, replace, create-replacement,
    delete-replaced, read, refresh, import, ...; `paths` are the paths of the properties that
    differ, sorted; `old` is None for what is made, `new` for what goes, or is gone at a refresh.
    """

    urn: str
    type: str
    op: str
    paths: tuple[str, ...] = ()
    old: ResourceState | None = None
    new: ResourceState | None = None
    ended: bool = False
    failed: bool = False

    @property
    def name(self) -> str:
        """The name of the resource in the program."""
        return name_of(self.urn)

    @property
    def changes(self) -> bool:
        """Whether the step changes something.

        A refresh does when it finds something other than what the state says.
        """
        if self.op == REFRESH:
            return bool(self.paths) or (self.ended and not self.failed and self.new is None)
        return self.op not in UNCHANGED


class Severity(StrEnum):
    """How bad it is what the engine, a provider or the program says."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Diagnostic:
    """A message of the engine, a provider or the program.

    `urn` is that of the resource it is about, or empty.
    """

    severity: Severity
    text: str
    urn: str = ""


@dataclass(frozen=True)
class Events:
    """All that the engine reported, each step once.

    Steps are in order of URN and operation. `complete` is true when the engine reached its summary.
    """

    steps: tuple[Step, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    complete: bool = False

    def of_type(self, type: str) -> tuple[Step, ...]:
        """The steps on resources of a type, refreshes aside."""
        return tuple(step for step in self.steps if step.type == type and step.op != REFRESH)

    @property
    def refreshed(self) -> tuple[Step, ...]:
        """The refreshes that found something other than what the state says."""
        return tuple(step for step in self.steps if step.op == REFRESH and step.changes)

    @property
    def changing(self) -> tuple[Step, ...]:
        """The steps that change something, refreshes aside."""
        return tuple(step for step in self.steps if step.op != REFRESH and step.changes)

    def said(self, severity: Severity) -> tuple[Diagnostic, ...]:
        """What was said of this severity, each once, in order of text."""
        diagnostics = {diagnostic for diagnostic in self.diagnostics if diagnostic.severity is severity}
        return tuple(sorted(diagnostics, key=lambda diagnostic: (diagnostic.text, diagnostic.urn)))


def parse(lines: Iterable[str], *, secrets: Iterable[str] = ()) -> Events:
    """Parse the lines of an event log.

    Skipped are a line that was cut off and events of an unknown kind. The prelude, which holds the
    stack's configuration, and debug messages are left out. `secrets` are texts that must not be
    shown.
    """
    hidden = tuple(secrets)
    steps: dict[tuple[str, str], Step] = {}
    diagnostics: list[Diagnostic] = []
    complete = False
    for line in lines:
        event = _object(line)
        if event.get("summaryEvent") is not None:
            complete = True
        if isinstance(said := event.get("diagnosticEvent"), dict) and (
            diagnostic := _diagnostic(said, hidden)
        ):
            diagnostics.append(diagnostic)
        for kind in ("resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"):
            if isinstance(told := event.get(kind), dict) and isinstance(
                metadata := told.get("metadata"), dict
            ):
                step = _step(metadata)
                before = steps.get((step.urn, step.op), step)
                steps[step.urn, step.op] = replace(
                    step,
                    paths=tuple(sorted({*before.paths, *step.paths})),
                    ended=before.ended or kind != "resourcePreEvent",
                    failed=before.failed or kind == "resOpFailedEvent",
                )
    return Events(tuple(steps[key] for key in sorted(steps)), tuple(diagnostics), complete)


def _object(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _diagnostic(said: Mapping[str, Any], secrets: tuple[str, ...]) -> Diagnostic | None:
    severity = str(said.get("severity"))
    text = redacted(str(said.get("message", "")), secrets).strip()
    if said.get("ephemeral") or not text or severity not in ("info", "info#err", "warning", "error"):
        return None
    return Diagnostic(Severity(severity.removesuffix("#err")), text, str(said.get("urn") or ""))


def _step(metadata: Mapping[str, Any]) -> Step:
    detailed = metadata.get("detailedDiff")
    paths = detailed if isinstance(detailed, dict) and detailed else metadata.get("diffs") or ()
    return Step(
        urn=str(metadata.get("urn", "")),
        type=str(metadata.get("type", "")),
        op=str(metadata.get("op", "")),
        paths=tuple(sorted({str(path) for path in paths})) if isinstance(paths, dict | list | tuple) else (),
        old=_state(metadata.get("old")),
        new=_state(metadata.get("new")),
    )


def _state(told: Any) -> ResourceState | None:
    if not isinstance(told, dict):
        return None
    return ResourceState(
        id=str(told.get("id") or ""),
        parent=str(told.get("parent") or ""),
        inputs=_values(told.get("inputs")),
        outputs=_values(told.get("outputs")),
    )


def _values(told: Any) -> Values:
    values = without_secrets(told) if isinstance(told, dict) else None
    return values if isinstance(values, dict) else {}
