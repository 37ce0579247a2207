"""Calls of Alibaba Cloud OpenAPI with the official SDK's core.

The clients of the single products (`alibabacloud_cas20200407`, ...) are models around `call_api` of
`alibabacloud_tea_openapi`; loading them costs 0.2 to 0.4 s each in a process that every preview
starts anew, so `call_api` is used as it is. That the requests are the same as those of the product
clients is tested (tests/contract/cas).

A read is repeated on throttling, 5xx and lost connections, with jitter inside a deadline. A write
is repeated by itself only when it was throttled, which is an answer that says "not done"; anything
else may have been done, so its owner has to look first (`attempts`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from alb_mutual_tls.alibaba.answers import (
    NotPermitted,
    Product,
    ServiceFailed,
    Throttled,
    network_reason,
    refusal,
)
from alb_mutual_tls.alibaba.sdk import load_sdk
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.waiting import limited, waiting

__all__ = ["CallSigner", "NotPermitted", "OpenApi"]

FIRST_PAUSE = 0.25
"""Seconds between the first and the second attempt; each further pause is twice as long, up to 16
times this.
"""


_READ_SECONDS = 15
"""How long one attempt waits for its answer."""


class CallSigner(Protocol):
    """What signs a call (`alb_mutual_tls.alibaba.credentials`)."""

    def resolve(self) -> Any:
        """The SDK's credential model; raises `UserError` when there is none."""

    def describe(self) -> str:
        """The masked key id and where it came from."""

    def get_credential(self) -> Any:
        """The same, under the name by which the SDK asks for it."""


