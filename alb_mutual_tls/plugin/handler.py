"""What a provider consists of: its configuration, and a handler per resource type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import CheckFailure, Properties


class Kind(StrEnum):
    """What happens to a property (`PropertyDiff.Kind`).

    The `_REPLACE` kinds make the engine replace the resource.
    """

    ADD = "ADD"
    ADD_REPLACE = "ADD_REPLACE"
    DELETE = "DELETE"
    DELETE_REPLACE = "DELETE_REPLACE"
    UPDATE = "UPDATE"
    UPDATE_REPLACE = "UPDATE_REPLACE"

    @property
    def replaces(self) -> bool:
        return self.name.endswith("_REPLACE")


@dataclass(frozen=True)
class Difference:
    """What a change of inputs does: property path -> kind.

    No paths: it does nothing. `stables` are outputs that the change is known to keep.
    """

    changes: dict[str, Kind] = field(default_factory=dict)
    delete_before_replace: bool = False
    stables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The live state of a resource, and the inputs that would make it."""

    id: str
    state: Mapping[str, Any]
    inputs: Mapping[str, Any]


class PartiallyMade(Exception):
    """A create or update did its work but could not confirm it.

    The resource goes into the state, together with the `reasons` (sentences).
    """

    def __init__(self, id: str, state: Mapping[str, Any], reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.id = id
        self.state = state
        self.reasons = reasons


class Handler(Protocol):
    """A resource type. `check` and `diff` decide, the others act.

    All may raise `UserError`. The inputs that `check` lets through, and the state, are `Any` here:
    each handler says with a `TypedDict` what they hold.
    """

    token: str
    secret_outputs: frozenset[str]

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Validate inputs.

        Returns them with defaults filled in, and everything that is wrong with them.
        """

    def diff(self, request: Request, id: str, state: Any, old_inputs: Any, inputs: Any) -> Difference:
        """Compare the state (refreshed by `read`) with the wanted inputs."""

    def create(self, request: Request, inputs: Any) -> tuple[str, Mapping[str, Any]]:
        """Make the resource; returns its id and outputs.

        In a preview only plan: unknown outputs are `UNKNOWN`.
        """

    def read(self, request: Request, id: str, inputs: Any, state: Any) -> Reading | None:
        """Read the live state.

        `None` only when the resource is really gone; anything doubtful raises.
        """

    def update(
        self, request: Request, id: str, state: Any, old_inputs: Any, inputs: Any
    ) -> Mapping[str, Any]:
        """Change the resource in place; returns its outputs. In a preview only plan."""

    def delete(self, request: Request, id: str, inputs: Any, state: Any) -> None:
        """Remove the resource; removing what is gone is no error."""


Function = Callable[[Properties], Properties]
"""A function of a provider: arguments -> result; may raise `UserError`."""


@dataclass(frozen=True)
class Construction:
    """A component that is to be made.

    `message`: the `ConstructRequest`; `inputs`: what it holds, read as handlers see it; `secrets`:
    which of them are or hold a secret; `engine`: the engine's address.
    """

    message: Any
    inputs: Properties
    secrets: frozenset[str]
    engine: str | None


Construct = Callable[[Construction], Any]
"""Makes a component; returns a `ConstructResponse`, may raise `UserError`."""


class Provider(Protocol):
    """A package of resource types with its configuration.

    One with functions has a mapping `functions` besides (token -> `Function`), one with a schema a
    method `schema` that returns it as JSON, one with components a method `construct` (`Construct`).
    One whose configuration can replace what it made has a method `diff_config` (old, new ->
    `Difference`).
    """

    name: str
    version: str

    def check_config(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Validate the configuration.

        Returns it with what was learnt about it, and everything that is wrong with it.
        """

    def configure(self, properties: Properties) -> None:
        """Take the configuration; raises `UserError` when nothing may be done with it."""

    def handler(self, token: str) -> Handler:
        """The handler of a resource type; raises `KeyError` when there is none."""
