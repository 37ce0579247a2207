"""Bad input on the real engine: one clear sentence in preview and in up, nothing changed, nothing
lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import Sandbox, Stack

Apply = Callable[[dict[str, Any]], None]


@pytest.fixture
def stack(sandbox: Sandbox, program: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    made = Stack(f"refusal-{abs(hash(request.node.name)) % 10**8}", program, sandbox)
    good = dict(made.config)
    before = sandbox.albconfig()
    yield made
    assert sandbox.albconfig()["spec"] == before["spec"]
    assert sandbox.albconfig()["metadata"].get("annotations") == before["metadata"].get("annotations")
    made.config, made.env = good, {}
    made.remove()


@pytest.fixture
def apply(sandbox: Sandbox, tmp_path: Path) -> Iterator[Apply]:
    """Creates AlbConfigs, and removes them afterwards."""
    names: list[str] = []

    def create(document: dict[str, Any]) -> None:
        path = tmp_path / f"{document['metadata']['name']}.json"
        path.write_text(json.dumps(document))
        sandbox.kubectl("apply", "-f", path)
        names.append(document["metadata"]["name"])

    yield create
    for name in names:
        sandbox.kubectl("delete", "albconfig", name, "--ignore-not-found")


def alb_config(name: str, *listeners: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {
        "apiVersion": "alibabacloud.com/v1",
        "kind": "AlbConfig",
        "metadata": {"name": name},
        "spec": {"config": {"name": name, "edition": "Standard", **config}, "listeners": list(listeners)},
    }


@pytest.mark.campaign
def test_an_unknown_albconfig_names_those_that_exist(stack: Stack) -> None:
    stack.set(listeners={"https": stack.listener("alb-typo", 443)})
    shown = stack.refused()
    assert "alb-typo" in shown
    assert "alb" in shown.replace("alb-typo", "").split("exist")[-1]


def test_an_unknown_port_names_those_that_exist(stack: Stack) -> None:
    stack.set(listeners={"https": stack.listener("alb", 8443)})
    shown = stack.refused()
    assert "8443" in shown
    assert "80/HTTP" in shown
    assert "443/HTTPS" in shown


@pytest.mark.campaign
def test_a_port_that_is_http_is_refused(stack: Stack) -> None:
    stack.set(listeners={"https": stack.listener("alb", 80)})
    shown = stack.refused()
    assert "80" in shown
    assert "HTTP" in shown


@pytest.mark.campaign
def test_quic_on_the_same_port_is_refused(stack: Stack, apply: Apply) -> None:
    certificates = [{"CertificateId": "1-cn-hangzhou", "IsDefault": True}]
    apply(
        alb_config(
            "quic",
            {"port": 443, "protocol": "HTTPS", "certificates": certificates},
            {"port": 443, "protocol": "QUIC", "certificates": certificates},
        )
    )
    stack.set(listeners={"https": stack.listener("quic", 443)}, awaitListener=False)
    assert "QUIC" in stack.refused()


@pytest.mark.campaign
def test_the_basic_edition_is_refused(stack: Stack, apply: Apply) -> None:
    apply(
        alb_config(
            "basic",
            {"port": 443, "protocol": "HTTPS", "certificates": [{"CertificateId": "1-cn-hangzhou"}]},
            edition="Basic",
        )
    )
    stack.set(listeners={"https": stack.listener("basic", 443)}, awaitListener=False)
    assert "Basic" in stack.refused()


def test_a_listener_that_another_stack_has_claimed_is_refused(
    stack: Stack, sandbox: Sandbox, program: Path
) -> None:
    owner = Stack("owner", program, sandbox)
    owner.up()
    try:
        shown = stack.refused()
        assert "takeOver" in shown
        assert "owner" in shown
        assert owner.preview("--expect-no-changes").returncode == 0
    finally:
        owner.remove()


@pytest.mark.campaign
def test_an_unreachable_cluster_is_named(stack: Stack, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    good = (stack.sandbox.directory / "kubeconfig").read_text()
    kubeconfig.write_text(good.replace(str(stack.sandbox.port_base + 443), "9"))
    kubeconfig.chmod(0o600)
    stack.config["kubernetes:kubeconfig"] = str(kubeconfig)
    assert "127.0.0.1:9" in stack.refused()


@pytest.mark.campaign
def test_a_context_that_does_not_exist_names_those_that_do(stack: Stack) -> None:
    stack.config["kubernetes:context"] = "production"
    shown = stack.refused()
    assert "production" in shown
    assert "alb-mutual-tls-sandbox" in shown


@pytest.mark.campaign
def test_a_kubeconfig_that_does_not_exist_is_named(stack: Stack) -> None:
    stack.config["kubernetes:kubeconfig"] = "no/such/kubeconfig"
    assert "no/such/kubeconfig" in stack.refused()


@pytest.mark.campaign
def test_an_unreachable_cas_is_named(stack: Stack) -> None:
    stack.config["alicloud:endpoints"] = [{"cas": "127.0.0.1:9", "alb": "127.0.0.1:9", "sts": "127.0.0.1:9"}]
    assert "127.0.0.1:9" in stack.refused()


def test_wrong_credentials_are_named_without_the_secret(stack: Stack) -> None:
    stack.env = {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-the-secret-of-this-key"}
    shown = stack.refused()
    assert "SignatureDoesNotMatch" in shown
    assert "not-the-secret-of-this-key" not in shown


def test_another_account_than_the_configured_one_is_refused(stack: Stack) -> None:
    stack.set(accountId="9999999999999999")
    shown = stack.refused()
    assert "9999999999999999" in shown
    assert "1234567890123456" in shown


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"caEnabled": "maybe"}, "caEnabled: 'maybe' is neither true nor false"),
        ({"caenabled": True}, "caenabled: unknown key"),
        ({"clients": {"web": {"days": 3}}}, "clients.web.days: unknown field"),
        ({"clients": {"web": {}, "WEB": {}}}, "only in case"),
    ],
)
def test_configuration_that_cannot_be_is_refused_before_anything_is_asked(
    stack: Stack, keys: dict[str, Any], sentence: str
) -> None:
    requests = len(stack.sandbox.api_log())
    stack.set(**keys)
    assert sentence in stack.refused()
    assert len(stack.sandbox.api_log()) == requests
