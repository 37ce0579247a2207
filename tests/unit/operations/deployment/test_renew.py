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
    CA_CERTIFICATE,
    ISSUED_CERTIFICATES,
    KUBERNETES_SECRET,
    LISTENER_CLIENT_AUTHENTICATION,
)
from tests.unit.operations.deployment.recorded import recorded

BASE = "urn:pulumi:prod::p::alb-mutual-tls:index:AlbMutualTls"
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def step(type: str, name: str, op: str, *paths: str, **new: Any) -> Step:
    end = {"notAfter": "2026-12-20T00:00:00Z"}
    old = ResourceState(outputs={"client:a": end, "client:b": end, "group:fleet": {"c": end, "d": end}})
    return Step(
        f"{BASE}${type}::alb-mutual-tls-{name}", type, op, tuple(paths), old, ResourceState(inputs=new)
    )


def register(*paths: str, op: str = "update") -> Step:
    return step(ISSUED_CERTIFICATES, "issued", op, *paths)


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


DUE = register("client:a.notAfter")
LISTENER = step(LISTENER_CLIENT_AUTHENTICATION, "alb-443", "update", "caEnabled")


def urns(*steps: Step) -> tuple[str, ...]:
    return tuple(sorted(one.urn for one in steps))


def test_the_register_with_a_due_certificate_and_its_secret_are_the_targets_and_nothing_else() -> None:
    delivered, others = secret("a", "data.tls.crt"), secret("b", "data.tls.crt")
    made = plan(Events((DUE, delivered, others, by_hand(delivered), by_hand(others), LISTENER)))
    assert made.targets == urns(DUE, delivered)
    assert [(one.name, one.clients, one.not_after, one.obstacle) for one in made.due] == [
        ("client a", ("a",), "2026-12-20T00:00:00Z", "")
    ]
    assert made.pending == (
        "update alb-mutual-tls-secret-shop/b (Secret): data.tls.crt",
        "update alb-mutual-tls-alb-443 (ListenerClientAuthentication): caEnabled",
    )


@pytest.mark.parametrize(
    "other",
    [
        step(CA_CERTIFICATE, "authority-root", "update", "name"),
        secret("a", "metadata.labels"),
        secret("a", op="create"),
        LISTENER,
    ],
)
def test_what_is_no_renewal_is_never_a_target(other: Step) -> None:
    made = plan(Events((DUE, other)))
    assert made.targets == (DUE.urn,)
    assert len(made.pending) == 1


@pytest.mark.parametrize("other", ["clients.a.validityDays", "clients.b", "rootCertificatePems"])
def test_a_due_certificate_in_a_register_that_would_change_otherwise_too_is_left_and_said(other: str) -> None:
    made = plan(Events((register("client:a.notAfter", other), LISTENER)))
    assert made.targets == ()
    assert [one.obstacle for one in made.due] == [f"{other} would change with it, which is not deployed yet"]


def test_a_register_of_the_version_before_is_renewed_too_since_its_certificates_stay() -> None:
    step = register("client:a.notAfter", "current")
    end = "2026-12-19T00:00:00Z"
    before = {"current": {"a": "PEM"}, "certificates": {"a": {"notAfter": end}}}
    made = plan(Events((replace(step, old=ResourceState(outputs=before)),)))
    assert made.targets == (DUE.urn,)
    assert [one.not_after for one in made.due] == [end]
    assert plan(Events((register("current"),))).targets == ()


def test_the_members_of_a_group_are_told_as_one() -> None:
    made = plan(Events((register("group:fleet.c.notAfter", "group:fleet.d.notAfter", "client:a.notAfter"),)))
    assert [(one.name, one.clients) for one in made.due] == [
        ("client a", ("a",)),
        ("client group fleet: 2 certificates", ("fleet/c", "fleet/d")),
    ]


def test_where_nothing_is_due_nothing_is_done() -> None:
    changed = secret("a", "data.tls.crt")
    made = plan(Events((changed, by_hand(changed), LISTENER)))
    assert (made.due, made.targets) == ((), ())
    assert len(made.pending) == 2


def test_what_an_earlier_renewal_had_no_time_for_is_done_now() -> None:
    delivered = secret("a", "data.tls.crt")
    made = plan(Events((delivered, LISTENER)))
    assert (made.due, made.targets) == ((), urns(delivered))
    assert made.pending == ("update alb-mutual-tls-alb-443 (ListenerClientAuthentication): caEnabled",)


def test_the_renewal_of_the_real_engine_is_one_and_a_disabling_is_none() -> None:
    made = plan(recorded("renewal").events)
    assert made.due and not any(one.obstacle for one in made.due)
    assert {urn.split("::")[2].rpartition("$")[2] for urn in made.targets} == {ISSUED_CERTIFICATES}
    assert plan(recorded("disable").events).targets == ()


def test_only_a_later_end_of_all_certificates_is_a_renewal() -> None:
    due = (
        Due("u1", "a", ("a",), "2026-12-20T00:00:00Z"),
        Due("u1", "b", ("b",), "2026-12-21T00:00:00Z"),
        Due("u1", "c", ("g/c", "g/d"), "2026-12-21T00:00:00Z"),
    )
    ends = {name: {"notAfter": f"2027-02-{day}T00:00:00Z"} for name, day in (("c", 24), ("d", 23))}
    outputs = {
        "client:a": {"notAfter": "2027-02-23T00:00:00Z"},
        "client:b": {"notAfter": "2026-12-21T00:00:00Z"},
        "group:g": ends,
    }
    resources = [
        {"urn": "u1", "type": ISSUED_CERTIFICATES, "outputs": outputs},
        {"urn": "u4", "type": LISTENER_CLIENT_AUTHENTICATION, "outputs": {}},
    ]
    exported = {"deployment": {"resources": resources}}
    renewed = after(due, certificate_ends(exported))
    assert [one.renewed_until for one in renewed] == ["2027-02-23T00:00:00Z", "", "2027-02-23T00:00:00Z"]
    assert kept_in_state(exported) == ["u1"]


RENEWED = Due("u1", "client-a", ("a",), "2026-12-20T00:00:00Z", renewed_until="2027-02-23T00:00:00Z")
LEFT = Due("u2", "client-b", ("b",), "2026-12-21T00:00:00Z")
BLOCKED = Due(
    "u3", "client-c", ("c",), "2026-11-01T00:00:00Z", "uris would change with it, which is not deployed yet"
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
