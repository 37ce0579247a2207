"""The calls to a plugin alicloud that are made side by side, each with what it came to.

Only what asks nobody: the sandbox does not take the real plugin's older signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc

from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import provider_pb2
from dev.toolchain.plugins.alicloud.provider import GET_ACCOUNT
from tests.oracle.comparison import Answer

ENVIRONMENT: Final = {
    "ALICLOUD_ACCOUNT_ID": "1234567890123456",
    "ALICLOUD_ACCESS_KEY": "id",
    "ALICLOUD_SECRET_KEY": "secret",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),  # nothing leaves the machine
}


def _account(stub: Any) -> Answer:
    try:
        answer = stub.Invoke(provider_pb2.InvokeRequest(tok=GET_ACCOUNT, args=to_struct({})))
    except grpc.RpcError as error:
        return {"refused": str(error.details())}
    return from_struct(getattr(answer, "return"))


CALLS: Final[Mapping[str, Callable[[Any], Answer]]] = {"account of the environment": _account}
