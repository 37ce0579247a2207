"""Somebody edits the AlbConfig by hand: the preview shows it, up repairs it or says why it cannot, destroy restores only what is still ours."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.host import Request
from tests.integration.engine import Sandbox, Stack, succeed

ANNOTATION = "albmtls/443-https"
POINTER = ANNOTATION.replace("/", "~1")
HTTPS = "/spec/listeners/1"
Operation = dict[str, Any]


@pytest.fixture
def first(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    """The AlbConfig before any of it; its listeners and annotations are that again at the end."""
    before = sandbox.albconfig()
    yield before
    spec, annotations = before["spec"], before["metadata"].get("annotations", {})
    edit(sandbox, {"op": "add", "path": "/spec", "value": spec}, {"op": "add", "path": "/metadata/annotations", "value": annotations})


@pytest.fixture
def stack(first: dict[str, Any], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    made = Stack("drift", program, sandbox)
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}})
    made.up()
    yield made
    made.remove()


def edit(sandbox: Sandbox, *operations: Operation) -> None:
    """What somebody does in the console or with kubectl edit."""
    sandbox.kubectl("patch", "albconfig", "alb", "--type=json", "--field-manager=console", "-p", json.dumps(operations))


def listeners(sandbox: Sandbox) -> dict[int, dict[str, Any]]:
    return {item["port"]: item for item in sandbox.albconfig()["spec"]["listeners"]}


def claims(sandbox: Sandbox) -> dict[str, str]:
    found: dict[str, str] = sandbox.albconfig()["metadata"].get("annotations", {})
    return found


def shown(stack: Stack) -> str:
    """A preview that must show a change; its lines in one, without indentation."""
    done = stack.preview()
    assert done.returncode == 0, done.stdout + done.stderr
    assert stack.preview("--expect-no-changes").returncode != 0
    return "\n".join(" ".join(line.split()) for line in done.stdout.splitlines())


def repaired(stack: Stack, tmp_path: Path) -> None:
    """The listener asks for this stack's clients again, and there is nothing left to do."""
    assert stack.get(stack.client(tmp_path)) == (200, "old")
    assert stack.get()[0] in (0, 400)
    done = stack.preview("--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr


CA: Operation = {"op": "replace", "path": f"{HTTPS}/caCertificates", "value": [{"CertificateId": "ca-of-somebody-else"}]}
OFF: Operation = {"op": "replace", "path": f"{HTTPS}/caEnabled", "value": False}


def test_what_was_edited_by_hand_is_shown_and_repaired(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> None:
    wished, claim = listeners(sandbox)[443], claims(sandbox)[ANNOTATION]
    altered = json.dumps({**json.loads(claim), "previous": '{"caEnabled": true}'})
    ours = wished["caCertificates"][0]["CertificateId"]
    edits: list[tuple[list[Operation], str]] = [
        ([OFF], "~ caEnabled: false => true"),
        ([{"op": "remove", "path": f"{HTTPS}/caEnabled"}], "~ caEnabled: false => true"),
        ([CA], f'~ caCertificateId: "ca-of-somebody-else" => "{ours}"'),
        ([{"op": "remove", "path": f"{HTTPS}/caCertificates"}], f'+ caCertificateId: "{ours}"'),
        ([{"op": "remove", "path": f"/metadata/annotations/{POINTER}"}], '+ owner: "'),
        ([{"op": "replace", "path": f"/metadata/annotations/{POINTER}", "value": altered}], '~ owner: "(altered annotation)" =>'),
    ]
    for operations, line in edits:
        edit(sandbox, *operations)
        preview = shown(stack)
        assert line in re.sub(" +:", ":", preview), preview
        stack.up()
        assert listeners(sandbox)[443] == wished
        assert claims(sandbox)[ANNOTATION] == claim
    repaired(stack, tmp_path)


def test_an_annotation_that_cannot_be_read_is_never_overwritten_and_the_sentence_says_what_to_do(stack: Stack, sandbox: Sandbox) -> None:
    claim, garbage = claims(sandbox)[ANNOTATION], "see ticket 4711"
    replace = {"op": "replace", "path": f"/metadata/annotations/{POINTER}"}
    edit(sandbox, {**replace, "value": garbage})
    assert f"annotation {ANNOTATION} of AlbConfig alb cannot be read as a claim of this program" in stack.refused()
    assert stack.pulumi("destroy", "--yes", "--skip-preview").returncode != 0
    assert claims(sandbox)[ANNOTATION] == garbage
    assert stack.get()[0] in (0, 400)
    edit(sandbox, {**replace, "value": claim})
    stack.up()
    assert claims(sandbox)[ANNOTATION] == claim


def test_a_removed_listener_is_named_and_taken_again_when_it_is_back(
    first: dict[str, Any], stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    wished, previous = listeners(sandbox)[443], json.loads(claims(sandbox)[ANNOTATION])["previous"]
    edit(sandbox, {"op": "remove", "path": HTTPS})
    assert "AlbConfig alb has no listener on port 443, it has 80/HTTP" in stack.refused()
    edit(sandbox, {"op": "add", "path": HTTPS, "value": first["spec"]["listeners"][1]})
    assert "ListenerClientAuthentication: (create)" in shown(stack)
    stack.up()
    assert listeners(sandbox)[443] == wished
    assert json.loads(claims(sandbox)[ANNOTATION])["previous"] == previous
    repaired(stack, tmp_path)


def test_a_deleted_ca_is_uploaded_again_and_the_listener_follows(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> None:
    before = listeners(sandbox)[443]["caCertificates"][0]["CertificateId"]
    resources = stack.export()["deployment"]["resources"]
    warehouse = next(item["outputs"]["warehouseId"] for item in resources if item["type"] == "albmtls:index:CaCertificate")
    edit(sandbox, OFF, {"op": "remove", "path": f"{HTTPS}/caCertificates"})  # CAS deletes none that a listener uses
    console = Configuration(
        endpoints=stack.config["alicloud:endpoints"][0],
        protocol="HTTP",
        access_key=sandbox.env["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        secret_key=sandbox.env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    )
    request = Request("", "console", False, 0.0, threading.Event(), lambda *_: None)
    deadline = time.monotonic() + 30
    while stack.get() != (200, "old"):  # until ALB has let go of it
        assert time.monotonic() < deadline
    console.cas(request).delete_certificate(before, warehouse)
    preview = shown(stack)
    assert "CaCertificate: (create)" in preview
    assert "ListenerClientAuthentication: (update)" in preview
    stack.up()
    assert listeners(sandbox)[443]["caCertificates"][0]["CertificateId"] != before
    repaired(stack, tmp_path)


def test_a_gitops_tool_undoes_it_until_its_source_has_what_mtls_render_prints(
    first: dict[str, Any], stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    source = {key: first[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "alb"}}
    (tmp_path / "albconfig.yaml").write_text(json.dumps(source))
    warning = "argocd-controller also writes spec.listeners of AlbConfig alb and will undo this"

    def sync(file: str) -> None:
        arguments = ("--server-side", "--force-conflicts", "--field-manager=argocd-controller")
        sandbox.kubectl("apply", *arguments, "-f", tmp_path / file)

    sync("albconfig.yaml")
    assert "caEnabled" not in listeners(sandbox)[443]
    assert "ListenerClientAuthentication: (update)" in shown(stack)
    assert warning in stack.preview().stderr
    assert warning in stack.up()
    repaired(stack, tmp_path / "first")

    (tmp_path / "kustomization.yaml").write_text("resources: [albconfig.yaml]\n" + stack.render().partition("\n---\n")[0])
    (tmp_path / "built.yaml").write_text(sandbox.kubectl("kustomize", tmp_path))
    sync("built.yaml")
    repaired(stack, tmp_path / "second")
    assert "also writes" not in stack.preview().stderr


def left(first: dict[str, Any], sandbox: Sandbox) -> None:
    assert listeners(sandbox) == {item["port"]: item for item in first["spec"]["listeners"]}
    assert ANNOTATION not in claims(sandbox)


@pytest.mark.parametrize(
    "operations",
    [[OFF], [{"op": "remove", "path": f"/metadata/annotations/{POINTER}"}]],
    ids=["switched off by hand", "annotation pruned"],
)
def test_destroy_restores_what_is_still_ours(operations: list[Operation], first: dict[str, Any], stack: Stack, sandbox: Sandbox) -> None:
    edit(sandbox, *operations)
    stack.destroy()
    left(first, sandbox)


def test_destroy_leaves_a_ca_of_somebody_else_and_takes_only_its_claim_away(
    first: dict[str, Any], stack: Stack, sandbox: Sandbox, program: Path
) -> None:
    somebody = Stack("drift-somebody", program, sandbox)
    somebody.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}}, listeners={})
    try:
        somebody.up()
        theirs = json.loads(succeed(somebody.pulumi("stack", "output", "--json")))["caCertificateId"]
        edit(sandbox, {**CA, "value": [{"CertificateId": theirs}]})
        output = stack.destroy()
        assert f"is left as it is (caEnabled true, {theirs}), because somebody has changed what this stack wrote" in output
        assert listeners(sandbox)[443]["caCertificates"] == [{"CertificateId": theirs}]
        assert listeners(sandbox)[443]["caEnabled"] is True
        assert ANNOTATION not in claims(sandbox)
        assert stack.get()[0] in (0, 400)
    finally:
        edit(sandbox, {"op": "add", "path": "/spec", "value": first["spec"]})
        somebody.remove()
