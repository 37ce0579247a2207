"""The arguments of an `AlbMutualTls` as another program gives them over the plugin protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pulumi
from pydantic import BaseModel, ValidationError

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.wire import UNKNOWN

from .arguments import AlbMutualTlsArgs
from .client_group import ClientGroupArgs
from .models import AuthorityArgs, ClientArgs
from .validation import sentences

_HEADING: Final = "the arguments of AlbMutualTls cannot be used:"
_ENTRIES: Final[Mapping[str, type[BaseModel]]] = {
    "authorities": AuthorityArgs,
    "clients": ClientArgs,
    "clientGroups": ClientGroupArgs,
}
"""Objects by names of the user's own of which an empty entry is an entry."""


def checked(inputs: Mapping[str, Any]) -> AlbMutualTlsArgs:
    """The arguments; raises `UserError` with a line for everything that is wrong with them.

    `inputs`: as they came, with `UNKNOWN` for what another resource is still to compute. Where
    nothing but a value of a resource comes of it, it stays unknown in the preview.
    """
    arguments = _without_nulls(inputs)
    for key, model in _ENTRIES.items():
        entries = inputs.get(key)
        if isinstance(entries, Mapping):
            arguments[key] = {name: _given(model, arguments[key].get(name, {})) for name in entries}
    problems = [
        f"{place}: is computed by a resource that is still to be made, and this decides which resources there"
        " are; give a value that is known before, or make that resource first (pulumi up --target)"
        for place in _unknown(arguments)
    ]
    if not problems:
        try:
            # by_name=False: the package has one spelling, that of its schema.
            return AlbMutualTlsArgs.model_validate(_with_outputs(arguments), by_alias=True, by_name=False)
        except ValidationError as error:
            problems = sentences(error)
    raise UserError("\n".join([_HEADING, *problems]))


def _without_nulls(value: Any) -> Any:
    """What is null is not given, in every language."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _given(model: type[BaseModel], entry: Any) -> Any:
    """An entry without what is the default anyhow.

    Generated SDKs write defaults down, and some fields may not stand beside others.
    """
    if not isinstance(entry, Mapping):
        return entry
    defaults = {field.alias: field.default for field in model.model_fields.values()}
    return {
        key: value for key, value in entry.items() if value is UNKNOWN or value != defaults.get(key, UNKNOWN)
    }


def _unknown(arguments: Mapping[str, Any]) -> Iterator[str]:
    """The places that must be known and are not."""
    for place, value in _places((), arguments):
        if value is UNKNOWN and not _may_be_computed(place):
            yield ".".join(place)


def _may_be_computed(place: tuple[str, ...]) -> bool:
    match place:
        case ("authorityPrivateKeys", _) | ("clients", _, "csr"):
            return True
    return False


def _places(place: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _places((*place, key), item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _places((*place, str(number)), item)
    else:
        yield place, value


def _with_outputs(value: Any) -> Any:
    """The same with an unknown output in place of each `UNKNOWN`."""
    if isinstance(value, Mapping):
        return {key: _with_outputs(item) for key, item in value.items()}
    if value is not UNKNOWN:
        return value
    return pulumi.Output(set(), _ready(None), _ready(False))


def _ready(value: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future
