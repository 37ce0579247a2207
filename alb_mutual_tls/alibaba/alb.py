"""Application Load Balancer: what its HTTPS listeners really do.

Everything here only reads; the listeners belong to the ingress controller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alb_mutual_tls.alibaba.answers import ApiError, NotPermitted
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.listener.enforced import CaReference, ListenerState, names

__all__ = ["Alb", "CaReference", "ListenerState", "NotPermitted"]

_PAGE = 100
_LOAD_BALANCERS = 20  # as many as ListListeners takes


class Alb:
    """The ALB API of one region (2020-06-16)."""

    def __init__(self, api: OpenApi) -> None:
        self._api = api

    def listener_state(self, load_balancer_id: str, port: int) -> ListenerState | None:
        """Return the HTTPS listener of a port on one load balancer.

        Returns None when ALB has no such listener. Raises `NotPermitted` when RAM forbids the read.
        """
        for listener in self._https_listeners({"LoadBalancerIds": [load_balancer_id]}):
            if (
                str(listener.get("LoadBalancerId")) == load_balancer_id
                and listener.get("ListenerPort") == port
            ):
                return self._attribute(str(listener["ListenerId"]))
        return None

    def listeners_naming(self, ca_certificate_id: str) -> Iterator[ListenerState]:
        """Yield the listeners of the region that name a CA certificate.

        Client authentication on such a listener may be on or off. Each HTTPS listener of the region
        costs one call, made as the caller iterates. So the caller decides when it takes too long.
        """
        for listener in self._https_listeners({}):
            state = self.listener(str(listener["ListenerId"]))
            if state is not None and names(state, ca_certificate_id):
                yield state

    def https_listener_ids(self, load_balancer_ids: Sequence[str]) -> dict[tuple[str, int], str]:
        """Return the ids of HTTPS listeners by load balancer and port.

        One call covers 20 load balancers and 100 listeners.
        """
        listener_ids = {}
        for start in range(0, len(load_balancer_ids), _LOAD_BALANCERS):
            for listener in self._https_listeners(
                {"LoadBalancerIds": list(load_balancer_ids[start : start + _LOAD_BALANCERS])}
            ):
                listener_ids[str(listener.get("LoadBalancerId")), int(listener.get("ListenerPort") or 0)] = (
                    str(listener["ListenerId"])
                )
        return listener_ids

    def listener(self, listener_id: str) -> ListenerState | None:
        """One listener by its id; None when it is gone."""
        try:
            return self._attribute(listener_id)
        except ApiError as error:
            # An unknown access key is a 404 too, so only a plain refusal may be read as "gone".
            if type(error) is ApiError and (error.status == 404 or error.code.startswith("ResourceNotFound")):
                return None
            raise

    def _attribute(self, listener_id: str) -> ListenerState:
        return listener_state(self._api.read("GetListenerAttribute", {"ListenerId": listener_id}))

    def _https_listeners(self, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        token = None
        while True:
            page = {**query, "ListenerProtocol": "HTTPS", "MaxResults": _PAGE}
            if token:
                page["NextToken"] = token
            answer = self._api.read("ListListeners", page)
            for listener in answer.get("Listeners") or []:
                if listener.get("ListenerProtocol", "HTTPS") == "HTTPS":
                    yield listener
            token = answer.get("NextToken")
            if not token:
                return


def listener_state(answer: dict[str, Any]) -> ListenerState:
    """Read an answer of GetListenerAttribute; pure."""
    return ListenerState(
        listener_id=str(answer.get("ListenerId", "")),
        load_balancer_id=str(answer.get("LoadBalancerId", "")),
        port=int(answer.get("ListenerPort") or 0),
        status=str(answer.get("ListenerStatus", "")),
        ca_enabled=bool(answer.get("CaEnabled")),
        ca_certificates=tuple(
            CaReference(str(item.get("CertificateId", "")), str(item.get("Status") or ""))
            for item in answer.get("CaCertificates") or []
        ),
    )
