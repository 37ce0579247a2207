"""The Pulumi package `albmtls` as a schema: what other programs and their editors see of it.

Made by `python -m components.package_schema > alb_mutual_tls/provider/schema.json`, from the models
that check the arguments and from the table of provider keys, so that a new one gets in by itself.
The plugin hands that file out. What the component gives back stands here alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from alb_mutual_tls.access import keys
from alb_mutual_tls.tokens import PACKAGE, PACKAGED_COMPONENT, VERSION

from .schema import Schema, arguments_schema

_SECRET_ARGUMENTS: Final = frozenset({"authorityPrivateKeys"})
_ANY: Final[Schema] = {"$ref": "pulumi.json#/Any"}
_FIELDS: Final = {"text": "string", "host": "string", "seconds": "integer"}
_TEXT: Final[Schema] = {"type": "string"}
_OUTPUT_TYPES: Final[Mapping[str, Schema]] = {
    "ClientCertificate": {
        "description": "A client's certificate; nothing of it is secret.",
        "type": "object",
        "properties": {
            "certificatePem": {**_TEXT, "description": "the certificate (PEM)"},
            "chainPem": {
                **_TEXT,
                "description": "what the client presents: its certificate, then what stands above it (PEM)",
            },
            "notAfter": {**_TEXT, "description": "when it ends (RFC 3339)"},
        },
        "required": ["certificatePem", "chainPem", "notAfter"],
    },
    "DeclaredListener": {
        "description": "A listener as it is declared.",
        "type": "object",
        "properties": {
            "albConfig": {**_TEXT, "description": "the name of the AlbConfig"},
            "port": {"type": "integer", "description": "the port of the listener"},
            "caEnabled": {"type": "boolean", "description": "whether it demands client certificates"},
            "caCertificateId": {**_TEXT, "description": "the id of the CA that it trusts"},
        },
        "required": ["albConfig", "port", "caEnabled", "caCertificateId"],
    },
}
OUTPUTS: Final[Mapping[str, Schema]] = {
    "identity": {**_TEXT, "description": "8 hex digits that tell this component from all others"},
    "caCertificateId": {
        **_TEXT,
        "description": "the id of the trusted authority in Certificate Management Service",
    },
    "caCertificatePem": {**_TEXT, "description": "the root certificate that the listeners trust (PEM)"},
    "clientCertificates": {
        "type": "object",
        "additionalProperties": {"$ref": f"#/types/{PACKAGE}:index:ClientCertificate"},
        "description": "per client: certificate, chain and end",
    },
    "clientPrivateKeys": {
        "type": "object",
        "additionalProperties": _TEXT,
        "secret": True,
        "description": "per client whose key was made here: its private key (PEM)",
    },
    "listenerFields": {
        "type": "object",
        "additionalProperties": _ANY,
        "description": (
            "the two fields caEnabled and caCertificates, for a program that declares its AlbConfig itself"
        ),
    },
    "listeners": {
        "type": "object",
        "additionalProperties": {"$ref": f"#/types/{PACKAGE}:index:DeclaredListener"},
        "description": "per listener: AlbConfig, port, whether it demands certificates, its CA's id",
    },
}
"""What the component gives back."""


def package_schema() -> Schema:
    """The schema."""
    types: dict[str, Schema] = {
        f"{PACKAGE}:index:{name}": dict(value) for name, value in _OUTPUT_TYPES.items()
    }
    arguments = arguments_schema()
    for name, definition in arguments["$defs"].items():
        types[f"{PACKAGE}:index:{_type_name(name)}"] = {
            "description": definition["description"],
            "type": "object",
            "properties": _properties(definition, types),
            "required": sorted(definition.get("required", [])),
        }
    provider = {key.name: _provider_property(key, types) for key in keys.KEYS}
    return {
        "name": PACKAGE,
        "displayName": "ALB mutual TLS",
        "version": VERSION,
        "description": "HTTPS mutual authentication on ALB Ingress listeners of Alibaba Cloud ACK clusters",
        "keywords": ["pulumi", "category/network", "kind/component"],
        "config": {"variables": provider},
        "provider": {
            "description": "Where the component works, and as whom.",
            "inputProperties": provider,
            "requiredInputs": [key.name for key in keys.KEYS if key.required],
        },
        "types": dict(sorted(types.items())),
        "resources": {
            PACKAGED_COMPONENT: {
                "isComponent": True,
                "description": (
                    "Client authentication on HTTPS listeners of AlbConfigs, and all it needs: certificate"
                    " authority, upload, client certificates."
                ),
                "inputProperties": _properties(arguments, types),
                "properties": dict(OUTPUTS),
                "required": sorted(OUTPUTS),
            }
        },
        "language": {
            "nodejs": {"respectSchemaVersion": True},
            "python": {"respectSchemaVersion": True, "pyproject": {"enabled": True}},
        },
    }


def _type_name(model: str) -> str:
    """Languages put Args behind the names of inputs themselves."""
    return model.removesuffix("Args")


def _properties(definition: Schema, types: dict[str, Schema]) -> Schema:
    return {
        name: _property(name, value, types)
        | ({"secret": True} if name in _SECRET_ARGUMENTS else {})
        | {"description": value["description"]}
        for name, value in definition["properties"].items()
    }


def _property(name: str, value: Schema, types: dict[str, Schema]) -> Schema:
    """A property's type, with its default where a language can write it down."""
    default = value.get("default")
    return {
        **_type(name, value, types),
        **({"default": default} if isinstance(default, bool | int | str) else {}),
    }


