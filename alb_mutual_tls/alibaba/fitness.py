"""Why client authentication cannot be had on a listener. Pure."""

from __future__ import annotations

from alb_mutual_tls.alibaba.exact_json import Document
from alb_mutual_tls.alibaba.listener import Listener, malformed_items, member, wrong_types
from alb_mutual_tls.alibaba.side_doors import quic_on


def unfit(document: Document, listener: Listener) -> tuple[str, ...]:
    """Why client authentication cannot be had on a listener, a sentence each."""
    what = f"listener {listener.label} of AlbConfig {listener.albconfig}"
    reasons = [*malformed_items(document), *wrong_types(listener)]
    edition = member(member(member(document, "spec"), "config"), "edition")
    if isinstance(edition, str) and edition.lower() == "basic":
        reasons.append(
            f"the ALB of AlbConfig {listener.albconfig} is of the edition {edition}, which has no client authentication: set spec.config.edition "
            f"to Standard or StandardWithWaf"
        )
    if quic_on(document, listener.port):
        reasons.append(
            f"{what} shares its port with a QUIC listener, which clients prefer and which cannot ask for certificates: remove the QUIC listener"
        )
    return tuple(reasons)
