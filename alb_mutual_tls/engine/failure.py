"""Why the engine did not get to the end, told by what it and the provider said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from alb_mutual_tls.engine.events import Events, Severity
from alb_mutual_tls.engine.messages import FailureKind, message
from alb_mutual_tls.tokens import PACKAGE, PROVIDER


@dataclass(frozen=True)
class Failure:
    """A failure and the sentences that were said about it, each once."""

    reason: FailureKind
    sentences: tuple[str, ...]


_WHERE: Final = re.compile(
    r"^(?:(?:Preview|update|refresh|deleting) failed: |error: |\S+:\S+ resource '[^']*':? (?:has a problem:"
    r" |property \S+ value \{.*?\} has a problem: )"
    r"|\d+ errors? occurred:\s*\* |(?:creating|updating|deleting|refreshing) urn:pulumi:\S+: \d+ errors?"
    r" occurred:\s*\* )+"
)
_CLOSING: Final = re.compile(
    r"^(?:(?:preview|update|refresh|destroy) failed|an unhandled error occurred: program exited .*)$"
)


# What the provider says; the sentences of docs/errors.md that are not refusals.
_OF_PROVIDER: Final = (
    (
        r"the cluster at \S+ (?:\(context .*?\) )?(?:cannot be reached|does not serve AlbConfigs at"
        r" present|answered \S+ \S+ with something)"
        r"|the proxy (?:\S+ )?for the cluster",
        FailureKind.CLUSTER,
    ),
    (
        r"did not answer \w+ \(|throttled \w+ until|at \S+ failed in \w+:|answered \w+ with something that is"
        r" not an API answer"
        r"|did not say which account|STS answered without credentials",
        FailureKind.ALIBABA_CLOUD,
    ),
    (
        r"no Alibaba Cloud credentials|gave no credentials|does not accept the (?:access key|credential)|the"
        r" OIDC token file"
        r"|aliyun CLI|leads back to itself|which its mode .* needs|does not exist, the profiles are|set the"
        r" clock of this machine"
        r"|there is no kubeconfig|^\S+ is not a kubeconfig|^\S+ is not YAML|of \S+ (?:cannot be read|is not"
        r" base64)"
        r"|(?:correct the kubeconfig|fetch the kubeconfig anew)|has no (?:context|current-context)|credential"
        r" plugin"
        r"|acts as somebody else|has only one of client-certificate|is the answer of"
        r" DescribeClusterUserKubeconfig|kubectl refuses"
        r"|which no header can hold",
        FailureKind.CREDENTIALS,
    ),
    (r"is not permitted to call|forbids user|is forbidden: User", FailureKind.PERMISSION),
    (r"cancell?ed|given up .* after the cancellation", FailureKind.INTERRUPTED),
    (r"internal error in|has no package|has no resource type", FailureKind.FAILED),
)

_WITHOUT_CLUSTER: Final = re.compile(
    r"configured Kubernetes cluster is unreachable|failed to read resource state due to unreachable cluster"
)
"""pulumi-kubernetes says so also where a kubeconfig is missing or not accepted: ours says which."""
_CONFIGURATION: Final = re.compile(r"^the configuration of stack .* cannot be used:")
_OTHER_ACCOUNT: Final = re.compile(r"and the key (?:accountId|ackClusterId) wants")
_OURS: Final = re.compile(rf"(?:\$|::)(?:{PROVIDER}|{PACKAGE}:index:\w+)::")
_PROTECTED: Final = re.compile(r"because it is protected|unable to (?:delete|replace) resource .*protect")


def failure(events: Events, *, exit_code: int, said: str) -> Failure | None:
    """Return what went wrong, or None when nothing did.

    `said` is what pulumi wrote to standard error. Where several things went wrong, a refusal counts
    first. It stays true wherever the command runs again.
    """
    if exit_code == 0:
        return None
    sentences: dict[FailureKind, set[str]] = {}
    for diagnostic in events.said(Severity.ERROR):
        text = _WHERE.sub("", diagnostic.text).strip()
        if not _CLOSING.match(text):
            sentences.setdefault(_reason(text, diagnostic.urn), set()).update(_sentences(text))
    if sentences:
        reason = min(sentences, key=list(FailureKind).index)
        told = tuple(sorted(sentences[reason]))
        if reason is FailureKind.FAILED and any(map(_WITHOUT_CLUSTER.search, told)):
            reason = FailureKind.CLUSTER
        return Failure(reason, told)
    lines = [
        line.removeprefix("error: ").strip() for line in said.splitlines() if line.startswith("error: ")
    ] or [line.strip() for line in said.splitlines() if line.strip()]
    text = lines[0] if lines else ""
    if known := message(text):
        return Failure(known.kind, (text,))
    if exit_code < 0 or (not events.complete and not text):
        return Failure(FailureKind.INTERRUPTED, ())
    return Failure(FailureKind.FAILED, (text,) if text else ())


def _sentences(text: str) -> list[str]:
    """Split an error text into its sentences.

    A configuration's problems are a line each, below one line that announces them.
    """
    return text.splitlines()[1:] or [text] if _CONFIGURATION.search(text) else [" ".join(text.split())]


def _reason(text: str, urn: str) -> FailureKind:
    if _WITHOUT_CLUSTER.search(text):
        return FailureKind.FAILED
    for pattern, reason in _OF_PROVIDER:
        if re.search(pattern, text):
            return reason
    if (
        _CONFIGURATION.search(text)
        or _OURS.search(urn)
        or _PROTECTED.search(text)
        or _OTHER_ACCOUNT.search(text)
    ):
        return FailureKind.REFUSED
    known = message(text)
    return known.kind if known else FailureKind.FAILED
