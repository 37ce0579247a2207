"""Read the first document of a YAML text as kubectl's library reads it.

Time and depth grow with the text's length alone.

PyYAML knows kinds of text that kubectl's library does not (dates, `12:30` as a number). They would
change names. libyaml's composer calls itself for each level, so a text of brackets ends the
process. Merge keys (`<<`) of merge keys grow without end.
"""

from __future__ import annotations

import codecs
from functools import cache
from typing import Any, Final

_DEPTH: Final = 64
_ALIASES_OF_MERGES: Final = 16
_FLOAT: Final = "tag:yaml.org,2002:float"
_INT: Final = "tag:yaml.org,2002:int"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class NotYaml(ValueError):
    """A text that is not YAML; `line` where that is known, from 1."""

    def __init__(self, line: int | None = None) -> None:
        super().__init__("not YAML")
        self.line = line


def decoded(content: bytes) -> str:
    """Decode a text file as UTF-8, or as its byte order mark says.

    Windows writes such marks.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.removeprefix(mark).decode(encoding, errors="replace")
    return content.decode("utf-8", errors="replace")


def first_document(text: str) -> Any:
    """The first document's value, None for an empty one. Raises `NotYaml`."""
    import yaml

    try:
        _check(text)
        loader = _loader()(text)
        try:
            return loader.get_data() if loader.check_data() else None
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        raise NotYaml(mark.line + 1 if mark else None) from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # what PyYAML's constructors raise for values that do not fit their tags
        raise error if isinstance(error, NotYaml) else NotYaml from None


def _check(text: str) -> None:
    import yaml

    depth = aliases = 0
    merges = False
    for event in yaml.parse(text, Loader=_loader()):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        merges |= isinstance(event, yaml.ScalarEvent) and event.value == "<<"
        if depth > _DEPTH or (merges and aliases > _ALIASES_OF_MERGES):
            raise NotYaml(event.start_mark.line + 1 if event.start_mark else None)
        if isinstance(event, yaml.DocumentEndEvent):
            return


@cache
def _loader() -> Any:
    import re

    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]  # libyaml's has no types
        """A safe loader without dates and without numbers of base 60."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_INT, _FLOAT, _TIMESTAMP)]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(
        _INT,
        re.compile(r"[-+]?(0b[01_]*[01]|0x[0-9a-fA-F_]*[0-9a-fA-F]|[0-9][0-9_]*)$"),
        list("-+0123456789"),
    )
    Loader.add_implicit_resolver(
        _FLOAT,
        re.compile(
            r"[-+]?(([0-9][0-9_]*)?\.[0-9_]+|[0-9][0-9_]*\.?)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
        ),
        list("-+0123456789."),
    )
    return Loader
