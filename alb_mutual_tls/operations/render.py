"""Renders what `mtls render` prints: patches and ignore rules for GitOps tools.

It prints the two fields of each listener as a Kustomize patch, and what Argo CD or Flux is to
ignore. This module is pure.

An AlbConfig has no schema, so Kustomize takes a list in a merge patch as the whole list: every
other listener would be gone. The patch is therefore a JSON Patch (RFC 6902), which names a listener
by its place in `spec.listeners`. Its `test` operations on port and protocol stop the build when
another listener stands in that place. `add` replaces a key that is there already (RFC 6902 section
4.1), so one patch fits a source with and without the keys.

The JSON document (`version` counts up when a field changes its meaning or goes away, never when one
is added):
    version        1
    error          only when nothing could be rendered: why, one sentence
    listeners      list of {component, name, albConfig, port, protocol, index, caEnabled,
                   caCertificates, patch}: index is the listener's place
                   in spec.listeners, from 0; patch is the JSON Patch
    kustomization  {patches}, as in kustomization.yaml; the text in patch is JSON
    application    {spec: {ignoreDifferences, syncPolicy}}, of an Argo CD Application
    fluxKustomization  {spec: {ignore}}, of a Flux Kustomization
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener.claim import annotation_key
from alb_mutual_tls.listener.declared import (
    CA_CERTIFICATES,
    CA_ENABLED,
    CERTIFICATE_ID,
    Listener,
    find_listener,
    member,
)
from alb_mutual_tls.listener.patch import Desired, Patch, fulfils, pointer
from alb_mutual_tls.text import printable

if TYPE_CHECKING:
    from alb_mutual_tls.listener.exact_json import Document
    from alb_mutual_tls.stack import deployed

GROUP: Final = "alibabacloud.com"
KIND: Final = "AlbConfig"
RESPECT: Final = "RespectIgnoreDifferences=true"

_KUSTOMIZE: Final = """\
# Client authentication as it is deployed. Print and commit it again after every change;
# docs/gitops.md says what is for whom.
#
# 1. For kustomization.yaml (or spec.patches of a Flux Kustomization, or
#    spec.source.kustomize.patches of an Argo CD Application).
#    Without Kustomize, write the same two keys into the listener by hand.
#    The number in the paths is the listener's place in spec.listeners of the cluster, from 0.
#    Where the source has another order, the build stops at a `test`: put the source's number into
#    all four paths. A target that matches nothing goes unnoticed, so look for the two keys in what
#    `kubectl kustomize .` prints.
"""
_ARGO_CD: Final = """\
---
# 2. For an Argo CD Application, besides 1 and never instead of it: keeps `pulumi up` from being
#    undone until 1 is committed. Take it out again then: while it stands, Argo CD takes all of
#    spec.listeners from the cluster, and changes of it in Git wait. An Application whose source
#    lacks the two keys reads Synced by default all the same, and its next sync takes them away.
"""
_FLUX: Final = """
---
# 3. For a Flux Kustomization (2.9 or newer), besides 1 and never instead of it: Flux then takes the
#    two fields from the cluster and the rest from Git, so `pulumi up` switches on and off without a
#    commit. Without both keys in the source (1) the next change of the AlbConfig fails. The numbers
#    are those of 1: take this out while the order of the listeners is changed.
"""


NOTHING: Final[Mapping[str, Any]] = {"listeners": []}
"""What the JSON document holds where nothing could be rendered."""


@dataclass(frozen=True)
class Rendered:
    """A listener of the stack, and the one in the cluster's AlbConfig that it is."""

    component: str
    desired: deployed.DeployedListener
    live: Listener
    ca_certificates: list[Any]

    @property
    def index(self) -> int:
        """The listener's place in `spec.listeners`, from 0."""
        return int(self.live.path[-1])

    @property
    def patch(self) -> Patch:
        """The JSON Patch for the source of the AlbConfig."""

        enabled, certificates = self.fields
        return [
            {"op": "test", "path": self._pointer("port"), "value": member(self.live.fields, "port")},
            {"op": "test", "path": self._pointer("protocol"), "value": self.live.protocol},
            {"op": "add", "path": enabled, "value": self.desired.ca_enabled},
            {"op": "add", "path": certificates, "value": self.ca_certificates},
        ]

    @property
    def fields(self) -> list[str]:
        """JSON pointers of the two fields, `caEnabled` first."""
        return [self._pointer(CA_ENABLED), self._pointer(CA_CERTIFICATES)]

    def _pointer(self, name: str) -> str:
        return pointer(*self.live.path, self.live.key(name))


def render(component: str, desired: deployed.DeployedListener, document: Document) -> Rendered:
    """Find a listener of the stack in its AlbConfig, and render it.

    Raises UserError when it is not there, or when its last update did not finish.
    """
    id = _certificate_id(desired)
    live = find_listener(document, desired.port)
    # what else the list's item says (IsDefault) is left alone by the provider too
    kept = fulfils(live, Desired(live.ca_enabled, id))
    return Rendered(
        component, desired, live, member(live.fields, CA_CERTIFICATES) if kept else [{CERTIFICATE_ID: id}]
    )


def by_hand(desired: Sequence[deployed.DeployedListener]) -> str:
    """Say briefly what to write into the listeners by hand.

    This is for listeners whose places are not known.
    """
    return "; ".join(
        f"into listener {listener.port}/HTTPS of AlbConfig {listener.alb_config} caEnabled:"
        f" {str(listener.ca_enabled).lower()} and caCertificates:"
        f" [{{CertificateId: {_certificate_id(listener)}}}]"
        for listener in desired
    )


