"""Property values as they cross the Pulumi protocol, and as handlers see them.

On the wire a property map is a protobuf Struct: every number is a double, an unknown value is a
sentinel text, a secret is an object with a signature (pulumi/pulumi,
sdk/go/common/resource/plugin/rpc.go and sdk/go/common/resource/sig/sig.go). Handlers see plain
Python values and `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from alb_mutual_tls.plugin.protocol import struct_pb2
from alb_mutual_tls.wire import (
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    UNKNOWN_TEXT,
    UNKNOWN_TEXTS,
    Properties,
)


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Read a property map.

    Whole numbers become `int`, sentinels become `UNKNOWN`, secrets lose their wrapping.
    """
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_TEXTS else value.string_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE_KEY in fields and fields[SIGNATURE_KEY].string_value == SECRET_SIGNATURE:
            return _from_value(fields["value"])
        return from_struct(value.struct_value)
    return None


def secret_keys(struct: struct_pb2.Struct) -> frozenset[str]:
    """The properties that are or hold a secret."""
    return frozenset(key for key, value in struct.fields.items() if _holds_secret(value))


def keep_secrets(outputs: struct_pb2.Struct, inputs: struct_pb2.Struct) -> struct_pb2.Struct:
    """Mark as secret in `outputs` what is secret in `inputs`, under the same names.

    The engine does that for plugins that take no secrets (`annotateSecrets`); those that make
    components have to take them, and handlers know nothing of it.
    """
    for key, given in inputs.fields.items():
        if key not in outputs.fields:
            continue
        value = outputs.fields[key]
        if _is_plain_object(value) and _is_plain_object(given):
            keep_secrets(value.struct_value, given.struct_value)
        elif _holds_secret(given) and not _is_secret(value):
            marked = struct_pb2.Struct()
            marked.fields[SIGNATURE_KEY].string_value = SECRET_SIGNATURE
            marked.fields["value"].CopyFrom(value)
            outputs.fields[key].struct_value.CopyFrom(marked)
    return outputs


def _is_secret(value: struct_pb2.Value) -> bool:
    return _signed(value) and value.struct_value.fields[SIGNATURE_KEY].string_value == SECRET_SIGNATURE


def _signed(value: struct_pb2.Value) -> bool:
    return value.WhichOneof("kind") == "struct_value" and SIGNATURE_KEY in value.struct_value.fields


def _is_plain_object(value: struct_pb2.Value) -> bool:
    return value.WhichOneof("kind") == "struct_value" and not _signed(value)


def _holds_secret(value: struct_pb2.Value) -> bool:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _is_secret(value) or any(map(_holds_secret, value.struct_value.fields.values()))
        case "list_value":
            return any(map(_holds_secret, value.list_value.values))
    return False


def to_struct(properties: Mapping[str, Any], secrets: Collection[str] = ()) -> struct_pb2.Struct:
    """Write a property map.

    The properties named in `secrets` are marked, so that the engine encrypts them in the state.
    """
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        wire = _to_wire(value)
        struct[key] = (
            {SIGNATURE_KEY: SECRET_SIGNATURE, "value": wire} if key in secrets and wire is not None else wire
        )
    return struct


def _to_wire(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, Mapping):
        return {key: _to_wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_wire(item) for item in value]
    return value
