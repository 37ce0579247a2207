"""What Argo CD does with a jq path expression, `del(EXPRESSION)`, for the expressions that `mtls
render` prints and nothing else.

Compared by hand with jq 1.6 and with gojq 0.12.17, which Argo CD uses: same documents, same
results.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

_KEY = re.compile(r'\.([A-Za-z_]\w*)|\.?\[("(?:[^"\\]|\\.)*")\]', re.ASCII)
_SELECT = re.compile(r"select\((.*)\)")


def keys(path: str) -> list[str]:
    """The keys of `.a["b"].c`."""
    found = list(_KEY.finditer(path))
    assert "".join(match.group() for match in found) == path, path
    return [match.group(1) or json.loads(match.group(2)) for match in found]


def deleted(expression: str, document: Any) -> Any:
    """The document without what the expression selects; the given one stays."""
    result = copy.deepcopy(document)
    parts = expression.split(" | ")
    if len(parts) == 1:
        _delete(result, keys(expression))
        return result
    items, select, member = parts
    assert items.endswith("[]?"), items
    chosen = _SELECT.fullmatch(select)
    assert chosen, select
    conditions = [condition.split(" == ", 1) for condition in chosen.group(1).split(" and ")]
    for item in _get(result, keys(items.removesuffix("[]?"))) or []:
        if all(same(_get(item, keys(path)), json.loads(value)) for path, value in conditions):
            _delete(item, keys(member))
    return result


def same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, str) is isinstance(other, str)


def _get(value: Any, path: list[str]) -> Any:
    for key in path:
        value = None if value is None else value.get(key)
    return value


def _delete(value: Any, path: list[str]) -> None:
    parent = _get(value, path[:-1])
    if parent is not None:
        parent.pop(path[-1], None)
