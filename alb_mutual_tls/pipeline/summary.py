"""The result of an engine run, as a verdict, Markdown and JSON.

It is for pull requests and for whoever handles a drift. The same plan gives the same bytes.
Everything is sorted, and there are no times, durations or request ids in it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from alb_mutual_tls.engine.events import Severity, Step
from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.engine.redaction import steady
from alb_mutual_tls.engine.run import Run
from alb_mutual_tls.entry import ExitCode
from alb_mutual_tls.operations.deployment.certificate_change import counted
from alb_mutual_tls.operations.deployment.drift import Drift, drift, pending
from alb_mutual_tls.operations.deployment.listener_change import Effect, ListenerChange, PlannedAuthority
from alb_mutual_tls.operations.deployment.plan import Plan, plan
from alb_mutual_tls.pipeline.markdown import escaped, folded, items, marker, table

LIMIT: Final = 65_000
"""Characters of a summary at most; GitHub refuses comments of more than 65,536."""
_ROOM: Final = 14_000  # of each part but the folded one, which gets what is left

_SIGNS: Final = {"create": "+", "delete": "-", "replace": "+-", "import": "+"}
_NOT_LOOKED_AT: Final = re.compile(r"was not looked at, what is known of it is kept")
_REJECTS_ALL: Final = re.compile(r"every client of \S+ is rejected until")
_DAYS_LEFT: Final = re.compile(r" \(-?\d+ days left\)")


@dataclass(frozen=True)
class Summary:
    """A verdict in plain words, without the stack's name, and what it stands on."""

    kind: Literal["preview", "drift"]
    stack: str
    verdict: str
    exit_code: ExitCode
    plan: Plan
    drifts: tuple[Drift, ...]
    warnings: tuple[str, ...]
    failure: Failure | None

    @property
    def marker(self) -> str:
        """An HTML comment, by which a pipeline finds its comment again."""
        return marker(self.kind, self.stack)


def of_preview(stack: str, run: Run) -> Summary:
    """What a deployment would do."""
    failed, planned, drifts = _steady(run.failure), plan(run.events), drift(run.events)
    warnings = _warnings(run)
    if failed is None:
        told = "; ".join([*filter(_REJECTS_ALL.match, warnings), _changes(planned), *_drifts(drifts)])
        verdict, exit_code = _and_not_looked_at(told, warnings), ExitCode.GOOD
    elif failed.reason is FailureKind.REFUSED:
        verdict, exit_code = f"refused: {_headline(failed)}", ExitCode.BAD
    else:
        verdict, exit_code = f"not checked: {failed.reason}", ExitCode.UNDECIDED
    return Summary("preview", stack, verdict, exit_code, planned, drifts, warnings, failed)


def of_drift(stack: str, run: Run) -> Summary:
    """Summarize what has drifted since the last update.

    What the next update would do is told apart from that.
    """
    failed, drifts, waiting = _steady(run.failure), drift(run.events), pending(run.events)
    warnings = _warnings(run)
    unseen = any(map(_NOT_LOOKED_AT.search, warnings))
    if drifts:
        verdict, exit_code = "; ".join(_drifts(drifts)), ExitCode.BAD
        if failed is not None:
            verdict += (
                "; how it would be put back is not decided:"
                f" {_headline(failed) if failed.reason is FailureKind.REFUSED else failed.reason}"
            )
    elif failed is not None and failed.reason is not FailureKind.REFUSED:
        verdict, exit_code = f"not decided: {failed.reason}", ExitCode.UNDECIDED
    elif failed is not None:
        verdict, exit_code = (
            f"not decided: the configuration is refused: {_headline(failed)}",
            ExitCode.UNDECIDED,
        )
    elif unseen:
        verdict, exit_code = (
            "not decided: not everything could be looked at, see the warnings",
            ExitCode.UNDECIDED,
        )
    else:
        verdict, exit_code = "no drift", ExitCode.GOOD
    if failed is None and waiting.steps:
        verdict += f"; not deployed yet: {_changes(waiting)}"
    return Summary("drift", stack, verdict, exit_code, waiting, drifts, warnings, failed)


# --- words


def _changes(made: Plan) -> str:
    """Say the plan in one line.

    Listeners come first, then certificates, then everything else.
    """
    told = {
        effect: f"listener{'s' if len(names) > 1 else ''} {_enumerated(names)} {_number(effect, len(names))}"
        for effect, names in made.effects().items()
    }
    recorded = [told.pop(Effect.RECORDED)] if Effect.RECORDED in told else []
    sentences = [*told.values(), *counted(made.certificates), *recorded]
    if sentences:
        return "; ".join(sentences)
    others = len(made.certificates) or len(made.steps)
    noun = "certificate" if made.certificates else "resource"
    return (
        f"no listener changes, {others} other {noun}{'s change' if others > 1 else ' changes'}"
        if others
        else "no change"
    )


def _number(effect: Effect, count: int) -> str:
    text = effect.value
    if count == 1:
        return text
    for singular, plural in (
        ("stays as it is, only its record changes", "stay as they are, only their records change"),
        ("stays as it is", "stay as they are"),
        ("stays open and gets", "stay open and get"),
    ):
        text = text.replace(singular, plural)
    return text


