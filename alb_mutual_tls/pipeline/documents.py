"""What `ci/deploy` and `ci/renew` say, as JSON; docs/pipelines.md has the fields."""

from __future__ import annotations

import json
from typing import Any

from alb_mutual_tls.operations.deployment.deploy import Deployment
from alb_mutual_tls.operations.deployment.proof import Verification
from alb_mutual_tls.operations.deployment.renew import Due, Renewal
from alb_mutual_tls.operations.deployment.summary import failure_document
from alb_mutual_tls.pipeline import deploy_summary, renew_summary


def of_deployment(deployment: Deployment) -> str:
    """A deployment: how it ended, what is live, and both verifications."""
    return _text(
        {
            **_head("deploy", deployment.stack, deploy_summary.verdict(deployment), deployment.exit_code),
            "ending": deployment.ending.value,
            "failure": failure_document(deployment.failure),
            "live": deployment.live or None,
            "changed": list(deployment.changed),
            "before": _verification(deployment.before),
            "after": _verification(deployment.after),
            "restored": _verification(deployment.restored),
            "rollBack": list(deployment.commands),
            "obstacle": deployment.obstacle or None,
        }
    )


def of_renewal(renewal: Renewal) -> str:
    """A renewal: what was due, what was renewed until when, and what is left."""
    return _text(
        {
            **_head("renew", renewal.stack, renew_summary.verdict(renewal), renewal.exit_code),
            "failure": failure_document(renewal.failure),
            "renewed": [_due(due) for due in renewal.renewed],
            "left": [_due(due) for due in renewal.left],
            "followers": list(renewal.followers),
            "pending": list(renewal.pending),
            "undeployed": list(renewal.undeployed),
            "warnings": list(renewal.warnings),
        }
    )


def of_refusal(kind: str, stack: str, verdict: str) -> str:
    """What could not be begun, and why."""
    return _text({**_head(kind, stack, verdict, 2), "error": verdict})


def _head(kind: str, stack: str, verdict: str, exit_code: int) -> dict[str, Any]:
    return {"version": 1, "kind": kind, "stack": stack, "verdict": verdict, "exitCode": int(exit_code)}


def _verification(verification: Verification | None) -> dict[str, Any] | None:
    if verification is None:
        return None
    return {
        "verdict": verification.verdict,
        "summary": verification.summary,
        "reasons": list(verification.reasons),
    }


def _due(due: Due) -> dict[str, Any]:
    return {
        "name": due.name,
        "clients": list(due.clients),
        "notAfter": due.not_after or None,
        "renewedUntil": due.renewed_until or None,
        "obstacle": due.obstacle or None,
    }


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
