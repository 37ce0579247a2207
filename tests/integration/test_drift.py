"""Somebody edits the AlbConfig by hand: the preview shows it, up repairs it or says why it cannot,
destroy restores only what is still ours.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.console import console
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
    sandbox.edit(
        {"op": "add", "path": "/spec", "value": spec},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    )


@pytest.fixture
def stack(first: dict[str, Any], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    made = Stack("drift", program, sandbox)
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}})
    made.up()
    yield made
    made.remove()


def shown(stack: Stack) -> str:
    """A preview that must show a change and nothing worse; its lines in one, without
    indentation.
    """
    done = stack.preview("--expect-no-changes")
    assert done.returncode != 0
    assert "no changes were expected" in done.stdout + done.stderr, done.stdout + done.stderr
    return "\n".join(" ".join(line.split()) for line in done.stdout.splitlines())


def repaired(stack: Stack, tmp_path: Path) -> None:
    """The listener asks for this stack's clients again, and there is nothing left to do."""
    assert stack.get(stack.client(tmp_path)) == (200, "old")
    assert stack.get()[0] in (0, 400)
    done = stack.preview("--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr


def until_open(stack: Stack) -> None:
    """Wait until ALB asks for no certificate any more."""
    deadline = time.monotonic() + 30
    while stack.get() != (200, "old"):
        assert time.monotonic() < deadline
        time.sleep(0.1)


CA: Operation = {
    "op": "replace",
    "path": f"{HTTPS}/caCertificates",
    "value": [{"CertificateId": "ca-of-somebody-else"}],
}
OFF: Operation = {"op": "replace", "path": f"{HTTPS}/caEnabled", "value": False}


def test_what_was_edited_by_hand_is_shown_and_repaired(
    stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    wished, claim = sandbox.listeners()[443], sandbox.claims()[ANNOTATION]
    altered = json.dumps({**json.loads(claim), "previous": '{"caEnabled": true}'})
    ours = wished["caCertificates"][0]["CertificateId"]
    edits: list[tuple[list[Operation], str]] = [
        ([OFF], "~ caEnabled: false => true"),
        ([{"op": "remove", "path": f"{HTTPS}/caEnabled"}], "~ caEnabled: false => true"),
        ([CA], f'~ caCertificateId: "ca-of-somebody-else" => "{ours}"'),
        ([{"op": "remove", "path": f"{HTTPS}/caCertificates"}], f'+ caCertificateId: "{ours}"'),
        ([{"op": "remove", "path": f"/metadata/annotations/{POINTER}"}], '+ owner: "'),
        (
            [{"op": "replace", "path": f"/metadata/annotations/{POINTER}", "value": altered}],
            '~ owner: "(altered annotation)" =>',
        ),
    ]
    for operations, line in edits:
        sandbox.edit(*operations)
        preview = shown(stack)
        assert line in re.sub(" +:", ":", preview), preview
        stack.up()
        assert sandbox.listeners()[443] == wished
        assert sandbox.claims()[ANNOTATION] == claim
    repaired(stack, tmp_path)


@pytest.mark.campaign
def test_an_annotation_that_cannot_be_read_is_never_overwritten_and_the_sentence_says_what_to_do(
    stack: Stack, sandbox: Sandbox
) -> None:
    claim, garbage = sandbox.claims()[ANNOTATION], "see ticket 4711"
    replace = {"op": "replace", "path": f"/metadata/annotations/{POINTER}"}
    sandbox.edit({**replace, "value": garbage})
    assert (
        f"annotation {ANNOTATION} of AlbConfig alb cannot be read as a claim of this program"
        in stack.refused()
    )
    assert stack.pulumi("destroy", "--yes", "--skip-preview").returncode != 0
    assert sandbox.claims()[ANNOTATION] == garbage
    assert stack.get()[0] in (0, 400)
    sandbox.edit({**replace, "value": claim})
    stack.up()
    assert sandbox.claims()[ANNOTATION] == claim


@pytest.mark.campaign
def test_a_removed_listener_is_named_and_taken_again_when_it_is_back(
    first: dict[str, Any], stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    wished, previous = sandbox.listeners()[443], json.loads(sandbox.claims()[ANNOTATION])["previous"]
    sandbox.edit({"op": "remove", "path": HTTPS})
    assert "AlbConfig alb has no listener on port 443, it has 80/HTTP" in stack.refused()
    sandbox.edit({"op": "add", "path": HTTPS, "value": first["spec"]["listeners"][1]})
    assert "ListenerClientAuthentication: (update)" in shown(stack)
    stack.up()
    assert sandbox.listeners()[443] == wished
    assert json.loads(sandbox.claims()[ANNOTATION])["previous"] == previous
    repaired(stack, tmp_path)


@pytest.mark.campaign
def test_a_deleted_ca_is_uploaded_again_and_the_listener_follows(
    stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    before = sandbox.listeners()[443]["caCertificates"][0]["CertificateId"]
    resources = stack.export()["deployment"]["resources"]
    warehouse = next(
        item["outputs"]["warehouseId"] for item in resources if item["type"] == "albmtls:index:CaCertificate"
    )
    sandbox.edit(
        OFF, {"op": "remove", "path": f"{HTTPS}/caCertificates"}
    )  # CAS deletes none that a listener uses
    until_open(stack)  # and ALB has let go of it
    console(sandbox)[0].delete_certificate(before, warehouse)
    preview = shown(stack)
    assert "CaCertificate: (create)" in preview
    assert "ListenerClientAuthentication: (update)" in preview
    stack.up()
    assert sandbox.listeners()[443]["caCertificates"][0]["CertificateId"] != before
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
    assert "caEnabled" not in sandbox.listeners()[443]
    assert "ListenerClientAuthentication: (update)" in shown(stack)
    assert warning in stack.preview().stderr
    assert warning in stack.up()
    repaired(stack, tmp_path / "first")

    (tmp_path / "kustomization.yaml").write_text(
        "resources: [albconfig.yaml]\n" + stack.render().partition("\n---\n")[0]
    )
    (tmp_path / "built.yaml").write_text(sandbox.kubectl("kustomize", tmp_path))
    sync("built.yaml")
    repaired(stack, tmp_path / "second")
    assert "also writes" not in stack.preview().stderr


@contextmanager
def ingress(sandbox: Sandbox, operation: Operation) -> Iterator[None]:
    """The documentation's Ingress is another one as long as this lasts."""
    before = json.loads(sandbox.kubectl("get", "ingress", "https-ingress", "-o", "json"))
    sandbox.kubectl("patch", "ingress", "https-ingress", "--type=json", "-p", json.dumps([operation]))
    try:
        yield
    finally:
        wanted = {"spec": before["spec"], "metadata": {"annotations": before["metadata"]["annotations"]}}
        sandbox.kubectl("patch", "ingress", "https-ingress", "--type=merge", "-p", json.dumps(wanted))


@pytest.mark.campaign
def test_listeners_rewritten_as_bare_port_and_protocol_are_shown_and_repaired_once_alb_can_serve_them(
    first: dict[str, Any], stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    ours, previous = (
        sandbox.listeners()[443]["caCertificates"],
        json.loads(sandbox.claims()[ANNOTATION])["previous"],
    )
    bare = [{"port": 80, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS"}]
    stack.set(awaitTimeoutSeconds=3)
    sandbox.edit({"op": "replace", "path": "/spec/listeners", "value": bare})
    until_open(stack)  # the server certificate is found by the hosts in spec.tls of the Ingress
    preview = shown(stack)
    assert "~ caEnabled : false => true" in re.sub(" *:", " :", preview), preview
    assert "names no server certificate" in stack.preview().stderr
    with ingress(sandbox, {"op": "remove", "path": "/spec/tls"}):
        said = " ".join(stack.fails("up").split())
        assert "names no server certificate" in said
        assert "ALB did not confirm within 3 s" in said
        assert "FailedApplyModel: empty https listener default certs" in said
        assert sandbox.listeners()[443] == {**bare[1], "caEnabled": True, "caCertificates": ours}
        assert stack.get() == (200, "old")
        sandbox.edit(
            {
                "op": "add",
                "path": f"{HTTPS}/certificates",
                "value": first["spec"]["listeners"][1]["certificates"],
            }
        )
        stack.up()
    assert json.loads(sandbox.claims()[ANNOTATION])["previous"] == previous
    repaired(stack, tmp_path)


@pytest.mark.campaign
def test_destroy_ends_when_the_ingress_lets_go_of_a_listener_that_was_removed(
    stack: Stack, sandbox: Sandbox
) -> None:
    sandbox.edit({"op": "remove", "path": HTTPS})
    since = len(sandbox.api_log())
    with ThreadPoolExecutor() as pool:
        destroying = pool.submit(stack.carry_out, "destroy")
        deadline = time.monotonic() + 60
        while [line["action"] for line in sandbox.api_log()[since:]].count(
            "GetListenerAttribute"
        ) < 2:  # ALB goes on with what it had
            assert time.monotonic() < deadline
            assert not destroying.done(), destroying.result()
            time.sleep(0.1)
        assert len(sandbox.stored("certificates")) == 1
        annotation = "alb.ingress.kubernetes.io/listen-ports".replace("/", "~1")
        with ingress(
            sandbox,
            {"op": "replace", "path": f"/metadata/annotations/{annotation}", "value": '[{"HTTP":80}]'},
        ):
            done = destroying.result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert sandbox.stored("certificates") == sandbox.stored("warehouses") == []
    assert ANNOTATION not in sandbox.claims()


@pytest.mark.campaign
def test_destroy_names_who_holds_the_ca_when_the_wait_is_over(stack: Stack, sandbox: Sandbox) -> None:
    stack.set(awaitTimeoutSeconds=3)
    stack.up()
    sandbox.edit({"op": "remove", "path": HTTPS})
    said = " ".join(stack.fails("destroy").split())
    assert "is not deleted, because after 3 s ALB still has it on listener lsn-" in said
    assert "(443/HTTPS) of alb-" in said
    assert len(sandbox.stored("certificates")) == 1
    annotation = "alb.ingress.kubernetes.io/listen-ports".replace("/", "~1")
    with ingress(
        sandbox, {"op": "replace", "path": f"/metadata/annotations/{annotation}", "value": '[{"HTTP":80}]'}
    ):
        stack.destroy()


@pytest.mark.campaign
def test_destroy_refuses_at_once_while_an_albconfig_of_somebody_else_names_the_ca(
    stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    listener = {**sandbox.listeners()[443], "port": 8443, "caEnabled": False}
    document = {
        "apiVersion": "alibabacloud.com/v1",
        "kind": "AlbConfig",
        "metadata": {"name": "somebody"},
        "spec": {"config": {"edition": "Standard"}, "listeners": [listener]},
    }
    file = tmp_path / "somebody.json"
    file.write_text(json.dumps(document))
    sandbox.kubectl("create", "-f", file)
    try:
        since = len(sandbox.api_log())
        said = " ".join(stack.fails("destroy").split())
        assert "is not deleted, because it is still named by AlbConfig somebody, listener 8443/HTTPS" in said
        actions = [line["action"] for line in sandbox.api_log()[since:]]
        assert "DeletePCACert" not in actions
        assert len(sandbox.stored("certificates")) == 1
    finally:
        sandbox.kubectl("delete", "-f", file)
    stack.destroy()
    assert sandbox.stored("certificates") == sandbox.stored("warehouses") == []


@pytest.mark.campaign
def test_destroy_refuses_at_once_while_the_load_balancer_of_a_service_has_the_ca(
    stack: Stack, sandbox: Sandbox
) -> None:
    (certificate,) = (one["Identifier"] for one in sandbox.stored("certificates"))
    sandbox.kubectl("create", "service", "clusterip", "mq", "--tcp=8883")
    try:
        key = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cacert-id"
        sandbox.kubectl("annotate", "service", "mq", f"{key}={certificate}")
        said = " ".join(stack.fails("destroy").split())
        assert (
            "is not deleted, because the CLB or NLB of Service default/mq has it: give it another one in the"
            " annotation" in said
        )
        assert [one["Identifier"] for one in sandbox.stored("certificates")] == [certificate]
    finally:
        sandbox.kubectl("delete", "service", "mq")
    stack.destroy()
    assert sandbox.stored("certificates") == []


def left(first: dict[str, Any], sandbox: Sandbox) -> None:
    assert sandbox.listeners() == {item["port"]: item for item in first["spec"]["listeners"]}
    assert ANNOTATION not in sandbox.claims()


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([OFF], id="switched off by hand"),
        pytest.param(
            [{"op": "remove", "path": f"/metadata/annotations/{POINTER}"}],
            id="annotation pruned",
            marks=pytest.mark.campaign,
        ),
        pytest.param(  # a listener that asks for certificates of no CA is nobody's wish
            [{"op": "remove", "path": f"{HTTPS}/caCertificates"}],
            id="CA taken away by hand",
            marks=pytest.mark.campaign,
        ),
    ],
)
def test_destroy_restores_what_is_still_ours(
    operations: list[Operation], first: dict[str, Any], stack: Stack, sandbox: Sandbox
) -> None:
    sandbox.edit(*operations)
    stack.destroy()
    left(first, sandbox)


@pytest.mark.campaign
def test_destroy_leaves_a_ca_of_somebody_else_and_takes_only_its_claim_away(
    first: dict[str, Any], stack: Stack, sandbox: Sandbox, program: Path
) -> None:
    somebody = Stack("drift-somebody", program, sandbox)
    somebody.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}}, listeners={})
    try:
        somebody.up()
        theirs = json.loads(succeed(somebody.pulumi("stack", "output", "--json")))["caCertificateId"]
        sandbox.edit({**CA, "value": [{"CertificateId": theirs}]})
        output = stack.destroy()
        assert (
            f"is left as it is (caEnabled true, {theirs}), because somebody has changed what this stack wrote"
            in output
        )
        assert sandbox.listeners()[443]["caCertificates"] == [{"CertificateId": theirs}]
        assert sandbox.listeners()[443]["caEnabled"] is True
        assert ANNOTATION not in sandbox.claims()
        assert stack.get()[0] in (0, 400)
    finally:
        sandbox.edit({"op": "add", "path": "/spec", "value": first["spec"]})
        somebody.remove()
