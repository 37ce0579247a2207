"""`kubernetes:core/v1:Secret`."""

from __future__ import annotations

import copy
import re
import secrets
from collections.abc import Callable
from typing import Any, Final

from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.plugin.handler import Difference, Kind, PartiallyMade, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties, has_unknown
from dev.sandbox.cloud.kube import KubeError, Resource
from dev.toolchain.plugins.kubernetes.api_server import ApiServer

_INPUTS: Final = ("apiVersion", "kind", "metadata", "type", "data", "immutable")
_MANAGER: Final = "__fieldManager"
_FORCE: Final = "pulumi.com/patchForce"
_FORBIDDEN, _NOT_FOUND, _CONFLICT = 403, 404, 409
_TAKEN_OVER: Final = ("kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-resource-kubernetes")
"""Beginnings of the names of field managers whose fields an update takes over."""
_REPLACING: Final = ("metadata.name", "metadata.namespace", "type")
_CONTENT: Final = ("data", "stringData", "immutable")


class Secret:
    """A Secret on the API server.

    `permit` raises `UserError` where nothing may be made.

    `mutable`: new content changes it in place; `upsert`: one that is there already is not an error.
    """

    token = "kubernetes:core/v1:Secret"  # noqa: S105  # a type
    secret_outputs = frozenset({"data", "stringData", "__inputs"})

    def __init__(
        self, api_server: ApiServer, *, mutable: bool, upsert: bool, permit: Callable[[], None] = lambda: None
    ) -> None:
        self._api_server = api_server
        self._mutable = mutable
        self._upsert = upsert
        self._permit = permit

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Refuse what the stand-in would do in another way than the real plugin."""
        failures = [
            CheckFailure(
                "",
                f"{request.name}: the kubernetes stand-in does not know {key} of a Secret: it knows"
                f" {', '.join(_INPUTS)}",
            )
            for key in sorted(inputs)
            if key not in _INPUTS and not key.startswith("__")
        ]
        failures += [
            CheckFailure(key, f"{key} of a Secret is {inputs.get(key)!r}: it must be {wanted}")
            for key, wanted in (("apiVersion", "v1"), ("kind", "Secret"))
            if inputs.get(key) != wanted
        ]
        metadata = inputs.get("metadata")
        if metadata is not UNKNOWN:
            failures += [
                CheckFailure(
                    "metadata",
                    f"metadata.{key} is not set: give it, as the kubernetes stand-in makes none up",
                )
                for key in ("namespace", "name")
                if not (metadata or {}).get(key)
            ]
        return inputs, failures

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        """Compare what was last read with the wanted inputs.

        What was read is compared in the shape of the former inputs.
        """
        changes = differences(
            pruned(state, state["__inputs"]),
            inputs,
            mutable=self._mutable and inputs.get("immutable") is not True,
        )
        metadata = inputs["metadata"]
        same = metadata is not UNKNOWN and _id(state) == f"{metadata['namespace']}/{metadata['name']}"
        return Difference(
            changes, delete_before_replace=same and any(kind.replaces for kind in changes.values())
        )

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        """Make a Secret, which must not be there yet unless the provider upserts."""
        self._permit()
        if request.preview and has_unknown(inputs):
            return "", inputs
        manager = f"pulumi-kubernetes-{secrets.token_hex(4)}"
        try:
            if self._upsert:
                live = self._api_server.apply(inputs, manager, force=_forced(inputs), dry_run=request.preview)
            else:
                live = self._api_server.create(inputs, manager, dry_run=request.preview)
        except Unreachable:
            if request.preview:
                return "", inputs
            raise
        except KubeError as error:
            if request.preview and error.status in (_FORBIDDEN, _NOT_FOUND, _CONFLICT):
                return "", inputs
            raise UserError(
                f"resource {_id(inputs)} was not successfully created by the Kubernetes API server:"
                f" {_reason(error)}"
            ) from error
        return _id(live), _state(live, inputs, manager)

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        """The Secret as it is; its inputs in the shape of the former ones."""
        if not state:
            raise UserError(f"Secret {id} cannot be imported by the kubernetes stand-in: declare it instead")
        try:
            live = self._api_server.get(*id.split("/"))
        except KubeError as error:
            raise UserError(f"Secret {id} cannot be read: {_reason(error)}") from error
        if live is None:
            return None
        found = pruned(live, inputs)
        return Reading(id, _state(live, found, state[_MANAGER]), found)

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        """Server-side apply in the name of the stack's field manager."""
        self._permit()
        if request.preview and has_unknown(inputs):
            return inputs
        manager = str(state[_MANAGER])
        live: Resource | None = None
        try:
            live = self._api_server.get(*id.split("/"))
            if live is None:
                raise UserError(
                    f"Secret {id} cannot be updated, because it is not there any more: run pulumi refresh,"
                    " then pulumi up again"
                )
            managers = None if request.preview else managers_after(live, manager)
            if managers is not None:
                self._api_server.set_managers(live, managers)
            live = self._api_server.apply(inputs, manager, force=_forced(inputs), dry_run=request.preview)
        except Unreachable:
            if request.preview:
                return inputs
            raise
        except KubeError as error:
            if request.preview and error.status == _FORBIDDEN:
                return inputs
            sentence = (
                f"the Kubernetes API server reported that {id} failed to fully initialize or become live:"
                f" {_reason(error)}"
            )
            if live is None or request.preview:
                raise UserError(sentence) from error
            raise PartiallyMade(id, _state(live, inputs, manager), [sentence]) from error
        return _state(live, inputs, manager)

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Remove the Secret."""
        self._permit()
        try:
            self._api_server.delete(*id.split("/"))
        except KubeError as error:
            raise UserError(f"Secret {id} cannot be deleted: {_reason(error)}") from error


def _state(live: Resource, inputs: Properties, manager: str) -> Properties:
    return {**live, "__inputs": inputs, "__initialApiVersion": "v1", _MANAGER: manager}


def _id(secret: Resource) -> str:
    return f"{secret['metadata']['namespace']}/{secret['metadata']['name']}"


def _forced(inputs: Properties) -> bool:
    annotations: Any = inputs["metadata"].get("annotations") or {}
    return bool(annotations.get(_FORCE) == "true")


def _reason(error: KubeError) -> str:
    """Return the API server's message and what to do.

    The message never repeats the content of a Secret.
    """
    remedy = {
        _FORBIDDEN: "give the user of the kubeconfig the permission",
        _NOT_FOUND: "make the namespace first",
        _CONFLICT: "choose another name, or delete what is there if nobody needs it",
    }.get(error.status, "correct it")
    return f"{' '.join(str(error).split())}; {remedy}"


def pruned(live: Any, shape: Any) -> Any:
    """Of an object the keys that `shape` has, in all depths."""
    if not isinstance(live, dict) or not isinstance(shape, dict):
        return live
    return {key: pruned(value, shape[key]) for key, value in live.items() if key in shape}


def differences(old: Resource, new: Resource, *, mutable: bool) -> dict[str, Kind]:
    """Return property path -> what happens to it.

    Without `mutable`, new content makes a new Secret. Of an object that is not known yet, all that
    it held is listed as deleted.
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
        elif isinstance(old[key], dict) and new[key] is UNKNOWN:
            found += _changes(old[key], {}, place)
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
