"""Where a temporary listener is, and whether it can be reached."""

from __future__ import annotations

from collections.abc import Sequence

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.verification.approach import split_address
from alb_mutual_tls.operations.verification.outcome import (
    ConnectionFailed,
    Destination,
    ServerCertificateInvalid,
    TlsVersion,
)
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.stack.deployed import DeployedListener


def moved_address(listener: DeployedListener, port: int) -> str | None:
    """Return `verify.address` for the temporary listener.

    Its port is moved from the ALB's port by as much as the real listener's is. Raises UserError
    when the moved port is outside 1 to 65535.
    """
    if listener.address is None:
        return None
    host, at = split_address(listener.address)
    if at is None:
        return listener.address
    moved = at - listener.port + port
    if not 1 <= moved <= 65535:
        raise UserError(
            f"verify.address moves ports by {at - listener.port}, so port {port} cannot be reached there:"
            " give another --port"
        )
    return f"[{host}]:{moved}" if ":" in host else f"{host}:{moved}"


def unreached(
    places: Sequence[Destination], probe: Probe, *, verified: bool = False
) -> tuple[Destination, str] | None:
    """The first endpoint that does not answer, and why; None where all do.

    With `verified` a server's certificate that does not verify is no answer either.
    """
    for place in places:
        outcome = probe.over_tls(place, TlsVersion.TLS_1_2, None)
        if isinstance(outcome, ConnectionFailed):
            return place, outcome.reason
        if verified and isinstance(outcome, ServerCertificateInvalid):
            return place, f"its certificate does not verify: {outcome.reason}"
    return None