def as_yaml(rendered: Sequence[Rendered]) -> str:
    """Return three YAML documents with comments, to paste from.

    They are Kustomize patches, fields of an Argo CD Application, and fields of a Flux
    Kustomization.
    """
    several = len({listener.component for listener in rendered}) > 1
    lines = ["patches:"]
    for listener in rendered:
        owner = f" of {printable(listener.component)}" if several else ""
        state = "on" if listener.desired.ca_enabled else "off"
        lines += [
            (
                f"  # listener {printable(listener.desired.name)}{owner}: {listener.live.label} of AlbConfig"
                f" {listener.live.albconfig}, client authentication {state}"
            ),
            f"  - target: {_target_as_yaml(listener)}",
            "    patch: |-",
            *(f"      {line}" for operation in listener.patch for line in _operation(dict(operation))),
        ]
    rules = ["spec:", "  ignoreDifferences:"]
    for rule in _ignore_differences(rendered):
        rules += [
            f"    - group: {GROUP}",
            f"      kind: {KIND}",
            f"      name: {_quoted(rule['name'])}",
            "      jqPathExpressions:",
        ]
        rules += [f"        - {_quoted(expression)}" for expression in rule["jqPathExpressions"]]
    rules += ["  syncPolicy:", "    syncOptions:", f"      - {RESPECT}"]
    ignored = ["spec:", "  ignore:"]
    for listener in rendered:
        ignored += [
            "    - paths:",
            *(f"        - {_quoted(path)}" for path in listener.fields),
            f"      target: {_target_as_yaml(listener)}",
        ]
    return _KUSTOMIZE + "\n".join(lines) + "\n" + _ARGO_CD + "\n".join(rules) + _FLUX + "\n".join(ignored)


def as_json(rendered: Sequence[Rendered]) -> str:
    """The JSON document described above."""
    return _dump(
        {
            "version": 1,
            "listeners": [_listener(listener) for listener in rendered],
            "kustomization": {
                "patches": [
                    {"target": _target(listener.live.albconfig), "patch": exact_json.dumps(listener.patch)}
                    for listener in rendered
                ]
            },
            "application": {
                "spec": {
                    "ignoreDifferences": _ignore_differences(rendered),
                    "syncPolicy": {"syncOptions": [RESPECT]},
                }
            },
            "fluxKustomization": {
                "spec": {
                    "ignore": [
                        {"paths": listener.fields, "target": _target(listener.live.albconfig)}
                        for listener in rendered
                    ]
                }
            },
        }
    )


def _certificate_id(desired: deployed.DeployedListener) -> str:
    if not desired.ca_certificate_id:
        raise UserError(
            f"the state has no CA certificate for listener {desired.name}: the last `pulumi up` did not get"
            " to the end, so run it again"
        )
    return desired.ca_certificate_id


def _listener(rendered: Rendered) -> dict[str, Any]:
    return {
        "component": rendered.component,
        "name": rendered.desired.name,
        "albConfig": rendered.live.albconfig,
        "port": rendered.live.port,
        "protocol": rendered.live.protocol,
        "index": rendered.index,
        "caEnabled": rendered.desired.ca_enabled,
        "caCertificates": rendered.ca_certificates,
        "patch": rendered.patch,
    }


def _target(albconfig: str) -> dict[str, str]:
    """Return the target of a Kustomize patch.

    Kustomize takes the name for a regular expression, anchored at both ends.
    """
    return {"group": GROUP, "version": "v1", "kind": KIND, "name": albconfig.replace(".", r"\.")}


def _target_as_yaml(target: Rendered) -> str:
    name = _quoted(_target(target.live.albconfig)["name"])
    return f"{{group: {GROUP}, version: v1, kind: {KIND}, name: {name}}}"


def _ignore_differences(rendered: Sequence[Rendered]) -> list[dict[str, Any]]:
    """One rule per AlbConfig."""
    rules: dict[tuple[str, str], list[str]] = {}
    for listener in rendered:
        rules.setdefault((listener.component, listener.live.albconfig), []).extend(
            _expressions(listener.live)
        )
    return [
        {"group": GROUP, "kind": KIND, "name": albconfig, "jqPathExpressions": expressions}
        for (_, albconfig), expressions in rules.items()
    ]


def _expressions(live: Listener) -> list[str]:
    """Return jq path expressions of the two fields and of the ownership claim.

    They match the listener at any place in the list.
    """
    conditions = " and ".join(
        f"{_jq(live.key(name))} == {json.dumps(member(live.fields, name), ensure_ascii=False)}"
        for name in ("port", "protocol")
    )
    listener = f"{_jq(*live.path[:-1])}[]? | select({conditions})"
    claim = json.dumps(annotation_key(live.port, live.protocol))
    return [
        *(f"{listener} | {_jq(live.key(name))}" for name in (CA_ENABLED, CA_CERTIFICATES)),
        f".metadata.annotations[{claim}]",
    ]


def _jq(*keys: str) -> str:
    """A jq path of keys, in the spelling that every version takes."""
    path = "".join(
        (
            f".{key}"
            if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", key)
            else f"[{json.dumps(key, ensure_ascii=False)}]"
        )
        for key in keys
    )
    return path if path.startswith(".") else f".{path}"


def _operation(operation: dict[str, Any]) -> list[str]:
    path = operation["path"]
    place = path if re.fullmatch("[A-Za-z0-9/]+", path) else _quoted(path)
    return [
        f"- op: {operation['op']}",
        f"  path: {place}",
        f"  value: {json.dumps(operation['value'], ensure_ascii=False)}",
    ]


def _quoted(text: str) -> str:
    """Text in YAML that nothing is read into."""
    return "'" + text.replace("'", "''") + "'"


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
