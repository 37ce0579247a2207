"""accountId and ackClusterId: whatever leads elsewhere stops every command before anything is
touched; a fetched kubeconfig leaves no trace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.sandbox.layout import ACCOUNT_ID, ACK_CLUSTER_ID, OTHER_ACCOUNT_ID
from dev.toolchain import engine
from dev.toolchain.places import HERE
from dev.toolchain.versions import load
from tests.integration.engine import STS, Sandbox, Stack, succeed
from tests.integration.test_wrong_place import OTHER_ACCOUNT, sentence, world

pytestmark = pytest.mark.campaign

LOOKS = frozenset({"get", "list", "watch"})
MINE = "c0ffee0c0ffee0c0ffee0c0ffee0c0ffe"
"""A cluster that another team has."""

ACCOUNTS = (
    f"belong to the account {OTHER_ACCOUNT_ID}, and the key accountId wants {ACCOUNT_ID}: use credentials of"
    " that account"
)


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of which nothing is deployed, with cluster and credentials named by the environment
    alone.
    """
    made = Stack("right-place", program, sandbox)
    del made.config["kubernetes:kubeconfig"]
    made.env = {"KUBECONFIG": str(tmp_path_factory.mktemp("kubeconfig") / "config")}
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}})
    yield made
    made.remove()


def guard(stack: Stack, account: str | None = None, cluster: str | None = None) -> None:
    """Set the two keys, or remove them."""
    for key, value in (("accountId", account), ("ackClusterId", cluster)):
        stack.config.pop(f"alb-mutual-tls:{key}", None)
        if value is not None:
            stack.set(**{key: value})


def state(stack: Stack) -> dict[str, Any]:
    return stack.kept() if stack.export()["deployment"].get("resources") else {}


def stopped(stack: Stack, told: str, *commands: tuple[str, ...]) -> None:
    """Each command fails with the sentence; nothing is touched, and nobody was asked for more than
    who and where it is.
    """
    sandbox = stack.sandbox
    before, cloud = state(stack), world(sandbox)
    for command in commands:
        calls, requests = len(sandbox.api_log()), len(sandbox.audit_log())
        options = () if command[0] == "preview" else ("--yes", "--skip-preview")
        done = stack.pulumi(*command, *options, "--suppress-progress")
        shown = sentence(done.stdout + done.stderr)
        assert done.returncode != 0, (command, shown)
        assert told in shown, (command, shown)
        assert not re.search("Traceback|internal error|rpc error", shown)
        after = state(stack)
        made = {urn.split("::")[2] for urn in after.keys() - before.keys()}
        assert made <= {
            "pulumi:pulumi:Stack",
            "pulumi:providers:alicloud",
        }, command  # entries of the engine's, of no resource
        assert {urn: after.get(urn) for urn in before} == before, command
        before = after
        assert world(sandbox) == cloud, command
        assert {call["action"] for call in sandbox.api_log()[calls:]} <= {"GetCallerIdentity"}, command
        asked = [
            event
            for event in sandbox.audit_log()[requests:]
            if event["userAgent"].startswith("alb-mutual-tls")
        ]
        assert {event["verb"] for event in asked} <= LOOKS, command
        assert not [event for event in asked if "albconfigs" in event["requestURI"]], command


@contextmanager
def another_cluster(sandbox: Sandbox) -> Iterator[None]:
    """The cluster says that it is another one.

    (tests/integration/test_wrong_place.py has a real second one.)
    """
    patch = ("patch", "configmap", "ack-cluster-profile", "-n", "kube-system", "--type=merge", "-p")
    sandbox.kubectl(*patch, json.dumps({"data": {"clusterid": MINE}}))
    try:
        yield
    finally:
        sandbox.kubectl(*patch, json.dumps({"data": {"clusterid": ACK_CLUSTER_ID}}))


@contextmanager
def watched(sandbox: Sandbox) -> Iterator[Path]:
    """A file that has a line for every start of the plugin alicloud."""
    (directory,) = (Path(sandbox.env["PULUMI_HOME"]) / "plugins").glob("resource-alicloud-v*[0-9]")
    plugin, real, starts = directory / "pulumi-resource-alicloud", directory / "real", directory / "starts"
    plugin.rename(real)
    plugin.write_text(f'#!/bin/sh\necho started >> "{starts}"\nexec "{real}" "$@"\n')
    plugin.chmod(0o755)
    try:
        yield starts
    finally:
        real.replace(plugin)
        starts.unlink(missing_ok=True)


