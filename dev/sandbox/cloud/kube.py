"""A Kubernetes client that does what the controller needs and starts at once.

It sends requests, and mirrors whole collections, kept up to date by watches.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

Resource = dict[str, Any]

MERGE_PATCH: Final = "application/merge-patch+json"
_WATCH_SECONDS: Final = 300
_NAME: Final = {"user-agent": "alb-ingress-controller"}
"""Also the name in managedFields."""


class KubeError(Exception):
    """The API server refuses a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


FAILURES: Final = (OSError, http.client.HTTPException, KubeError, ValueError)
"""What a request can end in."""


class Cluster:
    """The API server of a kubeconfig's context, with a client certificate.

    It is the current context if none is named.
    """

    def __init__(self, kubeconfig: Path, context_name: str | None = None) -> None:
        content = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        context = _named(content["contexts"], context_name or content["current-context"])["context"]
        cluster = _named(content["clusters"], context["cluster"])["cluster"]
        user = _named(content["users"], context["user"])["user"]
        server = urlsplit(cluster["server"])
        self.host, self._port = str(server.hostname), server.port or 443
        self._tls = ssl.create_default_context(
            cadata=_pem(cluster, "certificate-authority", kubeconfig).decode()
        )
        # The ssl module takes a client's key from a file only.
        with tempfile.NamedTemporaryFile() as file:
            file.write(
                _pem(user, "client-certificate", kubeconfig) + b"\n" + _pem(user, "client-key", kubeconfig)
            )
            file.flush()
            self._tls.load_cert_chain(file.name)

    def request(
        self, method: str, path: str, body: Resource | None = None, content_type: str = "application/json"
    ) -> Resource:
        """Send a request and return the answer.

        Raises:
            KubeError: refused.
            OSError, http.client.HTTPException, ValueError: no proper answer.
        """
        connection = self._connect(10)
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {**_NAME, "content-type": content_type},
            )
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                raise KubeError(answer.status, _message(content))
            found: Resource = json.loads(content)
            return found
        finally:
            connection.close()

    def watch(self, path: str, resource_version: str) -> Iterator[Resource]:
        """Events of a collection since a version, until the server ends the watch."""
        connection = self._connect(_WATCH_SECONDS + 30)
        try:
            query = f"watch=1&allowWatchBookmarks=true&timeoutSeconds={_WATCH_SECONDS}"
            connection.request("GET", f"{path}?{query}&resourceVersion={resource_version}", headers=_NAME)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise KubeError(answer.status, _message(answer.read()))
            while line := answer.readline():
                event: Resource = json.loads(line)
                if event["type"] == "ERROR":
                    raise KubeError(event["object"].get("code", 500), event["object"].get("message", ""))
                yield event
        finally:
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, self._port, timeout=timeout, context=self._tls)


class Mirror:
    """The resources of a collection as the API server has them.

    A thread keeps them up to date. The mirror survives restarts of the API server.

    Args:
        path: of the collection.
        changed: called, in the mirror's thread, after each change.
        ended: no further attempts when it is set; a watch under way is left to end with the
        process.
    """

    def __init__(
        self, cluster: Cluster, path: str, changed: Callable[[], None], ended: threading.Event
    ) -> None:
        self.synced = threading.Event()
        """Set after the first list."""
        self._cluster = cluster
        self._path = path
        self._changed = changed
        self._items: dict[tuple[str, str], Resource] = {}
        self._lock = threading.Lock()
        self._ended = ended
        self._thread = threading.Thread(target=self._run, name=f"mirror of {path}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def items(self) -> list[Resource]:
        """In order of creation, then namespace and name."""
        with self._lock:
            items = list(self._items.values())
        return sorted(items, key=lambda item: (item["metadata"].get("creationTimestamp", ""), *_key(item)))

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                listed = self._cluster.request("GET", self._path)
                with self._lock:
                    self._items = {_key(item): item for item in listed.get("items") or []}
                self.synced.set()
                self._changed()
                for event in self._cluster.watch(self._path, listed["metadata"]["resourceVersion"]):
                    self._note(event)
                    if self._ended.is_set():
                        return
            except FAILURES as reason:
                if self._ended.wait(0.2):
                    return
                print(f"watch of {self._path} begins anew: {reason!r}", file=sys.stderr)

    def _note(self, event: Resource) -> None:
        if event["type"] == "BOOKMARK":
            return
        item = event["object"]
        with self._lock:
            if event["type"] == "DELETED":
                self._items.pop(_key(item), None)
            else:
                self._items[_key(item)] = item
        self._changed()


def _key(item: Resource) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _named(entries: list[Resource], name: str) -> Resource:
    return next(entry for entry in entries if entry["name"] == name)


def _pem(entry: Resource, name: str, kubeconfig: Path) -> bytes:
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"])
    return Path(kubeconfig.parent, str(entry[name])).read_bytes()


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")[:200]
