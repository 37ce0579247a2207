"""`python -m components.schema`: the stack configuration as a JSON Schema, for editors (docs/configuration.schema.json)."""

from __future__ import annotations

import json
from typing import Any

from .arguments import AlbMutualTlsArgs
from .settings import PROJECT


def schema() -> dict[str, Any]:
    """A schema of Pulumi.<stack>.yaml, of which it describes the keys of this project's namespace."""
    arguments = AlbMutualTlsArgs.model_json_schema(by_alias=True)
    keys = {f"{PROJECT}:{key}": value for key, value in arguments["properties"].items()}
    place = {f"{PROJECT}:{key}": {"type": "string", "description": text} for key, text in _PLACE.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pulumi.<stack>.yaml of alb-mutual-tls",
        "type": "object",
        "properties": {"config": {"type": "object", "properties": keys | place}},
        "$defs": arguments["$defs"],
    }


_PLACE = {
    "accountId": "the expected Alibaba Cloud account; anything else stops before a change",
    "ackClusterId": "the expected ACK cluster; anything else stops before a change",
}

if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
