"""`clients.NAME.secret`: a certificate where it is used, from its delivery to its removal.

The stack's provider lives at the date of the test.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from tests.integration.documentation import documents
from tests.integration.engine import Sandbox, Stack, run, succeed
from tests.integration.time_travel import TimeTravel

PAGE = "clients.md"
CHAPTER = "In the cluster: a Secret that is renewed with the certificate"
NAMESPACE, NAME, CLIENT = "shop", "client-tls", "shop"
KEYS = {"tls.crt", "tls.key", "ca.crt"}


@dataclass
class Delivery:
    """The stack, its dates, and its Secret as the API server has it."""

    stack: Stack
    time: TimeTravel
    directory: Path

    def secrets(self) -> dict[str, dict[str, Any]]:
        """The Secrets of the namespace."""
        found = json.loads(self.stack.sandbox.kubectl("get", "secrets", "-n", NAMESPACE, "-o", "json"))
        return {item["metadata"]["name"]: item for item in found["items"]}

    def content(self) -> dict[str, bytes]:
        return {key: base64.b64decode(value) for key, value in self.secrets()[NAME]["data"].items()}

    def uid(self) -> str:
        return str(self.secrets()[NAME]["metadata"]["uid"])

    def mounted(self) -> Path:
        """The directory that a Pod would see."""
        shutil.rmtree(self.directory / "mounted", ignore_errors=True)
        (self.directory / "mounted").mkdir(mode=0o700)
        for key, value in self.content().items():
            (self.directory / "mounted" / key).write_bytes(value)
        return self.directory / "mounted"

    def write(self, *arguments: str) -> str:
        return self.stack.sandbox.kubectl("-n", NAMESPACE, *arguments)


@pytest.fixture(scope="module")
def delivery(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    """A stack that is up, with the clients of the documentation; its first day is as much ahead of
    today as certificates are backdated.
    """
    directory = tmp_path_factory.mktemp("secret")
    time = TimeTravel.begin(directory, datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=4))
    sandbox.namespace(NAMESPACE)
    stack = Stack("secret", time.program, sandbox)
    stack.config |= documents(PAGE)[CHAPTER][0]["config"]
    (time.program / "kubeconfig").symlink_to(stack.config["kubernetes:kubeconfig"])
    stack.config["kubernetes:kubeconfig"] = (
        "kubeconfig"  # both providers look for it in the project's directory
    )
    stack.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}})
    made = Delivery(stack, time, directory)
    try:
        stack.up()
        yield made
    finally:
        stack.remove()
    assert made.secrets() == {}


def test_the_secret_holds_what_an_export_holds_and_says_whose_it_is(delivery: Delivery) -> None:
    secret = delivery.secrets()[NAME]
    command = (
        "clients",
        "export",
        CLIENT,
        "--format",
        "kubernetes",
        "--output",
        str(delivery.directory / "export"),
    )
    delivery.stack.mtls(*command)
    (exported,) = (delivery.directory / "export").iterdir()
    document = yaml.safe_load(exported.read_text())
    assert (secret["type"], secret["data"]) == (document["type"], document["data"])
    assert secret["data"].keys() == KEYS
    identity = next(kept["id"] for urn, kept in delivery.stack.kept().items() if "StackIdentity" in urn)
    assert secret["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "alb-mutual-tls",
        "albmtls/identity": identity,
        "albmtls/client": CLIENT,
    }


@pytest.mark.campaign
def test_the_pod_of_the_documentation_is_accepted_and_what_it_mounts_lets_it_in(delivery: Delivery) -> None:
    pod = documents(PAGE)[CHAPTER][1]
    manifest = delivery.directory / "pod.yaml"
    manifest.write_text(yaml.safe_dump(pod))
    delivery.write("apply", "-f", str(manifest))
    delivery.write("delete", "-f", str(manifest), "--force", "--grace-period=0")
    (volume,), (container,) = pod["spec"]["volumes"], pod["spec"]["containers"]
    assert volume["secret"]["secretName"] == NAME
    (mount,) = container["volumeMounts"]
    arguments = [
        argument.replace(mount["mountPath"], str(delivery.mounted())) for argument in container["args"]
    ]
    sandbox = delivery.stack.sandbox
    there = [
        "--connect-to",
        f"demo.alb.ingress.top:443:127.0.0.1:{sandbox.listener_base + 443}",
        "--cacert",
        str(sandbox.server_ca),
        "-sS",
    ]
    assert succeed(run("curl", *arguments, *there)).strip() == "old"
    assert delivery.stack.get()[0] in (0, 400)


@pytest.mark.campaign
def test_ca_crt_is_what_the_clients_are_checked_by(delivery: Delivery) -> None:
    mounted = delivery.mounted()
    succeed(
        run(
            "openssl",
            "verify",
            "-purpose",
            "sslclient",
            "-x509_strict",
            "-CAfile",
            mounted / "ca.crt",
            mounted / "tls.crt",
        )
    )


@pytest.mark.campaign
def test_the_key_stands_nowhere_in_the_state_in_plain_text(delivery: Delivery) -> None:
    key = delivery.content()["tls.key"].decode()
    told = ["".join(key.split("\n")[1:2]), base64.b64encode(key.encode()).decode()[:60]]
    files = [file for file in delivery.stack.sandbox.layout.state.rglob("*secret*") if file.is_file()]
    assert any(file.name == "secret.json" for file in files)
    for file in files:
        assert not any(part in file.read_text(errors="replace") for part in told), file


def test_an_edited_secret_is_put_right_in_place_and_a_deleted_one_made_anew(delivery: Delivery) -> None:
    before, uid = delivery.content(), delivery.uid()
    delivery.write("patch", "secret", NAME, "--type=merge", "-p", '{"data": {"tls.crt": "Zm9yZ2Vk"}}')
    delivery.write(
        "patch",
        "secret",
        NAME,
        "--field-manager=console",
        "--type=merge",
        "-p",
        '{"data": {"tls.key": "Zm9yZ2Vk", "ca.crt": null}}',
    )
    delivery.write("label", "secret", NAME, "albmtls/client=somebody", "--overwrite")
    assert "1 updated" in delivery.stack.up()
    assert (delivery.content(), delivery.uid()) == (before, uid)
    assert delivery.secrets()[NAME]["metadata"]["labels"]["albmtls/client"] == CLIENT
    delivery.write("delete", "secret", NAME)
    assert "1 created" in delivery.stack.up()
    assert delivery.content() == before
    assert delivery.uid() != uid


def test_a_cluster_that_does_not_answer_is_our_refusal_in_the_preview_as_pulumi_kubernetes_shows_the_inputs(
    delivery: Delivery,
) -> None:
    config = delivery.time.program / "closed"
    config.touch(mode=0o600)
    document = yaml.safe_load((delivery.time.program / "kubeconfig").read_text())
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    config.write_text(yaml.safe_dump(document))
    delivery.stack.config["kubernetes:kubeconfig"] = "closed"
    try:
        shown = " ".join(delivery.stack.fails("preview").split())
    finally:
        delivery.stack.config["kubernetes:kubeconfig"] = "kubeconfig"
    assert "127.0.0.1:9" in shown
    assert "configured Kubernetes cluster is unreachable" not in shown
    delivery.stack.unchanged()


def test_a_kubeconfig_that_has_moved_replaces_nothing(delivery: Delivery) -> None:
    before, uid = delivery.content(), delivery.uid()
    for old, new in (("kubeconfig", "moved"), ("moved", "kubeconfig")):
        (delivery.time.program / old).rename(delivery.time.program / new)
        delivery.stack.config["kubernetes:kubeconfig"] = new
        # Else the refresh reads with the path that the state has.
        shown = succeed(delivery.stack.pulumi("up", "--yes", "--skip-preview", "--run-program"))
        assert "replaced" not in shown, shown
        assert (delivery.content(), delivery.uid()) == (before, uid)


@pytest.mark.campaign
def test_a_renewal_changes_the_same_secret(delivery: Delivery) -> None:
    before, uid = delivery.content(), delivery.uid()
    at = delivery.time.day(60)
    shown = json.loads(succeed(delivery.stack.pulumi("preview", "--json")))
    changed = {
        step["urn"].rsplit("::", 1)[-1]: step["op"]
        for step in shown["steps"]
        if step["op"] not in ("same", "refresh")
    }
    assert changed == {
        "alb-mutual-tls-issued": "update",
        f"alb-mutual-tls-secret-{NAMESPACE}/{NAME}": "update",
    }
    delivery.stack.up()
    after = delivery.content()
    assert delivery.uid() == uid
    assert (after["tls.key"], after["ca.crt"]) == (before["tls.key"], before["ca.crt"])
    assert x509.load_pem_x509_certificate(after["tls.crt"]).not_valid_after_utc == at + timedelta(days=90)
    delivery.time.day(0)


@pytest.mark.campaign
def test_another_client_in_the_same_secret_changes_it_in_place(delivery: Delivery) -> None:
    uid = delivery.uid()
    delivery.stack.set(clients={"other": {"secret": {"namespace": NAMESPACE, "name": NAME}}, CLIENT: {}})
    delivery.stack.up()
    assert delivery.uid() == uid
    assert (
        x509.load_pem_x509_certificate(delivery.content()["tls.crt"]).subject.rfc4514_string() == "CN=other"
    )


@pytest.mark.campaign
def test_without_secret_it_is_deleted_and_the_plugin_is_not_needed_any_more(delivery: Delivery) -> None:
    delivery.stack.set(clients={CLIENT: {}})
    delivery.stack.up()
    assert delivery.secrets() == {}
    assert not any("kubernetes" in urn for urn in delivery.stack.kept())
    home = delivery.directory / "pulumi-home"
    plugins = Path(delivery.stack.sandbox.env["PULUMI_HOME"]) / "plugins"
    shutil.copytree(
        plugins,
        home / "plugins",
        ignore=lambda _, names: [name for name in names if name.startswith("resource-kubernetes")],
    )
    delivery.stack.env["PULUMI_HOME"] = str(home)
    delivery.stack.unchanged()
    del delivery.stack.env["PULUMI_HOME"]


@pytest.mark.campaign
def test_somebody_elses_secret_is_refused_in_one_sentence_left_alone_and_no_obstacle_to_the_kill_switch(
    delivery: Delivery,
) -> None:
    delivery.write("create", "secret", "generic", NAME, "--from-literal=password=hunter2")
    theirs = delivery.secrets()[NAME]
    delivery.stack.set(caEnabled=False, clients={CLIENT: {"secret": {"namespace": NAMESPACE, "name": NAME}}})
    sentence = (
        f"Secret {NAMESPACE}/{NAME} is there already and was not made by this program: "
        "give clients.NAME.secret another name, or delete it if nobody needs it"
    )
    for command in ("preview", "up"):
        assert sentence in " ".join(delivery.stack.fails(command).split())
    assert delivery.secrets()[NAME] == theirs
    assert delivery.stack.get() == (200, "old")
    delivery.write("delete", "secret", NAME)
    delivery.stack.up()
    assert delivery.content().keys() == KEYS


@pytest.mark.campaign
def test_a_destroy_deletes_also_what_the_state_has_lost(delivery: Delivery) -> None:
    """As after a refresh in another cluster."""
    document = delivery.stack.export()
    resources = document["deployment"]["resources"]
    (lost,) = [one["urn"] for one in resources if one["type"] == "kubernetes:core/v1:Secret"]
    document["deployment"]["resources"] = [one for one in resources if one["urn"] != lost]
    assert not any(
        lost in one.get("dependencies", []) for one in document["deployment"]["resources"]
    )  # listeners are off
    file = delivery.directory / "lost.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document))
    succeed(delivery.stack.pulumi("stack", "import", "--file", str(file)))
    file.unlink()
    assert delivery.secrets().keys() == {NAME}
    delivery.stack.destroy()
    assert delivery.secrets() == {}
