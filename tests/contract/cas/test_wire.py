"""What is sent is what the official clients of CAS, ALB and STS send."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from alb_mutual_tls.alibaba.answers import ALB, CAS, PRIVATE_CA, STS, Product
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.provider.configuration import Configuration

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Gateway


def official(product: Product, gateway: Gateway) -> tuple[Any, Any]:
    from alibabacloud_tea_openapi.utils_models import Config

    config = Config(
        endpoint=gateway.endpoint,
        protocol="HTTP",
        access_key_id="sandbox-access-key",
        access_key_secret="sandbox-access-key-secret",
    )
    if product is PRIVATE_CA:
        from alibabacloud_cas20200630 import models
        from alibabacloud_cas20200630.client import Client
    elif product is CAS:
        from alibabacloud_cas20200407 import models
        from alibabacloud_cas20200407.client import Client
    elif product is ALB:
        from alibabacloud_alb20200616 import models
        from alibabacloud_alb20200616.client import Client
    else:
        from alibabacloud_sts20150401 import models
        from alibabacloud_sts20150401.client import Client
    return Client(config), models


CALLS: list[tuple[Product, str, dict[str, Any], str, dict[str, Any]]] = [
    (
        CAS,
        "CreateWarehouse",
        {"Name": "n", "Type": "uploadedAuthorityCertificate"},
        "create_warehouse",
        {"name": "n", "type": "uploadedAuthorityCertificate"},
    ),
    (
        CAS,
        "ListCertWarehouse",
        {"Name": "n", "CurrentPage": 1, "ShowSize": 50},
        "list_cert_warehouse",
        {"name": "n", "current_page": 1, "show_size": 50},
    ),
    (
        CAS,
        "ListCert",
        {"WarehouseId": "17", "CurrentPage": 1, "ShowSize": 50},
        "list_cert",
        {"warehouse_id": 17, "current_page": 1, "show_size": 50},
    ),
    (
        CAS,
        "UploadPCACert",
        {"WarehouseId": "17", "Name": "n", "Cert": "a+b c\n"},
        "upload_pcacert",
        {"warehouse_id": 17, "name": "n", "cert": "a+b c\n"},
    ),
    (
        CAS,
        "DescribeWarehouseCert",
        {"CertIdentifier": "i"},
        "describe_warehouse_cert",
        {"cert_identifier": "i"},
    ),
    (PRIVATE_CA, "DescribeCACertificate", {"Identifier": "i"}, "describe_cacertificate", {"identifier": "i"}),
    (CAS, "DeletePCACert", {"Identifier": "i"}, "delete_pcacert", {"identifier": "i"}),
    (
        CAS,
        "DeleteWarehouse",
        {"WarehouseInstanceId": "w"},
        "delete_warehouse",
        {"warehouse_instance_id": "w"},
    ),
    (
        ALB,
        "ListListeners",
        {"LoadBalancerIds": ["a", "b"], "ListenerProtocol": "HTTPS", "MaxResults": 100},
        "list_listeners",
        {"load_balancer_ids": ["a", "b"], "listener_protocol": "HTTPS", "max_results": 100},
    ),
    (ALB, "GetListenerAttribute", {"ListenerId": "l"}, "get_listener_attribute", {"listener_id": "l"}),
    (
        STS,
        "AssumeRole",
        {"RoleArn": "acs:ram::1:role/r", "RoleSessionName": "s", "DurationSeconds": 900},
        "assume_role",
        {"role_arn": "acs:ram::1:role/r", "role_session_name": "s", "duration_seconds": 900},
    ),
]


@pytest.mark.parametrize(
    ("product", "action", "query", "method", "values"), CALLS, ids=[call[1] for call in CALLS]
)
def test_a_call_is_the_one_of_the_official_client(
    gateway: Gateway,
    settings: dict[str, Any],
    product: Product,
    action: str,
    query: dict[str, Any],
    method: str,
    values: dict[str, Any],
) -> None:
    from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

    from alb_mutual_tls.alibaba.answers import ApiError

    client, models = official(product, gateway)
    model = getattr(
        models,
        "".join(part.capitalize() for part in method.split("_"))
        .replace("Pcacert", "PCACert")
        .replace("Cacert", "CACert")
        + "Request",
    )
    ours = OpenApi(product, gateway.endpoint, "HTTP", Configuration.of(settings)._credential())
    for act, refusal in (
        (lambda: getattr(client, method)(model(**values)), AlibabaCloudException),
        (lambda: ours.write(action, query), ApiError),
    ):
        with suppress(refusal):  # what is named does not exist here; it is the request that counts
            act()
    theirs, own = gateway.seen
    assert own[0] == theirs[0] == action
    assert parse_qs(urlsplit(own[1]).query) == parse_qs(urlsplit(theirs[1]).query)
    assert own[2] == theirs[2] == b""
