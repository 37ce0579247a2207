"""Property values as they cross the Pulumi protocol, and as handlers see them.

On the wire a property map is a protobuf Struct: every number is a double, an unknown value is a sentinel text, a secret is an object with a
signature (pulumi/pulumi, sdk/go/common/resource/plugin/rpc.go and sdk/go/common/resource/sig/sig.go). Handlers see plain Python values and `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from alb_mutual_tls.provider.protocol import struct_pb2

Properties = dict[str, Any]


class Unknown:
    """The type of `UNKNOWN`: a value that the engine does not know yet, because a resource it comes from has not been made."""

    _only: Unknown | None = None

    def __new__(cls) -> Unknown:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false: compare it with `is UNKNOWN`")


UNKNOWN: Final = Unknown()

_UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_TEXTS: Final = frozenset(
    {
        _UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # a marker, not a password


def has_unknown(value: Any) -> bool:
    """Whether `value` is, or anywhere holds, a value that is not known yet."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Read a property map: whole numbers become `int`, sentinels become `UNKNOWN`, secrets lose their wrapping."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWN_TEXTS else value.string_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        if _SIGNATURE in fields and fields[_SIGNATURE].string_value == _SECRET:
            return _from_value(fields["value"])
        return from_struct(value.struct_value)
    return None


def to_struct(properties: Mapping[str, Any], secrets: Collection[str] = ()) -> struct_pb2.Struct:
    """Write a property map; the properties named in `secrets` are marked, so that the engine encrypts them in state."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        wire = _to_wire(value)
        struct[key] = {_SIGNATURE: _SECRET, "value": wire} if key in secrets and wire is not None else wire
    return struct


def _to_wire(value: Any) -> Any:
    if value is UNKNOWN:
        return _UNKNOWN_TEXT
    if isinstance(value, Mapping):
        return {key: _to_wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_wire(item) for item in value]
    return value
