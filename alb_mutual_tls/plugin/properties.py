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