class OpenApi:
    """One product at one endpoint.

    `deadline`: seconds within which a call is repeated; `credential` is None for calls that need no
    signature.
    """

    def __init__(
        self,
        product: Product,
        endpoint: str,
        protocol: str,
        credential: CallSigner | None,
        *,
        deadline: float = 45.0,
    ) -> None:
        self.product = product
        self.endpoint = endpoint
        self._protocol = protocol
        self._credential = credential
        self._deadline = deadline
        self._client: Any = None
        self._cancelled: Callable[[], bool] = lambda: False

    def until(self, cancelled: Callable[[], bool]) -> OpenApi:
        """Return the same API, made to stop on cancellation.

        Once `cancelled` returns true it repeats nothing and writes nothing.
        """
        self._sdk()
        api = copy.copy(self)
        api._cancelled = cancelled
        return api

    def of(self, product: Product) -> OpenApi:
        """Another product at the same endpoint."""
        api = copy.copy(self)
        api.product = product
        return api

    def read(
        self, action: str, query: Mapping[str, Any] | None = None, *, path: str | None = None
    ) -> dict[str, Any]:
        """Call an action that changes nothing.

        `path` is the path of the action's resource in an API of ROA style. Raises `ApiError` or
        `Unreachable` when the deadline is over or repeating cannot help.
        """
        # the last attempt may begin just before the deadline
        most = limited(self._deadline) + limited(_READ_SECONDS)
        with waiting(f"{self.product.name} at {self.endpoint}", most):
            if self._credential is not None:
                # repeats by itself what may pass, so not within the attempts
                self._credential.resolve()
            for attempt in self.attempts():
                with attempt:
                    return self._call(action, query or {}, None, path)
        raise AssertionError("the last attempt raises")

    def write(
        self, action: str, query: Mapping[str, Any], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call an action that changes something, once.

        `ServiceFailed` and `Unreachable` leave open whether it was done. Raises `UserError` when
        the run was cancelled.
        """
        if self._cancelled():  # the next run may be at work already
            raise UserError(
                f"{action} was not sent to {self.product.name}, because this run was cancelled: run pulumi up"
                " again to go on"
            )
        return self._call(action, query, body)

    def attempts(self) -> Iterator[Any]:
        """Return attempts with growing, jittered pauses.

        Use them as `for attempt in ...: with attempt: ...`. They go on while the error raised may
        be temporary.
        """
        import stamina

        stamina.instrumentation.set_on_retry_hooks(())  # the default hook writes to standard error
        unreachable = 0

        def passes(error: Exception) -> bool:
            nonlocal unreachable
            if self._cancelled():
                return False
            if isinstance(error, (Throttled, ServiceFailed)):
                return True
            unreachable += 1
            # a wrong host name does not come right by waiting for the whole deadline
            return isinstance(error, Unreachable) and unreachable < 5

        pauses = {"wait_initial": FIRST_PAUSE, "wait_max": 16 * FIRST_PAUSE, "wait_jitter": 2 * FIRST_PAUSE}
        until = limited(self._deadline)
        return iter(stamina.retry_context(on=passes, attempts=None, timeout=until, **pauses))

    def _call(
        self, action: str, query: Mapping[str, Any], body: Mapping[str, Any] | None, path: str | None = None
    ) -> dict[str, Any]:
        """Send one request and return its answer.

        Every call goes through here, which is how `mtls doctor` records them.
        """
        load_sdk()
        from alibabacloud_tea_openapi import utils_models
        from alibabacloud_tea_openapi.utils import Utils
        from darabonba.runtime import RuntimeOptions

        if self._credential is not None:
            self._credential.resolve()
        params = utils_models.Params(
            action=action,
            version=self.product.version,
            protocol="HTTPS",
            pathname=path or "/",
            method="POST" if path is None else "GET",
            auth_type="Anonymous" if self._credential is None else "AK",
            style="RPC" if path is None else "ROA",
            req_body_type="formData" if path is None else "json",
            body_type="json",
        )
        request = utils_models.OpenApiRequest(
            query=Utils.query(dict(query)), body=dict(body) if body is not None else None
        )
        try:
            answer = self._sdk().call_api(params, request, RuntimeOptions(autoretry=False))
        except Exception as error:
            raise self._translate(action, error) from None
        content = answer.get("body")
        return content if isinstance(content, dict) else {}

    def _sdk(self) -> Any:
        if self._client is None:
            load_sdk()
            from alibabacloud_tea_openapi import utils_models
            from alibabacloud_tea_openapi.client import Client

            self._client = Client(
                utils_models.Config(
                    endpoint=self.endpoint,
                    protocol=self._protocol,
                    credential=self._credential,
                    user_agent="alb-mutual-tls",
                    connect_timeout=int(1000 * limited(5)),
                    read_timeout=int(1000 * limited(_READ_SECONDS)),
                )
            )
        return self._client

    def _translate(self, action: str, error: Exception) -> Exception:
        inner = getattr(error, "inner_exception", None)
        if isinstance(inner, Exception):
            error = inner
        if isinstance(error, UserError):
            return error
        status = getattr(error, "status_code", None)
        if status is not None:
            data = getattr(error, "data", None) or {}
            detail = getattr(error, "access_denied_detail", None) or {}
            return refusal(
                product=self.product,
                endpoint=self.endpoint,
                action=action,
                status=int(status),
                code=str(getattr(error, "code", "") or ""),
                message=str(data.get("Message") or data.get("message") or getattr(error, "message", "")),
                request_id=str(getattr(error, "request_id", "") or ""),
                credential=self._credential.describe() if self._credential is not None else "no credentials",
                denied_action=str(detail.get("AuthAction") or "") if isinstance(detail, dict) else "",
            )
        # what the SDK makes of every OSError of the HTTP library
        if type(error).__name__ == "RetryError":
            return Unreachable(
                f"{self.product.name} at {self.endpoint} did not answer {action}"
                f" ({network_reason(str(error))}): check the network, the proxy settings and alicloud:region,"
                " alicloud:endpoints and alicloud:protocol of the stack"
            )
        return ServiceFailed(
            f"{self.product.name} at {self.endpoint} answered {action} with something that is not an API"
            f" answer ({type(error).__name__}): check that alicloud:endpoints names an Alibaba Cloud endpoint"
            " and that no proxy answers in its place"
        )