def _enumerated(names: Iterable[str]) -> str:
    ordered = list(names)
    shown = ordered if len(ordered) <= 8 else [*ordered[:7], f"{len(ordered) - 7} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _drifts(found: Iterable[Drift]) -> list[str]:
    told = [
        (
            (
                f"{drifted.what} is gone or was made anew"
                if drifted.what.startswith("listener ")
                else f"{drifted.what} is gone"
            )
            if drifted.gone
            else f"{drifted.what} was changed, "
            + ", ".join(
                f"{name} {left} → {now}" if left or now else name for name, left, now in drifted.differences
            )
        )
        for drifted in found
    ]
    return [f"drift: {', '.join(told)}"] if told else []


def _headline(failed: Failure) -> str:
    first = failed.sentences[0] if failed.sentences else failed.reason.value
    more = len(failed.sentences) - 1
    return first if not more else f"{first} (and {more} more)"


def _and_not_looked_at(verdict: str, warnings: Iterable[str]) -> str:
    return (
        f"{verdict} (not everything could be looked at, see the warnings)"
        if any(map(_NOT_LOOKED_AT.search, warnings))
        else verdict
    )


def _steady(failed: Failure | None) -> Failure | None:
    return (
        None
        if failed is None
        else Failure(failed.reason, tuple(sorted({steady(sentence) for sentence in failed.sentences})))
    )


def _warnings(run: Run) -> tuple[str, ...]:
    return tuple(
        sorted(
            {_DAYS_LEFT.sub("", steady(diagnostic.text)) for diagnostic in run.events.said(Severity.WARNING)}
        )
    )


# --- Markdown


def as_markdown(summary: Summary) -> str:
    """The summary for a comment, at most `LIMIT` characters, one line feed at its end."""
    parts = [f"**{escaped(f'{summary.stack}: {summary.verdict}', limit=1500)}**\n{summary.marker}"]
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
            list(summary.failure.sentences) != [_headline(summary.failure)]
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
        cut_off = any(map(_REJECTS_ALL.match, summary.warnings))
        so_far = (
            "what was issued so far is rejected, before its end on"
            if cut_off
            else "what was issued so far stays valid until"
        )
        head = ("certificate", "what happens", so_far)
        yield f"### Certificates{waiting}\n\n" + table(
            head, [tuple(map(escaped, row)) for row in cells], room=_ROOM
        )


def _switch(one: ListenerChange) -> str:
    switch = {True: "on", False: "off", None: "not known yet"}
    before = "not this stack's" if one.before is None else switch[one.before.ca_enabled]
    after = "as it was before this stack" if one.after is None else switch[one.after.ca_enabled]
    return before if before == after else f"{before} → **{after}**"


def _authorities(one: ListenerChange) -> str:
    before, after = (None if side is None else side.authority for side in (one.before, one.after))
    told, then = _authority(before), _authority(after)
    return then if told == then or one.before is None else f"{told} → {then}"


def _authority(one: PlannedAuthority | None) -> str:
    if one is None:
        return "none"
    if one.id is None and one.fingerprint is None:
        return "one that this deployment makes"
    told = [escaped(one.subject, limit=300)] if one.subject else []
    told += [f"SHA-256 `{re.sub('[^0-9a-fA-F]', '', one.fingerprint)[:16]}…`"] if one.fingerprint else []
    told += [f"id {escaped(one.id, limit=100)}"] if one.id else []
    return ", ".join(told)


def _total(summary: Summary) -> str:
    counts = Counter(step.op for step in summary.plan.steps)
    told = [f"{number} to {op}" for op, number in sorted(counts.items())]
    return f"Resources: {', '.join([*told, f'{summary.plan.unchanged} unchanged'])}"


def _line(step: Step) -> str:
    paths = f" [{', '.join(step.paths)}]" if step.paths and step.op != "delete" else ""
    return " ".join(f"{_SIGNS.get(step.op, '!')} {step.op} {step.type} {step.name}{paths}".split())[:500]


# --- JSON


def as_json(summary: Summary) -> str:
    """The summary for machines; the keys are documented in docs/pipelines.md."""
    failed = summary.failure
    document = {
        "version": 1,
        "kind": summary.kind,
        "stack": summary.stack,
        "verdict": summary.verdict,
        "exitCode": int(summary.exit_code),
        "failure": (
            None
            if failed is None
            else {"reason": failed.reason.name.lower(), "sentences": list(failed.sentences)}
        ),
        "drift": [
            {
                "what": drifted.what,
                "gone": drifted.gone,
                "differences": [
                    dict(zip(("property", "left", "found"), three, strict=True))
                    for three in drifted.differences
                ],
                "outlook": drifted.outlook,
            }
            for drifted in summary.drifts
        ],
        "listeners": [_camel(asdict(change)) for change in summary.plan.listeners] if failed is None else [],
        "certificates": [_camel(asdict(change)) for change in summary.plan.certificates]
        if failed is None
        else [],
        "resources": (
            [
                {
                    "op": step.op,
                    "type": step.type,
                    "name": step.name,
                    "urn": step.urn,
                    "paths": list(step.paths),
                }
                for step in summary.plan.steps
            ]
            if failed is None
            else []
        ),
        "unchanged": summary.plan.unchanged,
        "warnings": list(summary.warnings),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            re.sub("_(.)", lambda match: match[1].upper(), key): _camel(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_camel(item) for item in value]
    return value
