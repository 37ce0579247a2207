"""The cluster of a stack: its AlbConfigs, and what it says about a listener."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from alb_mutual_tls.errors import AlbConfigMissing, UserError, WrongPlace
from alb_mutual_tls.listener.bypasses import Exposure, exposure

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster
    from alb_mutual_tls.listener.exact_json import Document
    from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener


class StackCluster:
    """The cluster of one component.

    Nothing is asked before it is needed. A cluster that does not answer is asked once.
    `directory`: the project's, which a relative kubeconfig counts from.
    """

    def __init__(self, component: DeployedComponent, directory: Path) -> None:
        self._component = component
        self._directory = directory
        self._failure: UserError | None = None

    def look(self, listener: DeployedListener) -> Exposure:
        """What the cluster says about a listener: its ALB's name, its hosts, its bypasses.

        Raises UserError when the cluster cannot be read, is another one, or does not have the
        listener.
        """
        with self._failing_for_good():
            classes, ingresses = self._ingresses
        document = self.seen_albconfig(listener)
        own = {
            declared.port
            for declared in self._component.listeners
            if declared.alb_config == listener.alb_config and declared.ca_enabled
        }
        return exposure(document, classes, ingresses, listener.port, verified_ports=own)

    def albconfig(self, listener: DeployedListener) -> Document:
        """The AlbConfig of a listener, as it is now.

        Raises UserError when the cluster cannot be read, is another one, or does not have it.
        """
        return self._existing(listener, self.cluster_of(listener).albconfig(listener.alb_config))

    def seen_albconfig(self, listener: DeployedListener) -> Document:
        """The same as it was when it was first seen: one read serves all its listeners."""
        return self._existing(listener, self.cluster_of(listener).seen_albconfig(listener.alb_config))

    def _existing(self, listener: DeployedListener, document: Document | None) -> Document:
        if document is None:
            raise AlbConfigMissing(
                f"{self._cluster} has no AlbConfig {listener.alb_config}: run `pulumi up` to see what became"
                " of it"
            )
        return document

    def cluster_of(self, listener: DeployedListener) -> Cluster:
        """The cluster of a listener.

        Raises UserError when it cannot be read, or is another one than the state names.
        """
        with self._failing_for_good():
            if listener.cluster is not None and listener.cluster != self._cluster.uid():
                raise WrongPlace(
                    f"{self._cluster} is another cluster than the stack's (UID of kube-system"
                    f" {self._cluster.uid()}, the state has {listener.cluster}): correct"
                    " kubernetes:kubeconfig and kubernetes:context, or KUBECONFIG"
                )
        return self._cluster

    @contextmanager
    def _failing_for_good(self) -> Iterator[None]:
        """Raise the first failure again, whatever is asked later."""
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except UserError as error:
            self._failure = error
            raise

    @cached_property
    def _cluster(self) -> Cluster:
        from alb_mutual_tls.cluster.cluster import Cluster

        return Cluster(
            kubeconfig=located(self._component.kubeconfig, self._directory), context=self._component.context
        )

    @cached_property
    def _ingresses(self) -> tuple[list[Document], list[Document]]:
        return self._cluster.ingress_classes(), self._cluster.ingresses()

    def close(self) -> None:
        """Close the connections to the cluster."""
        if "_cluster" in self.__dict__:
            self._cluster.close()


def located(kubeconfig: str | None, directory: Path) -> str | None:
    """The path of a kubeconfig, made absolute; a whole kubeconfig as it is."""
    if kubeconfig is None or "\n" in kubeconfig or kubeconfig.lstrip().startswith("{"):
        return kubeconfig
    return str(directory / Path(kubeconfig).expanduser())
