"""Several listeners on several AlbConfigs: one CA upload, each listener a resource of its own, and
none is touched when another one changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine import CERTIFICATES, Apply, Sandbox, Stack, succeed

pytestmark = pytest.mark.campaign

QUICK = {"root": {"keyAlgorithm": "ECDSA-P256"}}
INTERNAL = [
    {"port": 443, "protocol": "HTTPS", "certificates": CERTIFICATES, "description": "staff"},
    {
        "port": 8443,
        "protocol": "HTTPS",
        "certificates": CERTIFICATES,
        "caEnabled": False,
        "caCertificates": None,
    },
    {"port": 9443, "protocol": "HTTPS", "certificates": CERTIFICATES, "http2Enabled": False},
]
PORTS = range(8801, 8841)
Place = tuple[str, int]


@pytest.fixture(scope="module")
def first(sandbox: Sandbox, apply: Apply) -> dict[Place, dict[str, Any]]:
    """The listeners of both AlbConfigs before any of it."""
    apply("internal", INTERNAL)
    return every(sandbox)


@pytest.fixture(scope="module")
def stack(first: dict[Place, dict[str, Any]], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack with three listeners, not up yet; the tests of this module follow each other."""
    made = Stack("several", program, sandbox)
    at = sandbox.address("internal")
    made.set(
        authorities=QUICK,
        listeners={
            "public": made.listener("alb", 443),
            "internal": made.listener("internal", 443, at=at),
            "partner": made.listener("internal", 8443, at=at),
        },
    )
    yield made
    made.remove()
    assert every(sandbox) == first


def every(sandbox: Sandbox) -> dict[Place, dict[str, Any]]:
    return {
        (name, port): item for name in ("alb", "internal") for port, item in sandbox.listeners(name).items()
    }


class Change:
    """What an up of the stack does: its PATCHes, and which listeners and annotations are others
    afterwards.
    """

    def __init__(self, stack: Stack) -> None:
        sandbox = stack.sandbox
        since, before, claimed = len(sandbox.audit_log()), every(sandbox), claims(sandbox)
        stack.up()
        self.patches = sorted(sandbox.patches(since))
        self.listeners = {place for place, item in every(sandbox).items() if item != before[place]}
        now = claims(sandbox)
        self.claims = {place for place in now.keys() | claimed.keys() if now.get(place) != claimed.get(place)}


def claims(sandbox: Sandbox) -> dict[Place, str]:
    return {
        (name, int(key.removeprefix("albmtls/").removesuffix("-https"))): text
        for name in ("alb", "internal")
        for key, text in sandbox.claims(name).items()
        if key.startswith("albmtls/")
    }


def shut(stack: Stack, client: tuple[Path, Path]) -> set[Place]:
    """The listeners that let nobody in without a certificate; each of them lets the client in."""
    found = set()
    for name, port in (("alb", 443), ("internal", 443), ("internal", 8443), ("internal", 9443)):
        at = stack.sandbox.address(name)
        assert stack.get(client, port, at) == (200, "old")
        status, body = stack.get(None, port, at)
        assert (status, body) == (200, "old") or status in (0, 400)
        if status != 200:
            found.add((name, port))
    return found


