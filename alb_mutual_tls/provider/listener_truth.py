"""Waits until ALB itself shows what the AlbConfig declares.

The AlbConfig proves nothing: its CRD accepts anything and the controller works later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from alb_mutual_tls.alibaba.polling import Wait
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener.enforced import load_balancer_id, shows
from alb_mutual_tls.listener.patch import Desired
from alb_mutual_tls.plugin.request import Cancelled, Request
from alb_mutual_tls.provider.consequences import describe
from alb_mutual_tls.provider.outage import raise_unless_tolerable

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.alb import Alb
    from alb_mutual_tls.cluster.cluster import Cluster

_EVENTS = 3


def await_truth(
    request: Request,
    cluster: Cluster,
    connect: Callable[[], Alb],
    albconfig: str,
    port: int,
    desired: Desired,
    seconds: float,
    cas_host: Callable[[], str],
) -> str | None:
    """Wait until ALB shows what is desired, for at most `seconds`.

    `cas_host`: where the CA certificate is kept. Returns `None` when ALB shows it, or cannot be
    asked, which a warning says (no permission, no region, and for any reason where the listener is
    to be off). Else one sentence that says what ALB shows and what the controller's last warnings
    are. Never raises for what stands between us and ALB: the AlbConfig has been written by then.
    """
    from alb_mutual_tls.access.cloud import NoRegion
    from alb_mutual_tls.alibaba.alb import NotPermitted
    from alb_mutual_tls.listener.enforced import names

    what = describe(albconfig, port)
    expected = (
        f"asks for client certificates of CA certificate {desired.ca_certificate_id}"
        if desired.ca_enabled
        else "asks for no client certificate"
    )
    wait = Wait(seconds, request.wait, request.now)
    identifier: str | None = None

    def unconfirmed(error: UserError) -> None:
        request.warn(f"the AlbConfig is written, but it was not confirmed that ALB enforces it: {error}")

    shown = "ALB was not asked yet"
    unknown = False  # whether ALB was seen without the CA certificate
    while True:
        try:
            identifier = identifier or load_balancer_id(cluster.albconfig(albconfig))
            if identifier is None:
                shown = f"AlbConfig {albconfig} has no load balancer yet (status.loadBalancer.id)"
            else:
                state = connect().listener_state(identifier, port)
                if shows(state, desired):
                    if wait.pauses:  # in the place of what the wait last said
                        request.status(f"ALB confirms that {what} {expected}")
                    return None
                unknown = state is None or not names(state, str(desired.ca_certificate_id))
                shown = (
                    f"load balancer {identifier} shows"
                    f" {state.describe() if state else f'no HTTPS listener on port {port}'}"
                )
        except (NotPermitted, NoRegion) as error:
            unconfirmed(error)
            return None
        except UserError as error:
            raise_unless_tolerable(error)
            if not desired.ca_enabled:
                unconfirmed(error)
                return None
            if isinstance(error, Unreachable):
                shown = str(error)
            else:
                return (
                    f"the AlbConfig is written, but whether {what} {expected} could not be found out:"
                    f" {error}; run pulumi up to check again"
                )
        if wait.over:
            return (
                f"ALB did not confirm within {seconds:.0f} s that {what} {expected}: {shown};"
                f" {_last_warnings(cluster, albconfig)}{_other_half(cas_host()) if unknown else ''}; the"
                f" AlbConfig is written: look at it (kubectl describe albconfig {albconfig}), and run pulumi"
                " up to check again"
            )
        request.status(f"waiting for ALB to confirm that {what} {expected}: {shown}")
        try:
            wait.pause()
        except Cancelled:
            return (
                f"cancelled before ALB confirmed that {what} {expected}: {shown}; run pulumi up to check"
                " again"
            )


def _other_half(host: str) -> str:
    return (
        f"; perhaps ALB does not know the CA certificate, because it reads the other half of CAS than {host}:"
        " set alicloud:endpoints.cas to the half of the ALB (docs/configuration.md)"
    )


def _last_warnings(cluster: Cluster, albconfig: str) -> str:
    try:
        events = cluster.warning_events(albconfig)[-_EVENTS:]
    except UserError as error:
        return f"its events could not be read ({error})"
    return (
        f"the last warnings of AlbConfig {albconfig} are {' | '.join(map(str, events))}"
        if events
        else "no event says why"
    )
