"""Fetch the short-lived kubeconfig that ACK signs for the caller of a cluster.

ACK is Container Service for Kubernetes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from alb_mutual_tls.alibaba.answers import ApiError
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.cluster import kubeconfig as kubeconfigs
from alb_mutual_tls.errors import UserError

ACTION: Final = "DescribeClusterUserKubeconfig"
_CLUSTER_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class UserKubeconfig:
    """The text of a kubeconfig with a client certificate or token.

    `expires` is RFC 3339 text, as Alibaba Cloud has it.
    """

    text: str = field(repr=False)
    expires: str


def fetch(api: OpenApi, cluster_id: str, *, private_address: bool, minutes: int) -> UserKubeconfig:
    """Have ACK make out a kubeconfig of a cluster that is good for `minutes`.

    `minutes` is 15 to 4320. The kubeconfig is for the cluster's public or private address.

    https://alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/developer-reference/api-cs-2015-12-15-describeclusteruserkubeconfig

    Raises `UserError` for an unknown cluster, no permission, or an answer without a usable
    kubeconfig.
    """
    if not _CLUSTER_ID.fullmatch(cluster_id):
        raise UserError(
            f"{cluster_id!r} is not an ACK cluster id: give the id that the console shows, c and 32"
            " hexadecimal digits"
        )
    query = {
        "PrivateIpAddress": "true" if private_address else "false",
        "TemporaryDurationMinutes": str(minutes),
    }
    try:
        answer = api.read(ACTION, query, path=f"/k8s/{quote(cluster_id, safe='')}/user_config")
    except ApiError as error:
        if error.code != "ErrorClusterNotFound":
            raise
        raise ApiError(
            f"{api.product.name} at {api.endpoint} knows no cluster {cluster_id} in this account (request"
            f" {error.request_id or 'id unknown'}): check the cluster id, alicloud:region and whose"
            " credentials these are",
            code=error.code,
            status=error.status,
            request_id=error.request_id,
        ) from None
    text, expires = answer.get("config"), answer.get("expiration")
    if not isinstance(text, str) or not isinstance(expires, str) or not _has_context(text):
        cause = (
            "the cluster may be deleted"
            if private_address
            else "without a public address it needs --private-address, from inside its VPC"
        )
        raise ApiError(
            f"{api.product.name} at {api.endpoint} gave no kubeconfig with a usable context for the cluster"
            f" {cluster_id}: {cause}; look in the ACK console whether it runs"
        )
    return UserKubeconfig(text, expires)


def _has_context(text: str) -> bool:
    """Return whether it leads to a cluster and says who one is there."""
    try:
        return bool(kubeconfigs.load(f"{text}\n", None, {}).user)
    except UserError:
        return False
