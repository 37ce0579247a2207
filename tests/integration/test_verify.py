"""`mtls verify` through a rotation on the real engine: who is expected where, whether the stack is
ready for the flip, and sessions from before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.operations.verification.outcome import Answered, Destination, TlsVersion
from alb_mutual_tls.operations.verification.probe import KeptSession, Probe
from tests.integration.engine import Sandbox, Stack, run, succeed

pytestmark = pytest.mark.campaign

QUICK = {"keyAlgorithm": "ECDSA-P256"}
HOST = "demo.alb.ingress.top"


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is off, with a client whose key it has made, and one that has brought a
    request.
    """
    folder = tmp_path_factory.mktemp("company")
    key = (
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        folder / "company.key",
    )
    succeed(run("openssl", "req", *key, "-subj", "/CN=company", "-out", folder / "company.csr"))
    made = Stack("verify", program, sandbox)
    clients = {"alice": {}, "company": {"csr": (folder / "company.csr").read_text()}}
    made.set(caEnabled=False, authorities={"a": QUICK}, clients=clients)
    made.up()
    yield made
    made.remove()


def verified(stack: Stack, *arguments: str) -> dict[str, Any]:
    done = stack.verify(*arguments)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["exitCode"] == done.returncode
    return document


def expected(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Case -> expectation and verdict, the same in both TLS versions."""
    checks = [
        check for listener in document["listeners"] for check in listener["checks"] if check["tlsVersion"]
    ]
    return {check["case"]: (check["expected"], check["verdict"]) for check in checks}


def test_sessions_from_before_client_authentication_was_switched_on_are_no_way_in(stack: Stack) -> None:
    front = Destination("127.0.0.1", stack.sandbox.listener_base + 443, HOST, HOST, "/")
    assert verified(stack)["exitCode"] == 0
    probe = Probe(stack.sandbox.server_ca)
    kept = [probe.keep_session(front, version) for version in TlsVersion]
    for session in kept:
        assert isinstance(session, KeptSession)
        assert session.resume(front) == Answered(200, "", "old")
    stack.set(caEnabled=True)
    stack.up()
    for session in kept:
        assert isinstance(session, KeptSession)
        refused = session.resume(front)
        assert isinstance(refused, Answered) and refused.status == 400


def test_before_a_rotation_there_is_no_flip_to_come(stack: Stack) -> None:
    stack.set(authorities={"a": QUICK, "b": QUICK}, issuingAuthority="a", trustedAuthority="a")
    stack.up()
    document = verified(stack, "--with-authority-key")
    assert (document["exitCode"], document["flips"]) == (0, [])
    found = expected(document)
    assert found["client of authority a"] == ("let in", "held")
    assert found["client of authority b"] == ("rejected", "held")


def test_a_stack_with_a_bundle_of_the_old_authority_is_not_ready(stack: Stack) -> None:
    stack.set(issuingAuthority="b")
    # so the clients are left with their certificates
    targets = ("--target", "**-b-by-a")
    succeed(stack.pulumi("up", "--yes", "--skip-preview", "--suppress-progress", *targets))
    document = verified(stack)
    (flip,) = document["flips"]
    assert {bundle["case"]: bundle["verdict"] for bundle in flip["bundles"]} == {
        "client alice": "fell short",
        "client company": "fell short",
    }
    assert (document["exitCode"], document["listeners"][0]["verdict"]) == (1, "held")


def test_when_the_next_authority_issues_every_bundle_is_ready_only_with_its_cross_certificate(
    stack: Stack,
) -> None:
    stack.up()
    document = verified(stack, "--with-authority-key")
    assert document["exitCode"] == 0
    (flip,) = document["flips"]
    assert (flip["trusted"], flip["issuing"], flip["verdict"]) == ("a", "b", "held")
    assert {bundle["case"] for bundle in flip["bundles"]} == {"client alice", "client company"}
    found = expected(document)
    assert found["client alice"] == found["client of authority a"] == ("let in", "held")
    assert (
        found["client alice with 1 of 2 certificates"]
        == found["client of authority b"]
        == ("rejected", "held")
    )


def test_the_page_of_a_rotation_is_made_by_looking_at_the_stack(stack: Stack, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    said = stack.mtls("report", "--output", str(page), "--ca-file", str(stack.sandbox.server_ca))
    assert said == f"held: {page}\n"
    text = page.read_text(encoding="utf-8")
    for known in ("verify", "1234567890123456", "cn-hangzhou", "cross-signs", "Shaded: the cross-over"):
        assert known in text
    assert "PRIVATE KEY" not in text
    stored = tmp_path / "verify.json"
    stored.write_text(stack.verify().stdout, encoding="utf-8")
    again = tmp_path / "stored.html"
    stack.mtls("report", "--output", str(again), "--from", str(stored))
    assert "The results of mtls status are not in this report." in again.read_text(encoding="utf-8")


def test_an_alb_that_accepts_cut_chains_is_not_called_good(stack: Stack) -> None:
    succeed(stack.sandbox("fault", "alb", "accepts-cut-chains"))
    try:
        document = verified(stack)
    finally:
        succeed(stack.sandbox("fault", "alb", "none"))
    fallen = {case for case, (_, verdict) in expected(document).items() if verdict == "fell short"}
    assert (document["exitCode"], fallen) == (1, {"client alice with 1 of 2 certificates"})


def test_after_the_flip_the_old_authoritys_clients_are_rejected_and_no_cross_certificate_is_needed(
    stack: Stack,
) -> None:
    stack.set(trustedAuthority="b")
    stack.up()
    document = verified(stack, "--with-authority-key")
    assert (document["exitCode"], document["flips"]) == (0, [])
    found = expected(document)
    assert found["client alice"] == found["client of authority b"] == ("let in", "held")
    assert found["client of authority a"] == ("rejected", "held")
