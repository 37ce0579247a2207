"""What pulumi says when it fails: one table for commands that read and for runs."""

from __future__ import annotations

import re

import pytest

from alb_mutual_tls.engine.messages import MESSAGES, FailureKind, message

SAID = {
    "error: the stack is currently locked by 1 lock(s)": FailureKind.LOCKED,
    "error: no stack selected; please use `pulumi stack select`": FailureKind.NO_STACK,
    "error: no stack named 'nope' found": FailureKind.NO_STACK,
    "error: failed to decrypt: incorrect passphrase": FailureKind.PASSPHRASE,
    "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE": FailureKind.PASSPHRASE,
    "error: no Pulumi.yaml project file found": FailureKind.FAILED,
    "error: PULUMI_ACCESS_TOKEN must be set for login": FailureKind.CREDENTIALS,
    "error: getting user: [401] Unauthorized": FailureKind.CREDENTIALS,
    "error: dial tcp: lookup oss: no such host": FailureKind.BACKEND,
}


@pytest.mark.parametrize(("text", "kind"), SAID.items(), ids=range(len(SAID)))
def test_each_message_has_its_kind(text: str, kind: FailureKind) -> None:
    known = message(text)
    assert known is not None
    assert known.kind is kind


def test_each_row_of_the_table_is_tried_here() -> None:
    assert {known for text in SAID if (known := message(text))} == set(MESSAGES)


def test_what_nothing_is_known_about_is_nothing() -> None:
    assert message("error: something else") is None


def test_the_lock_counts_before_the_file_that_it_is_in() -> None:
    known = message("the stack is currently locked: delete .pulumi/locks/x")
    assert known is not None
    assert known.kind is FailureKind.LOCKED


def test_each_sentence_says_what_to_do() -> None:
    sentences = [known.sentence for known in MESSAGES if known.sentence]
    assert len(sentences) == 6
    assert all(re.search(r"[:;] (?:for|choose|`pulumi|set|run)", sentence) for sentence in sentences)


def test_without_a_stack_are_those_that_may_go_on_without_one() -> None:
    assert [known.pattern for known in MESSAGES if known.selects_nothing] == [
        "no stack selected",
        r"no Pulumi\.yaml",
        "PULUMI_ACCESS_TOKEN must be set|not logged in",
    ]
