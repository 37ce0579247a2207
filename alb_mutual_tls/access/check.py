"""What is wrong with given properties of the provider resource `albmtls`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from alb_mutual_tls.access.keys import Field, Key, by_name
from alb_mutual_tls.wire import CheckFailure, Properties, has_unknown

CLUSTER: Final = "cluster"
ACCOUNT: Final = "account"
RECORDED: Final = (CLUSTER, ACCOUNT)
"""Inputs that the provider itself keeps among the given ones: where they lead to."""
_OF_THE_ENGINE: Final = ("version", "pluginDownloadURL")


def check(properties: Properties) -> list[CheckFailure]:
    """Everything that is wrong with the configuration, without asking anybody.

    Values that are not known yet are passed over.
    """
    return list(_failures(properties))


def _failures(properties: Properties) -> Iterator[CheckFailure]:
    keys = by_name()
    given = {
        name: value
        for name, value in properties.items()
        if not name.startswith("__") and name not in (*_OF_THE_ENGINE, *RECORDED)
    }
    for name in sorted(given.keys() - keys.keys()):
        yield CheckFailure(
            name,
            f"the provider albmtls has no property {name}: remove it, the properties are"
            f" {', '.join(sorted(keys))}",
        )
    known = {
        name: given[name]
        for name in keys
        if given.get(name) not in (None, "") and not has_unknown(given[name])
    }
    for name, value in known.items():
        yield from _check_value(keys[name], value)
    for half, other in (("accessKey", "secretKey"), ("secretKey", "accessKey")):
        if half in known and given.get(other) in (None, ""):
            yield CheckFailure(
                half, f"{half} is set and {other} is not: set both, or neither to use other credentials"
            )
    bases = [name for name in known if keys[name].base]
    if len(bases) > 1:
        yield CheckFailure(bases[1], f"{' and '.join(bases)} are set: keep the one that is to be used")


def _check_value(key: Key, value: Any) -> Iterator[CheckFailure]:
    if key.kind == "object":
        yield from _check_object(key, value)
    elif not isinstance(value, str) and not (key.kind == "digits" and isinstance(value, int)):
        shown = "not text" if key.secret else repr(value)
        yield CheckFailure(key.name, f"{key.name} is {shown}: give a text")
    elif key.choices and isinstance(value, str) and value.lower() not in key.choices:
        yield CheckFailure(key.name, f"{key.name} is {value}: give one of {', '.join(key.choices)}")
    elif key.kind == "digits" and isinstance(value, str) and not value.isdigit():
        yield CheckFailure(key.name, f"{key.name} is {value}: give the digits of an Alibaba Cloud account id")


def _check_object(key: Key, value: Any) -> Iterator[CheckFailure]:
    names = ", ".join(field.name for field in key.fields)
    try:
        given: Mapping[str, Any] = key.plain(value)
    except ValueError:
        yield CheckFailure(key.name, f"{key.name} is {value!r}: give an object with {names}")
        return
    for name in sorted(name for name in given if key.field(name) is None):
        yield CheckFailure(key.name, f"{key.name} has no field {name}: remove it, the fields are {names}")
    missing = [f"{key.name}.{name}" for name in key.required_fields if name not in given]
    if missing:
        yield CheckFailure(
            key.name,
            f"{' and '.join(missing)} must be set: give {key.name} all of {', '.join(key.required_fields)}",
        )
    for name, item in given.items():
        if field := key.field(name):
            yield from _check_field(key, field, item)


def _check_field(key: Key, field: Field, value: Any) -> Iterator[CheckFailure]:
    name = f"{key.name}.{field.name}"
    if field.kind == "seconds":
        if not isinstance(value, int) or isinstance(value, bool) or not 900 <= value <= 43_200:
            yield CheckFailure(key.name, f"{name} is {value!r}: give seconds from 900 to 43200")
    elif not isinstance(value, str):
        yield CheckFailure(key.name, f"{name} is {value!r}: give a text")
    elif field.kind == "host" and ("/" in value or " " in value):
        yield CheckFailure(
            key.name,
            f"{name} is {value}: give a host like {field.name}.aliyuncs.com, without https:// (see protocol)",
        )
