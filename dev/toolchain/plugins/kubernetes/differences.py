"""What of an object was desired, what of it has changed, and who manages it.

All are pure functions on documents.
"""

from __future__ import annotations

import copy
import re
from typing import Any, Final

from alb_mutual_tls.plugin.handler import Kind
from dev.sandbox.cloud.kube import Resource

_TAKEN_OVER: Final = ("kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-resource-kubernetes")
"""Beginnings of the names of field managers whose fields an update takes over."""
_REPLACING: Final = ("metadata.name", "metadata.namespace", "type")
_CONTENT: Final = ("data", "stringData", "immutable")


def pruned(live: Any, shape: Any) -> Any:
    """Of an object the keys that `shape` has, in all depths."""
    if not isinstance(live, dict) or not isinstance(shape, dict):
        return live
    return {key: pruned(value, shape[key]) for key, value in live.items() if key in shape}


def differences(old: Resource, new: Resource, *, mutable: bool) -> dict[str, Kind]:
    """Return property path -> what happens to it.

    Without `mutable`, new content makes a new Secret.
    """
    changes: dict[str, Kind] = {}
    replacing = _REPLACING if mutable else (*_REPLACING, *_CONTENT[:2])
    for path, kind in _changes(old, new, ""):
        replaces = any(path == one or re.match(rf"{re.escape(one)}[.\[]", path) for one in replacing)
        changes[path] = Kind[f"{kind}_REPLACE"] if replaces else Kind[kind]
    return changes


def _changes(old: Resource, new: Resource, path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key in sorted(old.keys() | new.keys()):
        place = f'{path}["{key}"]' if re.search(r'[."\[\]]', key) else f"{path}.{key}" if path else key
        if key not in new:
            found.append((place, "DELETE"))
        elif key not in old:
            found.append((place, "ADD"))
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            found += _changes(old[key], new[key], place)
        elif old[key] != new[key]:
            found.append((place, "UPDATE"))
    return found


def managers_after(live: Resource, manager: str) -> list[Resource] | None:
    """Return the `managedFields` with which a manager takes over fields.

    It then applies what itself, kubectl and creates have written. None when there is nothing to
    take over.
    """
    entries: list[Resource] = copy.deepcopy(live["metadata"].get("managedFields") or [])
    taken = [
        entry for entry in entries if entry["manager"].startswith(_TAKEN_OVER) and _is_foreign(entry, manager)
    ]
    if not taken:
        return None
    own = next(
        (entry for entry in entries if not _is_foreign(entry, manager)),
        {**taken[0], "manager": manager, "operation": "Apply"},
    )
    for entry in taken:
        own["fieldsV1"] = _union(own["fieldsV1"], entry["fieldsV1"])
    return [own, *(entry for entry in entries if entry not in taken and _is_foreign(entry, manager))]


def _is_foreign(entry: Resource, manager: str) -> bool:
    return (entry["manager"], entry["operation"]) != (manager, "Apply")


def _union(one: Resource, other: Resource) -> Resource:
    return {**one, **{key: _union(one.get(key, {}), value) for key, value in other.items()}}
