"""`python -m components.schema > docs/configuration.schema.json`: Pulumi.<stack>.yaml as a JSON
Schema, for editors.

It is made from the settings, so that a new key or field gets in by itself; all it needs is a
description. Rules between keys, and what stands in a certificate or in JSON text, only
`settings.parse` knows. Draft 7, because that is what the YAML language server knows best.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema

from .arguments import AlbMutualTlsArgs
from .settings import _ALICLOUD_TEXTS, _ENDPOINTS, _KUBERNETES, _PLACE, _ROLE_FIELDS, PLACEHOLDER, PROJECT

Schema = dict[str, Any]

DESCRIPTIONS: Final[Mapping[str, str]] = {
    f"{PROJECT}:accountId": "the expected Alibaba Cloud account; anything else stops before a change",
    f"{PROJECT}:ackClusterId": "the expected ACK cluster; anything else stops before a change",
    "alicloud:region": "the region of the ALB, for instance cn-hangzhou",
    "alicloud:accountType": (
        "international outside Chinese mainland; it decides where Certificate Management Service is asked"
    ),
    "alicloud:protocol": "HTTPS (default) or HTTP, towards the APIs",
    "alicloud:accessKey": (
        "the id of an access key, beside secretKey; an OIDC token or a profile need not stand in a file"
    ),
    "alicloud:secretKey": "the secret of the access key: pulumi config set --secret alicloud:secretKey",
    "alicloud:profile": "a profile of ~/.aliyun/config.json",
    "alicloud:ecsRoleName": "the RAM role of the ECS instance on which pulumi runs",
    "alicloud:credentialsUri": "the URI of a local service that hands out temporary keys",
    "alicloud:endpoints": "hosts of the APIs, by product, where they are not those of the region",
    "alicloud:endpoints.alb": "host of the ALB API: HOST or HOST:PORT",
    "alicloud:endpoints.cas": "host of the Certificate Management Service API: HOST or HOST:PORT",
    "alicloud:endpoints.cs": "host of the Container Service API: HOST or HOST:PORT",
    "alicloud:endpoints.sts": "host of the Security Token Service API: HOST or HOST:PORT",
    "alicloud:assumeRole": "a RAM role to take on with the credentials there are",
    "alicloud:assumeRole.roleArn": "acs:ram::<account>:role/<name>",
    "alicloud:assumeRole.sessionName": "the name of the session in ActionTrail; default alb-mutual-tls",
    "alicloud:assumeRole.sessionExpiration": "how many seconds the session lasts, 900 to 43200; default 3600",
    "alicloud:assumeRole.externalId": "the external id that the role's trust policy asks for",
    "alicloud:assumeRole.policy": "a RAM policy (JSON text) that narrows the session down",
    "alicloud:assumeRoleWithOidc": "a RAM role to take on with an OIDC token, for pipelines and pods",
    "alicloud:assumeRoleWithOidc.roleArn": "acs:ram::<account>:role/<name>",
    "alicloud:assumeRoleWithOidc.oidcProviderArn": "acs:ram::<account>:oidc-provider/<name>",
    "alicloud:assumeRoleWithOidc.oidcTokenFile": (
        "the path of the file that holds the token; it is read at each use"
    ),
    "alicloud:assumeRoleWithOidc.roleSessionName": "the name of the session in ActionTrail",
    "alicloud:assumeRoleWithOidc.sessionExpiration": "how many seconds the session lasts, 900 to 43200",
    "alicloud:assumeRoleWithOidc.policy": "a RAM policy (JSON text) that narrows the session down",
    "kubernetes:kubeconfig": "the path of a kubeconfig; default KUBECONFIG, else ~/.kube/config",
    "kubernetes:context": (
        "a context of the kubeconfig; default its current-context, which other programs change"
    ),
}
"""Of every key that is not an argument of `AlbMutualTls`; those have theirs where they are
declared.
"""

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
_HOST: Final[Schema] = {"type": "string", "pattern": "^[^/]+$"}
_KINDS: Final[Mapping[type, str]] = {str: "string", int: "integer"}


def schema() -> Schema:
    """The schema. Raises `KeyError` for a key or field without a description."""
    arguments = AlbMutualTlsArgs.model_json_schema(
        by_alias=True, schema_generator=_Generator, ref_template="#/definitions/{model}"
    )
    keys = {f"{PROJECT}:{key}": _as_written(value) for key, value in arguments["properties"].items()}
    for key in (
        "authorities",
        "clients",
    ):  # an entry that was left empty is an empty object; a listener's would lack what it needs
        entry = keys[f"{PROJECT}:{key}"]["additionalProperties"]
        keys[f"{PROJECT}:{key}"]["additionalProperties"] = {"anyOf": [entry, {"enum": [None, ""]}]}
    keys |= {f"{PROJECT}:{key}": _TEXT for key in _PLACE}
    keys |= {f"alicloud:{key}": _SCALAR for key in _ALICLOUD_TEXTS}
    keys["alicloud:endpoints"] = _blocks("alicloud:endpoints", dict.fromkeys(_ENDPOINTS, _HOST), [])
    for key, fields in _ROLE_FIELDS.items():
        keys[f"alicloud:{key}"] = _blocks(
            f"alicloud:{key}", {name: {"type": _KINDS[kind]} for name, kind in fields.items()}, ["roleArn"]
        )
    keys |= {f"kubernetes:{key}": _ONE_LINE if key == "kubeconfig" else _SCALAR for key in _KUBERNETES}
    config = {
        "type": "object",
        "properties": {key: _secret_or(key, keys[key]) for key in sorted(keys)},
        "patternProperties": {
            f"^(?!({PROJECT}|alicloud|kubernetes):)[^:]+:.+$": {
                "description": "a key of another program's provider"
            }
        },
        "additionalProperties": False,
        "required": ["alicloud:region"],
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
        return {**model, "description": re.sub("`(.*?)`", lambda match: to_camel(match[1]), purpose)}


def _as_written(value: Schema) -> Schema:
    """The value of a whole key: the engine hands it over as text, and `pulumi config set` writes it
    as text.
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


def _blocks(key: str, fields: Mapping[str, Schema], required: list[str]) -> Schema:
    """One block, or a list of blocks as the Alibaba Cloud provider keeps it, or JSON text."""
    properties = {
        name: {**value, "description": DESCRIPTIONS[f"{key}.{name}"]} for name, value in fields.items()
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
    description = value.get("description") or DESCRIPTIONS[key]
    plain = {name: item for name, item in value.items() if name != "description"}
    if key == f"{PROJECT}:authorityPrivateKeys":
        plain["additionalProperties"] = {"anyOf": [{"type": "string"}, {"$ref": "#/definitions/secret"}]}
    return {"description": description, "anyOf": [plain, {"$ref": "#/definitions/secret"}]}


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
