"""What the cluster says about a listener: the ALB's name, the hosts it serves, and which other listeners serve them too."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from alb_mutual_tls.cli.doors import Door, Surroundings
from alb_mutual_tls.errors import UserError, WrongPlace

if TYPE_CHECKING:
    from alb_mutual_tls.alibaba.albconfig import Cluster
    from alb_mutual_tls.alibaba.exact_json import Document
    from alb_mutual_tls.cli.stack import Component, Listener


class AlbConfigMissing(UserError):
    """The cluster has no AlbConfig of that name."""


class Neighbourhood:
    """The cluster of one component. Nothing is asked before it is needed, and nothing twice, a cluster that does not answer included.

    `directory`: the project's, which a relative kubeconfig counts from.
    """

    def __init__(self, component: Component, directory: Path) -> None:
        self._component = component
        self._directory = directory
        self._failure: UserError | None = None

    def look(self, listener: Listener) -> Surroundings:
        """What surrounds a listener; raises UserError when the cluster cannot be read, is another one, or does not have the listener."""
        if self._failure is not None:
            raise self._failure
        try:
            classes, ingresses = self._ingresses
        except UserError as error:
            self._failure = error
            raise
        document = self.albconfig(listener)
        own = {one.port for one in self._component.listeners if one.alb_config == listener.alb_config and one.ca_enabled}
        return surroundings(document, classes, ingresses, listener.port, verified_ports=own)

    def albconfig(self, listener: Listener) -> Document:
        """The AlbConfig of a listener; raises UserError when the cluster cannot be read, is another one, or does not have it."""
        document = self.cluster_of(listener).albconfig(listener.alb_config)
        if document is None:
            raise AlbConfigMissing(f"{self._cluster} has no AlbConfig {listener.alb_config}: run `pulumi up` to see what became of it")
        return document

    def cluster_of(self, listener: Listener) -> Cluster:
        """The cluster of a listener; raises UserError when it cannot be read, or is another one than the state names."""
        if self._failure is not None:
            raise self._failure
        try:
            if listener.cluster is not None and listener.cluster != self._cluster.uid():
                raise WrongPlace(
                    f"{self._cluster} is another cluster than the stack's (UID of kube-system {self._cluster.uid()}, the state has "
                    f"{listener.cluster}): correct kubernetes:kubeconfig and kubernetes:context, or KUBECONFIG"
                )
        except UserError as error:
            self._failure = error
            raise
        return self._cluster

    @cached_property
    def _cluster(self) -> Cluster:
        from alb_mutual_tls.alibaba.albconfig import Cluster

        return Cluster(kubeconfig=located(self._component.kubeconfig, self._directory), context=self._component.context)

    @cached_property
    def _ingresses(self) -> tuple[list[Document], list[Document]]:
        return self._cluster.ingress_classes(), self._cluster.ingresses()

    def close(self) -> None:
        """Close the connections to the cluster."""
        if "_cluster" in self.__dict__:
            self._cluster.close()


def surroundings(
    document: Document, ingress_classes: Iterable[Document], ingresses: Iterable[Document], port: int, *, verified_ports: Iterable[int] = ()
) -> Surroundings:
    """What surrounds the HTTPS listener on `port` of an AlbConfig.

    Every other listener that serves some of its hosts is a door to try, also one that is declared to redirect or to ask for certificates: what
    counts is what it does. `verified_ports`: HTTPS ports that are verified as listeners of the stack anyway.
    """
    from alb_mutual_tls.alibaba.listener import HTTPS, all_listeners, find_listener, member
    from alb_mutual_tls.alibaba.side_doors import ANY_HOST, hosts_of

    listener = find_listener(document, port)
    classes, members = list(ingress_classes), list(ingresses)
    hosts = hosts_of(document, classes, members, listener)
    doors, open_ports = [], []
    for other in all_listeners(document):
        if other.protocol == HTTPS and other.path != listener.path and not other.ca_enabled:
            open_ports.append(other.port)
        if other.path == listener.path or (other.protocol == HTTPS and other.port in verified_ports):
            continue
        shared = _shared(hosts, hosts_of(document, classes, members, other))
        beside = other.protocol == "QUIC" and other.port == port  # clients prefer it, whatever the Ingresses say
        if shared or beside:
            doors.append(Door(other.protocol, other.port, tuple(host for host in shared if host != ANY_HOST), asks=other.ca_enabled))
    dns_name = member(member(member(document, "status"), "loadBalancer"), "dnsname")
    named = tuple(host for host in hosts if host != ANY_HOST)
    return Surroundings(str(dns_name) if dns_name else None, named, tuple(doors), tuple(open_ports))


def _shared(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[str]:
    """The hosts that both serve; of a wildcard and a host that it matches, the host."""
    from alb_mutual_tls.alibaba.side_doors import overlap

    found = {their if own.startswith("*") else own for own in ours for their in theirs if overlap(own, their)}
    return sorted(found)


def located(kubeconfig: str | None, directory: Path) -> str | None:
    """A path in the state, made independent of the current directory; a whole kubeconfig as it is."""
    if kubeconfig is None or "\n" in kubeconfig or kubeconfig.lstrip().startswith("{"):
        return kubeconfig
    return str(directory / Path(kubeconfig).expanduser())
