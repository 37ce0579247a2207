"""Security Token Service: whose credentials these are."""

from __future__ import annotations

from alb_mutual_tls.alibaba.answers import ApiError
from alb_mutual_tls.alibaba.openapi import OpenApi


def account_id(api: OpenApi) -> str:
    """Return the id of the account that the credentials belong to.

    GetCallerIdentity needs no permission.

    https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-getcalleridentity
    """
    account = api.read("GetCallerIdentity").get("AccountId")
    if not account:
        raise ApiError(
            f"{api.product.name} at {api.endpoint} did not say which account the credentials belong to; check"
            " alicloud:endpoints"
        )
    return str(account)
