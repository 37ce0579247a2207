"""Who else writes an AlbConfig: GitOps tools and `kubectl apply`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener.declared import Listener, all_listeners, member
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import Desired, annotation, fulfils

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


_GITOPS: Final = (
    "argocd",
    "kustomize-controller",
    "helm",
    "flux",
    "fleet",
    "terraform",
    "hashicorp",
    "pulumi",
    "crossplane",
    "kapp",
    "rancher",
)
"""Beginnings of field managers of tools that write a resource again and again from a source of
their own.
"""


def other_owners(document: Document, listener: Listener, desired: Desired) -> tuple[str, ...]:
    """A warning for every tool that may write the listener back from its own source.

    None where that source already says the same.
    """
    put = (
        f"put caEnabled: {str(desired.ca_enabled).lower()} and caCertificates: [{{CertificateId:"
        f" {desired.ca_certificate_id}}}] of listener {listener.label} into"
    )
    printed = "(./mtls render prints them as a Kustomize patch)"
    sentences = []
    applied = annotation(document, _LAST_APPLIED)
    if applied is not None and _overwrites(applied, listener, desired):
        sentences.append(
            f"AlbConfig {listener.albconfig} is also applied from a file (kubectl apply) that has"
            f" spec.listeners, and the next apply undoes this: {put} that file {printed}, or take listeners"
            " out of it"
        )
    for manager in _gitops_managers(document, agreeing=fulfils(listener, desired)):
        sentences.append(
            f"{manager} also writes spec.listeners of AlbConfig {listener.albconfig} and will undo this:"
            f" {put} its source {printed}; for a tool that is to ignore them see docs/gitops.md"
        )
    return tuple(sentences)


def declarative_owners(document: Document) -> tuple[str, ...]:
    """Who writes spec.listeners from a source of his own.

    Field managers are named as they name themselves, `kubectl apply` by its annotation.
    """
    applied = annotation(document, _LAST_APPLIED)
    by_file = ["kubectl apply"] if applied is not None and '"listeners"' in applied else []
    return tuple(dict.fromkeys([*by_file, *_gitops_managers(document, agreeing=False)]))


def _overwrites(applied: str, listener: Listener, desired: Desired) -> bool:
    try:
        source = exact_json.loads(applied)
        if member(member(source, "spec"), "listeners") is None:
            return False
        same = [
            other
            for other in all_listeners(source)
            if (other.port, other.protocol) == (listener.port, listener.protocol)
        ]
    except Exception:  # whatever somebody wrote into an annotation
        return True
    return not (len(same) == 1 and fulfils(same[0], desired))


def _gitops_managers(document: Document, *, agreeing: bool) -> list[str]:
    """The tools that write spec.listeners from a source of their own.

    `agreeing`: those that own the list as a whole are left out. Without a schema a list is owned as
    a whole (`f:listeners: {}`), and whoever changes it takes it from all other owners. So a tool
    that still owns a list with the desired values has written these values itself.
    """
    fields: Sequence[Any] = (document.get("metadata") or {}).get("managedFields") or []
    managers: dict[str, None] = {}
    for entry in fields:
        manager = str(entry.get("manager"))
        owned = ((entry.get("fieldsV1") or {}).get("f:spec") or {}).get("f:listeners")
        keeps = entry.get("operation") == "Apply" or manager.lower().startswith(_GITOPS)
        if (
            keeps
            and owned is not None
            and not manager.startswith("alb-mutual-tls")
            and not (agreeing and owned == {})
        ):
            managers[manager] = None
    return list(managers)
