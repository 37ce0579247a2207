"""What single steps mean for a listener, a certificate and whoever looks for drift."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.engine.events import Events, ResourceState, Step, parse
from alb_mutual_tls.operations.deployment.certificate_change import CertificateChange
from alb_mutual_tls.operations.deployment.drift import drift, pending
from alb_mutual_tls.operations.deployment.listener_change import Effect
from alb_mutual_tls.operations.deployment.plan import plan
from alb_mutual_tls.pipeline.summary import as_json, of_drift, of_preview
from alb_mutual_tls.pipeline.summary_markdown import as_markdown
from alb_mutual_tls.tokens import (
    CA_CERTIFICATE,
    ISSUED_CERTIFICATES,
    LISTENER_CLIENT_AUTHENTICATION,
    SIGNED_CERTIFICATE,
)
from alb_mutual_tls.wire import UNKNOWN_TEXT
from tests.unit.operations.deployment.recorded import ended

BASE = "urn:pulumi:prod::p::alb-mutual-tls:index:AlbMutualTls"
PARENT = f"{BASE}::alb-mutual-tls"


def listener(enabled: bool | None, ca: str | None, **more: Any) -> ResourceState:
    values = {"albConfig": "alb", "port": 443.0, "caEnabled": enabled, "caCertificateId": ca, **more}
    return ResourceState(
        "alb/443",
        PARENT,
        {},
        {key: UNKNOWN_TEXT if value is None else value for key, value in values.items()},
    )


def change(
    op: str,
    old: ResourceState | None,
    new: ResourceState | None,
    *paths: str,
    type: str = LISTENER_CLIENT_AUTHENTICATION,
    name: str = "alb-443",
) -> Step:
    return Step(f"{BASE}${type}::alb-mutual-tls-{name}", type, op, tuple(paths), old, new, ended=True)


ON, OFF = '{"caEnabled": true, "caCertificates": [{"CertificateId": "theirs"}]}', "{}"


@pytest.mark.parametrize(
    ("step", "effect"),
    [
        (change("update", listener(False, "1"), listener(True, "1")), Effect.DEMANDS),
        (change("update", listener(False, ""), listener(True, "1")), Effect.DEMANDS),
        (change("update", listener(True, "1"), listener(False, "1")), Effect.OPENS),
        (change("update", listener(True, "1"), listener(False, "2")), Effect.OPENS),
        (change("update", listener(True, "1"), listener(True, "2")), Effect.TRUSTS),
        (change("update", listener(True, "1"), listener(True, None)), Effect.TRUSTS),
        (change("update", listener(False, "1"), listener(False, "2")), Effect.PREPARED),
        (change("update", listener(True, "1"), listener(True, "1"), "owner"), Effect.RECORDED),
        (change("create", None, listener(True, None, previous=None)), Effect.DEMANDS),
        (change("create", None, listener(True, "1", previous=OFF)), Effect.DEMANDS),
        (change("create", None, listener(True, "1", previous=ON)), Effect.TRUSTS),
        (change("create", None, listener(False, "1", previous=ON)), Effect.OPENS),
        (change("create", None, listener(False, "1", previous=OFF)), Effect.CLAIMED),
        (change("delete", listener(True, "1", previous=OFF), None), Effect.OPENS),
        (change("delete", listener(True, "1", previous=ON), None), Effect.TRUSTS),
        (change("delete", listener(False, "1", previous=OFF), None), Effect.RELEASED),
        (change("replace", listener(False, "1"), listener(True, "1")), Effect.DEMANDS),
    ],
)
def test_a_change_of_a_listener_has_one_effect(step: Step, effect: Effect) -> None:
    [found] = plan(Events((step,))).listeners
    assert found.effect is effect
    assert found.listener == "alb:443"


def test_a_replacement_is_told_once() -> None:
    steps = [
        change(op, listener(False, "1"), listener(True, "1"))
        for op in ("create-replacement", "replace", "delete-replaced")
    ]
    assert len(plan(Events(tuple(steps))).listeners) == 1


def client(until: str, **more: Any) -> ResourceState:
    return ResourceState("x", PARENT, {}, {"kind": "client", "validityDays": 90.0, "notAfter": until, **more})


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (change("create", None, client(UNKNOWN_TEXT)), ("issued", "for 90 days", None)),
        (
            change("update", client("2027-01-01T00:00:00Z"), client(UNKNOWN_TEXT), "notAfter"),
            ("renewed", "for 90 days", "2027-01-01T00:00:00Z"),
        ),
        (
            change(
                "update",
                client("2027-01-01T00:00:00Z"),
                client(UNKNOWN_TEXT),
                "uris[0]",
                "csrPem",
                "renewBeforeDays",
            ),
            ("issued anew", "for 90 days, because of csrPem, uris", "2027-01-01T00:00:00Z"),
        ),
        (change("delete", client("2027-01-01T00:00:00Z"), None), ("removed", "", "2027-01-01T00:00:00Z")),
    ],
)
def test_a_change_of_a_client_certificate_is_named(step: Step, told: tuple[str, str, str | None]) -> None:
    step = Step(
        step.urn.replace("alb-443", "client-a"),
        SIGNED_CERTIFICATE,
        step.op,
        step.paths,
        step.old,
        step.new,
        ended=True,
    )
    assert plan(Events((step,))).certificates == (CertificateChange("client a", *told),)


def test_a_setting_that_steers_the_next_renewal_changes_no_certificate() -> None:
    step = change(
        "update", client("x"), client("x"), "renewBeforeDays", type=SIGNED_CERTIFICATE, name="client-a"
    )
    assert plan(Events((step,))).certificates == ()


def test_due_renewals_are_no_drift() -> None:
    refreshed = change(
        "refresh", client("x"), client("x"), "readyForRenewal", type=SIGNED_CERTIFICATE, name="client-a"
    )
    due = change(
        "update", client("x"), client(UNKNOWN_TEXT), "notAfter", type=SIGNED_CERTIFICATE, name="client-a"
    )
    events = Events((refreshed, due))
    assert drift(events) == ()
    assert [one.action for one in pending(events).certificates] == ["renewed"]


KEYS = (
    "metadata",
    "inputs",
    "outputs",
    "message",
    "severity",
    "previous",
    "caEnabled",
    "port",
    "kind",
    "4dabf18193072939515e22adb298388d",
)
READ = (
    "caEnabled",
    "port",
    "previous",
    "kind",
    "notAfter",
    "validityDays",
    "certificates",
    "outstanding",
    "certificatePem",
    "sign",
    "owner",
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
READ_VALUES = st.dictionaries(st.sampled_from(READ), VALUES) | VALUES
SIDE = st.none() | st.fixed_dictionaries(
    {}, optional={"inputs": READ_VALUES, "outputs": READ_VALUES, "parent": VALUES}
)
METADATA = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["create", "update", "delete", "refresh", "same", "replace"]),
        "type": st.sampled_from(
            [LISTENER_CLIENT_AUTHENTICATION, SIGNED_CERTIFICATE, ISSUED_CERTIFICATES, CA_CERTIFICATE, "x"]
        ),
    },
    optional={"old": SIDE, "new": SIDE, "detailedDiff": VALUES, "diffs": VALUES, "urn": VALUES},
)
EVENT = st.dictionaries(
    st.sampled_from(["diagnosticEvent", "summaryEvent", "resourcePreEvent"]), VALUES, max_size=2
) | st.fixed_dictionaries({"resOutputsEvent": st.fixed_dictionaries({"metadata": METADATA})})


@given(st.lists(EVENT, max_size=5))
def test_whatever_an_engine_of_another_version_tells_ends_in_a_summary(told: list[dict[str, Any]]) -> None:
    run = ended([json.dumps(event) for event in told])
    for summary in (of_preview("prod", run), of_drift("prod", run)):
        assert as_markdown(summary).startswith("**prod: ")
        assert as_json(summary)


def test_lines_that_are_no_events_are_passed_over() -> None:
    assert (
        parse(["", "{", "[]", "null", '{"resOutputsEvent": {"metadata": []}}', '{"unknownEvent": {}}'])
        == Events()
    )
