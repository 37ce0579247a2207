"""Where and as whom the stack works, from its configuration: what is needed before anything is
deployed, and by a job that has no kubeconfig yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.engine.program import pulumi, pulumi_json
from alb_mutual_tls.tokens import PROJECT

_PLACE: Final = ("accountId", "ackClusterId")


def read_configuration(directory: Path, stack: str | None) -> dict[str, Any]:
    """The keys under `alicloud:`, and `accountId` and `ackClusterId`, as inputs of the provider
    albmtls.

    Of the stack's secrets only those of `alicloud:` are decrypted: a brought authority's private
    key is nobody's business here.
    """
    content: Mapping[str, Mapping[str, Any]] = pulumi_json(directory, stack, "config", "--json")
    found: dict[str, Any] = {}
    for key, entry in content.items():
        namespace, _, name = key.partition(":")
        if namespace == "alicloud" or (namespace == PROJECT and name in _PLACE):
            text = (
                pulumi(directory, stack, "config", "get", key).removesuffix("\n")
                if entry.get("secret")
                else entry.get("value")
            )
            found[name] = inputs(text)
    return found


def inputs(text: Any) -> Any:
    """A configuration value as the provider takes it; single blocks are kept as an object, or as a
    list of objects that complete each other.
    """
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        blocks = json.loads(text)
    except ValueError:
        return text
    if isinstance(blocks, list) and all(isinstance(block, dict) for block in blocks):
        return {name: item for block in blocks for name, item in block.items()}
    return blocks
