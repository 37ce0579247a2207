"""Why client authentication cannot be had on a listener, or may not. Pure."""

from __future__ import annotations

from typing import Final

from alb_mutual_tls.listener.declared import (
    Listener,
    all_listeners,
    malformed_items,
    member,
    wrong_types,
)
from alb_mutual_tls.listener.exact_json import Document

_DOCUMENTED: Final = ("standard", "standardwithwaf")


def unfit(document: Document, listener: Listener) -> tuple[str, ...]:
    """Why client authentication cannot be had on a listener, a sentence each."""
    what = f"listener {listener.label} of AlbConfig {listener.albconfig}"
    reasons = [*malformed_items(document), *wrong_types(listener)]
    edition = _edition(document)
    if edition is not None and edition.lower() == "basic":
        reasons.append(
            f"the ALB of AlbConfig {listener.albconfig} is of the edition {edition}, which has no client"
            " authentication: set spec.config.edition to Standard or StandardWithWaf"
        )
    if quic_on(document, listener.port):
        reasons.append(
            f"{what} shares its port with a QUIC listener, which clients prefer and which cannot ask for"
            " certificates: remove the QUIC listener"
        )
    return tuple(reasons)


def doubtful(document: Document, listener: Listener) -> tuple[str, ...]:
    """Why it is not known whether a listener can have client authentication.

    A sentence each. Source: manage-certificates of Application Load Balancer, which names two
    editions; document 197204 has a fourth, Extensible.
    """
    edition = _edition(document)
    if edition is None or edition.lower() in ("basic", *_DOCUMENTED):
        return ()
    return (
        (
            f"the ALB of AlbConfig {listener.albconfig} is of the edition {edition}, and client"
            " authentication is documented for Standard and StandardWithWaf alone: look whether ALB confirms"
            " it (./mtls status), and run ./mtls verify"
        ),
    )


def _edition(document: Document) -> str | None:
    """As the AlbConfig spells it; None where it names none."""
    edition = member(member(member(document, "spec"), "config"), "edition")
    return edition if isinstance(edition, str) and edition else None


def quic_on(document: Document, port: int) -> bool:
    """Whether a QUIC listener shares the port."""
    return any(listener.port == port and listener.protocol == "QUIC" for listener in all_listeners(document))


def without_certificates(listener: Listener) -> str | None:
    """A warning when the listener itself names no server certificate."""
    if member(listener.fields, "certificates") or member(listener.fields, "defaultCertificate"):
        return None
    return (
        f"listener {listener.label} of AlbConfig {listener.albconfig} names no server certificate: unless an"
        " Ingress brings one (spec.tls), ALB cannot serve HTTPS there, and the change is not applied; add"
        " certificates to the listener"
    )
