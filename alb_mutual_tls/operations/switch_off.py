"""`mtls off`: switches client authentication of one listener off at once.

It needs a kubeconfig and nothing else. Use it when `pulumi up` cannot run: no engine, no state, no
passphrase, no Alibaba Cloud API. It writes `caEnabled` and a note into the ownership claim with the
same guarded patch as the provider's. The CA certificates and all other listeners stay.
"""

from __future__ import annotations

import getpass
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from alb_mutual_tls.cluster.rewrite import TRIES, Again, rewrite
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener import patch as listener_patch
from alb_mutual_tls.listener.claim import Claim, ClaimUnreadable, SwitchedOff
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.pki.renewal import to_text

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster
    from alb_mutual_tls.listener.declared import Listener
    from alb_mutual_tls.listener.exact_json import Document


@dataclass(frozen=True)
class ListenerBefore:
    """A listener as it is before anything is written.

    `claim`: None where there is none, or none that can be read.
    `unreadable`: why the claim cannot be read.
    `owners`: tools that write the AlbConfig's listeners from another source, and so may undo it.
    """

    albconfig: str
    port: int
    cluster: str
    enabled: bool
    claim: Claim | None
    unreadable: str | None
    owners: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """ALBCONFIG:PORT."""
        return f"{self.albconfig}:{self.port}"

    @property
    def question(self) -> str:
        """What to ask before writing."""
        return (
            f"Switch client authentication of {self.name} in {self.cluster} off, so that everybody is let in"
            " without a client certificate?"
        )


def look(cluster: Cluster, albconfig: str, port: int) -> ListenerBefore:
    """Look at a listener.

    Raises `UserError` when the cluster cannot be read, or has no such HTTPS listener.
    """
    from alb_mutual_tls.listener.owners import declarative_owners

    document = _document(cluster, albconfig)
    listener, claim, unreadable = _read(document, port)
    return ListenerBefore(
        albconfig, port, str(cluster), listener.ca_enabled, claim, unreadable, declarative_owners(document)
    )


def switch_off(
    cluster: Cluster, before: ListenerBefore, *, now: datetime, pause: Callable[[float], None] = time.sleep
) -> SwitchedOff | None:
    """Switch a listener off, and return what was noted in its claim.

    Returns None where it is off already, or has no claim to note it in. Raises `UserError` when the
    cluster does not answer or forbids it, or when somebody else keeps writing the same listener.
    """
    from alb_mutual_tls.cluster.cluster import Conflict

    note, noted = SwitchedOff(f"{_user()}@{socket.gethostname()}", to_text(now)), False

    def attempt() -> SwitchedOff | None:
        nonlocal noted
        try:
            document = _document(cluster, before.albconfig)
            listener, claim, _ = _read(document, before.port)
            key = claims.annotation_key(listener.port, listener.protocol)
            text = None if claim is None else claims.render(replace(claim, switched_off=note))
            patch = listener_patch.switch_off(document, listener, key, text)
            if not patch:
                return note if noted else None
            noted = claim is not None
            cluster.patch_albconfig(before.albconfig, patch)
        except (Conflict, Unreachable) as error:
            raise Again(error) from None
        raise Again(Conflict("somebody else wrote it again at once"))  # unless the next look says: done

    try:
        return rewrite(attempt, pause)
    except (Conflict, Unreachable) as error:
        raise UserError(
            f"{before.name} could not be switched off, {TRIES} times in a row: {error}; pause whoever else"
            " writes it, or run this again"
        ) from None


def told(before: ListenerBefore, note: SwitchedOff | None) -> list[str]:
    """What was done and how to come back, in lines."""
    if not before.enabled:
        return [f"{before.name} is off already, so nothing was written."]
    lines = [
        f"{before.name} is off: everybody is let in without a client certificate. Its CA certificates stay as"
        " they are."
    ]
    if note is not None and before.claim is not None:
        lines += [
            (
                f"Stack {before.claim.owner.identity} keeps its claim, with a note: by {note.by} on"
                f" {note.at}. mtls status, pulumi preview, ci/drift and ci/renew tell it."
            ),
            (
                "To keep it off: pulumi config set caEnabled false (or that of the one listener), then"
                " pulumi up."
            ),
            "To switch it on again: pulumi up, which shows ~ caEnabled: false => true.",
        ]
    else:
        why = before.unreadable or "no stack has claimed it"
        lines.append(
            f"Nothing was noted on the AlbConfig: {why}. To switch it on again: set caEnabled to true there."
        )
    if before.owners:
        lines.append(
            f"{' and '.join(before.owners)} also writes the listeners of AlbConfig {before.albconfig}, and"
            " may undo this at its next run: suspend it, or put caEnabled: false into its source."
        )
    return [
        *lines,
        (
            "See for yourself: ./mtls verify, or curl without a certificate. Open connections go on as they"
            " were."
        ),
    ]


def _document(cluster: Cluster, name: str) -> Document:
    document = cluster.albconfig(name)
    if document is None:
        exist = ", ".join(sorted(item["metadata"]["name"] for item in cluster.albconfigs())) or "none"
        raise UserError(
            f"there is no AlbConfig {name} in {cluster}, it has {exist}: correct --alb-config, or"
            " --kubeconfig and --context"
        )
    return document


def _read(document: Document, port: int) -> tuple[Listener, Claim | None, str | None]:
    listener = find_listener(document, port)
    key = claims.annotation_key(listener.port, listener.protocol)
    try:
        return listener, claims.parse(listener_patch.annotation(document, key), listener.albconfig, key), None
    except ClaimUnreadable as error:
        return listener, None, str(error)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry in the system's list of users, as in many containers
        return "unknown"
