"""`pulumi up` and `pulumi destroy` on a cloud that fails on demand, as `python -m dev.sandbox
fault` makes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine import Sandbox, Stack, succeed

pytestmark = pytest.mark.campaign

MADE = ("CreateWarehouse", "UploadPCACert")
REMOVED = ("DeletePCACert", "DeleteWarehouse")


@pytest.fixture(autouse=True)
def cleared(sandbox: Sandbox) -> Iterator[None]:
    """Each test ends without a fault."""
    yield
    succeed(sandbox("fault", "none"))


def results(sandbox: Sandbox, since: int, action: str) -> list[str]:
    return [line["result"] for line in sandbox.api_log()[since:] if line["action"] == action]


def fault(sandbox: Sandbox, *arguments: str) -> None:
    succeed(sandbox("fault", *arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ("timeout-after", "--seconds", "0.5"),
        ("throttle", "--times", "3"),
        ("5xx", "--times", "2"),
        ("reset",),
    ],
    ids=["lost-response", "throttle", "5xx", "reset"],
)
def test_up_and_destroy_survive_a_fault_of_every_write(
    sandbox: Sandbox, program: Path, arguments: tuple[str, ...]
) -> None:
    first = sandbox.albconfig()["spec"]
    stack = Stack(f"faults-{arguments[0]}", program, sandbox)
    since = len(sandbox.api_log())
    for action in MADE + REMOVED:
        fault(sandbox, "api", action, *arguments)
    stack.up()
    (upload,) = sandbox.stored("certificates")
    assert len(sandbox.stored("warehouses")) == 1
    (shown,) = [item for item in sandbox.albconfig()["spec"]["listeners"] if item["port"] == 443]
    assert shown["caCertificates"] == [{"CertificateId": upload["Identifier"]}]
    assert stack.get()[0] in (0, 400)
    stack.remove()
    assert sandbox.stored("certificates") == sandbox.stored("warehouses") == []
    assert sandbox.albconfig()["spec"] == first
    for action in MADE + REMOVED:
        met = results(sandbox, since, action)
        assert f"(fault {arguments[0]})" in met[0], met
        assert sum(result.startswith("OK") for result in met) == 1, met
    assert "fault of" not in sandbox("status").stdout


def test_up_and_destroy_survive_lists_that_lag_behind_and_answers_that_get_lost(
    sandbox: Sandbox, program: Path
) -> None:
    stack = Stack("faults-slow", program, sandbox)
    for action in ("ListCertWarehouse", "ListCert"):
        fault(sandbox, "api", action, "slow", "--times", "2")
    fault(sandbox, "api", "UploadPCACert", "timeout-after", "--seconds", "0.5")
    assert "fault of api ListCert: slow for 2 lists" in sandbox("status").stdout
    stack.up()
    assert len(sandbox.stored("certificates")) == len(sandbox.stored("warehouses")) == 1
    stack.remove()
    assert sandbox.stored("certificates") == sandbox.stored("warehouses") == []


def test_a_stale_controller_leaves_the_resource_in_the_state_and_the_next_up_confirms(
    sandbox: Sandbox, program: Path
) -> None:
    stack = Stack("faults-stale", program, sandbox)
    stack.set(awaitTimeoutSeconds=2)
    fault(sandbox, "controller", "stale")
    done = stack.pulumi("up", "--yes", "--skip-preview", "--suppress-progress")
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, shown
    assert "Traceback" not in shown
    assert "ALB did not confirm within 2 s" in shown
    assert "load balancer alb-" in shown
    kinds = [resource["type"] for resource in stack.export()["deployment"]["resources"]]
    assert "albmtls:index:ListenerClientAuthentication" in kinds
    assert stack.get() == (200, "old")
    fault(sandbox, "controller", "none")
    stack.up()
    assert stack.get()[0] in (0, 400)
    assert stack.preview("--expect-no-changes").returncode == 0
    stack.remove()
    assert stack.get() == (200, "old")


def test_up_survives_a_restart_of_kube_apiserver(sandbox: Sandbox, program: Path) -> None:
    stack = Stack("faults-restart", program, sandbox)
    stack.up()
    fault(sandbox, "apiserver", "restart")
    stack.set(caEnabled=False)
    stack.up()
    assert stack.get() == (200, "old")
    stack.remove()
