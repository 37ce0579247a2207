"""Read and change the cluster: its identity, AlbConfigs, and whether they work.

AlbConfigs are kept as raw documents.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from alb_mutual_tls.cluster import kubeconfig as kubeconfigs
from alb_mutual_tls.cluster.api import Forbidden, KubernetesApi, KubernetesError, path_of
from alb_mutual_tls.cluster.memory import Memory
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import Patch

FIELD_MANAGER = "alb-mutual-tls"
_ALBCONFIGS = ("apis", "alibabacloud.com", "v1", "albconfigs")
_CRD = ("apis", "apiextensions.k8s.io", "v1", "customresourcedefinitions", "albconfigs.alibabacloud.com")


class NoAlbConfigKind(UserError):
    """The cluster has no CustomResourceDefinition for AlbConfig.

    Hence it has no AlbConfigs either.
    """


class Conflict(UserError):
    """The AlbConfig has changed since the patch was planned.

    It is no longer what the patch was planned for (a `test` failed), or was written at the same
    moment.
    """


@dataclass(frozen=True)
class Event:
    """A warning that the controller has recorded about an AlbConfig.

    `last_seen` is RFC 3339 text, as the cluster has it.
    """

    reason: str
    message: str
    last_seen: str

    def __str__(self) -> str:
        return f"{self.reason}: {' '.join(self.message.split())} ({self.last_seen})"


class Cluster:
    """A Kubernetes cluster with AlbConfigs.

    `kubeconfig` and `context` as `kubeconfig.load` takes them. Nothing is read or asked before it
    is needed. Every method raises `UserError`: `Unreachable` when the cluster does not answer,
    `Forbidden` when a permission is missing.
    """

    def __init__(self, *, kubeconfig: str | None = None, context: str | None = None) -> None:
        self._connect: Callable[[], KubernetesApi] = lambda: KubernetesApi(
            kubeconfigs.load(kubeconfig, context)
        )
        self._lock = threading.RLock()
        self._api: KubernetesApi | None = None
        self._uid: str | None = None
        self._writing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._seen = Memory()

    def _use(self) -> KubernetesApi:
        with self._lock:
            if self._api is None:
                self._api = self._connect()
            return self._api

    def __str__(self) -> str:
        return str(self._use())

    def close(self) -> None:
        """Close the connections."""
        if self._api is not None:
            self._api.close()

    def uid(self) -> str:
        """What tells this cluster from every other: the UID of its namespace kube-system."""
        with self._lock:
            if self._uid is None:
                self._uid = str(
                    self._use().get(path_of("api", "v1", "namespaces", "kube-system"))["metadata"]["uid"]
                )
            return self._uid

    def ack_cluster_id(self) -> str | None:
        """Return the cluster's id in ACK, or None when the cluster does not tell it.

        The configuration (ConfigMap kube-system/ack-cluster-profile) or the nodes tell it. Raises
        `Forbidden` for the configuration when it may not be read and the nodes do not tell.
        """
        forbidden: Forbidden | None = None
        try:
            profile = self._use().get(
                path_of("api", "v1", "namespaces", "kube-system", "configmaps", "ack-cluster-profile")
            )
            if cluster_id := (profile.get("data") or {}).get("clusterid"):
                return str(cluster_id)
        except KubernetesError as error:
            if isinstance(error, Forbidden):
                forbidden = error
            elif error.status != 404:
                raise
        try:
            nodes = self._use().get(path_of("api", "v1", "nodes"), {"limit": "1"}).get("items") or []
        except Forbidden:
            nodes = []
        cluster_id = next(
            (
                str(label)
                for node in nodes
                if (label := (node["metadata"].get("labels") or {}).get("ack.aliyun.com"))
            ),
            None,
        )
        if cluster_id is None and forbidden is not None:
            raise forbidden
        return cluster_id

    def albconfig(self, name: str) -> Document | None:
        """Return the AlbConfig, or None when the cluster has none of that name.

        Raises `NoAlbConfigKind`.
        """
        try:
            return self._use().get(path_of(*_ALBCONFIGS, name))
        except KubernetesError as error:
            if error.status != 404:
                raise
            if error.found_path:
                return None
            raise self._unserved() from None

    def seen_albconfig(self, name: str) -> Document | None:
        """Return the AlbConfig as it was when this process first looked, or last wrote to it.

        One read serves all that ask, also at once: whoever looks, and does not write. What comes
        back must not be changed. Raises as `albconfig`, and then the next one looks again.
        """
        seen: Document | None = self._seen.get(name, lambda: self.albconfig(name))
        return seen

    def albconfigs(self) -> list[Document]:
        """All AlbConfigs; a cluster that does not know the kind has none."""
        try:
            return list(self._use().items(path_of(*_ALBCONFIGS)))
        except KubernetesError as error:
            if error.status != 404:
                raise
            unserved = self._unserved()
            if isinstance(unserved, NoAlbConfigKind):
                return []
            raise unserved from None

    def _unserved(self) -> UserError:
        """Return the error that says why the API server does not serve AlbConfigs.

        Only a missing definition proves that there are none.
        """
        remedy = "install the ALB Ingress Controller add-on, or set kubernetes:context to another cluster"
        try:
            self._use().get(path_of(*_CRD))
        except KubernetesError as error:
            if error.status == 404 and error.found_path:
                return NoAlbConfigKind(
                    f"{self} knows no AlbConfig (albconfigs.alibabacloud.com is not defined): {remedy}"
                )
        return UserError(
            f"{self} does not serve AlbConfigs at present (HTTP 404): run this again in a moment; if it stays"
            f" so, {remedy}"
        )

    def patch_albconfig(self, name: str, patch: Patch) -> Document:
        """Apply a JSON Patch; returns the AlbConfig as it then is.

        Raises `Conflict` when a `test` operation failed or another write came between. Not repeated
        by itself: the answer may have been lost on the way, so the caller looks at the AlbConfig
        first.
        """
        try:
            return self._use().patch(path_of(*_ALBCONFIGS, name), list(patch), FIELD_MANAGER)
        except KubernetesError as error:
            if error.status == 404:
                raise Conflict(f"AlbConfig {name} has been deleted meanwhile") from None
            if error.status == 409 or (error.status == 422 and "webhook" not in error.message):
                raise Conflict(
                    f"AlbConfig {name} was changed by somebody else meanwhile (HTTP {error.status}:"
                    f" {error.message})"
                ) from None
            raise
        finally:
            self._seen.forget(name)  # also after a lost answer, for it may have been written

    def writing(self, name: str) -> threading.Lock:
        """Return the lock to hold while reading, planning and patching an AlbConfig.

        It keeps the listeners of one `pulumi up` out of each other's way.
        """
        with self._lock:
            return self._writing[name]

    def secret_metadata(self, namespace: str, name: str) -> Document | None:
        """Labels, UID and the like of a Secret; `None` when there is none of that name."""
        try:
            metadata: Document = self._use().get(path_of(*_secret(namespace, name)))["metadata"]
            return metadata
        except KubernetesError as error:
            if error.status != 404:
                raise
            return None

    def delete_secret(self, namespace: str, name: str, uid: str) -> None:
        """Delete a Secret if it still is that one; one that is gone is not an error."""
        try:
            self._use().delete(path_of(*_secret(namespace, name)), uid)
        except KubernetesError as error:
            if error.status != 404:
                raise

    def ingress_classes(self) -> list[Document]:
        """All IngressClasses."""
        return list(self._use().items(path_of("apis", "networking.k8s.io", "v1", "ingressclasses")))

    def ingresses(self) -> list[Document]:
        """All Ingresses of all namespaces."""
        return list(self._use().items(path_of("apis", "networking.k8s.io", "v1", "ingresses")))

    def seen_ingresses(self) -> tuple[list[Document], list[Document]]:
        """IngressClasses and Ingresses as they were when this process first looked."""
        seen: tuple[list[Document], list[Document]] = self._seen.get(
            None, lambda: (self.ingress_classes(), self.ingresses())
        )
        return seen

    def services(self) -> list[Document]:
        """All Services of all namespaces."""
        return list(self._use().items(path_of("api", "v1", "services")))

    def warning_events(self, name: str) -> list[Event]:
        """The warnings recorded about an AlbConfig, oldest first."""
        selector = f"involvedObject.kind=AlbConfig,involvedObject.name={name},type=Warning"
        events = map(_event, self._use().items(path_of("api", "v1", "events"), {"fieldSelector": selector}))
        return sorted(events, key=lambda event: event.last_seen)


def _secret(namespace: str, name: str) -> tuple[str, ...]:
    return ("api", "v1", "namespaces", namespace, "secrets", name)


def _event(document: Document) -> Event:
    series = document.get("series") or {}
    stamps = (
        series.get("lastObservedTime"),
        document.get("lastTimestamp"),
        document.get("eventTime"),
        document["metadata"].get("creationTimestamp"),
    )
    return Event(
        str(document.get("reason")),
        str(document.get("message")),
        next((str(stamp) for stamp in stamps if stamp), ""),
    )
