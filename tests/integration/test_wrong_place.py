"""up, refresh and destroy in another cluster or account, or with nobody to ask: a sentence that
names the places, and nothing is changed or lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox.layout import OTHER_ACCOUNT_ACCESS_KEY_ID
from tests.integration.engine import CAS, LISTENER_BASE, PORT_BASE, STS, Sandbox, Stack, succeed

pytestmark = pytest.mark.campaign

SECRET = "$kubernetes:core/v1:Secret::"
COMMANDS = ("refresh", "up", "destroy")
OTHER_ACCOUNT = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": OTHER_ACCOUNT_ACCESS_KEY_ID,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": f"{OTHER_ACCOUNT_ACCESS_KEY_ID}-secret",
}


@pytest.fixture(scope="module")
def kubeconfig(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that KUBECONFIG names, whose content a `kubectl config` or a cloud's command line
    replaces.
    """
    file = tmp_path_factory.mktemp("kubeconfig") / "config"
    file.touch(0o600)
    file.write_text((sandbox.directory / "kubeconfig").read_text())
    return file


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path, kubeconfig: Path) -> Iterator[Stack]:
    """A stack that is up, with its cluster and its credentials named by the environment alone."""
    made = Stack("wrong-place", program, sandbox)
    del made.config["kubernetes:kubeconfig"]
    made.env = {"KUBECONFIG": str(kubeconfig)}
    sandbox.kubectl("create", "namespace", "place")
    clients = {"client": {"secret": {"namespace": "place", "name": "client-tls"}}}
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}}, clients=clients)
    made.up()
    yield made
    made.remove()


def world(sandbox: Sandbox) -> Any:
    """Everything that a stack may change."""
    secrets = json.loads(sandbox.kubectl("get", "secrets", "--all-namespaces", "-o", "json"))["items"]
    return sandbox.albconfig(), sandbox.stored("warehouses"), sandbox.stored("certificates"), secrets


def sentence(shown: str) -> str:
    """The output in one line."""
    return " ".join(shown.split())


def refused_everywhere(stack: Stack, *named: str) -> None:
    """refresh, up and destroy each fail with a sentence that names the places, and leave state and
    cloud as they were.
    """
    state, before = stack.kept(), world(stack.sandbox)
    for command in COMMANDS:
        shown = sentence(stack.fails(command))
        assert any(all(name in line for name in named) for line in re.split(r"error: |warning: ", shown)), (
            command,
            shown,
        )
        kept = stack.kept()
        # Kubernetes' own provider takes the Secret for gone in another cluster: the next up finds
        # it
        assert {
            **kept,
            **{urn: state[urn] for urn in state.keys() - kept.keys() if SECRET in urn},
        } == state, command
        assert world(stack.sandbox) == before, command
    assert stack.get()[0] in (0, 400)


def goes_on(stack: Stack) -> None:
    """In the right place again, up works, and there is nothing left to do."""
    stack.up()
    stack.unchanged()
    assert any(SECRET in urn for urn in stack.kept())


def delivers_nothing(stack: Stack) -> None:
    """Without a look at what is there no private key gets into another cluster: the Secrets wait
    for the cluster to be compared.
    """
    right = dict(stack.config)
    stack.set(clients={"new": {"secret": {"namespace": "default", "name": "new"}}})
    done = stack.pulumi("up", "--yes", "--skip-preview", "--refresh=false")
    assert "what the stack has delivered into Secrets belongs to the cluster with the UID" in sentence(
        done.stdout + done.stderr
    )
    assert done.returncode != 0
    stack.config = right


def cluster(sandbox: Sandbox) -> str:
    return sandbox.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")


def test_another_cluster_is_refused_by_a_sentence_that_names_both(stack: Stack, tmp_path: Path) -> None:
    other = Sandbox.start(tmp_path / "other", PORT_BASE + 1000, LISTENER_BASE + 2000)
    right = dict(stack.env)
    try:
        elsewhere = world(other)
        stack.env["KUBECONFIG"] = str(other.directory / "kubeconfig")
        refused_everywhere(stack, cluster(stack.sandbox), cluster(other))
        delivers_nothing(stack)
        assert world(other) == elsewhere
    finally:
        stack.env = right
        succeed(other("stop"))
    before = world(stack.sandbox)
    goes_on(stack)
    assert [secret["metadata"]["uid"] for secret in world(stack.sandbox)[3]] == [
        secret["metadata"]["uid"] for secret in before[3]
    ]


def test_another_account_is_refused_by_a_sentence_that_names_both(stack: Stack) -> None:
    right = dict(stack.env)
    stack.env |= OTHER_ACCOUNT
    refused_everywhere(stack, "1234567890123456", "6543210987654321")
    stack.env = right
    goes_on(stack)


def test_an_unreachable_cluster_is_named(stack: Stack, kubeconfig: Path) -> None:
    right = kubeconfig.read_text()
    kubeconfig.write_text(right.replace(f":{stack.sandbox.port_base + 443}", ":9"))
    refused_everywhere(stack, "127.0.0.1:9")
    kubeconfig.write_text(right)
    goes_on(stack)


def test_an_unreachable_cas_and_sts_are_named_and_nothing_is_lost(stack: Stack) -> None:
    """refresh, an up that has nothing to do, and giving a listener back only warn: else nobody
    could switch it off in an outage.
    """
    sandbox = stack.sandbox
    endpoint = f"at 127.0.0.1:{sandbox.port_base + 80} did not answer"
    state, before = stack.kept(), world(sandbox)
    with sandbox.failing(CAS + STS):
        for command in ("refresh", "up"):
            shown = sentence(succeed(stack.carry_out(command)))
            assert endpoint in shown
            assert "what is known of it is kept" in shown
            assert stack.kept() == state, command
            assert world(sandbox) == before, command
        assert stack.get()[0] in (0, 400)
        assert endpoint in sentence(stack.fails("destroy"))
        left = stack.kept()
        assert left == {urn: state[urn] for urn in left}
        assert any("CaCertificate" in urn for urn in left)
        assert world(sandbox)[1:3] == before[1:3]
    goes_on(stack)
    assert sandbox.listeners() == {item["port"]: item for item in before[0]["spec"]["listeners"]}
    assert stack.get()[0] in (0, 400)
