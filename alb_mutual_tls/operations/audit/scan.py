"""What `mtls audit` asks the cluster, ALB and CAS. Reads only.

Lists come first, then one question for each HTTPS listener and each CA certificate that is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from alb_mutual_tls.access.cloud import NoRegion
from alb_mutual_tls.alibaba import answers
from alb_mutual_tls.alibaba.cas import Cas
from alb_mutual_tls.alibaba.warehouse import LISTED_TYPE, ListedCertificate, Repository
from alb_mutual_tls.cluster import api as kubernetes_api
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import name_of
from alb_mutual_tls.listener.enforced import load_balancer_id
from alb_mutual_tls.operations.audit.audit import refusals
from alb_mutual_tls.operations.audit.scanned import NotSeen, ScannedCluster, Upload, named_ids
from alb_mutual_tls.threads import threads

if TYPE_CHECKING:
    from alb_mutual_tls.access.cloud import Cloud
    from alb_mutual_tls.cluster.cluster import Cluster
    from alb_mutual_tls.listener.enforced import ListenerState
    from alb_mutual_tls.listener.exact_json import Document

A = TypeVar("A")
T = TypeVar("T")
DEADLINE: Final = 30.0
"""Seconds within which a call of Alibaba Cloud is repeated: a big cluster meets its limit of some
ten calls a second.
"""
WORKERS: Final = 4
"""How many calls are under way at once."""


def scan(cluster: Cluster, connect: Callable[[], Cloud]) -> ScannedCluster:
    """Look at everything; raises `UserError` when the AlbConfigs cannot be read.

    `connect` reaches Alibaba Cloud, and may raise `UserError`.
    """
    documents = sorted(cluster.albconfigs(), key=lambda document: str(document["metadata"]["name"]))
    events = dict(_events(cluster, documents))
    ingresses = tried(lambda: (cluster.ingress_classes(), cluster.ingresses()))
    services = tried(cluster.services)
    cloud = tried(connect)
    # another account has other load balancers
    account = cloud if isinstance(cloud, NotSeen) else tried(cloud.account_id)

    def ask(question: Callable[[Cloud], T]) -> T | NotSeen:
        if isinstance(cloud, NotSeen):
            return cloud
        return account if isinstance(account, NotSeen) else tried(partial(question, cloud))

    return ScannedCluster(
        cluster=str(cluster),
        documents=documents,
        ingresses=ingresses,
        services=services,
        account=account,
        alb=ask(lambda cloud: _enforced(cloud, documents)),
        certificates=ask(lambda cloud: _certificates(Cas(cloud.cas_api()), named_ids(documents, services))),
        uploads=ask(lambda cloud: _uploads(Cas(cloud.cas_api()))),
        requests=requests_of(cloud),
        events=events,
    )


def _events(cluster: Cluster, documents: Iterable[Document]) -> Iterator[tuple[str, str]]:
    """The controller's last word on each AlbConfig that it refuses.

    None where events may not be read.
    """
    for document in documents:
        name = name_of(document)
        if tried(partial(refusals, document)):
            warnings = tried(partial(cluster.warning_events, name))
            if not isinstance(warnings, NotSeen) and warnings:
                yield name, str(warnings[-1])


def tried(ask: Callable[[], T]) -> T | NotSeen:
    """An answer, or why there is none."""
    try:
        return ask()
    except UserError as error:
        return NotSeen(str(error), barred(error))


def barred(error: UserError) -> bool:
    """Whether asking again changes nothing: a permission or a setting is missing."""
    return type(error) in (UserError, NoRegion, answers.NotPermitted, kubernetes_api.Forbidden)


def requests_of(cloud: Cloud | NotSeen) -> dict[str, int]:
    """How many requests were sent, repeated ones included, by action."""
    return {} if isinstance(cloud, NotSeen) else dict(Counter(call.action for call in cloud.calls or ()))


def _side_by_side(ask: Callable[[A], T], of: Iterable[A]) -> list[T]:
    """Ask for several, a few at a time; after the first failure nothing more is asked."""
    failures: list[Exception] = []

    def ask_unless_failed(item: A) -> T:
        if failures:
            raise failures[0]
        try:
            return ask(item)
        except Exception as error:
            failures.append(error)
            raise

    with threads(WORKERS) as workers:
        return list(workers.map(ask_unless_failed, of))


def _enforced(cloud: Cloud, documents: Iterable[Document]) -> dict[tuple[str, int], ListenerState]:
    """The HTTPS listeners of the cluster's load balancers, by load balancer and port."""
    balancers = list(
        dict.fromkeys(
            identifier for document in documents if (identifier := load_balancer_id(document)) is not None
        )
    )
    alb = cloud.alb()
    identifiers = alb.https_listener_ids(balancers)
    states = _side_by_side(alb.listener, identifiers.values())
    return {key: state for key, state in zip(identifiers, states, strict=True) if state is not None}


def _certificates(cas: Cas, identifiers: list[str]) -> dict[str, str | None]:
    return dict(zip(identifiers, _side_by_side(cas.ca_certificate, identifiers), strict=True))


def _uploads(cas: Cas) -> list[Upload]:
    """The CA certificates in repositories for uploads.

    Those of CAS's private CA service are not listed.
    """
    repositories = [repository for repository in cas.repositories() if repository.type == LISTED_TYPE]
    listed_by_repository = _side_by_side(lambda holder: cas.certificates(holder.warehouse_id), repositories)
    return [
        _upload(listed, repository)
        for repository, certificates in zip(repositories, listed_by_repository, strict=True)
        for listed in certificates
    ]


def _upload(listed: ListedCertificate, repository: Repository) -> Upload:
    end = None if listed.not_after is None else datetime.fromtimestamp(listed.not_after / 1000, UTC)
    return Upload(listed.identifier, listed.common_name, end, repository.name)
