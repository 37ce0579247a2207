"""What `ci/deploy` says of a deployment, in Markdown; the first line is the verdict and what is live."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from alb_mutual_tls.pipeline.deploy import Deployment, Ending
from alb_mutual_tls.pipeline.failure import Failure, Reason


def summary(one: Deployment) -> str:
    """The whole text."""
    return "\n".join(_lines(one)) + "\n"


def _lines(one: Deployment) -> Iterator[str]:
    yield _first(one)
    if one.failure is not None and one.failure.sentences:
        yield from ("", *(f"- {line}" for sentence in one.failure.sentences for line in sentence.splitlines()))
    if one.after is not None and not one.after.held:
        yield from ("", f"Verification: {one.after.summary}", "", *(f"- {reason}" for reason in one.after.reasons))
    elif one.after is not None:
        yield from ("", f"Verification: {one.after.summary}")
    yield from ("", f"Before: {one.before.summary if one.before else 'nothing was deployed'}")
    if one.changed:
        yield from ("", "Changed: " + ", ".join(one.changed))
    elif one.ending is Ending.DEPLOYED:
        yield from ("", "Changed: nothing")
    yield from _what_to_do(one)


def _first(one: Deployment) -> str:
    match one.ending:
        case Ending.DEPLOYED:
            return f"**Deployed and verified** stack {one.stack}; live now: {one.live}"
        case Ending.NOTHING_CHANGED:
            return f"**Not deployed** stack {one.stack}: {_reason(one.failure)}; nothing was changed"
        case Ending.NOT_GOOD:
            return f"**Deployment failed** in stack {one.stack}: {_why(one)}; live now: {one.live}"
        case Ending.ROLLED_BACK:
            held = "verified" if one.restored and one.restored.held else f"but {one.restored.summary if one.restored else 'not verified'}"
            return f"**Rolled back** stack {one.stack}: the deployment failed ({_why(one)}); live now, {held}: {one.live}"
        case Ending.NOT_ROLLED_BACK:
            return f"**Deployment failed, and not rolled back** in stack {one.stack}: {_why(one)}; live now: {one.live}"


def _why(one: Deployment) -> str:
    if one.failure is not None:
        return f"pulumi up did not get to its end, {_reason(one.failure)}"
    return f"verification {one.after.verdict}" if one.after is not None else "not verified"


def _reason(failure: Failure | None) -> str:
    return str(failure.reason) if failure is not None else str(Reason.FAILED)


def _what_to_do(one: Deployment) -> Iterator[str]:
    again = f"ci/deploy --stack {shlex.quote(one.stack)}"
    match one.ending:
        case Ending.NOTHING_CHANGED if one.failure is not None and one.failure.reason is Reason.LOCKED:
            yield from (
                "",
                f"Wait for the other run and start this one again. If it was killed: `pulumi cancel --stack {shlex.quote(one.stack)}`, then `{again}`.",
            )
        case Ending.NOT_GOOD | Ending.NOT_ROLLED_BACK:
            if one.failure is not None:
                yield from ("", f"To finish it: `{again}`. What is done already is in the state and is not done again.")
            if one.obstacle:
                yield from (
                    "",
                    f"Not rolled back: {one.obstacle}." if one.back else f"There is no good state to go back to: {one.obstacle}.",
                )
            if one.back:
                yield from ("", f"To go back to {one.back}:", "", "```sh", *one.commands)
                yield from (f"pulumi up --stack {shlex.quote(one.stack)}", f"./mtls verify --stack {shlex.quote(one.stack)}", "```")
                yield from ("", f"The same from the repository: revert the commit that changed the stack file, and run `{again}`.")
            else:
                yield from ("", f"Correct the configuration, and run `{again}`.")
        case Ending.ROLLED_BACK:
            yield from ("", f"Gone back to {one.back}.")
            yield from (f"- {reason}" for reason in (one.restored.reasons if one.restored else ()))
            yield from (
                "",
                "The repository still has the configuration that failed: correct it, or revert its commit, before the next deployment.",
            )
        case _:
            pass
