"""How a bypass over plain HTTP is judged, by where it redirects to. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from alb_mutual_tls.operations.verification.connection import request_target
from alb_mutual_tls.operations.verification.judgement import UNREACHED
from alb_mutual_tls.operations.verification.outcome import Answered, ConnectionFailed, Destination, Outcome
from alb_mutual_tls.verdict import Finding, Verdict

REMEDY: Final = (
    'set the annotation alb.ingress.kubernetes.io/ssl-redirect: "true" on the Ingress, or take the HTTP'
    " listener away"
)


def judge_bypass_in_clear(
    outcome: Outcome, asked: Destination, *, ports: Collection[int], is_alb: bool, made_up: bool = False
) -> Finding:
    """Judge an HTTP listener that serves the same hosts.

    It must redirect to what was verified (host, port and path), or not be there. `ports`: the HTTPS
    ports that are verified. A refused connection shows that it is not there only where the address
    is the ALB's own (`is_alb`). `made_up`: nobody said that there is anything at the path.
    """
    if is_alb and isinstance(outcome, ConnectionFailed) and outcome.refused:
        return Finding(Verdict.HELD)
    if not isinstance(outcome, Answered):
        return Finding(Verdict.NOT_DECIDED, UNREACHED)
    if outcome.status in (301, 302, 303, 307, 308):
        scheme, host, _ = target = _target(outcome.location, asked)
        if target in [
            ("https", asked.server_name.lower(), (port, request_target(asked.path))) for port in ports
        ]:
            return Finding(Verdict.HELD)
        if scheme != "http" or host != asked.server_name.lower():
            why = (
                f"it redirects to {outcome.location or 'nowhere'} and not to the same host and path at a port"
                f" that was verified ({', '.join(map(str, sorted(ports)))}), where somebody else may answer:"
                f" {REMEDY}"
            )
            return Finding(Verdict.NOT_DECIDED, why)
    if made_up and outcome.status == 404:
        return Finding(
            Verdict.NOT_DECIDED,
            f"{asked.path} was made up to try a second path, and who answers HTTP 404 is not known: {REMEDY}",
        )
    if outcome.status in (400, 403, 421, 426) or outcome.status >= 500:
        why = f"HTTP {outcome.status} may come from the listener or from the application behind it: " + REMEDY
        return Finding(Verdict.NOT_DECIDED, why)
    return Finding(
        Verdict.FELL_SHORT,
        "the same hosts are served over HTTP, without any client certificate: " + REMEDY,
    )


def _target(location: str, asked: Destination) -> tuple[str, str, tuple[int, str] | None]:
    """Where a redirect leads to: scheme, host, and port with path and query.

    A relative one stays at the host that was asked.
    """
    try:
        to = urlsplit(location)
        scheme, host = to.scheme or "http", (to.hostname or "") if to.netloc else asked.server_name.lower()
        port = to.port or {"https": 443}.get(scheme, 80)
    except ValueError:
        return "", "", None
    if to.username is not None:
        return scheme, "", None
    return (
        scheme,
        host,
        (port, urlunsplit(("", "", request_target(to.path) or "/", request_target(to.query), ""))),
    )
