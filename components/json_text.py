"""Objects as `pulumi config` hands them over: as JSON text."""

from __future__ import annotations

import json
from typing import Any, Final

EMPTY: Final = frozenset({"", "null"})
"""How the engine hands over what has no value in YAML, at present and, as it says, in a later
version.
"""


def json_object(text: str) -> dict[str, Any]:
    """An object; raises `ValueError` with a sentence."""
    if text in EMPTY:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"{shortened(text)} is not a JSON object ({error}); write it as an object in Pulumi.<stack>.yaml"
        ) from None
    if not isinstance(value, dict):
        raise ValueError(
            f"{shortened(text)} is not a JSON object; write it as an object in Pulumi.<stack>.yaml"
        )
    return value


def json_blocks(text: str) -> dict[str, Any]:
    """One object out of one block or several; raises `ValueError` with a sentence.

    The Alibaba Cloud provider keeps single blocks as lists of one object, or of several that
    complete each other.
    """
    try:
        blocks = json.loads(text) if text.lstrip().startswith("[") else [json_object(text)]
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{shortened(text)} is not JSON ({error}); write it as an object in Pulumi.<stack>.yaml"
        ) from None
    if not all(isinstance(block, dict) for block in blocks):
        raise ValueError(
            f"{shortened(text)} is not a list of objects; write it as an object in Pulumi.<stack>.yaml"
        )
    return {key: item for block in blocks for key, item in block.items()}


def not_text(what: str, value: float, path: str) -> str:
    """A sentence for a number or boolean where text is wanted.

    It is not taken for its digits: the engine has read `0123` in YAML as 83, `1e5` as 100000 and
    long numbers as round ones, and what stood there is lost.
    """
    kind = "true or false" if isinstance(value, bool) else "a number"
    return (
        f"{what} {kind}, {json.dumps(value)}, and text is wanted; put it in quotes, or use pulumi config set"
        f" --path --type string '{path}' TEXT"
    )


def shortened(text: str) -> str:
    """A value as a sentence shows it."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