def _type(name: str, value: Schema, types: dict[str, Schema]) -> Schema:
    if "anyOf" in value:
        (value,) = (one for one in value["anyOf"] if one.get("type") != "null")
    if "$ref" in value:
        return {"$ref": f"#/types/{PACKAGE}:index:{_type_name(value['$ref'].rpartition('/')[2])}"}
    kind = value["type"][0] if isinstance(value["type"], list) else value["type"]
    if kind == "array":
        return {"type": "array", "items": _type(name, value["items"], types)}
    if "properties" in value:
        return _named(name, {"type": "object", "properties": value["properties"]}, types)
    if kind == "object":
        return {"type": "object", "additionalProperties": _type(name, value["additionalProperties"], types)}
    if "enum" in value:
        words = [{"name": _identifier(word), "value": word} for word in value["enum"]]
        return _named(name, {"type": "string", "enum": words}, types)
    return {"type": kind}


def _named(name: str, value: Schema, types: dict[str, Schema]) -> Schema:
    """A reference to a type of its own, which bears the property's name."""
    token = f"{PACKAGE}:index:{name[0].upper()}{name[1:]}"
    if "properties" in value:
        texts = value["properties"].items()
        value["properties"] = {key: {**_TEXT, "description": text["description"]} for key, text in texts}
    assert types.setdefault(token, value) == value, f"two types are {token}"
    return {"$ref": f"#/types/{token}"}


def _identifier(word: str) -> str:
    """A word as languages may call it."""
    return "".join(part.capitalize() for part in word.split("-"))


def _provider_property(key: keys.Key, types: dict[str, Schema]) -> Schema:
    described: Schema = {"description": key.help, **({"secret": True} if key.secret else {})}
    if key.kind != "object":
        return {**_TEXT, **described}
    token = f"{PACKAGE}:index:{key.name[0].upper()}{key.name[1:]}"
    types[token] = {
        "description": key.description,
        "type": "object",
        "properties": {
            field.name: {"type": _FIELDS[field.kind], "description": field.description}
            for field in key.fields
        },
        "required": sorted(key.required_fields),
    }
    return {"$ref": f"#/types/{token}", **described}


def written() -> str:
    """The schema as it stands in its file."""
    return json.dumps(package_schema(), indent=2) + "\n"


def _main() -> None:
    print(written(), end="")


if __name__ == "__main__":
    _main()
