"""What single steps mean for a listener, a certificate and whoever looks for drift."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.engine.events import Events, ResourceState, Step, parse
from alb_mutual_tls.operations.deployment.certificate_change import CertificateChange
from alb_mutual_tls.operations.deployment.drift import drift, pending
from alb_mutual_tls.operations.deployment.listener_change import Effect
from alb_mutual_tls.operations.deployment.plan import plan
from alb_mutual_tls.operations.deployment.summary import as_json, of_drift, of_preview
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


WISH = {"validityDays": 90.0, "renewBeforeDays": 30.0}
END = "2027-01-01T00:00:00Z"


def register(clients: Mapping[str, Any], until: str | None = END, **more: Any) -> ResourceState:
    """The register before a step, with the certificates of its clients, or after it."""
    held: dict[str, Any] = {f"client:{name}": {"notAfter": until} for name in clients} if until else {}
    groups = {name: wish["names"] for name, wish in more.get("groups", {}).items()}
    held |= {f"group:{name}": {one: {"notAfter": until} for one in names} for name, names in groups.items()}
    return ResourceState("x", PARENT, {"clients": clients, **more}, held)


def issuing(op: str, old: ResourceState | None, new: ResourceState | None, *paths: str) -> Step:
    return change(op, old, new, *paths, type=ISSUED_CERTIFICATES, name="issued")


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (issuing("create", None, register({"a": WISH}, None)), ("issued", "for 90 days", None)),
        (
            issuing("update", register({}), register({"a": WISH}, None), "clients.a"),
            ("issued", "for 90 days", None),
        ),
        (
            issuing("update", register({"a": WISH}), register({"a": WISH}), "client:a.notAfter"),
            ("renewed", "for 90 days", END),
        ),
        (
            issuing(
                "update",
                register({"a": WISH}),
                register({"a": WISH}),
                "clients.a.uris[0]",
                "clients.a.csrPem",
                "clients.a.renewBeforeDays",
            ),
            ("issued anew", "for 90 days, because of csrPem, uris", END),
        ),
        (
            issuing("update", register({"a": WISH}), register({"a": WISH}), "issuerPrivateKeyPem"),
            ("issued anew", "for 90 days, because of another authority", END),
        ),
        (issuing("update", register({"a": WISH}), register({}), "clients.a"), ("removed", "", END)),
        (issuing("delete", register({"a": WISH}), None), ("removed", "", END)),
    ],
)
def test_a_change_of_a_client_certificate_is_named(step: Step, told: tuple[str, str, str | None]) -> None:
    assert plan(Events((step,))).certificates == (CertificateChange("client a", *told),)


def test_certificates_that_the_version_before_kept_elsewhere_are_not_told_as_issued() -> None:
    before = {
        "current": {"a": "PEM", "b": "PEM", "c": "PEM"},
        "certificates": {name: {"notAfter": END} for name in "abc"},
    }
    old = ResourceState("x", PARENT, {}, before)
    step = issuing("update", old, register({"a": WISH, "b": WISH}), "current", "clients.b", "clients.c")
    assert plan(Events((step,))).certificates == (
        CertificateChange("client b", "issued anew", "for 90 days", END),
        CertificateChange("client c", "removed", "", END),
    )


def test_a_removed_client_is_let_in_until_the_last_of_its_certificates_ends() -> None:
    old = register({"a": WISH})
    longer = {"client": "a", "notAfter": "2028-01-01T00:00:00Z"}
    old = replace(old, outputs={**old.outputs, "outstanding": [longer, {**longer, "client": "b"}]})
    [change] = plan(Events((issuing("delete", old, None),))).certificates
    assert change.until == "2028-01-01T00:00:00Z"


def test_what_happens_to_a_group_is_one_line_for_each_action() -> None:
    def fleet(*names: str, until: str | None = END) -> ResourceState:
        return register({}, until, groups={"fleet": {**WISH, "names": list(names)}})

    steps = {
        "issued": issuing("create", None, fleet("a", "b", until=None)),
        "renewed": issuing(
            "update", fleet("a", "b"), fleet("a", "b"), "group:fleet.a.notAfter", "group:fleet.b.notAfter"
        ),
        "issued anew": issuing("update", fleet("a", "b"), fleet("a", "b"), "groups.fleet.validityDays"),
        "removed": issuing("delete", fleet("a", "b"), None),
    }
    for action, step in steps.items():
        [told] = plan(Events((step,))).certificates
        assert (told.certificate, told.action) == ("client group fleet", action)
        assert told.note.startswith("2 certificates")
    more = issuing("update", fleet("a"), fleet("b", "c"), "groups.fleet.names[0]")
    assert [(one.action, one.note) for one in plan(Events((more,))).certificates] == [
        ("issued", "2 certificates for 90 days"),
        ("removed", "1 certificates"),
    ]


def test_a_setting_that_steers_the_next_renewal_changes_no_certificate() -> None:
    step = issuing("update", register({"a": WISH}), register({"a": WISH}), "clients.a.renewBeforeDays")
    assert plan(Events((step,))).certificates == ()


def test_due_renewals_are_no_drift() -> None:
    events = Events((issuing("update", register({"a": WISH}), register({"a": WISH}), "client:a.notAfter"),))
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
    "clients",
    "groups",
    "client:a",
    "group:a",
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
