"""The two ways in which Alibaba's actions hand out long lists.

They go by number of the page, or by token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any, Final

from dev.sandbox.cloud.errors import invalid
from dev.sandbox.cloud.parameters import Parameter, Values

BY_NUMBER: Final = (
    Parameter("CurrentPage", "integer", minimum=1, default=1),
    Parameter("ShowSize", "integer", minimum=1, maximum=100, default=50),
)
BY_TOKEN: Final = (
    Parameter("MaxResults", "integer", minimum=1, maximum=100, default=20),
    Parameter("NextToken"),
)


def by_number(values: Values, items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the page that `CurrentPage` and `ShowSize` ask for, under `name`.

    A page behind the last one is empty.
    """
    page, size = int(str(values["CurrentPage"])), int(str(values["ShowSize"]))
    return {
        name: items[(page - 1) * size : page * size],
        "CurrentPage": page,
        "ShowSize": size,
        "TotalCount": len(items),
    }


def by_token(values: Values, items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the items after `NextToken`, under `name`.

    Also returns the token of the next ones, if there are any.

    Raises:
        ApiError: the token was not given out for this query.
    """
    size = int(str(values["MaxResults"]))
    query = _fingerprint(values)
    start = 0
    if "NextToken" in values:
        try:
            given, position = json.loads(base64.urlsafe_b64decode(str(values["NextToken"])))
        except (ValueError, TypeError, binascii.Error):
            given, position = None, 0
        if given != query:
            raise invalid("NextToken", "it was not given out for this query")
        start = int(position)
    answer: dict[str, Any] = {name: items[start : start + size], "MaxResults": size, "TotalCount": len(items)}
    if start + size < len(items):
        answer["NextToken"] = base64.urlsafe_b64encode(json.dumps([query, start + size]).encode()).decode()
    return answer


def _fingerprint(values: Values) -> str:
    query = {name: value for name, value in values.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:16]
