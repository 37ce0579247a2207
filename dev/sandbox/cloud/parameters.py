"""Parameters of an action as its documentation declares them.

They are read strictly from a request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dev.sandbox.cloud.errors import ApiError, invalid, missing, not_covered

Value = str | int | list[str]
Values = dict[str, Value]
Kind = Literal["text", "integer", "list"]

_LONG: Final = 2**63 - 1
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")


@dataclass(frozen=True)
class Parameter:
    """A declared parameter.

    Attributes:
        kind: `list` is sent as `Name.1`, `Name.2`, ... values: the allowed ones; empty = any.
        minimum, maximum: bounds of an integer; of a list, maximum is the number of its items.
        default: what an absent one stands for; None leaves it out. covered: False = real, but the
        sandbox does not know what it does.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    values: tuple[str, ...] = ()
    minimum: int = -_LONG
    maximum: int = _LONG
    default: Value | None = None
    covered: bool = True


def uncovered(*names: str) -> tuple[Parameter, ...]:
    """Parameters that are real but not covered here."""
    return tuple(Parameter(name, covered=False) for name in names)


def read(declared: Sequence[Parameter], sent: Mapping[str, str]) -> Values:
    """The values of a request, typed.

    Args:
        declared: the action's parameters.
        sent: names and texts of the request.
    Raises:
        ApiError: one is missing, unknown, of another type, out of range or not covered. Alibaba's
        gateway ignores unknown ones; here they are refused, because
            a misspelt name that is ignored is a mistake that nobody sees.
    """
    left = dict(sent)
    read: Values = {}
    for parameter in declared:
        texts = _take(parameter, left)
        if texts is None:
            if parameter.required:
                raise missing(parameter.name)
            if parameter.default is not None:
                read[parameter.name] = parameter.default
            continue
        if not parameter.covered:
            raise not_covered(f"the parameter {parameter.name} of this action")
        read[parameter.name] = _value(parameter, texts)
    if left:
        raise ApiError(400, "InvalidParameter", f"This action has no parameter {', '.join(sorted(left))}.")
    return read


def _take(parameter: Parameter, left: dict[str, str]) -> list[str] | None:
    indexed = {
        name: text
        for name, text in left.items()
        if re.fullmatch(rf"{parameter.name}\.[1-9][0-9]*(\.\w+)?", name)
    }
    if parameter.kind == "list" or (not parameter.covered and indexed):
        for name in indexed:
            del left[name]
        if not parameter.covered:
            return list(indexed.values())
        ordered = [f"{parameter.name}.{place}" for place in range(1, len(indexed) + 1)]
        if set(ordered) != set(indexed):
            raise invalid(
                parameter.name,
                f"its items are to be {parameter.name}.1, {parameter.name}.2 and so on without a gap",
            )
        return [indexed[name] for name in ordered] or None
    text = left.pop(parameter.name, None)
    # An empty value is as good as none for Alibaba's gateway: "is mandatory for this action".
    return None if text is None or text == "" else [text]


def _value(parameter: Parameter, texts: list[str]) -> Value:
    if parameter.kind == "integer":
        return _integer(parameter, texts[0])
    for item in texts:
        if parameter.values and item not in parameter.values:
            raise invalid(parameter.name, f"{item[:80]!r} is not one of {', '.join(parameter.values)}")
    if parameter.kind == "text":
        return texts[0]
    if len(texts) > parameter.maximum:
        raise invalid(parameter.name, f"it has {len(texts)} items, {parameter.maximum} are allowed")
    return texts


def _integer(parameter: Parameter, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise invalid(parameter.name, f"{text[:80]!r} is not an integer")
    number = int(text)
    if not parameter.minimum <= number <= parameter.maximum:
        raise invalid(parameter.name, f"{number} is out of range")
    return number
