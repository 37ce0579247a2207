"""What of a preview is a renewal, and what `ci/renew` says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from alb_mutual_tls.engine.events import Events, ResourceState, Step
from alb_mutual_tls.engine.failure import Failure
from alb_mutual_tls.engine.messages import FailureKind
from alb_mutual_tls.operations.deployment.renew import (
    Due,
    Renewal,
    after,
    certificate_ends,
    kept_in_state,
    plan,
)
from alb_mutual_tls.pipeline.renew_summary import summary, verdict
from alb_mutual_tls.tokens import (
    ISSUED_CERTIFICATES,
    KUBERNETES_SECRET,
    LISTENER_CLIENT_AUTHENTICATION,
    SIGNED_CERTIFICATE,
)
from tests.unit.operations.deployment.recorded import recorded

BASE = "urn:pulumi:prod::p::alb-mutual-tls:index:AlbMutualTls"
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def step(type: str, name: str, op: str, *paths: str, **new: Any) -> Step:
    old = ResourceState(outputs={"notAfter": "2026-12-20T00:00:00Z"})
    return Step(
        f"{BASE}${type}::alb-mutual-tls-{name}", type, op, tuple(paths), old, ResourceState(inputs=new)
    )


def certificate(client: str, *paths: str, op: str = "update") -> Step:
    return step(SIGNED_CERTIFICATE, f"client-{client}", op, *paths)


def secret(client: str, *paths: str, op: str = "update") -> Step:
    return step(
        KUBERNETES_SECRET,
        f"secret-shop/{client}",
        op,
        *paths,
        metadata={"labels": {"albmtls/client": client}},
    )


def by_hand(of: Step) -> Step:
    """The refresh that finds that somebody has changed it."""
    return replace(of, op="refresh", ended=True)


RECORD = step(ISSUED_CERTIFICATES, "issued", "update", 'current["a"]')
LISTENER = step(LISTENER_CLIENT_AUTHENTICATION, "alb-443", "update", "caEnabled")


def urns(*steps: Step) -> tuple[str, ...]:
    return tuple(sorted(one.urn for one in steps))


def test_a_due_certificate_its_record_and_its_secret_are_the_targets_and_nothing_else() -> None:
    due, delivered, others = (
        certificate("a", "notAfter"),
        secret("a", "data.tls.crt"),
        secret("b", "data.tls.crt"),
    )
    made = plan(
        Events(
            (
                due,
                RECORD,
                delivered,
                others,
                by_hand(delivered),
                by_hand(others),
                LISTENER,
                certificate("b", op="same"),
            )
        )
    )
    assert made.targets == urns(due, RECORD, delivered)
    assert [(one.name, one.not_after, one.obstacle) for one in made.due] == [
        ("alb-mutual-tls-client-a", "2026-12-20T00:00:00Z", "")
    ]
    assert made.pending == (
        "update alb-mutual-tls-secret-shop/b (Secret): data.tls.crt",
        "update alb-mutual-tls-alb-443 (ListenerClientAuthentication): caEnabled",
    )


@pytest.mark.parametrize(
    "other",
    [
        certificate("b", "validityDays"),
        certificate("b", op="create"),
        step(ISSUED_CERTIFICATES, "issued", "update", "rootCertificatePems"),
        secret("a", "metadata.labels"),
        secret("a", op="create"),
        LISTENER,
    ],
)
def test_what_is_no_renewal_is_never_a_target(other: Step) -> None:
    due = certificate("a", "notAfter")
    made = plan(Events((due, other)))
    assert made.targets == (due.urn,)
    assert len(made.pending) == 1


def test_a_due_certificate_that_would_change_otherwise_too_is_left_and_said() -> None:
    made = plan(Events((certificate("a", "notAfter", "validityDays"), LISTENER)))
    assert made.targets == ()
    assert [one.obstacle for one in made.due] == [
        "validityDays would change with it, which is not deployed yet"
    ]


def test_where_nothing_is_due_nothing_is_done() -> None:
    changed = secret("a", "data.tls.crt")
    made = plan(Events((changed, by_hand(changed), LISTENER)))
    assert (made.due, made.targets) == ((), ())
    assert len(made.pending) == 2


def test_what_an_earlier_renewal_had_no_time_for_is_done_now() -> None:
    delivered = secret("a", "data.tls.crt")
    made = plan(Events((RECORD, delivered, LISTENER)))
    assert (made.due, made.targets) == ((), urns(RECORD, delivered))
    assert made.pending == ("update alb-mutual-tls-alb-443 (ListenerClientAuthentication): caEnabled",)


def test_the_renewal_of_the_real_engine_is_one_and_a_disabling_is_none() -> None:
    made = plan(recorded("renewal").events)
    assert made.due and not any(one.obstacle for one in made.due)
    assert {urn.split("::")[2].rpartition("$")[2] for urn in made.targets} == {
        SIGNED_CERTIFICATE,
        ISSUED_CERTIFICATES,
    }
    assert plan(recorded("disable").events).targets == ()


def test_only_another_end_is_a_renewal() -> None:
    due = (Due("u1", "a", "2026-12-20T00:00:00Z"), Due("u2", "b", "2026-12-21T00:00:00Z"))
    resources = [
        {"urn": "u1", "type": SIGNED_CERTIFICATE, "outputs": {"notAfter": "2027-02-23T00:00:00Z"}},
        {"urn": "u2", "type": SIGNED_CERTIFICATE, "outputs": {"notAfter": "2026-12-21T00:00:00Z"}},
        {
            "urn": "u3",
            "type": SIGNED_CERTIFICATE,
            "outputs": {"notAfter": "2020-01-01T00:00:00Z"},
            "delete": True,
        },
        {"urn": "u4", "type": ISSUED_CERTIFICATES, "outputs": {}},
    ]
    exported = {"deployment": {"resources": resources}}
    renewed = after(due, certificate_ends(exported))
    assert [one.renewed_until for one in renewed] == ["2027-02-23T00:00:00Z", ""]
    assert kept_in_state(exported) == ["u1", "u2", "u3", "u4"]


RENEWED = Due("u1", "client-a", "2026-12-20T00:00:00Z", renewed_until="2027-02-23T00:00:00Z")
LEFT = Due("u2", "client-b", "2026-12-21T00:00:00Z")
BLOCKED = Due(
    "u3", "client-c", "2026-11-01T00:00:00Z", "uris would change with it, which is not deployed yet"
)


@pytest.mark.parametrize(
    ("renewal", "code", "said"),
    [
        (Renewal("prod"), 0, "nothing is due"),
        (Renewal("prod", (RENEWED,)), 0, "1 of 1 due certificate renewed"),
        (Renewal("prod", (RENEWED, LEFT)), 1, "not everything was done: 1 of 2 due certificates renewed"),
        (Renewal("prod", (BLOCKED,)), 1, "not everything was done: 0 of 1 due certificate renewed"),
        (
            Renewal("prod", failure=Failure(FailureKind.LOCKED, ()), decided=False),
            2,
            "not decided what is due: another update holds the stack's lock; nothing was renewed",
        ),
        (
            Renewal("prod", failure=Failure(FailureKind.REFUSED, ("no",)), decided=False),
            1,
            "not decided what is due: refused; nothing was renewed",
        ),
        (
            Renewal("prod", (RENEWED,), ("update secret",), failure=Failure(FailureKind.CLUSTER, ())),
            1,
            "not everything was done: 1 of 1 due certificate renewed",
        ),
        (
            Renewal("prod", followers=("update secret",)),
            0,
            "nothing is due, and what an earlier renewal had left was done",
        ),
        (Renewal("prod", unseen=Failure(FailureKind.CLUSTER, ())), 0, "nothing is due"),
    ],
)
def test_the_exit_code_and_the_verdict_say_whether_all_that_is_due_was_renewed(
    renewal: Renewal, code: int, said: str
) -> None:
    assert (renewal.exit_code, verdict(renewal)) == (code, said)
    assert summary(renewal, NOW).startswith(f"**prod: {said}**\n<!-- alb-mutual-tls renew prod -->\n")


def test_the_summary_says_until_when_the_old_ones_last_and_what_was_left_alone() -> None:
    failed, unseen = (
        Failure(FailureKind.FAILED, ("it broke",)),
        Failure(FailureKind.CLUSTER, ("the cluster did not answer",)),
    )
    told = summary(
        Renewal(
            "prod",
            (RENEWED, LEFT, BLOCKED),
            ("update issued",),
            ("update alb-443",),
            ("p:clients",),
            unseen,
            failed,
        ),
        NOW,
    )
    assert "| client-a | 2027-02-23T00:00:00Z | 2026-12-20T00:00:00Z (25 days) |" in told
    assert "- client-b (valid until 2026-12-21T00:00:00Z (26 days)): pulumi up did not get to its end" in told
    assert (
        "- client-c (valid until 2026-11-01T00:00:00Z (ended)): uris would change with it, which is not"
        " deployed yet" in told
    )
    assert "With them: update issued" in told
    assert "- it broke" in told and "- update alb-443" in told and "left so: p:clients" in told
    seen = summary(Renewal("prod", unseen=unseen), NOW)
    assert (
        "What else is pending could not be seen, the cluster cannot be reached from here: the cluster did not"
        " answer" in seen
    )
