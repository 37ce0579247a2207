"""What `ci/renew` says, in Markdown."""

from __future__ import annotations

from datetime import datetime

from alb_mutual_tls import clock
from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.entry import given_place
from alb_mutual_tls.operations.deployment.renew import Renewal
from alb_mutual_tls.pipeline.markdown import escaped, marker
from alb_mutual_tls.pki.renewal import from_text


def summary(renewal: Renewal, now: datetime | None = None) -> str:
    """What `ci/renew` says, in Markdown; the first line is the verdict."""
    now = clock.now() if now is None else now
    lines = [f"**{escaped(f'{renewal.stack}: {verdict(renewal)}')}**", marker("renew", renewal.stack)]
    if renewal.renewed:
        lines += ["", "| certificate | valid until | the one before stays valid until |", "|---|---|---|"]
        lines += [
            f"| {escaped(due.name)} | {escaped(due.renewed_until)} | {_until(due.not_after, now)} |"
            for due in renewal.renewed
        ]
        lines += [
            "",
            (
                "The one before is accepted until then: hand the new one over before (`./mtls clients export"
                f" NAME --output DIRECTORY{given_place()}`)."
            ),
        ]
    if renewal.warnings:
        lines += ["", *(f"- {escaped(text)}" for text in renewal.warnings)]
    if renewal.followers:
        lines += ["", "With them: " + escaped(", ".join(renewal.followers))]
    if renewal.left:
        lines += ["", "Due, and not renewed:", ""]
        lines += [
            f"- {escaped(due.name)} (valid until {_until(due.not_after, now)}):"
            f" {escaped(due.obstacle or _why(renewal))}"
            for due in renewal.left
        ]
    if renewal.failure is not None:
        lines += [
            "",
            *(
                f"- {escaped(line)}"
                for sentence in renewal.failure.sentences
                for line in sentence.splitlines()
            ),
        ]
    if renewal.pending:
        lines += [
            "",
            "Left alone, for it is no renewal (ci/drift tells more):",
            "",
            *(f"- {escaped(what)}" for what in renewal.pending),
        ]
    if renewal.unseen is not None and renewal.failure is None:
        lines += ["", f"What else is pending could not be seen, {escaped(_said(renewal.unseen))}"]
    if renewal.undeployed:
        lines += [
            "",
            "In the configuration and not deployed, and left so: " + escaped(", ".join(renewal.undeployed)),
        ]
    return "\n".join(lines) + "\n"


def verdict(renewal: Renewal) -> str:
    """What came of it, without the stack's name."""
    if renewal.failure is not None and not renewal.decided:
        return f"not decided what is due: {renewal.failure.reason}; nothing was renewed"
    due = len(renewal.due)
    certificates = "certificate" if due == 1 else "certificates"
    what = f"{len(renewal.renewed)} of {due} due {certificates} renewed" if due else "nothing is due"
    if renewal.left or renewal.failure:
        return f"not everything was done: {what}"
    return (
        what
        if renewal.due or not renewal.followers
        else f"{what}, and what an earlier renewal had left was done"
    )


def _said(failure: Failure) -> str:
    return f"{failure.reason}: {'; '.join(failure.sentences)}" if failure.sentences else str(failure.reason)


def _why(renewal: Renewal) -> str:
    return "pulumi up did not get to its end" if renewal.failure is not None else "it was not issued"


def _until(text: str, now: datetime) -> str:
    if not text:
        return "not known"
    left = (from_text(text) - now).days
    return f"{text} ({left} days)" if left >= 0 else f"{text} (ended)"