@pytest.fixture(scope="module")
def client(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    stack.up()
    return stack.client(tmp_path_factory.mktemp("client"))


ALL = {("alb", 443), ("internal", 443), ("internal", 8443)}


def test_the_listeners_of_two_albconfigs_share_one_upload_and_are_a_resource_each(
    stack: Stack, client: tuple[Path, Path]
) -> None:
    sandbox = stack.sandbox
    assert sandbox.address("internal") != sandbox.address("alb")
    (upload,) = sandbox.stored("certificates")
    for place, item in every(sandbox).items():
        assert item.get("caCertificates") == (
            [{"CertificateId": upload["Identifier"]}] if place in ALL else None
        )
    kinds = [urn.split("::")[2].rpartition("$")[2] for urn in stack.kept()]
    assert kinds.count("albmtls:index:ListenerClientAuthentication") == 3
    assert (
        kinds.count("albmtls:index:CaCertificate") == kinds.count("albmtls:index:CertificateRepository") == 1
    )
    assert set(claims(sandbox)) == shut(stack, client) == ALL
    stack.unchanged()


def test_one_listener_is_switched_off_alone_and_the_master_switch_leaves_it_off(
    stack: Stack, client: tuple[Path, Path]
) -> None:
    stack.set_by_command("listeners.internal.caEnabled", "false")
    change = Change(stack)
    assert change.patches == [("internal", 200)]
    assert change.listeners == {("internal", 443)}
    assert change.claims == set()
    assert shut(stack, client) == ALL - {("internal", 443)}
    for value, closed in (("false", set()), ("true", ALL - {("internal", 443)})):
        stack.set_by_command("caEnabled", value)
        change = Change(stack)
        assert change.patches == [("alb", 200), ("internal", 200)]
        assert change.listeners == ALL - {("internal", 443)}
        assert change.claims == set()
        assert shut(stack, client) == closed


def test_one_that_is_added_and_one_that_is_taken_out_touch_no_other(
    first: dict[Place, dict[str, Any]], stack: Stack, client: tuple[Path, Path]
) -> None:
    sandbox, extra, partner = stack.sandbox, ("internal", 9443), ("internal", 8443)
    before = sandbox.albconfig("alb")["metadata"]["resourceVersion"]
    wished = stack.config["alb-mutual-tls:listeners"]
    stack.set(listeners={**wished, "extra": stack.listener(*extra, at=sandbox.address("internal"))})
    change = Change(stack)
    assert change.patches == [("internal", 200)]
    assert change.listeners == change.claims == {extra}
    assert shut(stack, client) == {("alb", 443), partner, extra}

    stack.set(
        listeners={
            name: item for name, item in stack.config["alb-mutual-tls:listeners"].items() if name != "partner"
        }
    )
    previewed = stack.preview()
    told = (
        "internal:8443 is given back as it was before this stack: unless that asked for certificates,"
        " internal:8443 will let everybody in"
    )
    assert (previewed.stdout + previewed.stderr).count(told) == 1
    change = Change(stack)
    assert change.patches == [("internal", 200)]
    assert change.listeners == change.claims == {partner}
    assert every(sandbox)[partner] == first[partner]
    assert shut(stack, client) == {("alb", 443), extra}
    assert sandbox.albconfig("alb")["metadata"]["resourceVersion"] == before
    assert len(sandbox.stored("certificates")) == 1
    stack.unchanged()


def test_forty_listeners_of_one_albconfig_are_taken_and_given_back_without_a_conflict(
    apply: Apply, sandbox: Sandbox, program: Path
) -> None:
    apply(
        "many",
        [
            {"port": port, "protocol": "HTTPS", "certificates": CERTIFICATES, "description": f"number {port}"}
            for port in PORTS
        ],
    )
    before = sandbox.albconfig("many")["spec"]
    stack = Stack("forty", program, sandbox)
    stack.set(
        authorities=QUICK, clients={}, listeners={f"l{port}": stack.listener("many", port) for port in PORTS}
    )
    since = len(sandbox.audit_log())
    stack.up()
    patches = sandbox.patches(since)
    assert patches == [("many", 200)] * 40, f"{len(patches)} PATCHes for 40 listeners: {patches}"
    identifier = json.loads(succeed(stack.pulumi("stack", "output", "--json")))["caCertificateId"]
    expected = [
        {**item, "caEnabled": True, "caCertificates": [{"CertificateId": identifier}]}
        for item in before["listeners"]
    ]
    assert sandbox.albconfig("many")["spec"] == {**before, "listeners": expected}
    assert len(sandbox.claims("many")) == 40
    at = sandbox.address("many")
    assert all(stack.get(None, port, at)[0] in (0, 400) for port in PORTS[::13])
    stack.unchanged()

    since = len(sandbox.audit_log())
    stack.remove()
    patches = sandbox.patches(since)
    assert patches == [("many", 200)] * 40, f"{len(patches)} PATCHes to give 40 listeners back: {patches}"
    assert sandbox.albconfig("many")["spec"] == before
    assert sandbox.claims("many") == {}
    assert stack.get(None, PORTS[0], at) == (200, "old")
