"""Why a command of the engine failed, told by what it and the provider said."""

from __future__ import annotations

import pytest

from alb_mutual_tls.engine.events import Diagnostic, Events, Severity
from alb_mutual_tls.engine.failure import Failure, failure
from alb_mutual_tls.engine.messages import FailureKind
from tests.unit.errors.inventory import PAGE, Row, rows

LISTENER = (
    "urn:pulumi:prod::alb-mutual-tls::alb-mutual-tls:index:AlbMutualTls"
    "$albmtls:index:ListenerClientAuthentication::alb-mutual-tls-alb-443"
)


def of(*texts: str, urn: str = LISTENER) -> Failure:
    events = Events((), tuple(Diagnostic(Severity.ERROR, text, urn) for text in texts), True)
    found = failure(events, exit_code=1, said="")
    assert found is not None
    return found


def before_events(said: str, exit_code: int = 1) -> Failure | None:
    return failure(Events(), exit_code=exit_code, said=said)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            (
                "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to"
                " end or delete the lock file"
            ),
            FailureKind.LOCKED,
        ),
        ("error: [409] Conflict: Another update is currently in progress.", FailureKind.LOCKED),
        (
            "error: getting stack configuration: get stack secrets manager: incorrect passphrase",
            FailureKind.PASSPHRASE,
        ),
        (
            "error: getting secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or",
            FailureKind.PASSPHRASE,
        ),
        (
            (
                'error: unable to open state directory "file:///nonexistent": stat /nonexistent: no such file'
                " or directory"
            ),
            FailureKind.BACKEND,
        ),
        (
            (
                'error: read ".pulumi/meta.yaml": blob (code=Unknown): operation error S3: GetObject, dial'
                " tcp: lookup oss: no such host"
            ),
            FailureKind.BACKEND,
        ),
        (
            (
                'error: performing HTTP request: Get "https://api.pulumi.com/api/user": dial tcp: connect:'
                " connection refused"
            ),
            FailureKind.BACKEND,
        ),
        (
            "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
            FailureKind.CREDENTIALS,
        ),
        (
            (
                "Logging in using access token from PULUMI_ACCESS_TOKEN\nerror: getting user: [401]"
                " Unauthorized: No credentials"
            ),
            FailureKind.CREDENTIALS,
        ),
        ("error: no stack named 'nope' found", FailureKind.NO_STACK),
        ("error: something that nobody has seen yet", FailureKind.FAILED),
        ("", FailureKind.INTERRUPTED),
    ],
)
def test_what_pulumi_says_before_it_begins(said: str, reason: FailureKind) -> None:
    found = before_events(said)
    assert found is not None
    assert found.reason is reason


def test_a_command_that_ended_well_has_not_failed_whatever_it_said() -> None:
    assert before_events("warning: a new version of Pulumi is available", exit_code=0) is None


def test_the_sentence_comes_without_what_the_engine_puts_around_it() -> None:
    sentence = "AlbConfig alb has no listener on port 8443, it has 443/HTTPS: correct the port in listeners"
    for around in (
        "Preview failed: {}",
        "pulumi:providers:albmtls resource 'albmtls' has a problem: {}",
        "albmtls:index:CaCertificate resource 'l': property port value {444} has a problem: {}",
        "1 error occurred:\n\t* {}",
        "updating urn:pulumi:prod::p::t::n: 1 error occurred:\n\t* {}",
    ):
        assert of(around.replace("{}", sentence), "preview failed", urn=LISTENER) == Failure(
            FailureKind.REFUSED, (sentence,)
        )


def test_a_refusal_counts_more_than_what_may_pass() -> None:
    unreachable = (
        "the cluster at https://127.0.0.1:9 (context a) cannot be reached: Connection refused: check the"
        " server address"
    )
    assert of(unreachable).reason is FailureKind.CLUSTER
    assert of(unreachable, "port 80 of AlbConfig alb speaks HTTP") == Failure(
        FailureKind.REFUSED, ("port 80 of AlbConfig alb speaks HTTP",)
    )


