"""What the scan of `mtls audit` has seen of a cluster and its account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import HTTPS, Listener, all_listeners
from alb_mutual_tls.listener.services import CaService, services_by_ca

if TYPE_CHECKING:
    from alb_mutual_tls.listener.enforced import ListenerState
    from alb_mutual_tls.listener.exact_json import Document

_OF_A_STACK: Final = re.compile(r"alb-mutual-tls-([0-9a-f]{8})", re.ASCII)
"""The name of a stack's own repository, with its identity."""


@dataclass(frozen=True)
class NotSeen:
    """Why something could not be looked at.

    `barred`: a permission or a setting is missing, so that looking again changes nothing.
    """

    why: str
    barred: bool


@dataclass(frozen=True)
class Upload:
    """A CA certificate in a repository for uploads, as the list shows it."""

    identifier: str
    common_name: str
    not_after: datetime | None
    repository: str

    @property
    def stack(self) -> str | None:
        """The identity of the stack whose own repository it is in."""
        match = _OF_A_STACK.fullmatch(self.repository)
        return match[1] if match else None


@dataclass(frozen=True)
class ScannedCluster:
    """What the scan has seen.

    `alb`: by load balancer and port; `certificates`: PEM by id, None where CAS has none of that id.
    """

    cluster: str
    documents: Sequence[Document]
    ingresses: tuple[Sequence[Document], Sequence[Document]] | NotSeen
    """IngressClasses and Ingresses."""
    services: Sequence[Document] | NotSeen
    account: str | NotSeen
    alb: Mapping[tuple[str, int], ListenerState] | NotSeen
    certificates: Mapping[str, str | None] | NotSeen
    uploads: Sequence[Upload] | NotSeen
    requests: Mapping[str, int]
    """How many requests the scan has sent to Alibaba Cloud, by action."""
    events: Mapping[str, str] = field(default_factory=dict)
    """The last warning of the controller, by AlbConfig; looked for where the controller refuses
    something.
    """


def named_ids(documents: Iterable[Document], services: Iterable[Document] | NotSeen) -> list[str]:
    """The ids of the CA certificates that listeners and Services name, each once."""
    named = [
        id
        for document in documents
        for listener in listeners_of(document)
        if listener.protocol == HTTPS
        for id in listener.ca_certificate_ids
    ]
    return list(dict.fromkeys([*named, *services_of(services)]))


def services_of(services: Iterable[Document] | NotSeen) -> dict[str, tuple[CaService, ...]]:
    """The Services that name a CA certificate, by its id; empty where not seen."""
    return {} if isinstance(services, NotSeen) else services_by_ca(services)


def listeners_of(document: Document) -> list[Listener]:
    """The listeners of an AlbConfig; none of one that is not what it must be."""
    try:
        return all_listeners(document)
    except UserError:
        return []
