"""The kill switch, with the default settings, of listeners whose authority has ended or is gone,
and whose clients' Secrets may not be read.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.console import console
from tests.integration.engine import Sandbox, Stack, succeed
from tests.integration.kill_switch import (
    QUICK,
    broken_glass,
    default_settings,
    deleted_uploads,
    is_open,
    off,
    on,
    remove,
)
from tests.integration.permissions import Users
from tests.integration.test_brought_authorities import authority
from tests.integration.time_travel import TimeTravel

pytestmark = pytest.mark.campaign

LIFE = 25
"""Seconds that are left to an authority that is to expire: enough to deploy it."""
NAMESPACE = "kill-switch"


@pytest.fixture(scope="module")
def first(sandbox: Sandbox) -> dict[str, Any]:
    """The AlbConfig's spec before any of it."""
    spec: dict[str, Any] = sandbox.albconfig()["spec"]
    return spec


# --- authorities that have ended, and that are not in CAS any more


def test_off_works_with_a_generated_authority_that_has_expired_which_time_never_replaces(
    first: dict[str, Any], sandbox: Sandbox, tmp_path: Path
) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1) + timedelta(seconds=LIFE)
    travel = TimeTravel.begin(tmp_path, began)
    stack = default_settings("expired", travel.program, sandbox)
    stack.set(authorities={"root": {**QUICK, "validityDays": 1}})
    stack.up()
    ended = time.monotonic() + LIFE
    client = stack.client(tmp_path / "client")
    while stack.get(client) == (200, "old"):  # until ALB finds that it has expired
        assert time.monotonic() < ended + LIFE
        time.sleep(0.5)
    assert stack.get(client)[0] in (0, 400)
    travel.day(1.1)
    stack.unchanged()
    before = sandbox.stored("certificates")
    off(stack)
    assert sandbox.stored("certificates") == before
    stack.unchanged()
    stack.set(caEnabled=True)
    assert "would ask for certificates of an authority that ended" in stack.refused()
    is_open(stack)
    stack.set(caEnabled=False)
    remove(stack)
    assert sandbox.albconfig()["spec"] == first


def test_a_state_of_an_earlier_version_goes_on_unchanged_also_when_its_authority_has_expired(
    first: dict[str, Any], sandbox: Sandbox, program: Path
) -> None:
    stack = default_settings("earlier", program, sandbox)
    stack.up()
    document = stack.export()
    resources = document["deployment"]["resources"]
    (made,) = [one for one in resources if one["type"] == "albmtls:index:AuthorityCertificate"]
    (key,) = [
        one
        for one in resources
        if one["type"] == "tls:index/privateKey:PrivateKey" and one["urn"].endswith("authority-root")
    ]
    earlier = _as_the_plugin_tls_has_it(made, key["provider"])
    text = json.dumps(document).replace(made["urn"], earlier["urn"])
    document = json.loads(text)
    document["deployment"]["resources"] = [
        earlier if one["urn"] == earlier["urn"] else one for one in document["deployment"]["resources"]
    ]
    file = stack.directory / "earlier.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document))
    succeed(stack.pulumi("stack", "import", "--file", str(file)))
    file.unlink()
    stack.unchanged()
    off(stack)
    assert not any("selfSignedCert" in urn for urn in stack.kept())
    stack.unchanged()
    remove(stack)
    assert sandbox.albconfig()["spec"] == first


def _as_the_plugin_tls_has_it(made: dict[str, Any], provider: str) -> dict[str, Any]:
    subject = {
        "commonName": made["inputs"]["subject"]["commonName"],
        "organization": made["inputs"]["subject"]["organizationName"],
    }
    inputs = {
        "privateKeyPem": made["inputs"]["privateKeyPem"],
        "allowedUses": ["cert_signing", "crl_signing"],
        "isCaCertificate": True,
        "setSubjectKeyId": True,
        "validityPeriodHours": made["inputs"]["validityDays"] * 24,
        "subject": subject,
    }
    ends = {
        "validityStartTime": "2016-11-29T00:00:00Z",
        "validityEndTime": "2026-11-29T00:00:00Z",
        "readyForRenewal": True,
    }
    outputs = {
        **inputs,
        **ends,
        "earlyRenewalHours": 0,
        "setAuthorityKeyId": False,
        "keyAlgorithm": "ECDSA",
        "certPem": made["outputs"]["certPem"],
    }
    kind = "tls:index/selfSignedCert:SelfSignedCert"
    outputs["id"] = made["id"]
    urn = made["urn"].replace("albmtls:index:AuthorityCertificate", kind)
    return {**made, "type": kind, "urn": urn, "provider": provider, "inputs": inputs, "outputs": outputs}


@pytest.mark.parametrize("existing", [False, True], ids=["uploaded by the stack", "named by its id"])
def test_off_works_with_a_brought_authority_that_has_expired_and_is_gone_from_cas(
    existing: bool, first: dict[str, Any], sandbox: Sandbox, program: Path, tmp_path: Path
) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LIFE)
    root = authority("Example Root", end=end)
    (tmp_path / "root.pem").write_text(root.pem)
    brought: dict[str, str] = {"certificate": str(tmp_path / "root.pem")}
    if existing:
        cas, _ = console(sandbox)
        brought = {
            "caCertificateId": cas.upload(cas.make_repository("somebody's").warehouse_id, "corp", root.pem)
        }
    stack = default_settings(f"brought-{existing}".lower(), program, sandbox, clients={})
    stack.set(authorities={"corp": brought})
    stack.up()
    while datetime.now(UTC) <= end:
        time.sleep(0.5)
    with deleted_uploads(stack):
        said = off(stack)
    assert (
        "there is no CA certificate" if existing else "is not uploaded, and the next pulumi up does it"
    ) in said
    stack.set(caEnabled=True)
    assert (
        "ended on" in (shown := stack.fails("up"))
        or "expired on" in shown
        or "there is no CA certificate" in shown
    )
    is_open(stack)
    stack.set(caEnabled=False)
    remove(stack)
    assert sandbox.albconfig()["spec"] == first


# --- Secrets


@pytest.fixture(scope="module")
def delivered(
    first: dict[str, Any], sandbox: Sandbox, program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, Users]]:
    """A stack that delivers a client into a Secret, and works as the deployer of
    docs/permissions.md.
    """
    sandbox.namespace(NAMESPACE)
    users = Users(sandbox, tmp_path_factory.mktemp("users") / "kubeconfig")
    shutil.copy(sandbox.directory / "kubeconfig", users.kubeconfig)
    made = default_settings(
        "secret-switch",
        program,
        sandbox,
        clients={"web": {"secret": {"namespace": NAMESPACE, "name": "web-tls"}}},
    )
    made.config["kubernetes:kubeconfig"] = str(users.kubeconfig)
    yield made, users
    remove(made)
    assert sandbox.albconfig()["spec"] == first


def test_off_works_without_a_refresh_where_a_secret_may_not_be_read_and_the_break_glass_in_any_case(
    delivered: tuple[Stack, Users],
) -> None:
    stack, users = delivered
    on(stack)
    users.create("deploy")
    users.act_as("deploy")
    stack.set(caEnabled=False)
    # the engine's refresh ends with what the plugin of Kubernetes says
    assert "secrets" in stack.fails("up")
    assert "was not looked at, what is known of it is kept" in off(stack, "--refresh=false")
    shutil.copy(stack.sandbox.directory / "kubeconfig", users.kubeconfig)
    on(stack)
    broken_glass(stack)
    is_open(stack)
    stack.set(caEnabled=False)
    stack.up()
