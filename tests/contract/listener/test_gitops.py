"""Others that write an AlbConfig from a source of their own, on a real kube-apiserver: what `mtls
render` prints keeps them from undoing ours.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from alb_mutual_tls.cluster.cluster import Cluster
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.owners import other_owners
from alb_mutual_tls.listener.patch import Desired, annotation, fulfils, plan
from alb_mutual_tls.operations.render import as_json, as_yaml, render
from alb_mutual_tls.stack import deployed
from tests.contract.listener.conftest import ControlPlane
from tests.unit.listener.corpus import DOCUMENTS, WITH_HTTPS

ROOT = Path(__file__).resolve().parents[3]
ID = "1efd3cac-e8c1-611d-b971-f96e5e432aba"
KEY = "albmtls/443-https"
HTTP = {"port": 80, "protocol": "HTTP"}
HTTPS = {
    "port": 443,
    "protocol": "HTTPS",
    "certificates": [{"CertificateId": "1-cn-hangzhou", "IsDefault": True}],
}


def alb(*listeners: Any) -> Document:
    return {
        "apiVersion": "alibabacloud.com/v1",
        "kind": "AlbConfig",
        "metadata": {"name": "alb"},
        "spec": {"config": {"name": "alb"}, "listeners": copy.deepcopy(list(listeners))},
    }


def wished(*, ca_enabled: bool = True, alb_config: str = "alb", port: int = 443) -> deployed.DeployedListener:
    return deployed.DeployedListener("https", alb_config, port, ca_enabled, ca_certificate_id=ID)


def get(cluster: Cluster, name: str = "alb") -> Document:
    document = cluster.albconfig(name)
    assert document is not None
    return document


def write(cluster: Cluster, wish: Desired, name: str = "alb", port: int = 443) -> Document:
    """What the provider does."""
    document = get(cluster, name)
    return cluster.patch_albconfig(name, plan(document, find_listener(document, port), wish, KEY, "claim"))


class Overlay:
    """A directory with the source of an AlbConfig and a kustomization.yaml."""

    def __init__(self, plane: ControlPlane, directory: Path, source: Document) -> None:
        self._plane = plane
        self._directory = directory
        directory.mkdir(exist_ok=True)
        (directory / "albconfig.yaml").write_text(yaml.safe_dump(source, allow_unicode=True, sort_keys=False))

    def build(self, patches: str) -> Document:
        """`kubectl kustomize` with what `mtls render` printed."""
        (self._directory / "kustomization.yaml").write_text(f"resources: [albconfig.yaml]\n{patches}")
        built: Document = yaml.safe_load(self._plane.kubectl("kustomize", str(self._directory)))
        return built


def kustomize_part(printed: str) -> str:
    return printed.partition("\n---\n")[0] + "\n"


@pytest.fixture
def overlay(plane: ControlPlane, tmp_path: Path) -> Callable[[Document], Overlay]:
    return lambda source: Overlay(plane, tmp_path / "overlay", source)


# --- the patch


@pytest.mark.campaign
@pytest.mark.parametrize("ca_enabled", [True, False])
def test_kustomize_makes_of_every_published_albconfig_what_the_provider_makes(
    ca_enabled: bool, plane: ControlPlane, cluster: Cluster, tmp_path: Path
) -> None:
    for name, port in WITH_HTTPS.items():
        plane.make(DOCUMENTS[name])
        before = get(cluster, name)
        source = {
            **DOCUMENTS[name],
            "apiVersion": "alibabacloud.com/v1",
            "kind": "AlbConfig",
            "metadata": {"name": name},
        }
        printed = as_yaml([render("mtls", wished(ca_enabled=ca_enabled, alb_config=name, port=port), before)])
        built = Overlay(plane, tmp_path / name, source).build(kustomize_part(printed))
        write(cluster, Desired(not ca_enabled, "another"), name, port)
        after = write(cluster, Desired(ca_enabled, ID), name, port)
        assert built["spec"] == after["spec"], name
        assert built["spec"] != source["spec"], name


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"caEnabled": None, "caCertificates": None},
        {"caEnabled": False, "caCertificates": []},
        {"caEnabled": True, "caCertificates": [{"CertificateId": ID}]},
        {"caEnabled": False, "caCertificates": [{"CertificateId": ID, "IsDefault": True}]},
        {"caEnabled": "true", "caCertificates": {"CertificateId": 1}},
        {"CAENABLED": False, "cacertificates": [{"CertificateId": "another"}], "a/b~c": 1},
    ],
)
@pytest.mark.parametrize("port", [443, "443"])
def test_the_same_patch_fits_a_source_with_and_without_the_keys(
    fields: dict[str, Any],
    port: Any,
    plane: ControlPlane,
    cluster: Cluster,
    overlay: Callable[[Document], Overlay],
) -> None:
    source = alb(HTTP, {"port": port, "protocol": "QUIC"}, {**HTTPS, "port": port, **fields})
    plane.make(source)
    printed = as_yaml([render("mtls", wished(), get(cluster))])
    built = overlay(source).build(kustomize_part(printed))
    assert built["spec"] == write(cluster, Desired(True, ID))["spec"]
    for once_more in (built, source):
        assert overlay(once_more).build(kustomize_part(printed)) == built


def test_the_json_is_a_kustomization_too(
    plane: ControlPlane, cluster: Cluster, overlay: Callable[[Document], Overlay]
) -> None:
    source = alb(HTTP, HTTPS)
    plane.make(source)
    rendered = [render("mtls", wished(), get(cluster))]
    patches = json.loads(as_json(rendered))["kustomization"]
    assert overlay(source).build(yaml.safe_dump(patches)) == overlay(source).build(
        kustomize_part(as_yaml(rendered))
    )


def test_a_source_with_another_order_stops_the_build_and_changes_no_other_listener(
    plane: ControlPlane, cluster: Cluster, overlay: Callable[[Document], Overlay]
) -> None:
    plane.make(alb(HTTP, HTTPS))
    printed = kustomize_part(as_yaml([render("mtls", wished(), get(cluster))]))
    for other_order in (
        alb(HTTPS, HTTP),
        alb(HTTP, {**HTTPS, "port": 8443}),
        alb(HTTP, {**HTTPS, "protocol": "QUIC"}),
        alb(HTTPS),
    ):
        with pytest.raises(AssertionError, match="/spec/listeners/1"):
            overlay(other_order).build(printed)
    corrected = overlay(alb(HTTPS, HTTP)).build(printed.replace("/spec/listeners/1/", "/spec/listeners/0/"))
    assert corrected["spec"]["listeners"] == [
        {**HTTPS, "caEnabled": True, "caCertificates": [{"CertificateId": ID}]},
        HTTP,
    ]


def test_only_the_albconfig_of_that_very_name_is_patched(
    plane: ControlPlane, overlay: Callable[[Document], Overlay]
) -> None:
    named = {**alb(HTTP, HTTPS), "metadata": {"name": "alb.prod"}}
    printed = kustomize_part(as_yaml([render("mtls", wished(alb_config="alb.prod"), named)]))
    assert overlay(named).build(printed) != named
    for other in ("albxprod", "my-alb.prod", "alb.prod2"):
        source = {**named, "metadata": {"name": other}}
        assert overlay(source).build(printed) == source


def test_a_merge_patch_would_take_the_other_listeners_away(
    plane: ControlPlane, overlay: Callable[[Document], Overlay]
) -> None:
    merge = {"apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig", "metadata": {"name": "alb"}}
    merge["spec"] = {"listeners": [{"port": 443, "protocol": "HTTPS", "caEnabled": True}]}
    built = overlay(alb(HTTP, HTTPS)).build(yaml.safe_dump({"patches": [{"patch": json.dumps(merge)}]}))
    assert built["spec"]["listeners"] == [{"port": 443, "protocol": "HTTPS", "caEnabled": True}]


# --- who owns the list


def owners(document: Document, wish: Desired) -> tuple[str, ...]:
    return other_owners(document, find_listener(document, 443), wish)


def apply(plane: ControlPlane, source: Document, manager: str) -> None:
    """What Argo CD (ServerSideApply=true) and Flux do, as their documentation has it."""
    plane.kubectl(
        "apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-", content=source
    )


@pytest.mark.parametrize("manager", ["argocd-controller", "kustomize-controller", "Terraform"])
def test_a_tool_that_applies_the_list_is_warned_about_until_its_source_says_the_same(
    manager: str, plane: ControlPlane, cluster: Cluster, overlay: Callable[[Document], Overlay]
) -> None:
    wish = Desired(True, ID)
    source = alb(HTTP, HTTPS)
    plane.kubectl("delete", "albconfig", "alb", "--ignore-not-found")
    apply(plane, source, manager)
    (sentence,) = owners(get(cluster), wish)
    assert sentence.startswith(f"{manager} also writes spec.listeners of AlbConfig alb and will undo this: ")
    assert "./mtls render" in sentence

    after = write(cluster, wish)
    # the list is owned as a whole, so the tool does not own it any more
    assert owners(after, wish) == ()
    apply(plane, source, manager)
    undone = get(cluster)
    assert not fulfils(find_listener(undone, 443), wish)
    assert annotation(undone, KEY) == "claim"
    assert len(owners(undone, wish)) == 1

    apply(plane, overlay(source).build(kustomize_part(as_yaml([render("mtls", wished(), undone)]))), manager)
    agreed = get(cluster)
    assert fulfils(find_listener(agreed, 443), wish)
    assert annotation(agreed, KEY) == "claim"
    assert owners(agreed, wish) == ()
    assert len(owners(agreed, Desired(False, ID))) == 1


def test_a_file_that_is_applied_by_the_client_is_warned_about_until_it_says_the_same(
    plane: ControlPlane, cluster: Cluster, overlay: Callable[[Document], Overlay]
) -> None:
    wish = Desired(True, ID)
    source = alb(HTTP, HTTPS)
    plane.kubectl("delete", "albconfig", "alb", "--ignore-not-found")
    plane.kubectl("apply", "-f", "-", content=source)
    after = write(cluster, wish)
    (sentence,) = owners(after, wish)
    assert "is also applied from a file (kubectl apply)" in sentence
    plane.kubectl(
        "apply", "-f", "-", content={**source, "spec": {**source["spec"], "config": {"name": "changed"}}}
    )
    undone = get(cluster)
    assert not fulfils(find_listener(undone, 443), wish)
    assert annotation(undone, KEY) == "claim"
    plane.kubectl(
        "apply",
        "-f",
        "-",
        content=overlay(source).build(kustomize_part(as_yaml([render("mtls", wished(), undone)]))),
    )
    agreed = get(cluster)
    assert fulfils(find_listener(agreed, 443), wish)
    assert owners(agreed, wish) == ()


def test_a_tool_that_leaves_the_two_fields_out_of_what_it_applies_erases_them(
    plane: ControlPlane, cluster: Cluster
) -> None:
    """Why no rule of a tool helps a source that lacks the two keys."""
    source = alb(HTTP, {**HTTPS, "caEnabled": True, "caCertificates": [{"CertificateId": ID}]})
    plane.kubectl("delete", "albconfig", "alb", "--ignore-not-found")
    apply(plane, source, "kustomize-controller")
    without_fields = alb(HTTP, HTTPS)
    without_fields["spec"]["config"]["name"] = "changed"
    apply(plane, without_fields, "kustomize-controller")
    assert "caEnabled" not in find_listener(get(cluster), 443).fields
    without_list = {**source, "spec": {"config": {"name": "changed"}}}
    apply(plane, without_list, "kustomize-controller")
    assert "listeners" not in get(cluster)["spec"]


# --- the command

SECRET = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    "plaintext": '{"alice": "sesame"}',
}
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def mtls(plane: ControlPlane, cluster: Cluster, tmp_path: Path) -> Command:
    """Runs `mtls render` in a project whose stack has these listeners, in this cluster."""

    def run(
        *arguments: str,
        listeners: dict[str, dict[str, Any]],
        kubeconfig: Path | None = None,
        uid: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        urn, kind = "urn:pulumi:dev::p::", "alb-mutual-tls:index:AlbMutualTls"
        parent, provider = f"{urn}{kind}::mtls", f"{urn}pulumi:providers:albmtls::albmtls"
        outputs = {
            "caCertificatePem": "pem",
            "trustedAuthority": "root",
            "listeners": listeners,
            "clientPrivateKeys": SECRET,
        }
        children = [
            {
                "urn": f"{urn}{kind}$albmtls:index:ListenerClientAuthentication::{one['port']}",
                "type": "albmtls:index:ListenerClientAuthentication",
                "id": f"{one['albConfig']}/{one['port']}",
                "parent": parent,
                "provider": f"{provider}::id",
                "outputs": {"cluster": uid or cluster.uid()},
            }
            for one in listeners.values()
        ]
        inputs = {"kubeconfig": str(kubeconfig or plane.kubeconfig), "secretKey": SECRET}
        resources = [
            {"urn": provider, "type": "pulumi:providers:albmtls", "inputs": inputs},
            {"urn": parent, "type": kind, "outputs": outputs},
        ]
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (tmp_path / "Pulumi.yaml").write_text("name: p\n")
        (folder / "export.json").write_text(
            json.dumps({"deployment": {"resources": [*resources, *children]}})
        )
        (folder / "pulumi").write_text('#!/bin/sh\ncat "${0%/*}/export.json"\n')
        (folder / "pulumi").chmod(0o755)
        environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "alb_mutual_tls.cli", "render", *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert "sesame" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def declared(port: int = 443, *, ca_enabled: bool = True, alb_config: str = "alb") -> dict[str, Any]:
    return {"albConfig": alb_config, "port": port, "caEnabled": ca_enabled, "caCertificateId": ID}


def test_what_the_command_prints_is_built_by_kustomize_and_applied(
    plane: ControlPlane, cluster: Cluster, mtls: Command, overlay: Callable[[Document], Overlay]
) -> None:
    source = alb(HTTP, {**HTTPS, "port": 8443, "caEnabled": True}, HTTPS)
    plane.make(source)
    listeners = {"https": declared(), "admin": declared(8443, ca_enabled=False)}
    done = mtls(listeners=listeners)
    assert (done.returncode, done.stderr) == (0, "")
    built = overlay(source).build(kustomize_part(done.stdout))
    plane.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=kustomize-controller",
        "-f",
        "-",
        content=built,
    )
    document = get(cluster)
    assert fulfils(find_listener(document, 443), Desired(True, ID))
    assert fulfils(find_listener(document, 8443), Desired(False, ID))
    printed = json.loads(mtls("--json", listeners=listeners).stdout)
    assert [(one["name"], one["index"], one["caEnabled"]) for one in printed["listeners"]] == [
        ("admin", 1, False),
        ("https", 2, True),
    ]
    only = json.loads(mtls("--json", "--listener", "https", listeners=listeners).stdout)
    assert [one["name"] for one in only["listeners"]] == ["https"]


@pytest.mark.parametrize(
    ("arguments", "change", "says"),
    [
        (
            (),
            {"listeners": {}},
            "declares no listener, so there is nothing to render: add one under listeners",
        ),
        (("--listener", "nope"), {}, "--listener nope is none of this stack's listeners: it has https"),
        (
            (),
            {"listeners": {"https": declared(8443)}},
            "has no listener on port 8443, it has 80/HTTP, 443/HTTPS: correct the port",
        ),
        ((), {"listeners": {"https": declared(80)}}, "port 80 of AlbConfig alb speaks HTTP"),
        (
            (),
            {"listeners": {"https": declared(alb_config="nope")}},
            "has no AlbConfig nope: run `pulumi up` to see",
        ),
        (
            (),
            {"listeners": {"https": {**declared(), "caCertificateId": None}}},
            "the state has no CA certificate for listener https",
        ),
        ((), {"uid": "another"}, "is another cluster than the stack's"),
        (("--component", "nope"), {}, "the stack has no AlbMutualTls named 'nope': it has mtls"),
    ],
)
def test_what_cannot_be_rendered_is_one_sentence(
    arguments: tuple[str, ...], change: dict[str, Any], says: str, plane: ControlPlane, mtls: Command
) -> None:
    plane.make(alb(HTTP, HTTPS))
    stack = {"listeners": {"https": declared()}, **change}
    done = mtls(*arguments, **stack)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    as_document = mtls(*arguments, "--json", **stack)
    assert as_document.returncode == 2
    sentence = done.stderr.removeprefix("mtls: ").rstrip("\n")
    assert json.loads(as_document.stdout) == {
        "version": 1,
        "verdict": "not decided",
        "exitCode": 2,
        "summary": f"not decided: {sentence}",
        "error": sentence,
        "listeners": [],
    }


def test_a_cluster_that_does_not_answer_leaves_what_to_write_by_hand(
    plane: ControlPlane, mtls: Command, tmp_path: Path
) -> None:
    kubeconfig = yaml.safe_load(plane.kubeconfig.read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    done = mtls(listeners={"https": declared()}, kubeconfig=tmp_path / "kubeconfig")
    assert (done.returncode, done.stdout) == (2, "")
    assert "127.0.0.1:1" in done.stderr
    assert (
        "or write into listener 443/HTTPS of AlbConfig alb caEnabled: true and caCertificates:"
        f" [{{CertificateId: {ID}}}]\n" in done.stderr
    )
    assert len(done.stderr.splitlines()) == 1
