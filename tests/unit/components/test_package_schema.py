"""The Pulumi package: what its schema says is what the models check."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alb_mutual_tls.access import keys
from alb_mutual_tls.tokens import PACKAGED_COMPONENT, VERSION
from components.arguments import AlbMutualTlsArgs
from components.package_schema import written

REPOSITORY = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((REPOSITORY / "alb_mutual_tls/provider/schema.json").read_text("utf-8"))
COMPONENT = SCHEMA["resources"][PACKAGED_COMPONENT]


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in it."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from parts(item)


def test_the_committed_schema_is_that_of_the_models() -> None:
    committed = (REPOSITORY / "alb_mutual_tls/provider/schema.json").read_text("utf-8")
    assert committed == written(), (
        "run python -m components.package_schema > alb_mutual_tls/provider/schema.json"
    )


def test_package_plugin_and_wheel_have_one_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == SCHEMA["version"] == VERSION


def test_the_component_takes_every_argument_in_the_spelling_of_a_stack_file() -> None:
    aliases = {field.alias for field in AlbMutualTlsArgs.model_fields.values()}
    assert COMPONENT["inputProperties"].keys() == aliases
    assert COMPONENT["isComponent"] is True


def test_the_provider_takes_every_key_and_demands_what_the_table_demands() -> None:
    assert SCHEMA["provider"]["inputProperties"].keys() == keys.by_name().keys()
    assert SCHEMA["config"]["variables"] == SCHEMA["provider"]["inputProperties"]
    assert SCHEMA["provider"]["requiredInputs"] == ["region"]


def test_what_is_secret_is_marked() -> None:
    described = {**COMPONENT["inputProperties"], **SCHEMA["provider"]["inputProperties"]}
    secret = {name for name, value in described.items() if value.get("secret")}
    assert secret == {"authorityPrivateKeys", "accessKey", "secretKey"}
    outputs = {name for name, value in COMPONENT["properties"].items() if value.get("secret")}
    assert outputs == {"clientPrivateKeys"}


def test_defaults_and_requirements_reach_other_languages() -> None:
    types = SCHEMA["types"]
    client = types["albmtls:index:Client"]["properties"]
    assert client["validityDays"] == {
        "type": "integer",
        "default": 90,
        "description": client["validityDays"]["description"],
    }
    assert client["keyAlgorithm"]["default"] == "ECDSA-P256"
    assert types["albmtls:index:Listener"]["required"] == ["albConfig", "port"]
    assert {"name": "EcdsaP256", "value": "ECDSA-P256"} in types["albmtls:index:KeyAlgorithm"]["enum"]
    assert COMPONENT["inputProperties"]["caEnabled"]["default"] is False


def test_every_type_that_is_named_is_there_and_every_property_is_described() -> None:
    named = {part["$ref"] for part in parts(SCHEMA) if "$ref" in part}
    own = {name.removeprefix("#/types/") for name in named if name.startswith("#")}
    assert own == SCHEMA["types"].keys()
    assert named - {f"#/types/{name}" for name in own} == {"pulumi.json#/Any"}
    for part in parts(SCHEMA):
        for properties in (part.get("properties"), part.get("inputProperties")):
            for name, value in (properties or {}).items():
                assert re.search(r"\w{2}", value["description"]), name
