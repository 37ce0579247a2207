"""The RAM policies of docs/permissions: each action in them is one that the source calls, and
without it the refusal says its name.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from alb_mutual_tls.alibaba.answers import ALB, CAS, PRIVATE_CA, STS
from dev.sandbox.cloud import OpenApiServer
from dev.sandbox.cloud.actions import VERSIONS
from dev.sandbox.cloud.model import Balancer, Listener
from dev.sandbox.cloud.seeds import PRIVATE_CA_ID

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Gateway, Plugin

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs/permissions"
REPOSITORY = "albmtls:index:CertificateRepository"
CA = "albmtls:index:CaCertificate"
EXISTING = "albmtls:index:ExistingCaCertificate"
INPUTS = {"name": "alb-mutual-tls-0a1b2c3d", "configured": False}
PRODUCTS = {
    action: product for product in (CAS, PRIVATE_CA, ALB, STS) for action in VERSIONS[product.version]
}
CALLS = frozenset({"read", "write", "_pages"})
"""Methods whose first argument is an action."""


def allowed(policy: str) -> set[str]:
    """The actions of `ram-<policy>.json`."""
    document = json.loads((FOLDER / f"ram-{policy}.json").read_text())
    assert document["Version"] == "1"
    assert all(statement["Effect"] == "Allow" for statement in document["Statement"])
    return {action for statement in document["Statement"] for action in statement["Action"]}


def called() -> set[str]:
    """The API actions that stand in the source as the first argument of a call."""
    calls = (
        node
        for module in (ROOT / "alb_mutual_tls").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CALLS
        and node.args
    )
    names = (call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant))
    return {name for name in names if isinstance(name, str) and name[:1].isupper()}


def test_the_policies_allow_what_the_source_calls_and_nothing_else() -> None:
    found = {
        f"{PRODUCTS[name].ram}:{name}" for name in called() if name in PRODUCTS and PRODUCTS[name] is not STS
    }
    assert allowed("deploy") == found
    assert allowed("preview") == {
        action for action in found if action.split(":")[1].startswith(("Describe", "Get", "List"))
    }
    assert allowed("kubeconfig") == {"cs:DescribeClusterUserKubeconfig"}
    assert called() - set(PRODUCTS) <= {
        "AssumeRoleWithOIDC",
        "DescribeClusterUserKubeconfig",
    }  # the sandbox's STS does not have the former


def test_ram_can_restrict_alb_to_load_balancers_and_cas_to_nothing() -> None:
    for policy in ("deploy", "preview"):
        cas, alb = json.loads((FOLDER / f"ram-{policy}.json").read_text())["Statement"]
        assert (cas["Resource"], alb["Resource"]) == ("*", "acs:alb:*:*:loadbalancer/*")


def test_each_role_lets_one_environment_of_one_repository_in() -> None:
    subjects = {}
    for role in ("deploy", "preview"):
        (statement,) = json.loads((FOLDER / f"ram-trust-{role}.json").read_text())["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        conditions = statement["Condition"][
            "StringEquals"
        ]  # no wildcard: it would let any branch, or any repository, in
        assert set(conditions) == {"oidc:iss", "oidc:aud", "oidc:sub"}
        subjects[role] = conditions["oidc:sub"]
    assert subjects == {
        role: f"repo:OWNER/REPOSITORY:environment:{name}"
        for role, name in (("deploy", "prod"), ("preview", "prod-preview"))
    }


# --- one action less


def live(plugin: Plugin, server: OpenApiServer, pem: str) -> None:
    """Every call that the handlers make of CAS and ALB, once."""
    instance, repository = plugin.create(REPOSITORY, INPUTS)
    inputs: dict[str, Any] = {
        "warehouseId": repository["warehouseId"],
        "name": "root",
        "certificatePem": pem,
        "generated": True,
    }
    identifier, certificate = plugin.create(CA, inputs)
    plugin.read(CA, identifier, certificate, inputs)
    server.repositories.hold_private_ca(PRIVATE_CA_ID, pem)
    plugin.create(EXISTING, {"caCertificateId": PRIVATE_CA_ID})
    listener = Listener(
        443, "HTTPS", ca_enabled=True, ca_certificate_id="of somebody else", certificate_ids=("1",)
    )
    server.balancers.take(
        [Balancer(albconfig="alb", uid="uid-of-alb", index=0, address="127.0.0.1", listeners=(listener,))]
    )
    plugin.delete(CA, identifier, certificate, inputs)
    plugin.delete(REPOSITORY, instance, repository, INPUTS)


@pytest.mark.parametrize("action", sorted(allowed("deploy")))
def test_an_action_less_is_missed_by_name_in_one_sentence(
    action: str, plugin: Plugin, server: OpenApiServer, gateway: Gateway, authorities: list[str]
) -> None:
    name = action.split(":")[1]
    gateway.fault(name, *["forbidden"] * 9)
    try:
        live(plugin, server, authorities[0])
        (said,) = plugin.engine.warnings()
    except grpc.RpcError as error:
        said = str(error.details())
    assert f"is not permitted to call {name} of " in said
    assert f"grant the RAM action {action} (policy in docs/permissions.md)" in said
    assert "\n" not in said
    print(f"| {action} | {said} |")
