"""What `ci/renew` says, in Markdown."""

from __future__ import annotations

from datetime import datetime

from alb_mutual_tls import clock
from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.entry import given_place
from alb_mutual_tls.operations.deployment.renew import Renewal
from alb_mutual_tls.pipeline.markdown import escaped, marker
from alb_mutual_tls.pki.renewal import from_text


def summary(one: Renewal, now: datetime | None = None) -> str:
    """What `ci/renew` says, in Markdown; the first line is the verdict."""
    now = clock.now() if now is None else now
    lines = [f"**{escaped(f'{one.stack}: {verdict(one)}')}**", marker("renew", one.stack)]
    if one.renewed:
        lines += ["", "| certificate | valid until | the one before stays valid until |", "|---|---|---|"]
        lines += [
            f"| {escaped(due.name)} | {escaped(due.renewed_until)} | {_until(due.not_after, now)} |"
            for due in one.renewed
        ]
        lines += [
            "",
            (
                "The one before is accepted until then: hand the new one over before (`./mtls clients export"
                f" NAME --output DIRECTORY{given_place()}`)."
            ),
        ]
    if one.warnings:
        lines += ["", *(f"- {escaped(text)}" for text in one.warnings)]
    if one.followers:
        lines += ["", "With them: " + escaped(", ".join(one.followers))]
    if one.left:
        lines += ["", "Due, and not renewed:", ""]
        lines += [
            f"- {escaped(due.name)} (valid until {_until(due.not_after, now)}):"
            f" {escaped(due.obstacle or _why(one))}"
            for due in one.left
        ]
    if one.failure is not None:
        lines += [
            "",
            *(f"- {escaped(line)}" for sentence in one.failure.sentences for line in sentence.splitlines()),
        ]
    if one.pending:
        lines += [
            "",
            "Left alone, for it is no renewal (ci/drift tells more):",
            "",
            *(f"- {escaped(what)}" for what in one.pending),
        ]
    if one.unseen is not None and one.failure is None:
        lines += ["", f"What else is pending could not be seen, {escaped(_said(one.unseen))}"]
    if one.undeployed:
        lines += [
            "",
            "In the configuration and not deployed, and left so: " + escaped(", ".join(one.undeployed)),
        ]
    return "\n".join(lines) + "\n"


def verdict(one: Renewal) -> str:
    """What came of it, without the stack's name."""
    if one.failure is not None and not one.decided:
        return f"not decided what is due: {one.failure.reason}; nothing was renewed"
    what = (
        f"{len(one.renewed)} of {len(one.due)} due {'certificate' if len(one.due) == 1 else 'certificates'}"
        " renewed"
        if one.due
        else "nothing is due"
    )
    if one.left or one.failure:
        return f"not everything was done: {what}"
    return what if one.due or not one.followers else f"{what}, and what an earlier renewal had left was done"


def _said(failure: Failure) -> str:
    return f"{failure.reason}: {'; '.join(failure.sentences)}" if failure.sentences else str(failure.reason)


def _why(one: Renewal) -> str:
    return "pulumi up did not get to its end" if one.failure is not None else "it was not issued"


def _until(text: str, now: datetime) -> str:
    if not text:
        return "not known"
    left = (from_text(text) - now).days
    return f"{text} ({left} days)" if left >= 0 else f"{text} (ended)"
