"""Why the controller refuses an AlbConfig. Pure.

It refuses one also for what `malformed_items` and `unfit` find. Nothing of it arrives at ALB then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from alb_mutual_tls.listener.declared import (
    CA_CERTIFICATES,
    CERTIFICATE_ID,
    HTTPS,
    Listener,
    all_listeners,
    kind_of,
    member,
    wrong_types,
)
from alb_mutual_tls.listener.exact_json import Document

PROTOCOLS: Final = ("HTTP", "HTTPS", "QUIC")
_PORTS: Final = range(1, 65536)


def refused(document: Document) -> Iterator[str]:
    """A sentence for each; raises `UserError` as `all_listeners` does."""
    for listener in all_listeners(document):
        what = f"listener {listener.label} of AlbConfig {listener.albconfig}"
        if listener.port not in _PORTS:
            yield (
                f"{what} has a port outside 1 to 65535, so the controller refuses the AlbConfig:"
                " correct it there"
            )
        if listener.protocol not in PROTOCOLS:
            near = next(
                (protocol for protocol in PROTOCOLS if protocol == listener.protocol.strip().upper()),
                " or ".join(PROTOCOLS),
            )
            yield (
                f"{what} has a protocol that the controller does not know, so it refuses the AlbConfig: write"
                f" {near}"
            )
        elif listener.protocol != HTTPS:
            yield from wrong_types(listener)
            if listener.ca_enabled:
                yield (
                    f"{what} has caEnabled, which {listener.protocol} cannot have, so the controller refuses"
                    " the AlbConfig: remove it there"
                )
        yield from _of_ids(listener, what)


def _of_ids(listener: Listener, what: str) -> Iterator[str]:
    for key in ("certificates", CA_CERTIFICATES):
        items = member(listener.fields, key)
        for item in items if isinstance(items, list) else ():
            identifier = member(item, CERTIFICATE_ID)
            if identifier is not None and not isinstance(identifier, str):
                yield (
                    f"{what} has {kind_of(identifier)} as {CERTIFICATE_ID} in {key}, not text, so the"
                    " controller refuses the AlbConfig: put it in quotes there"
                )
