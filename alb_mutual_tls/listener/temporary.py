"""The temporary listener of a rehearsal, and the patches that add and remove it.

It comes with a claim (`rehearsal_claim`), written in the same patch. A listener is taken away only
while it is what was added, in the controller's eyes: a key that is absent and one with Go's zero
value are the same to it, and a controller that writes the AlbConfig back adds such keys. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from itertools import count
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener import patch as listener_patch
from alb_mutual_tls.listener.declared import (
    CA_CERTIFICATES,
    CA_ENABLED,
    CERTIFICATE_ID,
    HTTPS,
    Listener,
    all_listeners,
    certificate_ids,
    fold,
    member,
    name_of,
)
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.ingresses import label, listen_ports
from alb_mutual_tls.listener.patch import Patch, pointer
from alb_mutual_tls.listener.rehearsal_claim import RehearsalClaim, parse, render

FIRST_PORT: Final = 8443
"""The first port that is tried when none is asked for."""
_COPIED: Final = ("certificates", "defaultCertificate", "securityPolicyId", "http2Enabled")
"""What of the real listener decides about TLS.

Not its description, by which the controller knows in reuse mode whether it manages a listener.
"""


def free_port(
    document: Document, ingresses: Iterable[Document], wanted: int | None, also_taken: Iterable[int] = ()
) -> int:
    """A port on which nobody listens and that no Ingress of the AlbConfig names.

    An Ingress that names the port would be served there. Raises `UserError` when the `wanted` port
    is taken.
    """
    taken = dict.fromkeys(also_taken, "a listener of the stack")
    for ingress in ingresses:
        taken |= {port: f"Ingress {label(ingress)}" for _, port in listen_ports(ingress)}
    taken |= {listener.port: f"listener {listener.label}" for listener in all_listeners(document)}
    if wanted is None:
        return next(port for port in count(FIRST_PORT) if port not in taken)
    if wanted in taken:
        raise UserError(
            f"a temporary listener cannot have port {wanted} of AlbConfig {name_of(document)}, which"
            f" {taken[wanted]} has: give another --port, or none"
        )
    return wanted


def temporary(document: Document, real: Listener, port: int, ca_certificate_id: str) -> Document:
    """The listener to add: TLS like the real one, client certificates of one CA.

    Server certificates that the real one has from elsewhere (Ingress, discovery) are taken from the
    status: nothing of the kind finds the new one. Raises `UserError` where there are none.
    """
    copied = {key: value for key in _COPIED if (value := member(real.fields, key)) is not None}
    listed = [item for item in _list(copied.get("certificates")) if isinstance(item, dict)]
    named = {*certificate_ids(listed), str(member(copied.get("defaultCertificate"), "certificateId"))}
    listed += [{CERTIFICATE_ID: id, "IsDefault": False} for id in _served(document, real) if id not in named]
    if not listed and not copied.get("defaultCertificate"):
        raise UserError(
            f"listener {real.label} of AlbConfig {real.albconfig} names no server certificate and its status"
            " shows none, so that a temporary listener would have none either: add certificates to the"
            " listener"
        )
    if (
        listed
        and not copied.get("defaultCertificate")
        and not any(member(item, "IsDefault") is True for item in listed)
    ):
        listed[0] = {**listed[0], "IsDefault": True}
    if listed:
        copied["certificates"] = listed
    return {
        "port": port,
        "protocol": HTTPS,
        **copied,
        CA_ENABLED: True,
        CA_CERTIFICATES: [{CERTIFICATE_ID: ca_certificate_id}],
    }


def _served(document: Document, real: Listener) -> list[str]:
    """The server certificates that the status shows of a listener, default first."""
    for shown in _list(member(member(member(document, "status"), "loadBalancer"), "listeners")):
        if member(shown, "portAndProtocol") == real.label:
            return list(
                certificate_ids(
                    sorted(
                        _list(member(shown, "certificates")),
                        key=lambda item: member(item, "isDefault") is not True,
                    )
                )
            )
    return []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def plan_add(document: Document, real: Listener, claim: RehearsalClaim) -> Patch:
    """What adds the temporary listener at the end of the list, and its claim.

    It rests on the ports of all listeners that are there.
    """
    root, key = real.path[:-1], claim.key
    guards: Patch = [
        {
            "op": "test",
            "path": pointer(*listener.path, listener.key(name)),
            "value": listener.fields[listener.key(name)],
        }
        for listener in all_listeners(document)
        for name in ("port", "protocol")
    ]
    added: Patch = [{"op": "add", "path": pointer(*root, "-"), "value": claim.added}]
    return [
        *listener_patch.identity_guard(document),
        *guards,
        *listener_patch.claim_guard(document, key),
        *added,
        *listener_patch.annotation_set(document, key, render(claim)),
    ]


def stands_alone(document: Document, claim: RehearsalClaim) -> bool:
    """Whether no other listener has the port; one may have come at the same moment."""
    return sum(listener.port == claim.temporary_port for listener in all_listeners(document)) == 1


class Standing(Enum):
    """What has become of a temporary listener."""

    UNCHANGED = auto()
    CHANGED = auto()
    """Somebody has made something else of it."""
    GONE = auto()


def standing(document: Document, claim: RehearsalClaim) -> tuple[Standing, Listener | None]:
    """What has become of the temporary listener, and where it is.

    Raises `ListenerMalformed` when the list cannot be read.
    """
    at_port = [
        listener
        for listener in all_listeners(document)
        if (listener.port, listener.protocol) == (claim.temporary_port, HTTPS)
    ]
    unchanged = [
        listener for listener in at_port if exact_json.same(_bare(listener.fields), _bare(claim.added))
    ]
    if unchanged:
        return Standing.UNCHANGED, unchanged[-1]
    return (Standing.CHANGED, at_port[-1]) if at_port else (Standing.GONE, None)


def plan_removal(document: Document, claim: RehearsalClaim) -> tuple[Patch, Standing]:
    """What removes the temporary listener with its claim, and what has become of it.

    It may be anywhere in the list by now. One that was changed is left with its claim, so that
    whoever looks is told. Where it is gone, only the claim is removed.
    """
    text = listener_patch.annotation(document, claim.key)
    read = parse(text, claim.key) if text is not None else None
    if read is not None and read.id != claim.id:
        return [], Standing.GONE  # what stands there is another rehearsal's
    state, listener = standing(document, claim)
    forgotten = listener_patch.annotation_removed(document, claim.key) if read is not None else []
    guards = [*listener_patch.identity_guard(document), *listener_patch.claim_guard(document, claim.key)]
    if state is Standing.CHANGED:
        return [], state
    if listener is None:
        return ([*guards, *forgotten] if forgotten else []), Standing.GONE
    removal: Patch = [{"op": "remove", "path": pointer(*listener.path)}]
    return [*guards, *listener_patch.listener_guard(listener), *removal, *forgotten], Standing.UNCHANGED


def _bare(value: Any) -> Any:
    """A value as the controller sees it: folded keys, no zero values."""
    if isinstance(value, dict):
        return {fold(key): bare for key, item in value.items() if (bare := _bare(item))}
    return [_bare(item) for item in value] if isinstance(value, list) else value
