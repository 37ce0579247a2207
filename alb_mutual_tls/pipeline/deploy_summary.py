"""The summary that `ci/deploy` gives of a deployment, in Markdown.

Its first line is the verdict and what is live.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.operations.deployment.deploy import Deployment, DeploymentEnding
from alb_mutual_tls.operations.deployment.proof import Verification
from alb_mutual_tls.pipeline.markdown import escaped, marker
from alb_mutual_tls.verdict import Verdict

_SHOWN: Final = 20
"""Resources that are named as changed; the engine's own output has all."""


def summary(one: Deployment) -> str:
    """The whole text."""
    return "\n".join(_lines(one)) + "\n"


def verdict(one: Deployment) -> str:
    """What came of it and what is live, without the stack's name."""
    live = f"live now: {one.live or 'not seen'}"
    match one.ending:
        case DeploymentEnding.DEPLOYED:
            return f"deployed{' and verified' if _proven(one.after) else ''}; {live}"
        case DeploymentEnding.NOTHING_CHANGED:
            kind = one.failure.reason if one.failure else FailureKind.FAILED
            return f"not deployed: {kind}; nothing was changed"
        case DeploymentEnding.NOT_BEGUN:
            return f"not begun: there was nothing to change, and {_why(one)}; {live}"
        case DeploymentEnding.NOT_GOOD:
            return f"deployment failed, {_why(one)}; {live}"
        case DeploymentEnding.NOT_ROLLED_BACK:
            return f"deployment failed and not rolled back, {_why(one)}; {live}"
        case DeploymentEnding.ROLLED_BACK:
            held = (
                "verified"
                if _proven(one.restored)
                else one.restored.summary
                if one.restored
                else "not verified"
            )
            return f"deployment failed and rolled back, {_why(one)}; {live} ({held})"


def _lines(one: Deployment) -> Iterator[str]:
    yield from (f"**{escaped(f'{one.stack}: {verdict(one)}')}**", marker("deploy", one.stack))
    if one.failure is not None and one.failure.sentences:
        yield from (
            "",
            *(f"- {escaped(line)}" for sentence in one.failure.sentences for line in sentence.splitlines()),
        )
    if one.after is not None and not one.after.good:
        yield from (
            "",
            f"Verification: {escaped(one.after.summary)}",
            "",
            *(f"- {escaped(reason)}" for reason in one.after.reasons),
        )
    elif one.after is not None:
        yield from ("", f"Verification: {escaped(one.after.summary)}")
    if one.ending not in (DeploymentEnding.NOTHING_CHANGED, DeploymentEnding.NOT_BEGUN):
        yield from ("", f"Before: {escaped(one.before.summary) if one.before else 'nothing was deployed'}")
    if one.changed:
        more = len(one.changed) - _SHOWN
        yield from (
            "",
            "Changed: "
            + escaped(", ".join(one.changed[:_SHOWN]))
            + (f", and {more} more" if more > 0 else ""),
        )
    elif one.ending is DeploymentEnding.DEPLOYED:
        yield from ("", "Changed: nothing")
    yield from _what_to_do(one)


def _proven(verification: Verification | None) -> bool:
    return verification is not None and verification.verdict is Verdict.HELD


def _why(one: Deployment) -> str:
    if one.failure is not None:
        # else the sentences below tell more
        told = one.failure.reason not in (FailureKind.REFUSED, FailureKind.FAILED)
        return "pulumi up did not get to its end" + (f", {one.failure.reason}" if told else "")
    return f"verification {one.after.verdict}" if one.after is not None else "not verified"


def _what_to_do(one: Deployment) -> Iterator[str]:
    again, stack = (
        one.again or f"ci/deploy --stack {shlex.quote(one.stack)}",
        f"--stack {shlex.quote(one.stack)}{one.place}",
    )
    match one.ending:
        case DeploymentEnding.NOTHING_CHANGED if (
            one.failure is not None and one.failure.reason is FailureKind.LOCKED
        ):
            yield from (
                "",
                (
                    "Wait for the other run and start this one again. If it was killed: `pulumi cancel"
                    f" {stack}`, then `{again}`."
                ),
            )
        case DeploymentEnding.NOT_BEGUN:
            yield from (
                "",
                (
                    "Nothing was changed. Put right what verification says, or give the options that it"
                    f" names, and run `{again}` again."
                ),
            )
        case DeploymentEnding.NOT_GOOD | DeploymentEnding.NOT_ROLLED_BACK:
            if one.failure is not None:
                yield from (
                    "",
                    f"To finish it: `{again}`. What is done already is in the state and is not done again.",
                )
            if one.obstacle:
                yield from (
                    "",
                    (
                        f"Not rolled back: {escaped(one.obstacle)}."
                        if one.back
                        else f"There is no good state to go back to: {escaped(one.obstacle)}."
                    ),
                )
            if one.back:
                yield from (
                    "",
                    f"To go back to {one.back}:",
                    "",
                    "```sh",
                    *(
                        command if command.startswith("#") else command + one.place
                        for command in one.commands
                    ),
                )
                yield from (f"pulumi up {stack}", f"./mtls verify {stack}{one.verifying}", "```")
                yield from (
                    "",
                    (
                        "The same from the repository: revert the commit that changed the stack file, and"
                        f" run `{again}`."
                    ),
                )
            else:
                yield from ("", f"Correct the configuration, and run `{again}`.")
        case DeploymentEnding.ROLLED_BACK:
            yield from ("", f"Gone back to {one.back}.")
            yield from (f"- {escaped(reason)}" for reason in (one.restored.reasons if one.restored else ()))
            yield from (
                "",
                (
                    "The repository still has the configuration that failed: correct it, or revert its"
                    " commit, before the next deployment."
                ),
            )
        case _:
            pass
