"""The result of an engine run, as a verdict and JSON.

It is for pull requests, for `mtls plan` and for whoever handles a drift. The same plan gives the
same bytes. Everything is sorted, and there are no times, durations or request ids in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from alb_mutual_tls.engine.events import Severity
from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.engine.redaction import steady
from alb_mutual_tls.engine.run import Run
from alb_mutual_tls.entry import ExitCode
from alb_mutual_tls.operations.deployment.certificate_change import counted
from alb_mutual_tls.operations.deployment.drift import Drift, drift, pending
from alb_mutual_tls.operations.deployment.listener_change import Effect
from alb_mutual_tls.operations.deployment.plan import Plan, plan

_NOT_LOOKED_AT: Final = re.compile(r"was not looked at, what is known of it is kept")
REJECTS_ALL: Final = re.compile(r"every client of \S+ is rejected until")
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


def of_preview(stack: str, run: Run) -> Summary:
    """What a deployment would do."""
    failed, planned, drifts = _steady(run.failure), plan(run.events), drift(run.events)
    warnings = _warnings(run)
    if failed is None:
        told = "; ".join([*filter(REJECTS_ALL.match, warnings), _changes(planned), *_drifts(drifts)])
        verdict, exit_code = _and_not_looked_at(told, warnings), ExitCode.GOOD
    elif failed.reason is FailureKind.REFUSED:
        verdict, exit_code = f"refused: {headline(failed)}", ExitCode.BAD
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
                f" {headline(failed) if failed.reason is FailureKind.REFUSED else failed.reason}"
            )
    elif failed is not None and failed.reason is not FailureKind.REFUSED:
        verdict, exit_code = f"not decided: {failed.reason}", ExitCode.UNDECIDED
    elif failed is not None:
        verdict, exit_code = (
            f"not decided: the configuration is refused: {headline(failed)}",
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


def _drifts(drifts: Iterable[Drift]) -> list[str]:
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
        for drifted in drifts
    ]
    return [f"drift: {', '.join(told)}"] if told else []


def headline(failed: Failure) -> str:
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
        "failure": failure_document(failed),
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


def failure_document(failed: Failure | None) -> dict[str, Any] | None:
    """Why something failed, for machines."""
    if failed is None:
        return None
    return {"reason": failed.reason.name.lower(), "sentences": list(failed.sentences)}


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            re.sub("_(.)", lambda match: match[1].upper(), key): _camel(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_camel(item) for item in value]
    return value
