"""The JSON documents of `ci/deploy` and `ci/renew`."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.operations.deployment.deploy import Deployment, DeploymentEnding
from alb_mutual_tls.operations.deployment.proof import Verification
from alb_mutual_tls.operations.deployment.renew import Due, Renewal
from alb_mutual_tls.pipeline.documents import of_deployment, of_renewal
from alb_mutual_tls.verdict import Verdict

REPOSITORY = Path(__file__).resolve().parents[3]
HELD = Verification(Verdict.HELD, "held: 15 checks")
DEPLOYED = Deployment("prod", DeploymentEnding.DEPLOYED, after=HELD, changed=("listener",), live="alb:443 on")
DUE = Due("urn:register", "the certificate of client a", ("a",), "2027-01-01T00:00:00Z")


def test_the_document_of_a_deployment_is_pinned() -> None:
    assert json.loads(of_deployment(DEPLOYED)) == {
        "version": 1,
        "kind": "deploy",
        "stack": "prod",
        "verdict": "deployed and verified; live now: alb:443 on",
        "exitCode": 0,
        "ending": "deployed",
        "failure": None,
        "live": "alb:443 on",
        "changed": ["listener"],
        "before": None,
        "after": {"verdict": "held", "summary": "held: 15 checks", "reasons": []},
        "restored": None,
        "rollBack": [],
        "obstacle": None,
    }


def test_a_failed_deployment_says_why() -> None:
    failure = Failure(FailureKind.REFUSED, ("ALB did not confirm",))
    document = json.loads(
        of_deployment(replace(DEPLOYED, ending=DeploymentEnding.NOTHING_CHANGED, failure=failure))
    )
    assert document["failure"] == {"reason": "refused", "sentences": ["ALB did not confirm"]}
    assert document["exitCode"] == 1


def test_the_document_of_a_renewal_is_pinned() -> None:
    renewed = replace(DUE, renewed_until="2027-04-01T00:00:00Z")
    left = replace(DUE, name="the certificate of client b", clients=("b",), obstacle="no CSR")
    document = json.loads(of_renewal(Renewal("prod", due=(renewed, left))))
    assert document == {
        "version": 1,
        "kind": "renew",
        "stack": "prod",
        "verdict": "not everything was done: 1 of 2 due certificates renewed",
        "exitCode": 1,
        "failure": None,
        "renewed": [
            {
                "name": "the certificate of client a",
                "clients": ["a"],
                "notAfter": "2027-01-01T00:00:00Z",
                "renewedUntil": "2027-04-01T00:00:00Z",
                "obstacle": None,
            }
        ],
        "left": [
            {
                "name": "the certificate of client b",
                "clients": ["b"],
                "notAfter": "2027-01-01T00:00:00Z",
                "renewedUntil": None,
                "obstacle": "no CSR",
            }
        ],
        "followers": [],
        "pending": [],
        "undeployed": [],
        "warnings": [],
    }


@pytest.mark.parametrize("command", ["deploy", "renew"])
def test_what_cannot_be_begun_is_a_document_too(command: str, tmp_path: Path) -> None:
    line = [str(REPOSITORY / "ci" / command), "--stack", "prod", "--cwd", str(tmp_path), "--json"]
    done = subprocess.run(line, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    document = json.loads(done.stdout)
    assert (done.returncode, document["exitCode"], document["kind"]) == (2, 2, command)
    assert "there is no program pulumi on PATH" in document["error"]
