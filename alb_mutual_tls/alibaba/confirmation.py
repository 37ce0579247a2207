"""Whether ALB shows what an AlbConfig wishes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alb_mutual_tls.alibaba.listener import member
from alb_mutual_tls.alibaba.listener_patch import Wish

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.alb import ListenerState


def shows(state: ListenerState | None, wish: Wish) -> bool:
    """Whether what ALB reports is what is wished; on means this one CA certificate, associated, on a listener at rest."""
    if state is None or state.status in ("Provisioning", "Configuring"):
        return False
    if not wish.ca_enabled:
        return not state.ca_enabled
    associated = [item.certificate_id for item in state.ca_certificates if item.status in ("Associated", "")]
    return state.ca_enabled and associated == [wish.ca_certificate_id] and len(state.ca_certificates) == 1


def load_balancer_id(document: object) -> str | None:
    """The ALB instance behind an AlbConfig, as its status tells; `None` until the controller has made one."""
    found = member(member(member(document, "status"), "loadBalancer"), "id")
    return found if isinstance(found, str) and found else None
