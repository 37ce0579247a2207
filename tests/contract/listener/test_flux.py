"""Flux's own library (fluxcd/pkg/ssa) applies AlbConfigs from a source, on a real kube-apiserver.

What docs/gitops.md and `mtls render` say of Flux is what is seen here.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from alb_mutual_tls.cluster.cluster import Cluster
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import Desired, annotation, fulfils
from alb_mutual_tls.operations.render import as_yaml, render
from tests.contract.listener.conftest import ControlPlane
from tests.contract.listener.test_gitops import HTTP, HTTPS, ID, KEY, Overlay, alb, get, owners, wished, write

pytestmark = pytest.mark.campaign

FIELDS = ("caEnabled", "caCertificates")
ADMIN = {**HTTPS, "port": 8443}
Flux = Callable[..., str]


@pytest.fixture
def flux(plane: ControlPlane, tmp_path: Path) -> Flux:
    """Applies what `kubectl kustomize` builds as a Flux Kustomization does; returns what it did to
    the AlbConfig.
    """

    def run(source: Document, *, patches: str = "", ignore: Any = ()) -> str:
        built = Overlay(plane, tmp_path / "overlay", source).build(patches)
        done = subprocess.run(
            ["flux-apply", f"--kubeconfig={plane.kubeconfig}", f"--ignore={json.dumps(list(ignore))}"],
            input=yaml.safe_dump(built),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout.strip().rpartition(" ")[2]

    plane.kubectl("delete", "albconfig", "alb", "--ignore-not-found")
    return run


def printed(cluster: Cluster, *, ca_enabled: bool = True) -> tuple[str, Any]:
    """What `mtls render` prints for Flux: the patches of its first document, and `spec.ignore` of
    its third.
    """
    documents = as_yaml([render("mtls", wished(ca_enabled=ca_enabled), get(cluster))]).split("\n---\n")
    return documents[0] + "\n", yaml.safe_load(documents[2])["spec"]["ignore"]


def edited(source: Document, port: int, **fields: Any) -> Document:
    """The source with another listener changed in Git."""
    listeners = [{**one, **fields} if one["port"] == port else one for one in source["spec"]["listeners"]]
    return {**source, "spec": {**source["spec"], "listeners": listeners}}


def test_a_source_without_the_keys_erases_them_at_the_next_sync(flux: Flux, cluster: Cluster) -> None:
    source = alb(HTTP, HTTPS)
    assert flux(source) == "created"
    write(cluster, Desired(True, ID))
    assert flux(source) == "configured"
    erased = get(cluster)
    assert not set(FIELDS) & set(find_listener(erased, 443).fields)
    assert annotation(erased, KEY) == "claim"
    assert len(owners(erased, Desired(True, ID))) == 1


def test_with_the_patch_in_the_source_both_agree_and_other_listeners_follow_git(
    flux: Flux, cluster: Cluster
) -> None:
    source = alb(HTTP, HTTPS, ADMIN)
    flux(source)
    written = write(cluster, Desired(True, ID))
    patches, _ = printed(cluster)
    assert flux(source, patches=patches) == flux(source, patches=patches) == "unchanged"
    assert get(cluster)["spec"] == written["spec"]
    assert owners(get(cluster), Desired(True, ID)) == ()
    assert flux(edited(source, 8443, idleTimeout=30), patches=patches) == "configured"
    after = get(cluster)
    assert fulfils(find_listener(after, 443), Desired(True, ID))
    assert find_listener(after, 8443).fields["idleTimeout"] == 30


@pytest.mark.parametrize("in_git", [{"caEnabled": False, "caCertificates": []}, None])
def test_with_both_keys_in_the_source_the_printed_rule_leaves_them_to_the_cluster(
    in_git: dict[str, Any] | None, flux: Flux, cluster: Cluster
) -> None:
    """`in_git`: the two keys, written by hand; None: by the printed patch."""
    source = alb(HTTP, {**HTTPS, **(in_git or {})}, ADMIN)
    flux(source)
    write(cluster, Desired(True, ID))
    patches, ignore = printed(cluster, ca_enabled=False)
    with_rule: dict[str, Any] = {"ignore": ignore, "patches": "" if in_git else patches}
    for wish in (Desired(True, ID), Desired(False, ID), Desired(True, "another")):
        write(cluster, wish)
        flux(source, **with_rule)
        assert flux(source, **with_rule) == "unchanged"
        assert fulfils(find_listener(get(cluster), 443), wish)
        assert flux(edited(source, 8443, idleTimeout=30), **with_rule) == "configured"
        assert find_listener(get(cluster), 8443).fields["idleTimeout"] == 30
        assert flux(source, **with_rule) == "configured"
        after = get(cluster)
        assert fulfils(find_listener(after, 443), wish)
        assert "idleTimeout" not in find_listener(after, 8443).fields
        assert annotation(after, KEY) == "claim"


def test_without_the_keys_in_the_source_the_rule_erases_nothing_and_stops_the_next_change(
    flux: Flux, cluster: Cluster
) -> None:
    source = alb(HTTP, HTTPS, ADMIN)
    flux(source)
    written = write(cluster, Desired(True, ID))
    _, ignore = printed(cluster)
    assert flux(source, ignore=ignore) == "unchanged"
    with pytest.raises(AssertionError, match="missing key"):
        flux(edited(source, 8443, idleTimeout=30), ignore=ignore)
    assert get(cluster)["spec"] == written["spec"]


def test_with_another_order_in_git_the_rule_would_take_from_the_wrong_listener(
    flux: Flux, cluster: Cluster
) -> None:
    """Why it is to be taken out while the order is changed; the printed patch stops a change that
    nobody thought of.
    """
    keys = {"caEnabled": False, "caCertificates": []}
    source = alb(HTTP, {**HTTPS, **keys}, {**ADMIN, **keys})
    flux(source)
    write(cluster, Desired(True, ID))
    patches, ignore = printed(cluster)
    turned = alb(HTTP, {**ADMIN, **keys}, {**HTTPS, **keys})
    with pytest.raises(AssertionError, match="/spec/listeners/1"):
        flux(turned, patches=patches, ignore=ignore)
    flux(turned, ignore=ignore)
    after = get(cluster)
    assert (find_listener(after, 8443).ca_enabled, find_listener(after, 443).ca_enabled) == (True, False)
