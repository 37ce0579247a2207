"""What an answer of a plugin holds, in words and plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from alb_mutual_tls.plugin.properties import from_struct
from alb_mutual_tls.plugin.protocol import provider_pb2, struct_pb2
from alb_mutual_tls.wire import SECRET_SIGNATURE, SIGNATURE_KEY
from tests.oracle.comparison import Answer


def outcome(act: Callable[[], Any]) -> Answer:
    """What an answer holds, or the words of the refusal."""
    try:
        answer = act()
    except grpc.RpcError as error:
        return {"refused": str(error.details())}
    found: dict[str, Any] = {}
    for field, name in (("properties", "state"), ("inputs", "inputs")):
        if answer.DESCRIPTOR.fields_by_name.get(field) and answer.HasField(field):
            struct = getattr(answer, field)
            found |= {name: from_struct(struct), f"{name}, marked secret": marked(struct)}
    if answer.DESCRIPTOR.fields_by_name.get("id"):
        found["id"] = answer.id
    if answer.DESCRIPTOR.fields_by_name.get("failures"):
        found["failures"] = [f"{one.property}: {one.reason}" for one in answer.failures]
    return found


def changes(act: Callable[[], Any]) -> Answer:
    """What a diff says."""
    try:
        answer = act()
    except grpc.RpcError as error:
        return {"refused": str(error.details())}
    kinds = provider_pb2.PropertyDiff.Kind
    detailed = {path: kinds.Name(one.kind) for path, one in answer.detailedDiff.items()}
    diffs = sorted(answer.diffs)
    return {
        "changes": provider_pb2.DiffResponse.DiffChanges.Name(answer.changes),
        "replaces": sorted(answer.replaces),
        "diffs": "as detailed" if diffs and diffs == sorted(detailed) else diffs,
        "delete before replace": answer.deleteBeforeReplace,
        "detailed": detailed,
    }


def marked(struct: struct_pb2.Struct) -> list[str]:
    """The paths of the outermost values that are marked."""
    found: list[str] = []
    for key, value in struct.fields.items():
        fields = value.struct_value.fields
        if SIGNATURE_KEY in fields and fields[SIGNATURE_KEY].string_value == SECRET_SIGNATURE:
            found.append(key)
        else:
            found += [f"{key}.{inner}" for inner in marked(value.struct_value)]
    return sorted(found)
