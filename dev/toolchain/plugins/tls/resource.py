"""What all four resource types have in common: a value is computed once from the inputs and lives
in the state only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, has_unknown
from dev.toolchain.plugins.tls.inputs import Input

Clock = Callable[[], int]


class Resource:
    """A handler for a resource type that declares its `inputs` and `computed` outputs and
    implements `make`.

    `clock` gives nanoseconds since 1970; `permit` raises `UserError` where nothing may be made.
    """

    token: str
    inputs: Sequence[Input]
    computed: Sequence[str]
    secret_outputs: frozenset[str]

    def __init__(self, clock: Clock = time.time_ns, permit: Callable[[], None] = lambda: None) -> None:
        self.now = clock
        self._permit = permit

    # --- what a resource type adds

    def rules(self, inputs: Properties) -> list[CheckFailure]:
        """What is wrong with known inputs beyond kinds and limits; called only when those are
        right.
        """
        return []

    def make(self, request: Request, inputs: Properties) -> Properties:
        """Compute the outputs, `id` among them, from inputs with their defaults."""
        raise NotImplementedError

    def refreshed(self, state: Properties) -> Properties:
        """The state as a refresh leaves it."""
        return state

    def renewal(self, state: Properties, planned: Properties) -> dict[str, Kind]:
        """What time alone changes."""
        return {}

    # --- the handler's protocol

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Validate inputs. Defaults go into the state only, as with the real plugin."""
        names = {item.name for item in self.inputs}
        kind = self.token.rpartition(":")[2]
        failures = [
            CheckFailure("", f"{kind} has no input {name}: it has {', '.join(sorted(names))}")
            for name in inputs
            if name not in names and not name.startswith("__")
        ]
        for item in self.inputs:
            failures.extend(item.failures(inputs))
        return inputs, failures or self.rules(self.with_defaults(inputs))

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        """Compare state and wanted inputs."""
        planned = self.planned(inputs)
        changes: dict[str, Kind] = {}
        for item in self.inputs:
            old, new = without_nulls(state.get(item.name)), without_nulls(planned.get(item.name))
            if old == new or (item.keeps_state and new is None):
                continue
            kind = "ADD" if old is None else "DELETE" if new is None else "UPDATE"
            changes[item.name] = Kind[f"{kind}_REPLACE" if item.replaces else kind]
        return Difference(changes | self.renewal(state, planned))

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        """Make the resource; in a preview the outputs are not known."""
        self._permit()
        planned = self.planned(inputs)
        if request.preview:
            unset = [item.name for item in self.inputs if item.keeps_state and planned.get(item.name) is None]
            return "", planned | dict.fromkeys(["id", *self.computed, *unset], UNKNOWN)
        if has_unknown(inputs):
            raise UserError(
                f"{request.name}: the engine asks for a {self.token} whose inputs are not known; please"
                " report it"
            )
        made = self.make(request, self.with_defaults(inputs))
        return str(made["id"]), planned | made

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        """Everything there is to read is in the state."""
        if not state:
            raise UserError(
                f"{request.name}: a {self.token} cannot be imported or read by its id {id!r}, because it"
                " lives in the state only; declare it instead"
            )
        return Reading(id, self.refreshed(state), inputs)

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        """Put inputs that do not replace the resource into the state."""
        return state | self.planned(inputs)

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Nothing to remove but the state."""

    # --- shared

    def with_defaults(self, inputs: Properties) -> Properties:
        """The inputs, with the default of each that is absent."""
        given: Properties = without_nulls(inputs)
        return {item.name: item.default for item in self.inputs if item.default is not None} | given

    def planned(self, inputs: Properties) -> Properties:
        """What of the inputs goes into the state."""
        wanted = self.with_defaults(inputs)
        return {
            item.name: wanted[item.name]
            for item in self.inputs
            if not item.write_only and item.name in wanted
        }


def without_nulls(value: Any) -> Any:
    """The value without nulls and without the bridge's own keys (`__defaults`) in any
    object of it.
    """
    if isinstance(value, dict):
        return {
            key: without_nulls(item)
            for key, item in value.items()
            if item is not None and not key.startswith("__")
        }
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
