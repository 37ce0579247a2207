"""JSON whose numbers survive: what was read is written back digit for digit.

Python prints a float in its own way (`1e-05` for `0.00001`), and a JSON Patch `test` or a restored
value must be what the API server has.
"""

from __future__ import annotations

import json
from typing import Any

Document = dict[str, Any]


class ExactFloat(float):
    """A number with a fraction or an exponent, that remembers how it was written."""

    text: str

    def __new__(cls, text: str) -> ExactFloat:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def loads(text: str | bytes) -> Any:
    """Read a JSON text: integers stay whole, other numbers become `ExactFloat`.

    Raises `ValueError`.
    """
    return json.loads(text, parse_float=ExactFloat, parse_constant=_constant)


def dumps(value: Any) -> str:
    """Write a value as compact JSON, members in their own order.

    Raises `TypeError` on what is not JSON.
    """
    if isinstance(value, ExactFloat):
        return value.text
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(
                f"{json.dumps(str(key), ensure_ascii=False)}:{dumps(item)}" for key, item in value.items()
            )
            + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def same(left: Any, other: Any) -> bool:
    """Whether two values are the same JSON: unlike in Python, `true` is not `1`."""
    if isinstance(left, bool) or isinstance(other, bool):
        return left is other
    if isinstance(left, dict) and isinstance(other, dict):
        return left.keys() == other.keys() and all(same(item, other[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(other, list):
        return len(left) == len(other) and all(map(same, left, other))
    return bool(left == other)
