"""Calls of the OpenAPI endpoint that more than one test makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_cas20200407 import models as cas_models
from alibabacloud_tea_openapi import utils_models
from darabonba.runtime import RuntimeOptions


def code(call: Callable[[], object]) -> str:
    """The error code that a call ends in."""
    with pytest.raises(Exception, match="request id") as refused:
        call()
    return str(getattr(refused.value, "code", repr(refused.value)))


def warehouse(cas: Any, name: str = "mine", kind: str = "uploadedAuthorityCertificate") -> tuple[str, int]:
    """Make a repository; returns instance id and WhId."""
    instance = cas.create_warehouse(
        cas_models.CreateWarehouseRequest(name=name, type=kind)
    ).body.warehouse_instance_id
    (found,) = cas.list_cert_warehouse(
        cas_models.ListCertWarehouseRequest(instance_id=instance)
    ).body.cert_warehouse_list
    return instance, found.wh_id


def upload(cas: Any, wh_id: int, pem: str, **more: Any) -> str:
    return str(
        cas.upload_pcacert(
            cas_models.UploadPCACertRequest(warehouse_id=wh_id, cert=pem, **more)
        ).body.identifier
    )


def call(
    client: Any,
    action: str,
    version: str,
    *,
    query: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
) -> Any:
    """A generic call, for what the typed client does not send."""
    parameters = utils_models.Params(
        action=action,
        version=version,
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    return client.call_api(
        parameters, utils_models.OpenApiRequest(query=query or {}, body=body), RuntimeOptions()
    )["body"]
