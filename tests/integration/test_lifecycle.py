"""One stack through its life: up, nothing to do, off and on, a renamed key, the wrong cluster,
destroy; with handshakes at each step.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import LISTENER_BASE, PORT_BASE, Sandbox, Stack, run, succeed
from tests.integration.probing import Prober

ANNOTATION = "albmtls/443-https"


@pytest.fixture(scope="module")
def first(sandbox: Sandbox) -> dict[str, Any]:
    """The AlbConfig before any of it."""
    return sandbox.albconfig()


@pytest.fixture(scope="module")
def asked_before(sandbox: Sandbox) -> int:
    """How many requests the sandbox's API had answered before any of it: other modules' tests share
    it.
    """
    return len(sandbox.api_log())


@pytest.fixture(scope="module")
def stack(first: dict[str, Any], asked_before: int, sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack that is up: authentication on, one client named `client`."""
    made = Stack("lifecycle", program, sandbox)
    made.up()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def client(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The exported certificate and key of the client."""
    directory = tmp_path_factory.mktemp("client")
    command = (
        "clients",
        "export",
        "client",
        "--format",
        "pem",
        "--output",
        str(directory),
        "--stack",
        stack.name,
    )
    succeed(
        run(
            stack.directory / "mtls",
            *command,
            "--cwd",
            str(stack.directory),
            env=stack.sandbox.env,
            cwd=stack.directory,
        )
    )
    return directory / "client.crt", directory / "client.key"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A client certificate of another CA, made with openssl as the documentation's reader would."""
    directory = tmp_path_factory.mktemp("foreign")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ca = (
        "openssl",
        "req",
        "-x509",
        *key,
        "-subj",
        "/CN=other root",
        "-days",
        "2",
        "-keyout",
        directory / "ca.key",
        "-out",
        directory / "ca.crt",
    )
    succeed(run(*ca))
    succeed(
        run(
            "openssl",
            "req",
            *key,
            "-subj",
            "/CN=client",
            "-keyout",
            directory / "client.key",
            "-out",
            directory / "client.csr",
        )
    )
    signing = ("-CA", directory / "ca.crt", "-CAkey", directory / "ca.key", "-CAcreateserial", "-days", "2")
    succeed(
        run(
            "openssl",
            "x509",
            "-req",
            "-in",
            directory / "client.csr",
            *signing,
            "-out",
            directory / "client.crt",
        )
    )
    return directory / "client.crt", directory / "client.key"


def listener(document: dict[str, Any], port: int = 443) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in document["spec"]["listeners"] if item["port"] == port)
    return found


def without_ours(document: dict[str, Any]) -> dict[str, Any]:
    """The AlbConfig's spec and metadata without what we may change and what the API server
    counts.
    """
    spec = json.loads(json.dumps(document["spec"]))
    for item in spec["listeners"]:
        if item["port"] == 443:
            item.pop("caEnabled", None)
            item.pop("caCertificates", None)
    metadata = {
        key: value
        for key, value in document["metadata"].items()
        if key not in ("resourceVersion", "generation", "managedFields")
    }
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key != ANNOTATION}
    return {"spec": spec, "metadata": metadata, "annotations": annotations}


def test_up_lets_the_issued_client_in_and_nobody_else(
    stack: Stack, client: tuple[Path, Path], foreign: tuple[Path, Path]
) -> None:
    assert stack.get(client) == (200, "old")
    for credential in (None, foreign):
        status, body = stack.get(credential)
        assert status in (0, 400)
        assert "old" not in body.split()


def test_the_whole_matrix_holds_also_with_the_authoritys_key(stack: Stack) -> None:
    done = stack.verify("--with-authority-key")
    assert done.returncode == 0, done.stdout + done.stderr


def test_up_changed_two_keys_of_one_listener_and_one_annotation_and_nothing_else(
    first: dict[str, Any], stack: Stack
) -> None:
    now = stack.sandbox.albconfig()
    assert without_ours(now) == without_ours(first)
    assert list(listener(now)) == sorted(
        listener(now)
    )  # the API server sorts keys; ours stand once and in the documentation's spelling
    assert listener(now)["caEnabled"] is True
    assert listener(now)["caCertificates"] == [
        {"CertificateId": json.loads(succeed(stack.pulumi("stack", "output", "--json")))["caCertificateId"]}
    ]
    assert ANNOTATION in now["metadata"]["annotations"]


