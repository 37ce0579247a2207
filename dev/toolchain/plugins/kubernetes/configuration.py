"""What a change of the provider's configuration does to the resources that it made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Difference, Kind
from alb_mutual_tls.wire import UNKNOWN, Properties

_IDENTIFIER: Final = "clusterIdentifier"
_PLACE: Final = ("kubeconfig", "context", "cluster")
_NOT_PARSED: Final = (
    "failed to parse kubeconfig: couldn't get version/kind; json parse error: json: cannot unmarshal string"
    ' into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string'
    ' "json:\\"kind,omitempty\\"" }'
)
"""The real plugin's words: by a part of them the engine knows to go on without an answer."""


def difference(old: Properties, new: Properties) -> Difference:
    """Replace what was made where the cluster is another one, as far as that can be told.

    An identifier that changes says so; one that stays says the contrary, whatever the kubeconfig
    holds. Without one, the cluster that the kubeconfig leads to is compared.

    `kubeconfig` is a path. Raises `UserError` for one, old or new, that is not there.
    """
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    if not changed:
        return Difference()
    identifiers = [old.get(_IDENTIFIER), new.get(_IDENTIFIER)]
    replacing = set() if None in identifiers else {_IDENTIFIER}
    unknown = next((key for key in _PLACE if new.get(key) is UNKNOWN), None)
    if unknown:
        changed, replacing = [unknown], {unknown}
    else:
        before, after = _active_cluster(old), _active_cluster(new)
        if before and after and before != after:
            replacing |= set(_PLACE)
    if None not in identifiers and identifiers[0] == identifiers[1]:
        replacing = set()
    return Difference({key: Kind.UPDATE_REPLACE if key in replacing else Kind.UPDATE for key in changed})


def _active_cluster(properties: Properties) -> dict[str, Any] | None:
    """The cluster that a kubeconfig leads to; None if it names none."""
    if not properties.get("kubeconfig"):
        return None
    file = Path(properties["kubeconfig"]).expanduser()
    if not file.exists():
        raise UserError(_NOT_PARSED)
    content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    name = properties.get("context") or content.get("current-context")
    context = _named(content.get("contexts"), name, "context") or {}
    return _named(content.get("clusters"), properties.get("cluster") or context.get("cluster"), "cluster")


def _named(entries: list[dict[str, Any]] | None, name: str | None, kind: str) -> dict[str, Any] | None:
    return next((entry[kind] for entry in entries or [] if entry["name"] == name), None)
