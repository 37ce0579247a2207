"""Where a stack lives: the cluster and the account of its provider.

Those that it was first configured with are kept among the provider's inputs. The engine writes a
new configuration into state before it looks at any resource, and destroy and refresh, which run no
program, work with what the state says. A wrong kubeconfig that got that far would have to be cut
out of the state by hand, so a configuration that leads to another place is refused before it is
taken. The keys `accountId` and `ackClusterId` say beforehand which place is meant: they are
compared whenever a provider is configured, also for destroy and refresh, so that a run with today's
wrong credentials or kubeconfig ends before the first resource is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from alb_mutual_tls.access.check import ACCOUNT, CLUSTER, RECORDED
from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.wire import Properties, has_unknown


class ClusterIdentitySource(Protocol):
    """The part of a cluster that is asked here."""

    def uid(self) -> str: ...


class Places(Protocol):
    """The part of a `Configuration` that is asked here."""

    def has_cluster(self) -> bool: ...
    def cluster(self) -> ClusterIdentitySource: ...
    def account_id(self) -> str: ...


class Guarded(Protocol):
    """What says which account and ACK cluster are meant, and finds out which they are.

    A part of `Configuration`.
    """

    @property
    def account(self) -> str | None: ...
    @property
    def ack_cluster_id(self) -> str | None: ...
    def account_id(self) -> str: ...
    def cluster(self) -> object: ...


def recorded(old: Properties, new: Properties, places: Callable[[Properties], Places]) -> Properties:
    """The new inputs of the provider together with the place they lead to.

    That is `cluster` (UID of namespace kube-system) and `account`. Nobody is asked while the
    configuration is the one that the record was made with; the resources compare for themselves.
    Raises `WrongPlace` when the new configuration leads elsewhere than the old one did, and what
    asking raises.
    """
    wanted = given(new)
    record = {key: old[key] for key in RECORDED if key in old}
    if has_unknown(wanted) or (wanted == given(old) and ACCOUNT in record):
        return wanted | record
    asked = places(wanted)
    reached = {}
    try:
        reached[ACCOUNT] = asked.account_id()
    except WrongPlace:
        raise
    except UserError:
        # A key that is refused may be what a listener is switched off for; the resources ask again
        # before they change anything else.
        if ACCOUNT not in record:
            raise
    if asked.has_cluster():
        reached[CLUSTER] = asked.cluster().uid()
    problems = [
        _elsewhere(key, record[key], reached[key])
        for key in RECORDED
        if key in record and key in reached and record[key] != reached[key]
    ]
    if problems:
        raise WrongPlace("; ".join(problems))
    return wanted | record | reached


def given(inputs: Properties) -> Properties:
    """The inputs of the provider without the record."""
    return {key: value for key, value in inputs.items() if key not in RECORDED}


def compare(guarded: Guarded) -> None:
    """Raises `WrongPlace` for another account or cluster than the keys name.

    The keys are `accountId` and `ackClusterId`; nobody is asked for one that is not set. Where
    nobody answers, it is left to the resources, which ask again before they change anything: a
    listener must be able to be switched off in an outage.
    """
    problems = []
    for expected, ask in ((guarded.account, guarded.account_id), (guarded.ack_cluster_id, guarded.cluster)):
        try:
            if expected is not None:
                ask()
        except WrongPlace as error:
            problems.append(str(error))
        except UserError:
            continue
    if problems:
        raise WrongPlace("; ".join(problems))


def _elsewhere(key: str, old: str, new: str) -> str:
    if key == ACCOUNT:
        return (
            f"this stack belongs to the Alibaba Cloud account {old}, and the credentials lead to the account"
            f" {new}: use credentials of {old}; nothing was changed"
        )
    return (
        f"this stack belongs to the cluster with the UID {old}, and the kubeconfig leads to the cluster with"
        f" the UID {new}: set kubernetes:kubeconfig and kubernetes:context to the right one; nothing was"
        " changed"
    )
