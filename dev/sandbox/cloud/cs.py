"""Container Service 2015-12-15 with one action, DescribeClusterUserKubeconfig.

It knows the sandbox's own cluster, which is the only one of its account.

The kubeconfig holds a client certificate that kube-apiserver's CA signs for the time asked for; its
user may do everything, as the one who made an ACK cluster may. For the private address the server
is `localhost` instead of `127.0.0.1`, so that one sees which was asked for. Source:
https://alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/developer-reference/api-cs-2015-12-15-describeclusteruserkubeconfig;
the error code ErrorClusterNotFound is the one that terraform-provider-alicloud waits for. Names of
errors' fields: small letters, as this API has them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from dev.sandbox import kubeconfig
from dev.sandbox.certificates import CLIENT, KeyPair
from dev.sandbox.cloud.errors import ApiError, not_covered, unknown_api
from dev.sandbox.cloud.parameters import Parameter, Values
from dev.sandbox.cloud.signature import Request
from dev.sandbox.layout import ACK_CLUSTER_ID, Layout

VERSION: Final = "2015-12-15"
ACTION: Final = "DescribeClusterUserKubeconfig"
PARAMETERS: Final[dict[str, tuple[Parameter, ...]]] = {
    ACTION: (
        Parameter("ClusterId", required=True),
        Parameter("PrivateIpAddress", values=("true", "false"), default="false"),
        Parameter("TemporaryDurationMinutes", "integer", minimum=15, maximum=4320),
    )
}
_PATH: Final = re.compile(r"/k8s/([A-Za-z0-9-]+)/user_config")
_ERROR_FIELDS: Final = {"Code": "code", "Message": "message"}
_USER: Final = "200000000000000001"


def from_path(request: Request) -> list[tuple[str, str]]:
    """The parameters that stand in a request's path.

    Raises:
        ApiError: no action of this API has such a path and method.
    """
    found = _PATH.fullmatch(request.path)
    if found is None or request.method != "GET" or request.headers.get("x-acs-action") != ACTION:
        raise unknown_api()
    return [("ClusterId", found[1])]


def body(content: dict[str, Any], identity: str) -> dict[str, Any]:
    """Return an answer's content as this API sends it.

    It is without the request's id, or, for an error, with names in small letters.
    """
    if "Code" not in content:
        return content
    return {small: content[name] for name, small in _ERROR_FIELDS.items()} | {"requestId": identity}


class Clusters:
    """The clusters of an account.

    Args:
        directory: of the sandbox whose cluster is the account's; None for an account without.
        clock: seconds since 1970.
    """

    def __init__(self, directory: Path | None, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock

    def actions(self) -> dict[str, Callable[[Values], dict[str, Any]]]:
        """What is done for each action."""
        return {ACTION: self.describe_cluster_user_kubeconfig}

    def describe_cluster_user_kubeconfig(self, values: Values) -> dict[str, Any]:
        """Make a kubeconfig out."""
        cluster = str(values["ClusterId"])
        if self._directory is None or cluster != ACK_CLUSTER_ID:
            raise ApiError(404, "ErrorClusterNotFound", f"cluster ({cluster}) not found in our records")
        if "TemporaryDurationMinutes" not in values:
            raise not_covered(
                f"{ACTION} without TemporaryDurationMinutes, for which the service chooses a duration itself"
            )
        seconds = int(self._clock()) + 60 * int(str(values["TemporaryDurationMinutes"]))
        until = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        layout = Layout.load(self._directory)
        # Kept nowhere.
        authority = KeyPair.load(layout.pki, "kube-ca")
        pair = authority.issue(_USER, (CLIENT,), organization="system:masters", until=until)
        server = layout.apiserver_url
        if values["PrivateIpAddress"] == "true":
            server = server.replace("127.0.0.1", "localhost")
        return {
            "config": kubeconfig.of_user(layout, pair.certificate_pem, pair.key_pem, _USER, server),
            "expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
