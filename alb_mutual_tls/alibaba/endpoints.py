"""The endpoints of the Alibaba Cloud APIs that this package calls.

They are Certificate Management Service (CAS), ALB, STS and Container Service (CS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MAINLAND: Final = "cas.aliyuncs.com"
_ABROAD: Final = "cas.ap-southeast-1.aliyuncs.com"


@dataclass(frozen=True)
class Endpoints:
    """The hosts of the APIs and the protocol, `HTTPS` or `HTTP`.

    A host includes its port where that is not the default one. `alb` and `cs` are None while the
    region is unknown.
    """

    cas: str
    alb: str | None
    sts: str
    cs: str | None
    protocol: str


def endpoints(
    *, account_type: str, region: str | None, overrides: Mapping[str, str], protocol: str
) -> Endpoints:
    """Return the endpoints for an account type and a region.

    The account type is `domestic` or `international`. `overrides` holds hosts by the field names of
    `Endpoints`.

    CAS splits the world into two halves and no others, whatever the SDK's own map says. The
    Singapore host is only for international accounts outside the Chinese mainland. Sources:
    https://alibabacloud.com/help/en/ssl-certificate/developer-reference/endpoints, and
    terraform-provider-alicloud, alicloud/connectivity/endpoint.go.
    """
    abroad = account_type == "international" and not _is_mainland(region)
    return Endpoints(
        cas=overrides.get("cas") or (_ABROAD if abroad else _MAINLAND),
        alb=overrides.get("alb")
        or (f"alb.{_ALB_REGION.get(region, region)}.aliyuncs.com" if region else None),
        sts=overrides.get("sts")
        or (f"sts.{region}.aliyuncs.com" if region and region not in _NO_STS else "sts.aliyuncs.com"),
        cs=overrides.get("cs") or (f"{_CS_HOST.get(region, 'cs')}.{region}.aliyuncs.com" if region else None),
        protocol=protocol,
    )


def half_of_cas(host: str) -> str:
    """Say in words where CA certificates are kept.

    Which of CAS's two halves an ALB reads is not documented (docs/configuration.md).
    """
    halves = {
        _MAINLAND: "its half for the Chinese mainland",
        _ABROAD: "its half outside the Chinese mainland",
    }
    return f"CA certificates are kept by CAS at {host}, {halves.get(host, 'as alicloud:endpoints.cas says')}"


_NO_STS = (
    "ap-south-1",
    "ap-southeast-2",
    "cn-fujian",
    "cn-wuhan",
    "cn-zhangbei",
)  # public regions of alibabacloud_sts20150401 1.2.0 without one
_CS_HOST = dict.fromkeys(("cn-hangzhou-finance", "cn-shanghai-finance-1", "cn-shenzhen-finance-1"), "cs-vpc")
"""Public regions in which the official client (alibabacloud_cs20151215) knows no public host. The
others:
https://alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/developer-reference/api-cs-2015-12-15-endpoint
"""
# the only exception in alibabacloud_alb20200616 1.3.3
_ALB_REGION = {"cn-hangzhou-finance": "cn-hangzhou"}


def _is_mainland(region: str | None) -> bool:
    return region is not None and region.startswith("cn-") and region != "cn-hongkong"
