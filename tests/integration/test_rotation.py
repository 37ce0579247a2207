"""A rotation by the commands of docs/rotation.md under a steady stream of requests: no client is
rejected that should get in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.documentation import commands
from tests.integration.engine import Sandbox, Stack
from tests.integration.traffic import Traffic
from tests.unit.pki.material import DAY, authority, key_pem, pem, subordinate

pytestmark = pytest.mark.campaign

PORTS = (443, 8443)
INGRESS = ("ingress", "https-ingress", "--overwrite")
LISTEN_PORTS = "alb.ingress.kubernetes.io/listen-ports"
AT_LEAST = 500
"""Requests of each bundle in each phase."""
ALTOGETHER = 10_000
"""Requests at least that should pass."""
PAGE = commands("rotation.md")
OLD, NEW, CORPORATE = "old bundle", "new bundle", "corporate"


@pytest.fixture(scope="module")
def second_listener(sandbox: Sandbox) -> Iterator[None]:
    """One more HTTPS listener of AlbConfig `alb`, port 8443, until the end of the module."""
    before = sandbox.albconfig()["spec"]
    (https,) = [item for item in before["listeners"] if item["port"] == 443]
    sandbox.edit({"op": "add", "path": "/spec/listeners/-", "value": {**https, "port": 8443}})
    sandbox.kubectl(
        "annotate", *INGRESS, f"{LISTEN_PORTS}={json.dumps([{'HTTP': 80}, {'HTTPS': 443}, {'HTTPS': 8443}])}"
    )
    yield
    sandbox.kubectl("annotate", *INGRESS, f"{LISTEN_PORTS}={json.dumps([{'HTTP': 80}, {'HTTPS': 443}])}")
    sandbox.edit({"op": "remove", "path": f"/spec/listeners/{len(before['listeners'])}"})
    assert sandbox.albconfig()["spec"] == before


@pytest.fixture(scope="module")
def stack(second_listener: None, sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack with two listeners, the default authority and deletion protection; the tests of this
    module follow each other.
    """
    made = Stack("rotation", program, sandbox)
    made.set(
        listeners={"public": made.listener("alb", 443), "partners": made.listener("alb", 8443)},
        deletionProtection=True,
    )
    made.up()
    yield made
    made.set(deletionProtection=False)
    made.up()
    made.remove()


@pytest.fixture
def traffic(stack: Stack) -> Iterator[Traffic]:
    """Nobody comes yet; in the end what came of it is printed."""
    made = Traffic(stack.sandbox.server_ca, tuple(stack.sandbox.listener_base + port for port in PORTS))
    yield made
    made.end()
    print(made.table())


def test_no_client_is_rejected_by_the_documented_steps_until_those_that_did_not_install(
    stack: Stack, traffic: Traffic, handover: Path, tmp_path: Path
) -> None:
    traffic.start(OLD, stack.client(tmp_path / "old"))
    with traffic.during("before", AT_LEAST):
        pass
    with traffic.during("1 introduced", AT_LEAST):
        stack.type(PAGE["Before the first time"])
        stack.type(PAGE["1. Introduce the new authority"])
    with traffic.during("2 signs", AT_LEAST):
        stack.type(PAGE["2. Let it sign"])
        traffic.start(NEW, (handover / "client.crt", handover / "client.key"))
        stack.type(PAGE["Check before step 3"])
    with traffic.during("3 trusted, while pulumi up runs"):
        stack.type(PAGE["3. Trust it"])
    with traffic.during("3 trusted", AT_LEAST):
        after = stack.client(tmp_path / "after")
    with traffic.during("rolled back, while pulumi up runs"):
        stack.type(PAGE["Roll back"])
    with traffic.during("rolled back", AT_LEAST):
        assert stack.get(after) == (200, "old")
    with traffic.during("3 trusted again, while up runs"):
        stack.type(PAGE["3. Trust it"])
    with traffic.during("3 trusted again", AT_LEAST):
        pass
    due = [(phase, OLD) for phase in ("before", "1 introduced", "2 signs", "rolled back")]
    due += [(phase, NEW) for phase in (*traffic.phases, "4 old one removed")]
    with traffic.during(
        "4 old one removed", max(AT_LEAST, ALTOGETHER - sum(traffic.tally.of(*cell)[0] for cell in due))
    ):
        stack.type(PAGE["4. Remove the old authority"])
        stack.unchanged()
        assert stack.verify().returncode == 0
    traffic.end()

    assert traffic.tally.failures == []
    passed, rejected = (sum(traffic.tally.of(*cell)[result] for cell in due) for result in (0, 1))
    print(f"{passed + rejected} requests that should pass: {rejected} rejected")
    assert rejected == 0
    assert passed >= ALTOGETHER
    for phase in ("3 trusted", "3 trusted again", "4 old one removed"):
        passed, rejected, _ = traffic.tally.of(phase, OLD)
        assert passed == 0
        assert rejected >= AT_LEAST


def test_no_command_of_the_page_is_left_out() -> None:
    rotation = [
        "Before the first time",
        "1. Introduce the new authority",
        "2. Let it sign",
        "Check before step 3",
        "3. Trust it",
        "Roll back",
    ]
    emergency = ["Cut off", "Let the others in again", "Clean up"]
    assert list(PAGE) == [*rotation, "4. Remove the old authority", *emergency]


def test_a_subordinate_of_the_companys_root_takes_over_in_the_same_way(
    stack: Stack, traffic: Traffic, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    root = authority("corporate root", start=now - DAY, end=now + 3650 * DAY)
    issuing = subordinate(root, "corporate subordinate", path_length=0, start=now - DAY, end=now + 1000 * DAY)
    (tmp_path / "chain.pem").write_text(pem(issuing.certificate) + pem(root.certificate))
    (tmp_path / "key.pem").write_text(key_pem(issuing.private_key))

    traffic.start(NEW, stack.client(tmp_path / "new"))
    with traffic.during("1 introduced"):
        stack.type(f"pulumi config set --path authorities.corp.certificate {tmp_path}/chain.pem")
        stack.type(f"pulumi config set --secret --path authorityPrivateKeys.corp < {tmp_path}/key.pem")
        stack.up()
    with traffic.during("2 signs", 200):
        stack.set(issuingAuthority="corp")
        stack.up()
        traffic.start(CORPORATE, stack.client(tmp_path / "corporate"))
        assert stack.verify().returncode == 0
    with traffic.during("3 trusted, while pulumi up runs"):
        stack.set(trustedAuthority="corp")
        stack.up()
    with traffic.during("3 trusted", 200):
        assert stack.verify().returncode == 0
    with traffic.during("4 old one removed", 200):
        stack.type("pulumi config rm --path authorities.root2")
        stack.up()
    traffic.end()

    assert traffic.tally.failures == []
    assert [traffic.tally.of(phase, NEW)[1] for phase in ("1 introduced", "2 signs")] == [0, 0]
    assert [traffic.tally.of(phase, CORPORATE)[1] for phase in traffic.phases] == [0] * 5
    assert [traffic.tally.of(phase, NEW)[0] for phase in ("3 trusted", "4 old one removed")] == [0, 0]
