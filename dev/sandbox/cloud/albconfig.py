"""Read an AlbConfig's spec as the controller's Go program does.

That is `encoding/json` into typed structs, then checks.

The CRD has no schema, so the API server stores anything; what the Go types cannot take shows only
here, with Go's own message. Keys are matched in any case (the last one wins), unknown keys are
ignored, null is the same as absent, and a value of another JSON type is an error
(https://pkg.go.dev/encoding/json#Unmarshal). Types: alibaba/alibaba-load-balancer-controller,
`albconfig_types.go`; fields that neither the data plane nor the API of this sandbox show are not
listed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final


class Unfit(Exception):
    """An AlbConfig or Ingress cannot be turned into a load balancer.

    The text is that of the event.
    """


@dataclass(frozen=True)
class Struct:
    """A Go struct: its type's name and its JSON fields."""

    name: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class List:
    """A Go slice."""

    item: Any


def _texts(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, "string")


def _switches(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, "bool")


_CERTIFICATE: Final = Struct("Certificate", {"CertificateId": "string", "IsDefault": "bool"})
_HEADERS: Final = {
    f"XForwardedFor{name}": kind
    for kind, names in (
        ("bool", "Enabled ProtoEnabled SLBIdEnabled SLBPortEnabled ClientSrcPortEnabled"),
        ("bool", "ClientCertSubjectDNEnabled ClientCertIssuerDNEnabled ClientCertFingerprintEnabled"),
        ("bool", "ClientCertClientVerifyEnabled ClientSourceIpsEnabled HostEnabled"),
        ("string", "ClientCertSubjectDNAlias ClientCertIssuerDNAlias ClientCertFingerprintAlias"),
        ("string", "ClientCertClientVerifyAlias ClientSourceIpsTrusted ProcessingMode"),
    )
    for name in names.split()
}
_LOAD_BALANCER: Final = Struct(
    "LoadBalancerSpec",
    {
        **_texts("id", "name", "addressType", "addressAllocatedMode", "edition", "resourceGroupId"),
        **_switches("forceOverride", "listenerForceOverride", "deletionProtectionEnabled"),
        "zoneMappings": List(Struct("ZoneMapping", _texts("vSwitchId", "zoneId", "allocationId"))),
        "tags": List(Struct("Tag", _texts("key", "value"))),
        "accessLogConfig": Struct("AccessLogConfig", _texts("logProject", "logStore")),
        "billingConfig": Struct(
            "BillingConfig",
            {
                "internetBandwidth": "int",
                **_texts("internetChargeType", "payType", "bandWidthPackageId"),
            },
        ),
    },
)
_LISTENER: Final = Struct(
    "ListenerSpec",
    {
        "port": "intstr.IntOrString",
        **_texts("protocol", "description", "securityPolicyId"),
        **dict.fromkeys(("idleTimeout", "requestTimeout"), "int"),
        **_switches("gzipEnabled", "http2Enabled", "caEnabled"),
        "caCertificates": List(_CERTIFICATE),
        "certificates": List(_CERTIFICATE),
        "defaultCertificate": Struct("DefaultCertificate", _texts("kind", "certificateId")),
        "xForwardedForConfig": Struct("XForwardedForConfig", _HEADERS),
        "quicConfig": Struct("QuicConfig", {"quicUpgradeEnabled": "bool", "quicListenerId": "string"}),
    },
)
_SPEC: Final = Struct("AlbConfigSpec", {"config": _LOAD_BALANCER, "listeners": List(_LISTENER)})
_INT32: Final = 2**31


def unmarshal(spec: Any) -> dict[str, Any]:
    """Read `spec` of an AlbConfig.

    Returns:
        The known fields that are there and not null, under the names of the Go types' tags.
    Raises:
        Unfit: with the message of Go's first UnmarshalTypeError.
    """
    read = _read(_SPEC, {} if spec is None else spec, _SPEC.name, ())
    return read if isinstance(read, dict) else {}


def _read(kind: Any, value: Any, struct: str, path: tuple[str, ...]) -> Any:
    if isinstance(kind, Struct):
        if not isinstance(value, dict):
            raise _mismatch(value, struct, path, f"v1.{kind.name}")
        by_lower = {name.lower(): name for name in kind.fields}
        read: dict[str, Any] = {}
        for key, item in value.items():
            name = by_lower.get(key.lower())
            if name is not None and item is not None:
                read[name] = _read(kind.fields[name], item, kind.name, (*path, name))
        return read
    if isinstance(kind, List):
        if not isinstance(value, list):
            element = kind.item.name if isinstance(kind.item, Struct) else kind.item
            raise _mismatch(value, struct, path, f"[]*v1.{element}")
        # A null item is the zero value, as `new` of the struct.
        return [_read(kind.item, {} if item is None else item, struct, path) for item in value]
    return _scalar(kind, value, struct, path)


def _scalar(kind: str, value: Any, struct: str, path: tuple[str, ...]) -> Any:
    integer = isinstance(value, int) and not isinstance(value, bool)
    fits = {
        "string": isinstance(value, str),
        "bool": isinstance(value, bool),
        "int": integer,
        "intstr.IntOrString": isinstance(value, str) or (integer and -_INT32 <= value < _INT32),
    }
    if fits[kind]:
        return value
    raise _mismatch(value, struct, path, "int32" if kind == "intstr.IntOrString" else kind)


def _mismatch(value: Any, struct: str, path: tuple[str, ...], kind: str) -> Unfit:
    shown = {str: "string", bool: "bool", list: "array", dict: "object"}.get(type(value), "number")
    if shown == "number" and kind.startswith("int"):
        shown += f" {json.dumps(value)}"
    where = f"Go struct field {struct}.{'.'.join(path)}" if path else "Go value"
    return Unfit(f"unmarshalling albconfig error: json: cannot unmarshal {shown} into {where} of type {kind}")


def port_number(port: int | str | None) -> int:
    """The number of a listener's port (IntOrString).

    Raises:
        Unfit: it is not a port.
    """
    number = (
        port
        if isinstance(port, int)
        else int(port)
        if isinstance(port, str) and port.isascii() and port.isdigit()
        else 0
    )
    if not 1 <= number <= 65535:
        raise Unfit(f"invalid listener port: {json.dumps(port)}")
    return number
