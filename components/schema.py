"""Pulumi.<stack>.yaml as a JSON Schema, for editors.

Made by `python -m components.schema > docs/configuration.schema.json`, from the settings and the
table of provider keys, so that a new key or field gets in by itself. Rules between keys, and what
stands in a certificate or in JSON text, only `settings.parse` knows. Draft 7, because that is what
the YAML language server knows best.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema

from alb_mutual_tls.access import keys
from alb_mutual_tls.tokens import PROJECT

from .arguments import AlbMutualTlsArgs
from .settings import PLACEHOLDER

Schema = dict[str, Any]

_FRAME: Final[Mapping[str, Schema]] = {
    "encryptionsalt": {
        "type": "string",
        "description": "written by pulumi: salt and check of the passphrase",
    },
    "encryptedkey": {
        "type": "string",
        "description": "written by pulumi: the key of the secrets, encrypted by the secrets provider",
    },
    "secretsprovider": {
        "type": "string",
        "description": "passphrase, awskms://, azurekeyvault://, gcpkms:// or hashivault://",
    },
    "environment": {"type": ["array", "object"], "description": "environments of Pulumi ESC"},
}
# The engine hands every scalar of a stack file over as its text, so that the number of an account
# needs no quotes.
_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
_TEXT: Final[Schema] = {**_SCALAR, "pattern": r"\S"}
_ONE_LINE: Final[Schema] = {**_SCALAR, "pattern": r"^\s*[^\n]*\s*$"}
_FIELDS: Final[Mapping[str, Schema]] = {
    "text": {"type": "string"},
    "seconds": {"type": "integer"},
    "host": {"type": "string", "pattern": "^[^/]+$"},
}


def schema() -> Schema:
    """The schema."""
    arguments = arguments_schema()
    schemas = {f"{PROJECT}:{key}": _as_written(value) for key, value in arguments["properties"].items()}
    for key in (
        "authorities",
        "clients",
        "clientGroups",
    ):  # an entry that was left empty is an empty object; a listener's would lack what it needs
        entry = schemas[f"{PROJECT}:{key}"]["additionalProperties"]
        schemas[f"{PROJECT}:{key}"]["additionalProperties"] = {"anyOf": [entry, {"enum": [None, ""]}]}
    schemas |= {key.full: _provider_key(key) for key in keys.KEYS}
    config = {
        "type": "object",
        "properties": {key: _secret_or(key, schemas[key]) for key in sorted(schemas)},
        "patternProperties": {
            f"^(?!({PROJECT}|{keys.ALICLOUD}|{keys.KUBERNETES}):)[^:]+:.+$": {
                "description": "a key of another program's provider"
            }
        },
        "additionalProperties": False,
        "required": [key.full for key in keys.KEYS if key.required],
    }
    secret = {
        "type": "object",
        "description": "encrypted, as pulumi config set --secret writes it",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": False,
    }
    document: Schema = _filled_in(
        {
            "title": "Pulumi.<stack>.yaml of alb-mutual-tls",
            "type": "object",
            "properties": {**_FRAME, "config": config},
            "additionalProperties": False,
            "required": ["config"],
            "definitions": {"secret": secret, **arguments["$defs"]},
        }
    )
    return {"$schema": "http://json-schema.org/draft-07/schema#", **document}


def arguments_schema() -> Schema:
    """The arguments of `AlbMutualTls`, with the parts that they are made of under `$defs`."""
    return AlbMutualTlsArgs.model_json_schema(
        by_alias=True, schema_generator=_Generator, ref_template="#/definitions/{model}"
    )


class _Generator(GenerateJsonSchema):
    """Pydantic's, in the words of a stack file."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """A title would repeat the key."""
        return False

    def default_schema(self, schema: Any) -> Schema:
        """A default of null means that the key is not set."""
        return {
            key: value
            for key, value in super().default_schema(schema).items()
            if key != "default" or value is not None
        }

    def nullable_schema(self, schema: Any) -> Schema:
        inner = self.generate_inner(schema["schema"])
        return (
            {**inner, "type": [inner["type"], "null"]}
            if "type" in inner
            else {"anyOf": [inner, {"type": "null"}]}
        )

    def model_schema(self, schema: Any) -> Schema:
        """The first paragraph of a docstring says what it is, in Python's spelling."""
        model = super().model_schema(schema)
        purpose = model["description"].partition("\n\n")[0].replace("\n", " ")
        return {**model, "description": re.sub("`(.*?)`", lambda match: _spelt(match[1]), purpose)}


def _spelt(name: str) -> str:
    return to_camel(name) if "_" in name else name


def _as_written(value: Schema) -> Schema:
    """The value of a whole key.

    The engine hands it over as text, and `pulumi config set` writes it as text.
    """
    kind = value["type"][0] if isinstance(value["type"], list) else value["type"]
    match kind:
        case "boolean":
            return {**value, "type": ["boolean", "string"], "pattern": "^(true|false)$"}
        case "integer":
            return {**value, "type": ["integer", "string"], "pattern": "^[0-9]+$"}
        case "string":
            return {**value, **_TEXT}
        case _ if "minProperties" in value:
            return {**value, "type": ["object", "string"], "pattern": r"^[ \t\r\n]*\{"}
        case _:
            return {**value, "type": ["object", "string", "null"], "pattern": r"^[ \t\r\n]*\{|^(null)?$"}


def _provider_key(key: keys.Key) -> Schema:
    if key.kind == "object":
        return {**_blocks(key), "description": key.help}
    scalar = _ONE_LINE if key.kind == "path" else _TEXT if key.namespace == PROJECT else _SCALAR
    return {**scalar, "description": key.help}


def _blocks(key: keys.Key) -> Schema:
    """One block, a list of them as the Alibaba Cloud provider keeps it, or JSON text."""
    # the others are the provider's to demand: they may stand in other blocks of a list
    required = list(key.required_fields[:1])
    properties = {
        field.name: {**_FIELDS[field.kind], "description": field.description} for field in key.fields
    }
    block = {"properties": properties, "additionalProperties": False}
    return {
        "type": ["object", "array", "string", *([] if required else ["null"])],
        "pattern": r"^[ \t\r\n]*[{\[]" + ("" if required else "|^(null)?$"),
        **block,
        "required": required,
        "items": {"type": "object", **block},
        **({"contains": {"required": required}} if required else {}),
    }


def _secret_or(key: str, value: Schema) -> Schema:
    plain = {name: item for name, item in value.items() if name != "description"}
    if key == f"{PROJECT}:authorityPrivateKeys":
        plain["additionalProperties"] = {"anyOf": [{"type": "string"}, {"$ref": "#/definitions/secret"}]}
    return {"description": value["description"], "anyOf": [plain, {"$ref": "#/definitions/secret"}]}


def _filled_in(value: Any) -> Any:
    """Every text in it must be another one than the placeholder of a template."""
    if isinstance(value, list):
        return [_filled_in(item) for item in value]
    if not isinstance(value, dict):
        return value
    walked = {key: _filled_in(item) for key, item in value.items()}
    if "string" in walked.get("type", ()) and "enum" not in walked:
        walked["not"] = {"pattern": f"^{PLACEHOLDER.pattern}$", "type": "string"}
    return walked


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
