"""The configuration of the provider `albmtls`, for the requests of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alb_mutual_tls.access.cloud import Cloud
from alb_mutual_tls.plugin.request import Request

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.cas import Cas


class Configuration(Cloud):
    """What the provider was configured with; what it says once in a run, it says here."""

    def cas(self, request: Request) -> Cas:
        """Certificate Management Service, for the time of a request.

        What it waits for ends with the request's cancellation.
        """
        from alb_mutual_tls.alibaba.cas import Cas
        from alb_mutual_tls.alibaba.endpoints import half_of_cas

        if self.first("half of CAS"):
            request.info(half_of_cas(self.cas_host()))
        return Cas(self.cas_api().until(request.cancelled.is_set), request.wait)

    def cas_host(self) -> str:
        """Where Certificate Management Service is asked."""
        return self.endpoints.cas

    def first(self, what: str) -> bool:
        """Whether this is asked for the first time.

        What is to be said once in a run is said by whoever is first.
        """
        with self._lock:
            before = self._made.get(f"{what} said", False)
            self._made[f"{what} said"] = True
            return not before
