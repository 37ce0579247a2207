"""What the resource types have in common.

A value is computed once from the inputs and lives in the state only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Difference, Kind, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, has_unknown

_TYPES: Final = {str: "a text", int: "a whole number", dict: "an object"}
_SPACE: Final = "[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


@dataclass(frozen=True)
class Input:
    """One input, of type `str`, `int` or `dict`.

    A failure of a `hidden` input is reported on the resource: the engine prints the value of the
    property that a failure names, secrets included.
    """

    name: str
    type: type = str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    hidden: bool = False

    def failure(self, inputs: Properties) -> CheckFailure | None:
        """What is wrong with this input, as far as it is known."""
        value, reason = inputs.get(self.name), None
        if value is None:
            reason = f"{self.name} is missing: give {_TYPES[self.type]}" if self.required else None
        elif value is not UNKNOWN and type(value) is not self.type:
            reason = f"{self.name} must be {_TYPES[self.type]}"
        elif value is not UNKNOWN and self.choices and value not in self.choices:
            reason = f"{self.name} knows no {value!r}: take one of {', '.join(self.choices)}"
        return None if reason is None else CheckFailure("" if self.hidden else self.name, reason)


class Resource:
    """A handler for a resource type.

    A subclass declares its `inputs` and `computed` outputs and implements `make`.

    `permit` raises `UserError` where nothing may be made.
    """

    token: str
    inputs: Sequence[Input]
    computed: Sequence[str]
    secret_outputs: frozenset[str]

    def __init__(self, permit: Callable[[], None] = lambda: None) -> None:
        self._permit = permit

    def rules(self, inputs: Properties) -> list[CheckFailure]:
        """What is wrong with inputs of the right types; called only when they all are."""
        return []

    def make(self, inputs: Properties) -> Properties:
        """Compute the outputs, `id` among them, from inputs with their defaults."""
        raise NotImplementedError

    # --- the handler's protocol

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Validate inputs. Defaults go into the state only, as with the real plugin."""
        kind, served = self.token.rpartition(":")[2], [item.name for item in self.inputs]
        failures = [
            CheckFailure("", f"the tls stand-in serves no {name} of {kind}: it serves {', '.join(served)}")
            for name, value in inputs.items()
            if name not in served and not name.startswith("__") and value is not None
        ]
        failures += [failure for item in self.inputs if (failure := item.failure(inputs))]
        return inputs, failures or self.rules(self.planned(inputs))

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        """Compare state and wanted inputs; every change replaces."""
        planned = self.planned(inputs)
        changes: dict[str, Kind] = {}
        for item in self.inputs:
            old, new = without_nulls(state.get(item.name)), planned.get(item.name)
            if old != new:
                kind = "ADD" if old is None else "DELETE" if new is None else "UPDATE"
                changes[item.name] = Kind[f"{kind}_REPLACE"]
        return Difference(changes)

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        """Make the resource; in a preview the outputs are not known."""
        self._permit()
        planned = self.planned(inputs)
        if request.preview:
            return "", planned | dict.fromkeys(["id", *self.computed], UNKNOWN)
        if has_unknown(inputs):
            raise UserError(
                f"{request.name}: the engine asks for a {self.token} whose inputs are not known; please"
                " report it"
            )
        made = self.make(planned)
        return str(made["id"]), planned | made

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        """Everything there is to read is in the state."""
        if not state:
            raise UserError(
                f"{request.name}: a {self.token} cannot be imported or read by its id {id!r}, because it"
                " lives in the state only; declare it instead"
            )
        return Reading(id, state, inputs)

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        """Never asked for, as every change replaces."""
        raise UserError(f"{request.name}: nothing of a {self.token} can change in place; please report it")

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Nothing to remove but the state."""

    def planned(self, inputs: Properties) -> Properties:
        """What of the inputs goes into the state: with the default of each that is absent."""
        given: Properties = without_nulls(inputs)
        return {item.name: item.default for item in self.inputs if item.default is not None} | given


def without_nulls(value: Any) -> Any:
    """Return the value without nulls and without the bridge's own keys.

    Such keys (`__defaults`) are left out of every object of the value.
    """
    if isinstance(value, dict):
        return {
            key: without_nulls(item)
            for key, item in value.items()
            if item is not None and not key.startswith("__")
        }
    return value


def identifier(der: bytes) -> str:
    """Return the id of a key or request: the SHA-1, in hex, of its DER.

    The DER is trimmed as Go's `strings.TrimSpace` does it.
    """
    # Bytes that are not UTF-8 become lone surrogates, which are not white space.
    text = der.decode(errors="surrogateescape")
    trimmed = re.sub(f"^{_SPACE}+|{_SPACE}+\\Z", "", text).encode(errors="surrogateescape")
    return hashlib.sha1(trimmed, usedforsecurity=False).hexdigest()