def test_a_pipeline_with_nothing_but_credentials_gets_to_the_cluster_and_the_state_has_nothing_of_it(
    stack: Stack,
) -> None:
    file = Path(stack.env["KUBECONFIG"])
    del stack.env["KUBECONFIG"]
    guard(stack, cluster=ACK_CLUSTER_ID)
    stack.command()  # writes the stack's file
    printed = stack.mtls("kubeconfig", "--output", str(file), "--minutes", "30")
    assert printed.splitlines()[1] == f"export KUBECONFIG={file}"
    stack.env["KUBECONFIG"] = str(file)
    secrets = yaml.safe_load(file.read_text())["users"][0]["user"]
    with watched(stack.sandbox) as starts:
        guard(stack)
        stack.up()
        stack.unchanged()
        assert not starts.exists(), "a stack without accountId has nothing to do with the plugin alicloud"
        exported = json.dumps(stack.export())
        assert "pulumi:providers:alicloud" not in exported
        assert not [value for value in (*secrets.values(), str(file)) if value in exported]
        guard(stack, ACCOUNT_ID, ACK_CLUSTER_ID)
        stack.up()
        stack.unchanged()
        assert starts.exists()
    exported = json.dumps(stack.export())
    assert not [value for value in (*secrets.values(), str(file)) if value in exported]


def test_credentials_of_another_account_stop_every_command(stack: Stack) -> None:
    right = dict(stack.env)
    stack.env |= OTHER_ACCOUNT
    stopped(
        stack, ACCOUNTS, ("preview",), ("refresh",), ("up",), ("destroy",), ("destroy", "--refresh=false")
    )
    stack.env = right


def test_a_kubeconfig_of_another_cluster_stops_every_command(stack: Stack) -> None:
    with another_cluster(stack.sandbox):
        told = (
            f"the kubeconfig leads to the ACK cluster {MINE}, and the key ackClusterId wants {ACK_CLUSTER_ID}"
        )
        stopped(stack, told, ("preview",), ("refresh",), ("up",), ("destroy",))


def test_keys_that_are_changed_to_another_place_stop_every_command_that_runs_the_program(
    stack: Stack,
) -> None:
    guard(stack, "1111111111111111", ACK_CLUSTER_ID)
    told = f"belong to the account {ACCOUNT_ID}, and the key accountId wants 1111111111111111"
    for command in (("preview",), ("up",), ("destroy", "--run-program")):
        before, cloud = stack.kept(), world(stack.sandbox)
        done = stack.pulumi(*command, *(() if command[0] == "preview" else ("--yes", "--skip-preview")))
        assert done.returncode != 0
        assert told in sentence(done.stdout + done.stderr)
        assert (stack.kept(), world(stack.sandbox)) == (before, cloud)
    guard(stack, ACCOUNT_ID, ACK_CLUSTER_ID)


def test_in_an_outage_of_sts_nobody_is_kept_from_switching_off(stack: Stack) -> None:
    stack.set(caEnabled=False)
    with stack.sandbox.failing(STS):
        shown = sentence(succeed(stack.carry_out("up")))
    assert "the program could not compare accountId (" in shown
    assert stack.get()[0] == 200
    stack.set(caEnabled=True)
    stack.up()
    stack.unchanged()


def test_a_first_deployment_in_the_wrong_place_makes_nothing(stack: Stack) -> None:
    stack.destroy()
    right = dict(stack.env)
    guard(stack, cluster=ACK_CLUSTER_ID)
    with another_cluster(stack.sandbox):
        stopped(
            stack,
            f"leads to the ACK cluster {MINE}, and the key ackClusterId wants {ACK_CLUSTER_ID}",
            ("preview",),
            ("up",),
        )
    guard(stack, ACCOUNT_ID)
    stack.env |= OTHER_ACCOUNT
    # The official plugin signs in a way that the sandbox does not take: then the program warns, and
    # the provider says it.
    official = engine.has_official_plugin(HERE, "alicloud", engine.plugin_versions(HERE, load())["alicloud"])
    says = ACCOUNTS if official else f"alicloud:get_account says that the credentials {ACCOUNTS}"
    stopped(stack, says, ("preview",), ("up",))
    # get_account believes it, the provider does not
    stack.env["ALIBABA_CLOUD_ACCOUNT_ID"] = ACCOUNT_ID
    stopped(
        stack,
        "the credentials (sand****-key from the environment variable ALIBABA_CLOUD_ACCESS_KEY_ID)"
        f" {ACCOUNTS}",
        ("up",),
    )
    stack.env = right
