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


def summary(deployment: Deployment) -> str:
    """The whole text."""
    return "\n".join(_lines(deployment)) + "\n"


def verdict(deployment: Deployment) -> str:
    """What came of it and what is live, without the stack's name."""
    live = f"live now: {deployment.live or 'not seen'}"
    match deployment.ending:
        case DeploymentEnding.DEPLOYED:
            return f"deployed{' and verified' if _proven(deployment.after) else ''}; {live}"
        case DeploymentEnding.NOTHING_CHANGED:
            kind = deployment.failure.reason if deployment.failure else FailureKind.FAILED
            return f"not deployed: {kind}; nothing was changed"
        case DeploymentEnding.NOT_BEGUN:
            return f"not begun: there was nothing to change, and {_why(deployment)}; {live}"
        case DeploymentEnding.NOT_GOOD:
            return f"deployment failed, {_why(deployment)}; {live}"
        case DeploymentEnding.NOT_ROLLED_BACK:
            return f"deployment failed and not rolled back, {_why(deployment)}; {live}"
        case DeploymentEnding.ROLLED_BACK:
            held = (
                "verified"
                if _proven(deployment.restored)
                else deployment.restored.summary
                if deployment.restored
                else "not verified"
            )
            return f"deployment failed and rolled back, {_why(deployment)}; {live} ({held})"


def _lines(deployment: Deployment) -> Iterator[str]:
    yield from (
        f"**{escaped(f'{deployment.stack}: {verdict(deployment)}')}**",
        marker("deploy", deployment.stack),
    )
    if deployment.failure is not None and deployment.failure.sentences:
        yield from (
            "",
            *(
                f"- {escaped(line)}"
                for sentence in deployment.failure.sentences
                for line in sentence.splitlines()
            ),
        )
    if deployment.after is not None and not deployment.after.good:
        yield from (
            "",
            f"Verification: {escaped(deployment.after.summary)}",
            "",
            *(f"- {escaped(reason)}" for reason in deployment.after.reasons),
        )
    elif deployment.after is not None:
        yield from ("", f"Verification: {escaped(deployment.after.summary)}")
    if deployment.ending not in (DeploymentEnding.NOTHING_CHANGED, DeploymentEnding.NOT_BEGUN):
        yield from (
            "",
            f"Before: {escaped(deployment.before.summary) if deployment.before else 'nothing was deployed'}",
        )
    if deployment.changed:
        more = len(deployment.changed) - _SHOWN
        yield from (
            "",
            "Changed: "
            + escaped(", ".join(deployment.changed[:_SHOWN]))
            + (f", and {more} more" if more > 0 else ""),
        )
    elif deployment.ending is DeploymentEnding.DEPLOYED:
        yield from ("", "Changed: nothing")
    yield from _what_to_do(deployment)


def _proven(verification: Verification | None) -> bool:
    return verification is not None and verification.verdict is Verdict.HELD


def _why(deployment: Deployment) -> str:
    if deployment.failure is not None:
        # else the sentences below tell more
        told = deployment.failure.reason not in (FailureKind.REFUSED, FailureKind.FAILED)
        return "pulumi up did not get to its end" + (f", {deployment.failure.reason}" if told else "")
    return f"verification {deployment.after.verdict}" if deployment.after is not None else "not verified"


def _what_to_do(deployment: Deployment) -> Iterator[str]:
    again, stack = (
        deployment.again or f"ci/deploy --stack {shlex.quote(deployment.stack)}",
        f"--stack {shlex.quote(deployment.stack)}{deployment.place}",
    )
    match deployment.ending:
        case DeploymentEnding.NOTHING_CHANGED if (
            deployment.failure is not None and deployment.failure.reason is FailureKind.LOCKED
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
            if deployment.failure is not None:
                yield from (
                    "",
                    f"To finish it: `{again}`. What is done already is in the state and is not done again.",
                )
            if deployment.obstacle:
                yield from (
                    "",
                    (
                        f"Not rolled back: {escaped(deployment.obstacle)}."
                        if deployment.back
                        else f"There is no good state to go back to: {escaped(deployment.obstacle)}."
                    ),
                )
            if deployment.back:
                yield from (
                    "",
                    f"To go back to {deployment.back}:",
                    "",
                    "```sh",
                    *(
                        command if command.startswith("#") else command + deployment.place
                        for command in deployment.commands
                    ),
                )
                yield from (f"pulumi up {stack}", f"./mtls verify {stack}{deployment.verifying}", "```")
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
            yield from ("", f"Gone back to {deployment.back}.")
            yield from (
                f"- {escaped(reason)}"
                for reason in (deployment.restored.reasons if deployment.restored else ())
            )
            yield from (
                "",
                (
                    "The repository still has the configuration that failed: correct it, or revert its"
                    " commit, before the next deployment."
                ),
            )
        case _:
            pass
