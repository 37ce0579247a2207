"""`ci/deploy`: look, run `pulumi up`, run `mtls verify`.

When the verification does not hold, it rolls back to the last good state if asked to.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import IO, Any

from alb_mutual_tls.engine.events import Events
from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.engine.program import export
from alb_mutual_tls.engine.run import Run, run
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.deployment import rollback
from alb_mutual_tls.operations.deployment.live import live, sentence
from alb_mutual_tls.operations.deployment.proof import Verification, verify, verify_within
from alb_mutual_tls.operations.deployment.rollback import NoWayBack, StateBefore, WayBack, way_back
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.stack import configuration, history
from alb_mutual_tls.verdict import Verdict


class DeploymentEnding(Enum):
    """How a deployment ended."""

    DEPLOYED = "deployed"
    NOTHING_CHANGED = "nothing changed"
    NOT_BEGUN = "not begun"
    NOT_GOOD = "not good"
    ROLLED_BACK = "rolled back"
    NOT_ROLLED_BACK = "not rolled back"


@dataclass(frozen=True)
class Deployment:
    """A deployment that has ended.

    What is not known, or was not done, is None or empty.

    `live`: the listeners now.
    `back`: the state to roll back to.
    `commands`: the shell commands that roll back.
    `obstacle`: why it was not rolled back, or what prevents that.
    `restored`: the verification after the rollback.
    `again`: the command that was given.
    `verifying`: the options of `mtls verify` among its own.
    """

    stack: str
    ending: DeploymentEnding
    before: Verification | None = None
    failure: Failure | None = None
    after: Verification | None = None
    changed: tuple[str, ...] = ()
    live: str = ""
    back: str = ""
    commands: tuple[str, ...] = ()
    obstacle: str = ""
    restored: Verification | None = None
    again: str = ""
    verifying: str = ""
    place: str = ""

    @property
    def last(self) -> Verification | None:
        """The last verification, unless something was changed after it."""
        unchanged = self.ending is DeploymentEnding.NOTHING_CHANGED
        return self.restored or self.after or (self.before if unchanged else None)

    @property
    def exit_code(self) -> int:
        """0 deployed and verified; 2 where nothing could be decided or begun; else 1."""
        if self.ending is DeploymentEnding.DEPLOYED:
            return 0
        if self.ending is DeploymentEnding.NOTHING_CHANGED:
            return (
                1
                if self.failure is not None
                and self.failure.reason in (FailureKind.REFUSED, FailureKind.FAILED)
                else 2
            )
        undecided = (
            self.failure is None and self.after is not None and self.after.verdict is Verdict.NOT_DECIDED
        )
        return 2 if undecided and self.ending is not DeploymentEnding.ROLLED_BACK else 1


@dataclass(frozen=True)
class Deployer:
    """Deploys a stack of the project in `directory`.

    `patience`: seconds within which the data plane must come to do what ALB reports; `log` gets
    what the engine prints.
    """

    directory: Path
    stack: str
    probe: Probe
    patience: float
    log: IO[str] | None = None
    again: str = ""
    place: str = ""

    def deploy(self, *, roll_back: bool) -> Deployment:
        """Deploy the checkout's configuration.

        Raises UserError where the state or its history cannot be read; then nothing was changed.
        """
        again = self.again or f"ci/deploy --stack {shlex.quote(self.stack)}"
        begun = Deployment(
            self.stack,
            DeploymentEnding.DEPLOYED,
            again=again,
            verifying=self.probe.options,
            place=self.place,
        )
        planned = self._run("preview")
        if planned.failure:
            return replace(begun, ending=DeploymentEnding.NOTHING_CHANGED, failure=planned.failure)
        with tempfile.TemporaryDirectory(prefix="alb-mutual-tls-") as folder:  # mode 0700
            former = Path(folder) / "former.yaml"
            before, last = self._look(former)
            begun = replace(begun, before=before.verification)
            done = self._run("up")
            begun = replace(begun, failure=done.failure, changed=_changed(done.events))
            if done.failure and not begun.changed:
                return replace(begun, ending=DeploymentEnding.NOTHING_CHANGED)
            try:
                return self._judge(begun, before, last, former, roll_back=roll_back)
            except UserError as error:
                return replace(
                    begun,
                    ending=DeploymentEnding.NOT_ROLLED_BACK if roll_back else DeploymentEnding.NOT_GOOD,
                    obstacle=str(error),
                )

    def _look(self, former: Path) -> tuple[StateBefore, history.HistoryEntry | None]:
        """Look at the state before the deployment.

        The configuration of the last deployment is written to the file `former`.
        """
        exported = export(self.directory, self.stack, secrets=False)
        entries = history.history(self.directory, self.stack)
        last = history.deployed(entries)
        last = rollback.guarded(last) if last else None
        deployed = rollback.is_deployed(exported)
        unknown = "" if last else "the stack's history has no deployment that got to its end"
        if deployed and last:
            try:
                configuration.write(self.directory, self.stack, entries, last, former)
            except UserError as error:
                unknown = str(error)
        verification = verify(self.directory, self.stack, self.probe) if deployed else None
        return (
            StateBefore(
                deployed, verification, unknown, rollback.protected(exported), rollback.demanding(exported)
            ),
            last,
        )

    def _judge(
        self,
        begun: Deployment,
        before: StateBefore,
        last: history.HistoryEntry | None,
        former: Path,
        *,
        roll_back: bool,
    ) -> Deployment:
        """Verify what was done, and find the way back where it does not hold."""
        after = (
            None if begun.failure else verify_within(self.directory, self.stack, self.probe, self.patience)
        )
        exported = export(self.directory, self.stack, secrets=False)
        ended = replace(begun, after=after, live=self._live(exported))
        if after is not None and after.good:
            return ended
        if after is not None and not begun.changed:
            return replace(ended, ending=DeploymentEnding.NOT_BEGUN)
        way = way_back(before, rollback.previously_demanding(exported, before.protected))
        if isinstance(way, NoWayBack):
            return replace(
                ended,
                ending=DeploymentEnding.NOT_ROLLED_BACK if roll_back else DeploymentEnding.NOT_GOOD,
                obstacle=way.why,
            )
        ended = replace(ended, back=way.sentence, commands=self._commands(way, last))
        if not roll_back:
            return replace(ended, ending=DeploymentEnding.NOT_GOOD)
        if ended.failure and ended.failure.reason is FailureKind.INTERRUPTED:
            return replace(ended, ending=DeploymentEnding.NOT_ROLLED_BACK, obstacle="it was interrupted")
        try:
            return self._roll_back(ended, way, former, before, exported)
        except UserError as error:
            return replace(ended, ending=DeploymentEnding.NOT_ROLLED_BACK, obstacle=str(error))

    def _roll_back(
        self, ended: Deployment, way: WayBack, former: Path, before: StateBefore, exported: Mapping[str, Any]
    ) -> Deployment:
        """Go the way back. `exported`: what was deployed just now, secrets aside."""
        gives_back, file = way.edit is not None and way.edit[0] == rollback.LISTENERS, former
        if way.edit is not None:
            file = former.with_name("edited.yaml")
            entries = history.history(self.directory, self.stack)
            configuration.write(self.directory, self.stack, entries, entries[0], file)
            configuration.set_value(self.directory, self.stack, *way.edit, file)
        if way.edit is None or gives_back:
            for urn, held in rollback.protected(exported).items():
                # what this deployment has made may go with it
                if held and urn not in before.protected:
                    configuration.unprotect(self.directory, self.stack, urn)
        arguments = ("--config-file", str(file))
        planned = self._run("preview", *arguments)
        if planned.failure:
            obstacle = _said("the way back is not possible", planned.failure)
            ended = replace(ended, ending=DeploymentEnding.NOT_ROLLED_BACK, obstacle=obstacle)
            return (
                replace(ended, back="", commands=())
                if planned.failure.reason is FailureKind.REFUSED
                else ended
            )
        on = before.on | rollback.previously_demanding(exported, before.protected)
        if wide := rollback.widened(planned.events.steps, on, gives_back=gives_back):
            what = f"it would switch {', '.join(wide)} off, which demanded certificates before"
            return replace(ended, ending=DeploymentEnding.NOT_ROLLED_BACK, obstacle=what)
        done = self._run("up", *arguments)
        # Listeners that were given back are in the state no more.
        seen = self._live(exported if gives_back else export(self.directory, self.stack, secrets=False))
        if done.failure:
            return replace(
                ended,
                ending=DeploymentEnding.NOT_ROLLED_BACK,
                live=seen,
                obstacle=_said("the way back failed", done.failure),
            )
        restored = verify_within(self.directory, self.stack, self.probe, self.patience)
        return replace(ended, ending=DeploymentEnding.ROLLED_BACK, live=seen, restored=restored)

    def _commands(self, way: WayBack, last: history.HistoryEntry | None) -> tuple[str, ...]:
        now = history.of_checkout(self.directory, self.stack)
        former = last.configuration if last else {}
        wanted = former if way.edit is None else {**now, way.edit[0]: history.Value(way.edit[1])}
        return tuple(configuration.commands(self.stack, now=now, wanted=wanted))

    def _live(self, exported: Mapping[str, Any]) -> str:
        return sentence(live(exported, self.directory, self.stack))

    def _run(self, command: Any, *arguments: str) -> Run:
        return run(command, directory=self.directory, stack=self.stack, arguments=arguments, log=self.log)


def _changed(events: Events) -> tuple[str, ...]:
    """What was begun, as `operation name`."""
    return tuple(
        f"{step.op} {step.name} ({step.type.rpartition(':')[2]})"
        for step in events.changing
        if not step.type.startswith("pulumi:")
    )


def _said(what: str, failure: Failure) -> str:
    return f"{what}: {'; '.join(failure.sentences) or failure.reason}"
