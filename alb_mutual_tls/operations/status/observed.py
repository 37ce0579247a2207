"""What the AlbConfig and ALB say about a listener. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.errors import AlbConfigMissing, UserError
from alb_mutual_tls.listener.enforced import Absent, NotKnown, View, declared, reported
from alb_mutual_tls.stack.cluster import StackCluster
from alb_mutual_tls.stack.state import read_provider_inputs

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.alb import Alb
    from alb_mutual_tls.listener.exact_json import Document
    from alb_mutual_tls.stack.deployed import DeployedListener
    from alb_mutual_tls.stack.inventory import Inventory

DEADLINE: Final = 10.0
"""Seconds within which a call of Alibaba Cloud is repeated."""


@dataclass(frozen=True)
class ObservedListener:
    """A listener, and what AlbConfig and ALB show of it.

    `notices`: what else there is to know of its AlbConfig, a sentence each.
    """

    listener: DeployedListener
    albconfig: View
    alb: View
    notices: tuple[str, ...] = ()


def observe(inventory: Inventory, directory: Path, stack: str | None) -> list[ObservedListener]:
    """Look at the listeners of a component; what cannot be seen is `NotKnown`.

    `directory`: the project's, which paths in the state count from.
    """
    observer = _Observer(inventory, directory, stack)
    try:
        return [observer.observe(listener) for listener in inventory.component.listeners]
    finally:
        observer.close()


class _Observer:
    """The cluster and the ALB API of one component.

    Nothing is asked before it is needed, and who does not answer is asked once.
    """

    def __init__(self, inventory: Inventory, directory: Path, stack: str | None) -> None:
        self._inventory = inventory
        self._directory = directory
        self._stack = stack
        self._stack_cluster: StackCluster | None = None
        self._alb: Alb | None = None
        self._decrypted: Mapping[str, Any] | None = None
        self._settings_failure: UserError | None = None
        self._failure: UserError | None = None

    def observe(self, listener: DeployedListener) -> ObservedListener:
        """What the AlbConfig says of a listener, and what ALB reports."""
        try:
            document = self._cluster().seen_albconfig(listener)
        except AlbConfigMissing as error:
            unnamed = NotKnown(f"without the AlbConfig {listener.alb_config} the load balancer is not known")
            return ObservedListener(listener, Absent(str(error)), unnamed)
        except UserError as error:
            unnamed = NotKnown(
                f"the AlbConfig {listener.alb_config}, which names the load balancer, could not be read"
            )
            return ObservedListener(listener, NotKnown(str(error)), unnamed)
        from alb_mutual_tls.listener.claim import switched_off
        from alb_mutual_tls.listener.declared import find_listener
        from alb_mutual_tls.listener.rehearsal_claim import left_behind

        notices = [left.sentence() for left in left_behind(document)]
        with suppress(UserError):
            if note := switched_off(document, find_listener(document, listener.port)):
                notices.append(note.sentence(f"{listener.alb_config}:{listener.port}"))
        return ObservedListener(
            listener, declared(document, listener.port), self._enforced(document, listener), tuple(notices)
        )

    def close(self) -> None:
        """Close the connections to the cluster."""
        if self._stack_cluster is not None:
            self._stack_cluster.close()

    def _settings(self, *needed: str) -> Mapping[str, Any]:
        """The settings of the provider.

        Decrypted only where some of those that are `needed` are secret, and then nothing else of
        the state is kept.
        """
        secret = [key for key in self._inventory.secret_settings if not needed or key in needed]
        if not secret or self._decrypted is not None:
            return self._decrypted or self._inventory.provider
        if self._settings_failure is None:
            try:
                self._decrypted = read_provider_inputs(
                    self._directory, stack=self._stack, component=self._inventory.component.name
                )
                return self._decrypted
            except UserError as error:
                self._settings_failure = UserError(
                    f"the state has {' and '.join(secret)} of the provider encrypted, and could not be"
                    f" decrypted: {error}"
                )
        raise self._settings_failure

    def _cluster(self) -> StackCluster:
        if self._stack_cluster is None:
            settings = self._settings("kubeconfig", "context")
            component = replace(
                self._inventory.component,
                kubeconfig=settings.get("kubeconfig"),
                context=settings.get("context"),
            )
            self._stack_cluster = StackCluster(component, self._directory)
        return self._stack_cluster

    def _enforced(self, document: Document, listener: DeployedListener) -> View:
        from alb_mutual_tls.listener.enforced import load_balancer_id

        identifier = load_balancer_id(document)
        if identifier is None:
            return NotKnown(
                f"AlbConfig {listener.alb_config} has no load balancer yet (status.loadBalancer.id)"
            )
        try:
            return reported(self._api().listener_state(identifier, listener.port), identifier, listener.port)
        except UserError as error:
            self._failure = error
            return NotKnown(str(error))

    def _api(self) -> Alb:
        if self._failure is not None:
            raise self._failure
        if self._alb is None:
            from alb_mutual_tls.access.cloud import Cloud

            cloud = Cloud.of(self._settings(), deadline=DEADLINE)
            cloud.account_id()  # another account has other load balancers
            self._alb = cloud.alb()
        return self._alb
