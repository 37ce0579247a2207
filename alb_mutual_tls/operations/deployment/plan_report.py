"""The report of `mtls plan`: what a deployment would do, for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.entry import ExitCode
from alb_mutual_tls.operations.deployment.listener_change import Effect, Setting
from alb_mutual_tls.operations.deployment.summary import REJECTS_ALL, Summary, headline
from alb_mutual_tls.operations.printing import (
    Cell,
    Table,
    counted,
    print_sentence,
    print_table,
    print_verdict,
)
from alb_mutual_tls.verdict import Verdict

if TYPE_CHECKING:
    from alb_mutual_tls.operations.printing import Screen

NOTHING: Final[Mapping[str, Any]] = {
    "drift": [],
    "listeners": [],
    "certificates": [],
    "resources": [],
    "warnings": [],
}
"""What the JSON document holds where nothing could be previewed."""
_VERDICTS: Final = {
    ExitCode.GOOD: Verdict.HELD,
    ExitCode.BAD: Verdict.FELL_SHORT,
    ExitCode.UNDECIDED: Verdict.NOT_DECIDED,
}
_SWITCH: Final = {True: "on", False: "off", None: "not known yet"}


def print_for_people(summary: Summary, screen: Screen) -> None:
    """The verdict, why, the warnings, and the listeners and certificates that change.

    With all that is wanted also each resource.
    """
    loud = Effect.OPENS in summary.plan.effects() or any(map(REJECTS_ALL.match, summary.warnings))
    verdict = Verdict.NOT_DECIDED if loud else _VERDICTS[summary.exit_code]
    print_verdict(verdict, f"{summary.stack}: {summary.verdict}", screen)
    if screen.quiet:
        return
    for sentence in _reasons(summary):
        print_sentence(_VERDICTS[summary.exit_code], sentence, screen)
    for sentence in (one for one in summary.warnings if one not in summary.verdict):
        screen.line(f"warning: {sentence}", "yellow")
    if summary.failure is not None:
        return
    for table in _tables(summary, screen):
        print_table(table, screen)
    screen.line("")
    steps = len(summary.plan.steps)
    screen.line(f"{counted(steps, 'resource')} to change, {summary.plan.unchanged} unchanged", "dim")


def _reasons(summary: Summary) -> Iterable[str]:
    failed = summary.failure
    if failed is None or (
        failed.reason is FailureKind.REFUSED and list(failed.sentences) == [headline(failed)]
    ):
        return ()
    return failed.sentences


def _tables(summary: Summary, screen: Screen) -> list[Table]:
    listeners: list[list[Cell]] = [
        [
            change.listener,
            _state(change.before, "not this stack's", screen),
            _state(change.after, "as it was before this stack", screen),
            (change.effect, Verdict.NOT_DECIDED) if change.effect is Effect.OPENS else str(change.effect),
        ]
        for change in summary.plan.listeners
    ]
    certificates: list[list[Cell]] = [
        [change.certificate, f"{change.action} {change.note}".strip(), change.until or "-"]
        for change in summary.plan.certificates
    ]
    resources: list[list[Cell]] = [
        [step.op, step.type.rpartition(":")[2], step.name, ", ".join(step.paths)]
        for step in summary.plan.steps
    ]
    drifts: list[list[Cell]] = [
        [drifted.what, name, left, now]
        for drifted in summary.drifts
        for name, left, now in drifted.differences or (("", "there", "gone"),)
    ]
    return [
        Table("changed by hand", ["what", "property", "as it was left", "as it is"], drifts),
        Table("listeners", ["listener", "now", "then", "effect"], listeners),
        Table(
            "certificates", ["certificate", "what happens", "what was issued stays valid until"], certificates
        ),
        *([Table("resources", ["step", "type", "name", "properties"], resources)] if screen.wide else []),
    ]


def _state(setting: Setting | None, none: str, screen: Screen) -> str:
    if setting is None:
        return none
    authority = setting.authority
    if authority is None:
        return _SWITCH[setting.ca_enabled]
    identifier = authority.id or authority.fingerprint
    named = "one that is made" if identifier is None else screen.identifier(identifier)
    return f"{_SWITCH[setting.ca_enabled]}, CA {named}"
