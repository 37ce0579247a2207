"""A second writer that changes AlbConfigs all the time.

It uses GET and PUT with the resource version, so it loses nothing of anybody else's.

Each write puts the listeners in another order and counts up a field of his own on the one that
comes first. What is needed to put everything back is in an annotation of the AlbConfig, so that the
way back is found after a restart too.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from dev.sandbox.cloud.kube import FAILURES, Cluster, KubeError, Resource

ANNOTATION: Final = "sandbox/listener-order"
"""Ports and protocols of the listeners in their first order, as JSON."""
FIELD: Final = "sandboxWrites"
"""How often a listener was written while it came first."""
FIELD_MANAGER: Final = "sandbox-writers"

_ALBCONFIGS: Final = "/apis/alibabacloud.com/v1/albconfigs"
_PAUSES: Final = (0.05, 0.1)
"""Seconds between two rounds, at least and at most."""
_TRIES: Final = 20


def disturbed(albconfig: Resource) -> Resource | None:
    """Return an AlbConfig as the writer wants it next. Pure.

    None if it has no listeners to write.
    """
    written = deepcopy(albconfig)
    listeners = _listeners(written)
    if not listeners:
        return None
    annotations = written["metadata"].setdefault("annotations", {})
    annotations.setdefault(ANNOTATION, json.dumps([_place(listener) for listener in listeners]))
    listeners.append(listeners.pop(0))
    listeners[0][FIELD] = listeners[0].get(FIELD, 0) + 1
    return written


def restored(albconfig: Resource) -> Resource | None:
    """An AlbConfig without the writer's traces; listeners that came later stand last.

    None if he has never been there. Pure.
    """
    if not is_disturbed(albconfig):
        return None
    written = deepcopy(albconfig)
    first = json.loads(written["metadata"]["annotations"].pop(ANNOTATION))
    listeners = _listeners(written)
    for listener in listeners:
        listener.pop(FIELD, None)
    listeners.sort(
        key=lambda listener: first.index(_place(listener)) if _place(listener) in first else len(first)
    )
    return written


def is_disturbed(albconfig: Resource) -> bool:
    """Whether the writer has been there and has not put everything back."""
    return ANNOTATION in (albconfig["metadata"].get("annotations") or {})


def _listeners(albconfig: Resource) -> list[dict[str, Any]]:
    found = (albconfig.get("spec") or {}).get("listeners")
    return found if isinstance(found, list) and all(isinstance(listener, dict) for listener in found) else []


def _place(listener: dict[str, Any]) -> list[Any]:
    return [listener.get("port"), listener.get("protocol")]


class Writers:
    """Writes all AlbConfigs as long as that is desired, in a thread.

    Args:
        ended: no further writes when it is set.
    """

    def __init__(self, cluster: Cluster, ended: threading.Event) -> None:
        self._cluster = cluster
        self._ended = ended
        self._enough = threading.Event()
        self._thread: threading.Thread | None = None

    def obey(self, wished: bool, known: Iterable[Resource]) -> None:
        """Begin with the first write done, or end with everything put back.

        Nothing happens if it is so already.

        Args:
            known: the AlbConfigs; those that show traces of a writer whose process is gone are put
            back too.
        Raises:
            UserError: the API server did not take it; to be tried again.
        """
        try:
            if wished and not (self._thread and self._thread.is_alive()):
                self._round()
                self._enough.clear()
                self._thread = threading.Thread(target=self._run, name="writers of AlbConfigs", daemon=True)
                self._thread.start()
            elif not wished:
                if self._thread is not None:
                    self._enough.set()
                    self._thread.join()
                    known = self._list()
                for albconfig in filter(is_disturbed, known):
                    self._put_back(albconfig["metadata"]["name"])
                self._thread = None
        except FAILURES as reason:
            raise UserError(f"AlbConfigs could not be written: {reason!r}") from None

    def _run(self) -> None:
        while not self._enough.wait(random.uniform(*_PAUSES)) and not self._ended.is_set():  # noqa: S311
            try:
                self._round()
            except FAILURES:
                continue  # the API server is away; it was somebody else's fault

    def _round(self) -> None:
        for albconfig in self._list():
            if written := disturbed(albconfig):
                self._put(written)

    def _put_back(self, name: str) -> None:
        for _ in range(_TRIES):
            try:
                written = restored(self._cluster.request("GET", f"{_ALBCONFIGS}/{name}"))
            except KubeError as reason:
                if reason.status == 404:
                    return
                raise
            if written is None or self._put(written):
                return
        raise ValueError(f"somebody else wrote AlbConfig {name} {_TRIES} times in between")

    def _put(self, albconfig: Resource) -> bool:
        """Write the AlbConfig, and return whether it was written.

        False if somebody has written or deleted it since it was read.
        """
        document = {"apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig", **albconfig}
        try:
            self._cluster.request(
                "PUT", f"{_ALBCONFIGS}/{albconfig['metadata']['name']}?fieldManager={FIELD_MANAGER}", document
            )
        except KubeError as reason:
            if reason.status in (404, 409):
                return False
            raise
        return True

    def _list(self) -> list[Resource]:
        found: list[Resource] = self._cluster.request("GET", _ALBCONFIGS).get("items") or []
        return found