def test_the_preview_after_up_is_empty(stack: Stack) -> None:
    done = stack.preview("--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_up_writes_nothing(stack: Stack) -> None:
    before = stack.sandbox.albconfig()["metadata"]["resourceVersion"]
    stack.up()
    assert stack.sandbox.albconfig()["metadata"]["resourceVersion"] == before


def test_the_preview_of_the_toggle_shows_ca_enabled_on_the_listener_and_nothing_else(stack: Stack) -> None:
    stack.set(caEnabled=False)
    shown = succeed(stack.preview())
    stack.set(caEnabled=True)
    changed = [" ".join(line.split()) for line in shown.splitlines() if re.match(r"\s*[~+-] ", line)]
    assert changed == [
        "~ pulumi:pulumi:Stack: (refresh)",
        "~ albmtls:index:ListenerClientAuthentication: (update)",
        "~ caEnabled: true => false",
        # the stack's output that says the same
        "~ listeners : {",
        "~ https: {",
        "~ caEnabled : true => false",
        "~ 1 to update",
    ], shown


def test_off_lets_everybody_in_and_keeps_the_ca_certificates_and_on_shuts_the_door_again(
    stack: Stack, client: tuple[Path, Path], foreign: tuple[Path, Path]
) -> None:
    certificates = listener(stack.sandbox.albconfig())["caCertificates"]
    stack.set(caEnabled=False)
    stack.up()
    assert listener(stack.sandbox.albconfig())["caEnabled"] is False
    assert listener(stack.sandbox.albconfig())["caCertificates"] == certificates
    for somebody in (None, client, foreign):
        assert stack.get(somebody) == (200, "old")
    assert stack.verify().returncode == 0
    stack.set(caEnabled=True)
    stack.up()
    assert stack.get(client) == (200, "old")
    assert stack.get()[0] in (0, 400)
    assert stack.verify().returncode == 0


def test_a_renamed_listener_key_changes_nothing_and_never_lets_anybody_in(stack: Stack) -> None:
    before = stack.sandbox.albconfig()["metadata"]["resourceVersion"]
    with Prober(stack.sandbox) as prober:
        stack.set(listeners={"public": stack.listener("alb", 443)})
        stack.up()
        stack.set(listeners={"https": stack.listener("alb", 443)})
        stack.up()
    assert prober.tries > 20
    assert prober.let_in == []
    assert stack.sandbox.albconfig()["metadata"]["resourceVersion"] == before


def test_neither_state_nor_logs_hold_a_private_key_in_plain_text(
    stack: Stack, client: tuple[Path, Path]
) -> None:
    exported = json.dumps(stack.export())
    body = "".join(client[1].read_text().splitlines()[1:-1])
    logs = [path for path in (stack.sandbox.directory / "logs").rglob("*") if path.is_file()]
    assert logs
    for name, text in [
        ("state", exported),
        *((path.name, path.read_text(errors="replace")) for path in logs),
    ]:
        assert "PRIVATE KEY" not in text, name
        assert body[:64] not in text.replace("\\n", ""), name
    assert not any("PrivateKey" in line["parameters"] for line in stack.sandbox.api_log())


def test_another_cluster_is_an_error_that_names_both_and_leaves_the_state_alone(
    stack: Stack, tmp_path: Path
) -> None:
    other = Sandbox.start(tmp_path / "other", PORT_BASE + 1000, LISTENER_BASE + 2000)
    try:
        kubeconfig = stack.config["kubernetes:kubeconfig"]
        uids = [
            each.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
            for each in (stack.sandbox, other)
        ]
        state, elsewhere = stack.kept(), other.albconfig()
        stack.config["kubernetes:kubeconfig"] = str(other.directory / "kubeconfig")
        shown = stack.refused()
        stack.config["kubernetes:kubeconfig"] = kubeconfig
        for uid in uids:
            assert uid in shown
        assert other.albconfig() == elsewhere
        assert stack.kept() == state
        assert stack.get()[0] in (0, 400)
        stack.up()
        assert stack.preview("--expect-no-changes").returncode == 0
    finally:
        succeed(other("stop"))


def test_destroy_puts_the_alb_config_back_and_removes_the_ca(
    first: dict[str, Any], asked_before: int, stack: Stack
) -> None:
    stack.destroy()
    now = stack.sandbox.albconfig()
    assert now["spec"] == first["spec"]
    assert without_ours(now) == without_ours(first)
    assert ANNOTATION not in now["metadata"].get("annotations", {})
    actions = [line["action"] for line in stack.sandbox.api_log()[asked_before:] if line["result"] == "OK"]
    assert actions.count("UploadPCACert") == actions.count("DeletePCACert") == 1
    assert actions.count("CreateWarehouse") == actions.count("DeleteWarehouse") == 1
    assert stack.get() == (200, "old")
