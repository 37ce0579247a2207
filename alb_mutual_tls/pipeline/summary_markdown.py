"""A summary as Markdown, for a comment at a merge request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from alb_mutual_tls.engine.events import Step
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.operations.deployment.listener_change import ListenerChange, PlannedAuthority
from alb_mutual_tls.operations.deployment.summary import REJECTS_ALL, Summary, headline
from alb_mutual_tls.pipeline.markdown import escaped, folded, items, marker, table

LIMIT: Final = 65_000
"""Characters of a summary at most; GitHub refuses comments of more than 65,536."""


_ROOM: Final = 14_000  # of each part but the folded one, which gets what is left
_SIGNS: Final = {"create": "+", "delete": "-", "replace": "+-", "import": "+"}


def as_markdown(summary: Summary) -> str:
    """The summary for a comment, at most `LIMIT` characters, one line feed at its end."""
    verdict = escaped(f"{summary.stack}: {summary.verdict}", limit=1500)
    parts = [f"**{verdict}**\n{marker(summary.kind, summary.stack)}"]
    if summary.drifts:
        rows = [
            tuple(
                map(
                    escaped,
                    (drifted.what, name, left, now, "not decided" if summary.failure else drifted.outlook),
                )
            )
            for drifted in summary.drifts
            for name, left, now in drifted.differences or (("", "there", "gone"),)
        ]
        head = ("what", "property", "as it was left", "as it is", "the next update")
        parts.append("### Drift\n\n" + table(head, rows, room=_ROOM))
    if summary.failure is not None:
        if (
            list(summary.failure.sentences) != [headline(summary.failure)]
            or summary.failure.reason is not FailureKind.REFUSED
        ):
            parts.append(items(map(escaped, summary.failure.sentences), room=_ROOM))
    elif summary.plan.listeners or summary.plan.certificates:
        parts += _of_plan(summary)
    if summary.warnings:
        parts.append("### Warnings\n\n" + items(map(escaped, summary.warnings), room=_ROOM))
    if summary.failure is None:
        room = LIMIT - sum(len(part) + 2 for part in parts)
        parts.append(
            folded(_total(summary), list(map(_line, summary.plan.steps)), room=room)
            if summary.plan.steps
            else escaped(_total(summary))
        )
    return "\n\n".join(part for part in parts if part) + "\n"


def _of_plan(summary: Summary) -> Iterable[str]:
    waiting = " that are not deployed yet" if summary.kind == "drift" else ""
    if summary.plan.listeners:
        rows = [
            (escaped(change.listener), _switch(change), _authorities(change), escaped(change.effect))
            for change in summary.plan.listeners
        ]
        yield f"### Listeners{waiting}\n\n" + table(
            ("listener", "client authentication", "CA", "effect"), rows, room=_ROOM
        )
    if summary.plan.certificates:
        cells = [
            (change.certificate, f"{change.action} {change.note}".strip(), change.until or "")
            for change in summary.plan.certificates
        ]
        cut_off = any(map(REJECTS_ALL.match, summary.warnings))
        so_far = (
            "what was issued so far is rejected, before its end on"
            if cut_off
            else "what was issued so far stays valid until"
        )
        head = ("certificate", "what happens", so_far)
        yield f"### Certificates{waiting}\n\n" + table(
            head, [tuple(map(escaped, row)) for row in cells], room=_ROOM
        )


def _switch(change: ListenerChange) -> str:
    switch = {True: "on", False: "off", None: "not known yet"}
    before = "not this stack's" if change.before is None else switch[change.before.ca_enabled]
    after = "as it was before this stack" if change.after is None else switch[change.after.ca_enabled]
    return before if before == after else f"{before} → **{after}**"


def _authorities(change: ListenerChange) -> str:
    before, after = (None if side is None else side.authority for side in (change.before, change.after))
    told, then = _authority(before), _authority(after)
    return then if told == then or change.before is None else f"{told} → {then}"


def _authority(authority: PlannedAuthority | None) -> str:
    if authority is None:
        return "none"
    if authority.id is None and authority.fingerprint is None:
        return "one that this deployment makes"
    told = [escaped(authority.subject, limit=300)] if authority.subject else []
    told += (
        [f"SHA-256 `{re.sub('[^0-9a-fA-F]', '', authority.fingerprint)[:16]}…`"]
        if authority.fingerprint
        else []
    )
    told += [f"id {escaped(authority.id, limit=100)}"] if authority.id else []
    return ", ".join(told)


def _total(summary: Summary) -> str:
    counts = Counter(step.op for step in summary.plan.steps)
    told = [f"{number} to {op}" for op, number in sorted(counts.items())]
    return f"Resources: {', '.join([*told, f'{summary.plan.unchanged} unchanged'])}"


def _line(step: Step) -> str:
    paths = f" [{', '.join(step.paths)}]" if step.paths and step.op != "delete" else ""
    return " ".join(f"{_SIGNS.get(step.op, '!')} {step.op} {step.type} {step.name}{paths}".split())[:500]
