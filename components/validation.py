"""Pydantic's errors as sentences: key, value, rule, remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_snake

from alb_mutual_tls.text import near

from .arguments import AlbMutualTlsArgs
from .client_group import ClientGroupArgs
from .json_text import not_text, shortened
from .models import AuthorityArgs, ClientArgs, ClientSecretArgs, ListenerArgs, Model, VerifyArgs

_KIND_NAMES: Final = {
    "int_type": "a whole number",
    "bool_type": "true or false, without quotes",
    "string_type": "text",
    "dict_type": "an object",
    "model_type": "an object",
    "tuple_type": "a list",
}
_FIELDS: Final[dict[str, type[Model]]] = {
    "listeners": ListenerArgs,
    "authorities": AuthorityArgs,
    "clients": ClientArgs,
    "clientGroups": ClientGroupArgs,
}


_NESTED: Final[dict[str, type[VerifyArgs] | type[ClientSecretArgs]]] = {
    "verify": VerifyArgs,
    "secret": ClientSecretArgs,
}


def sentences(error: ValidationError) -> list[str]:
    """Every error as a sentence."""
    problems: list[str] = []
    for item in error.errors(include_url=False):
        place = [str(part) for part in item["loc"]]
        key = ".".join(place)
        kind, value, context = item["type"], item["input"], item.get("ctx", {})
        if kind == "value_error":
            text = str(context["error"])
            problems += [line if not key else f"{key}: {line}" for line in text.split("\n")]
        elif kind == "extra_forbidden":
            fields = _fields(place)
            other = near(place[-1], fields)
            problems.append(
                f"{key}: unknown field; remove it, the fields are {', '.join(fields)}"
                if other is None
                else f"{key}: unknown field; did you mean {other}? Then rename it: put {other} in its place"
            )
        elif kind == "missing":
            whose = f"entry of {place[0]}" if len(place) == 3 else place[-2]
            problems.append(f"{key}: not set; give it, as every {whose} needs it")
        elif kind == "string_type" and isinstance(value, bool | int | float):
            problems.append(not_text(f"{key}: is", value, _config_path(item["loc"])))
        elif kind in _KIND_NAMES and value is None:
            problems.append(f"{key}: is empty; give a value, or remove the key")
        elif kind in _KIND_NAMES:
            problems.append(f"{key}: is {shortened(str(value))}; give {_KIND_NAMES[kind]}")
        elif kind == "greater_than_equal":
            problems.append(f"{key}: is {value}; give at least {context['ge']}")
        elif kind == "less_than_equal":
            problems.append(f"{key}: is {value}; give at most {context['le']}")
        elif kind in ("string_too_short", "too_short"):
            problems.append(f"{key}: is empty; give a value, or remove the key")
        elif kind == "string_too_long":
            problems.append(
                f"{key}: {shortened(str(value))} is too long; give at most {context['max_length']} characters"
            )
        else:
            problems.append(f"{key}: {shortened(str(value))} cannot be used ({item['msg']}); correct it")
    return problems


def _config_path(place: Sequence[str | int]) -> str:
    """A place as `pulumi config set --path` takes it."""
    path = ""
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f'["{part}"]' if "." in part else f".{part}" if path else part
    return path


def _fields(place: Sequence[str]) -> list[str]:
    model: type[BaseModel]
    match place:
        case [_]:
            model = AlbMutualTlsArgs
        case [key, _, _]:
            model = _FIELDS[key]
        case _:
            model = _NESTED[place[-2]]
    return [field.alias or to_snake(name) for name, field in model.model_fields.items()]
