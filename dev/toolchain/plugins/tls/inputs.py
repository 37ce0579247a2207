"""What an input of a resource type may be: its kind, its default, its limits, and what a change of
it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties


class Kind(StrEnum):
    """The type of an input's value, in the words of a sentence for people."""

    TEXT = "a text"
    NUMBER = "a whole number"
    BOOLEAN = "true or false"
    TEXTS = "a list of texts"
    OBJECT = "an object"


@dataclass(frozen=True)
class Input:
    """One input; `minimum` and `maximum` are for numbers, `choices` for texts and for the items of
    lists.

    `replaces`: a change makes a new resource. `write_only`: used, but never put into state.
    `keeps_state`: leaving it out later on is no change (Terraform's "optional and computed"). A
    failure of a `hidden` input is reported on the resource: the engine prints the value of the
    property that a failure names, secrets included, and whoever mixes PEM texts up may have put a
    private key into any of them.
    """

    name: str
    kind: Kind
    required: bool = False
    default: Any = None
    minimum: int | None = None
    maximum: int | None = None
    choices: Sequence[str] = ()
    no_empty_items: bool = False
    hidden: bool = False
    replaces: bool = True
    write_only: bool = False
    keeps_state: bool = False

    def failures(self, inputs: Properties) -> list[CheckFailure]:
        """Everything that is wrong with this input, as far as it is known."""
        value = inputs.get(self.name)
        if value is None:
            return [self._failure(f"{self.name} is missing: give {self.kind.value}")] if self.required else []
        if value is UNKNOWN:
            return []
        if not self._fits(value):
            return [self._failure(f"{self.name} must be {self.kind.value}")]
        items = [item for item in (value if self.kind is Kind.TEXTS else [value]) if item is not UNKNOWN]
        return [self._failure(reason) for item in items if (reason := self._limit(item)) is not None]

    def _failure(self, reason: str) -> CheckFailure:
        return CheckFailure("" if self.hidden else self.name, reason)

    def _fits(self, value: Any) -> bool:
        match self.kind:
            case Kind.TEXT:
                return isinstance(value, str)
            case Kind.NUMBER:
                return isinstance(value, int) and not isinstance(value, bool)
            case Kind.BOOLEAN:
                return isinstance(value, bool)
            case Kind.TEXTS:
                return isinstance(value, list) and all(
                    isinstance(item, str) or item is UNKNOWN for item in value
                )
            case Kind.OBJECT:
                return isinstance(value, dict)

    def _limit(self, item: Any) -> str | None:
        if self.minimum is not None and item < self.minimum:
            return f"{self.name} is {item}: give at least {self.minimum}"
        if self.maximum is not None and item > self.maximum:
            return f"{self.name} is {item}: give at most {self.maximum}"
        if self.choices and item not in self.choices:
            return f"{self.name} knows no {item!r}: take one of {', '.join(self.choices)}"
        if self.no_empty_items and not item:
            return f"{self.name} holds an empty text: leave it out"
        return None
