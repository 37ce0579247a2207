"""`ci/renew` with the real engine at simulated dates: it renews what is due and touches nothing
else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from tests.integration.engine import Sandbox, Stack, succeed
from tests.integration.pipeline import ci, listener
from tests.integration.time_travel import TimeTravel

pytestmark = pytest.mark.campaign

A: dict[str, Any] = {"secret": {"namespace": "default", "name": "renewal-a"}}
"""A client that is delivered into the cluster."""


def delivered(sandbox: Sandbox) -> datetime:
    """The end of the certificate in that Secret."""
    secret = json.loads(sandbox.kubectl("get", "secret", "renewal-a", "--namespace", "default", "-o", "json"))
    return x509.load_pem_x509_certificates(base64.b64decode(secret["data"]["tls.crt"]))[0].not_valid_after_utc


def switch_off_by_hand(sandbox: Sandbox) -> None:
    """What somebody does in an incident."""
    place = next(
        index for index, item in enumerate(sandbox.albconfig()["spec"]["listeners"]) if item["port"] == 443
    )
    sandbox.edit({"op": "replace", "path": f"/spec/listeners/{place}/caEnabled", "value": False})


@pytest.fixture(scope="module")
def renewal(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, TimeTravel]]:
    """A stack of day 0 with a client whose certificate is due on day 60, on a listener that
    somebody has switched off by hand.
    """
    time = TimeTravel.begin(
        tmp_path_factory.mktemp("renewal"), datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=4)
    )
    made = Stack("pipeline-renewal", time.program, sandbox)
    made.set(
        authorities={"root": {"keyAlgorithm": "ECDSA-P256", "validityDays": 400}},
        clients={"a": A, "b": {"validityDays": 365}},
    )
    try:
        made.up()
        switch_off_by_hand(sandbox)
        yield made, time
    finally:
        made.remove()


def ends(stack: Stack) -> dict[str, Any]:
    return {name: one["notAfter"] for name, one in stack.issued().items()}


def test_a_renewal_leaves_alone_what_is_switched_off_by_hand_and_what_is_not_deployed_yet(
    renewal: tuple[Stack, TimeTravel],
) -> None:
    stack, time = renewal
    before, deployed = ends(stack), dict(stack.config)
    time.day(60)
    stack.set(
        clients={"a": {**A, "validityDays": 20}, "b": {"validityDays": 365}, "c": {}}, awaitTimeoutSeconds=99
    )
    # an update that leaves everything out is no deployment of what is configured by now
    succeed(stack.pulumi("up", "--yes", "--skip-preview", "--suppress-progress", "--exclude", "**"))
    since = len(stack.sandbox.audit_log())
    code, summary = ci(stack, "renew")
    assert code == 0
    assert summary.startswith("**pipeline-renewal: 1 of 1 due certificate renewed**\n")
    assert f"until {before['a']}" not in summary.splitlines()[0] and before["a"] in summary
    assert "- update alb-mutual-tls-alb-443 (ListenerClientAuthentication): caEnabled" in summary
    assert "not deployed, and left so: alb-mutual-tls:awaitTimeoutSeconds, alb-mutual-tls:clients" in summary
    assert stack.sandbox.patches(since) == []
    assert listener(stack.sandbox)[0] is False
    after = ends(stack)
    assert after.keys() == before.keys() and after["b"] == before["b"]
    assert (
        datetime.fromisoformat(after["a"]) == delivered(stack.sandbox) == time.began + timedelta(days=60 + 90)
    )
    stack.config = deployed
    shown = json.loads(succeed(stack.pulumi("preview", "--json")))["steps"]
    assert [step["op"] for step in shown if step["op"] not in ("same", "refresh")] == [
        "update"
    ]  # the listener's, which waits for ci/deploy


def test_a_renewal_needs_no_listener_that_can_be_changed(renewal: tuple[Stack, TimeTravel]) -> None:
    stack, time = renewal
    time.day(121)
    (claim,) = (key for key in stack.sandbox.claims() if key.startswith("albmtls/443"))
    mine = stack.sandbox.claims()[claim]
    theirs = json.dumps({**json.loads(mine), "claim": "0" * 16, "identity": "00000000"})
    stack.sandbox.kubectl("annotate", "albconfig", "alb", "--overwrite", f"{claim}={theirs}")
    try:
        code, summary = ci(stack, "renew")
    finally:
        stack.sandbox.kubectl("annotate", "albconfig", "alb", "--overwrite", f"{claim}={mine}")
    assert code == 0
    assert summary.startswith("**pipeline-renewal: 1 of 1 due certificate renewed**")
    assert "What else is pending could not be seen, refused: " in summary
    # The Secret waits for the cluster, which could not be looked at; the next renewal catches up.
    assert delivered(stack.sandbox) < datetime.fromisoformat(ends(stack)["a"])
    assert ci(stack, "renew")[1].startswith(
        "**pipeline-renewal: nothing is due, and what an earlier renewal had left was done**\n"
    )
    assert delivered(stack.sandbox) == datetime.fromisoformat(ends(stack)["a"])
    assert ci(stack, "renew")[1].startswith("**pipeline-renewal: nothing is due**\n")
