"""What the program pulumi itself says when it fails, before there are any events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FailureKind(StrEnum):
    """What kind of failure; the value is a clause that says it to people."""

    REFUSED = "refused"
    """The configuration cannot be used, or a guard of the provider refuses it.

    Only another configuration helps, or a change outside of it.
    """
    LOCKED = "another update holds the stack's lock"
    CLUSTER = "the cluster cannot be reached from here"
    ALIBABA_CLOUD = "Alibaba Cloud cannot be reached from here"
    CREDENTIALS = "credentials or the kubeconfig are missing or not accepted"
    PERMISSION = "a permission is missing"
    BACKEND = "the state cannot be reached from here"
    PASSPHRASE = "the passphrase is missing or wrong"  # noqa: S105 (a sentence)
    NO_STACK = "there is no such stack"
    INTERRUPTED = "it was interrupted before its end"
    FAILED = "the engine failed"


@dataclass(frozen=True)
class Message:
    """A message of pulumi, its kind of failure and the advice for it.

    `pattern` matches the message. `sentence` says what to do and may name `{directory}` and
    `{stack}`. It is None where pulumi's own words are kept. `selects_nothing` means that no stack
    is available, so a command that can do without one may go on.
    """

    pattern: str
    kind: FailureKind
    sentence: str | None = None
    selects_nothing: bool = False


MESSAGES: Final = (
    Message(
        r"the stack is currently locked|\[409\] Conflict: Another update is currently in progress",
        FailureKind.LOCKED,
    ),
    Message(
        r"no stack selected",
        FailureKind.NO_STACK,
        "no stack is selected in {directory}: choose one with --stack NAME or `pulumi stack select NAME`",
        selects_nothing=True,
    ),
    Message(
        r"no stack named",
        FailureKind.NO_STACK,
        "there is no stack {stack} in {directory}: `pulumi stack ls` lists those that exist",
    ),
    Message(
        r"incorrect passphrase",
        FailureKind.PASSPHRASE,
        "the passphrase in PULUMI_CONFIG_PASSPHRASE is not the one of this stack: for the sandbox, source"
        " .sandbox/env",
    ),
    Message(
        r"passphrase must be set",
        FailureKind.PASSPHRASE,
        "the stack's secrets need a passphrase: set PULUMI_CONFIG_PASSPHRASE or"
        " PULUMI_CONFIG_PASSPHRASE_FILE; for the sandbox, source .sandbox/env",
    ),
    Message(
        r"no Pulumi\.yaml",
        FailureKind.FAILED,
        "there is no Pulumi.yaml in {directory} or above: run this in the project's directory or give --cwd",
        selects_nothing=True,
    ),
    Message(
        r"PULUMI_ACCESS_TOKEN must be set|not logged in",
        FailureKind.CREDENTIALS,
        "pulumi is not logged in to the backend that holds the state: run `pulumi login`, or set"
        " PULUMI_BACKEND_URL; for the sandbox, source .sandbox/env",
        selects_nothing=True,
    ),
    Message(
        r"\[401\]|invalid access token|NoCredentialProviders|failed to retrieve credentials"
        r"|get credentials|InvalidAccessKeyId|SignatureDoesNotMatch|StatusCode: 40[13]",
        FailureKind.CREDENTIALS,
    ),
    Message(
        r"unable to open state directory|unable to open bucket|unable to check if bucket|\.pulumi/"
        r"|performing HTTP request|could not (?:determine|get) .*backend|no such host|connection refused"
        r"|i/o timeout",
        FailureKind.BACKEND,
    ),
)


def message(text: str) -> Message | None:
    """The first of `MESSAGES` that stands in a text of pulumi."""
    return next((known for known in MESSAGES if re.search(known.pattern, text)), None)
