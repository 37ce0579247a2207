"""Secrets on the API server of the sandbox."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import yaml

from alb_mutual_tls.errors import Unreachable, UserError
from dev.sandbox.cloud.kube import MERGE_PATCH, Cluster, KubeError, Resource

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_APPLY: Final = "application/apply-patch+yaml"


class ApiServer:
    """The API server of a kubeconfig, which is looked at when it is first needed.

    `kubeconfig`: a path; without it KUBECONFIG, else ~/.kube/config. Methods raise `KubeError`
    where the API server refuses, `Unreachable` where it cannot be asked, and `UserError` where it
    is not the sandbox's.
    """

    def __init__(self, kubeconfig: str | None, context: str | None, environment: Mapping[str, str]) -> None:
        self._file = Path(kubeconfig or environment.get("KUBECONFIG") or "~/.kube/config").expanduser()
        self._context = context
        self._cluster: Cluster | None = None

    def get(self, namespace: str, name: str) -> Resource | None:
        """The Secret; None when there is none of that name."""
        try:
            return self._ask("GET", namespace, name)
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def create(self, secret: Resource, manager: str, *, dry_run: bool) -> Resource:
        """Make a Secret that is not there yet."""
        return self._ask(
            "POST", secret["metadata"]["namespace"], None, secret, fieldManager=manager, dryRun=dry_run
        )

    def apply(self, secret: Resource, manager: str, *, force: bool, dry_run: bool) -> Resource:
        """Server-side apply, in the name of a field manager."""
        metadata = secret["metadata"]
        options: dict[str, Any] = {"fieldManager": manager, "force": force, "dryRun": dry_run}
        return self._ask("PATCH", metadata["namespace"], metadata["name"], secret, _APPLY, **options)

    def set_managers(self, live: Resource, managers: list[Resource]) -> None:
        """Write anew which manager owns which fields of a Secret.

        It succeeds only if the Secret is still what it was.
        """
        metadata = live["metadata"]
        patch = {"metadata": {"managedFields": managers, "resourceVersion": metadata["resourceVersion"]}}
        self._ask("PATCH", metadata["namespace"], metadata["name"], patch, MERGE_PATCH)

    def delete(self, namespace: str, name: str) -> None:
        """Remove a Secret; one that is gone is not an error."""
        try:
            self._ask(
                "DELETE",
                namespace,
                name,
                {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"},
            )
        except KubeError as error:
            if error.status != 404:
                raise

    def _ask(
        self,
        method: str,
        namespace: str,
        name: str | None,
        body: Resource | None = None,
        content_type: str = "application/json",
        **options: Any,
    ) -> Resource:
        values = {"dryRun": "All" if options.pop("dryRun", False) else None, **options}
        query = urlencode(
            {key: str(value).lower() if value is True else value for key, value in values.items() if value}
        )
        path = (
            f"/api/v1/namespaces/{namespace}/secrets"
            + (f"/{name}" if name else "")
            + (f"?{query}" if query else "")
        )
        try:
            return self._connected().request(method, path, body, content_type)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(
                f"configured Kubernetes cluster is unreachable: {error} (kubeconfig {self._file}); start it,"
                " or set kubernetes:kubeconfig"
            ) from error

    def _connected(self) -> Cluster:
        if self._cluster is None:
            try:
                cluster = Cluster(self._file, self._context)
            except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, StopIteration) as error:
                raise Unreachable(
                    f"kubeconfig {self._file} cannot be used ({type(error).__name__}: {error}); give the"
                    " sandbox's, with a client certificate"
                ) from error
            if cluster.host not in LOOPBACK:
                raise UserError(
                    f"the kubernetes stand-in serves only the sandbox, and kubeconfig {self._file} leads to"
                    f" {cluster.host}: use the sandbox's, or install the official plugin with `pulumi plugin"
                    " install resource kubernetes`"
                )
            self._cluster = cluster
        return self._cluster