@pytest.mark.parametrize(
    "said",
    [
        "configured Kubernetes cluster is unreachable: unable to load schema information from the API server:"
        ' Get "https://127.0.0.1:9/openapi/v2": dial tcp 127.0.0.1:9: connect: connection refused',
        "failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove"
        " this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE"
        ' environment variable set to "true"',
    ],
)
def test_that_pulumi_kubernetes_has_no_cluster_counts_only_where_ours_does_not_say_why(said: str) -> None:
    secret = "urn:pulumi:prod::p::alb-mutual-tls:index:MutualTls$kubernetes:core/v1:Secret::a"
    assert of(said, urn=secret) == Failure(FailureKind.CLUSTER, (said,))
    ours = "there is no kubeconfig at /nowhere (kubernetes:kubeconfig): set kubernetes:kubeconfig"
    assert of(said, ours, urn=secret) == Failure(FailureKind.CREDENTIALS, (ours,))


def test_every_line_about_the_configuration_is_a_sentence() -> None:
    text = (
        "the configuration of stack prod cannot be used:\ncaEnabled: is 7; give a boolean\nclients: is empty;"
        " give a value"
    )
    assert of(
        text, "an unhandled error occurred: program exited with non-zero exit code: 1", urn=""
    ).sentences == tuple(text.splitlines()[1:])


def test_an_error_of_another_provider_or_of_the_engine_is_no_refusal() -> None:
    assert (
        of("could not load plugin tls", urn="urn:pulumi:prod::p::tls:index/privateKey:PrivateKey::a").reason
        is FailureKind.FAILED
    )


def sections() -> dict[str, set[str]]:
    """Title -> the sentences of that section of docs/errors.md."""
    found: dict[str, set[str]] = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        found[title] = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    return found


SECTIONS = sections()
VALUES = {
    "<cluster>": "the cluster at https://127.0.0.1:6443 (context a)",
    "<user>": "the user of context a in /home/me/kubeconfig",
    "<kubeconfig>": "/home/me/kubeconfig",
    "<service>": "Security Token Service (STS)",
    "<endpoint>": "sts.aliyuncs.com",
    "<action>": "GetCallerIdentity",
    "<place>": "the user of context a in /home/me/kubeconfig",
}


def spoken(row: Row) -> str:
    """The sentence with values in place."""
    text = row.sentence
    for name, value in VALUES.items():
        text = text.replace(name, value)
    return text


WHOLE = [row for row in rows() if not row.is_part]
EXPECTED = {
    "What Alibaba Cloud answers": {
        FailureKind.ALIBABA_CLOUD,
        FailureKind.CREDENTIALS,
        FailureKind.PERMISSION,
        FailureKind.INTERRUPTED,
    },
    "Credentials": {FailureKind.CREDENTIALS, FailureKind.ALIBABA_CLOUD},
    "Kubeconfig": {FailureKind.CREDENTIALS},
    "Cluster": {FailureKind.CLUSTER, FailureKind.CREDENTIALS, FailureKind.PERMISSION},
    "AlbConfig and listener": {FailureKind.REFUSED},
    "Client authentication of a listener": {FailureKind.REFUSED, FailureKind.INTERRUPTED},
    "Another account, another cluster": {FailureKind.REFUSED},
}
REFUSALS = (
    "knows no AlbConfig",
    "refused <method>",
    "refused <action>: <code> <message>",
    "alicloud:region is not set",
)


@pytest.mark.parametrize("title", EXPECTED)
def test_the_sentences_of_the_page_of_errors_are_told_apart_by_their_section(title: str) -> None:
    told = [row for row in WHOLE if row.sentence in SECTIONS[title]]
    assert told
    reasons = {
        row.sentence: of(spoken(row)).reason
        for row in told
        if not any(text in row.sentence for text in REFUSALS)
    }
    assert {sentence: reason for sentence, reason in reasons.items() if reason not in EXPECTED[title]} == {}
