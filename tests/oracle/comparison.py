"""What two plugins answered to the same call, and where the answers differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from alb_mutual_tls.wire import UNKNOWN

Answer = Mapping[str, Any]
"""What a call came to, in words: `refused`, `state`, `marked` and the like."""

NOTHING: Final = "nothing"
BETWEEN: Final = "; "
"""Between calls with the same difference."""
_LONGEST: Final = 160
_RANDOM: Final = (
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\bpulumi-kubernetes-[0-9a-f]{8}\b"), "pulumi-kubernetes-<8 digits>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"127\.0\.0\.1:(?!9\b)\d+"), "127.0.0.1:<port>"),
    (re.compile(r"(?<=[\"' ])/[\w./-]*/oracle-\w+(?=/)"), "<directory>"),
    (re.compile(r"\[::1\]:\d+|127\.0\.0\.1:\d+(?=->)"), "<port>"),
)
_COUNTED: Final = frozenset({"resourceVersion"})


@dataclass(frozen=True, order=True)
class Difference:
    """One value that is other in the two answers to a call, both as they are printed."""

    call: str
    what: str
    stand_in: str
    real: str


def compare(call: str, stand_in: Answer, real: Answer) -> list[Difference]:
    """The differences, without what is another one in each run."""
    return [Difference(call, *found) for found in _compare("", stand_in, real)]


def verdict(found: Iterable[Difference], listed: Iterable[Difference]) -> list[str]:
    """What is wrong with a list: differences that it has not, and those that are gone."""
    found, listed = set(found), set(listed)
    new = [f"not in the list: {row}" for row in rows(found - listed)]
    return new + [f"in the list, and gone: {row}" for row in rows(listed - found)]


def rows(differences: Iterable[Difference], reason: str = "?") -> list[str]:
    """As the list in the documentation has them: calls with the same difference in one row."""
    calls: dict[tuple[str, str, str], list[str]] = {}
    for one in sorted(differences):
        calls.setdefault((one.what, one.stand_in, one.real), []).append(one.call)
    cells = [(BETWEEN.join(names), *values) for values, names in calls.items()]
    return [f"| {' | '.join(f'`{cell}`' for cell in row)} | {reason} |" for row in cells]


def _compare(place: str, one: Any, other: Any) -> Iterator[tuple[str, str, str]]:
    both = isinstance(one, Mapping) and isinstance(other, Mapping)
    if both and (bool(one) == bool(other) or not place):
        for key in sorted(one.keys() | other.keys()):
            yield from _compare(f"{place} {key}".strip(), one.get(key, NOTHING), other.get(key, NOTHING))
    else:
        texts = [_text(value) for value in (one, other)]
        if place.rpartition(" ")[2] in _COUNTED:
            texts = [NOTHING if value == NOTHING else "<count>" for value in (one, other)]
        if texts[0] != texts[1]:
            yield place, _shown(texts[0]), _shown(texts[1])


def _text(value: Any) -> str:
    text = value if _is_word(value) else json.dumps(value, default=_unknown, sort_keys=True)
    for pattern, word in _RANDOM:
        text = pattern.sub(word, text)
    return " ".join(text.replace("`", "'").replace("|", "/").split())


def _is_word(value: Any) -> bool:
    """Whether it is a text that nobody takes for another value, so that it needs no quotes."""
    return isinstance(value, str) and not re.fullmatch(r"true|false|null|[-\d.]*|[\[{\"].*", value)


def _unknown(value: Any) -> str:
    assert value is UNKNOWN
    return "unknown"


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
