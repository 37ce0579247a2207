"""An API client that records its calls."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alb_mutual_tls.alibaba.answers import Product
from alb_mutual_tls.alibaba.openapi import CallSigner, OpenApi
from alb_mutual_tls.errors import UserError


@dataclass
class Call:
    """One request, with its parameter names and its answer or error.

    Answer and error are both None when the request was interrupted.
    """

    action: str
    parameters: tuple[str, ...]
    seconds: float = 0.0
    answer: Mapping[str, Any] | None = field(default=None, repr=False)
    error: UserError | None = None


class RecordedApi(OpenApi):
    """One product whose calls are recorded in `calls`.

    The calls stand in the order in which they are sent.
    """

    def __init__(
        self,
        product: Product,
        endpoint: str,
        protocol: str,
        credential: CallSigner,
        calls: list[Call],
        *,
        deadline: float,
    ) -> None:
        super().__init__(product, endpoint, protocol, credential, deadline=deadline)
        self.calls = calls

    def _call(
        self, action: str, query: Mapping[str, Any], body: Mapping[str, Any] | None, path: str | None = None
    ) -> dict[str, Any]:
        call = Call(action, tuple(sorted({*query, *(body or {})})))
        self.calls.append(call)
        started = time.perf_counter()
        try:
            answer = super()._call(action, query, body, path)
        except UserError as error:
            call.error = error
            raise
        else:
            call.answer = answer
            return answer
        finally:
            call.seconds = time.perf_counter() - started
