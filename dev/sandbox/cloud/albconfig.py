"""Reading an AlbConfig's spec as the controller's Go program does: `encoding/json` into typed
structs, then checks.

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
    """An AlbConfig or Ingress cannot be turned into a load balancer; the text is that of
    the event.
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


_CERTIFICATE: Final = Struct("Certificate", {"CertificateId": "string", "IsDefault": "bool"})
_HEADER_SWITCHES: Final = (
    "XForwardedForEnabled",
    "XForwardedForProtoEnabled",
    "XForwardedForSLBIdEnabled",
    "XForwardedForSLBPortEnabled",
    "XForwardedForClientSrcPortEnabled",
    "XForwardedForClientCertSubjectDNEnabled",
    "XForwardedForClientCertIssuerDNEnabled",
    "XForwardedForClientCertFingerprintEnabled",
    "XForwardedForClientCertClientVerifyEnabled",
    "XForwardedForClientSourceIpsEnabled",
    "XForwardedForHostEnabled",
)
_HEADER_TEXTS: Final = (
    "XForwardedForClientCertSubjectDNAlias",
    "XForwardedForClientCertIssuerDNAlias",
    "XForwardedForClientCertFingerprintAlias",
    "XForwardedForClientCertClientVerifyAlias",
    "XForwardedForClientSourceIpsTrusted",
    "XForwardedForProcessingMode",
)
_SPEC: Final = Struct(
    "AlbConfigSpec",
    {
        "config": Struct(
            "LoadBalancerSpec",
            {
                "id": "string",
                "name": "string",
                "addressType": "string",
                "addressAllocatedMode": "string",
                "edition": "string",
                "resourceGroupId": "string",
                "forceOverride": "bool",
                "listenerForceOverride": "bool",
                "deletionProtectionEnabled": "bool",
                "zoneMappings": List(
                    Struct(
                        "ZoneMapping", {"vSwitchId": "string", "zoneId": "string", "allocationId": "string"}
                    )
                ),
                "tags": List(Struct("Tag", {"key": "string", "value": "string"})),
                "accessLogConfig": Struct("AccessLogConfig", {"logProject": "string", "logStore": "string"}),
                "billingConfig": Struct(
                    "BillingConfig",
                    {
                        "internetBandwidth": "int",
                        "internetChargeType": "string",
                        "payType": "string",
                        "bandWidthPackageId": "string",
                    },
                ),
            },
        ),
        "listeners": List(
            Struct(
                "ListenerSpec",
                {
                    "port": "intstr.IntOrString",
                    "protocol": "string",
                    "description": "string",
                    "idleTimeout": "int",
                    "requestTimeout": "int",
                    "gzipEnabled": "bool",
                    "http2Enabled": "bool",
                    "securityPolicyId": "string",
                    "caEnabled": "bool",
                    "caCertificates": List(_CERTIFICATE),
                    "certificates": List(_CERTIFICATE),
                    "defaultCertificate": Struct(
                        "DefaultCertificate", {"kind": "string", "certificateId": "string"}
                    ),
                    "xForwardedForConfig": Struct(
                        "XForwardedForConfig",
                        dict.fromkeys(_HEADER_SWITCHES, "bool") | dict.fromkeys(_HEADER_TEXTS, "string"),
                    ),
                    "quicConfig": Struct(
                        "QuicConfig", {"quicUpgradeEnabled": "bool", "quicListenerId": "string"}
                    ),
                },
            )
        ),
    },
)
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
        Unfit: it is no port.
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
