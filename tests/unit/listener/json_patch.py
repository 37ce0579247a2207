"""A JSON Patch applier (RFC 6902) that does what kube-apiserver's does (evanphx/json-patch): a
`test` for null holds for an absent key.
"""

from __future__ import annotations

import copy
from typing import Any

from alb_mutual_tls.listener.exact_json import Document, same
from alb_mutual_tls.listener.patch import Patch


class TestFailed(Exception):
    """What the API server answers with 422."""

    __test__ = False


def apply(patch: Patch, document: Document) -> Document:
    """The document after the patch; the given one stays."""
    result = dict(document)
    for operation in patch:
        tokens = [token.replace("~1", "/").replace("~0", "~") for token in operation["path"].split("/")[1:]]
        parent: Any = result
        for token in tokens[:-1]:
            key: Any = int(token) if isinstance(parent, list) else token
            try:
                parent[key] = copy.copy(
                    parent[key]
                )  # only what lies on the way is copied: the rest is shared with the given document
                parent = parent[key]
            except (KeyError, IndexError, TypeError):
                raise TestFailed(f"missing path {operation['path']}") from None
        if not isinstance(parent, (dict, list)):
            raise TestFailed(f"missing path {operation['path']}")
        if isinstance(parent, list) and operation["op"] == "add":
            parent.insert(
                len(parent) if tokens[-1] == "-" else int(tokens[-1]), copy.deepcopy(operation["value"])
            )
            continue
        key = int(tokens[-1]) if isinstance(parent, list) else tokens[-1]
        present = key in parent if isinstance(parent, dict) else key < len(parent)
        if operation["op"] == "test":
            if not same(parent[key] if present else None, operation["value"]):
                raise TestFailed(f"testing {operation['path']}")
            continue
        if operation["op"] != "add" and not present:
            raise TestFailed(f"missing {operation['path']}")
        if operation["op"] == "remove":
            del parent[key]
        else:
            parent[key] = copy.deepcopy(operation["value"])
    return result
