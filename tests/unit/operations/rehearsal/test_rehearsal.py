"""A rehearsal from its first look to its last, with cluster, ALB and network in memory: what it
writes, what it concludes, that it cleans up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.operations.rehearsal import probes
from alb_mutual_tls.operations.rehearsal.choice import chosen_authority, chosen_listener
from alb_mutual_tls.operations.rehearsal.result import Need, Purpose
from alb_mutual_tls.operations.verification.outcome import (
    ConnectionFailed,
    Outcome,
    ServerCertificateInvalid,
)
from alb_mutual_tls.pki import forged
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.stack.deployed import (
    DeployedAuthority,
)
from alb_mutual_tls.verdict import Verdict
from tests.unit.operations.rehearsal.rehearsals import (
    CLIENT,
    ISSUER_B,
    LISTENER,
    NOW,
    TWO,
    A,
    B,
    World,
    before,
    client,
    component,
    refused,
)
from tests.unit.provider.fakes import raised

# --- verdicts


def test_what_would_hold_is_said_so_and_the_albconfig_is_as_it_was(world: World) -> None:
    first = before(world)
    done = world.rehearse(with_authority_key=True)
    assert (done.result.verdict, done.result.exit_code, done.result.purpose) == (
        Verdict.HELD,
        0,
        Purpose.ENABLING,
    )
    assert (done.result.port, done.result.left, done.result.reason) == (8443, [], "")
    world.unharmed(first)
    added, removed = world.cluster.patches
    assert {operation["path"] for operation in added if operation["op"] != "test"} == {
        "/spec/listeners/-",
        "/metadata/annotations",
    }
    assert {operation["path"] for operation in removed if operation["op"] != "test"} == {
        "/spec/listeners/2",
        "/metadata/annotations/albmtls~18443-https-rehearsal",
    }
    assert {port for port, _ in world.town.tried} == {1443, 9443}
    assert (1443, "alice") not in world.town.tried


def test_an_alb_that_lets_everybody_in_makes_it_not_hold() -> None:
    done = World(enforces=False).rehearse()
    assert (done.result.verdict, done.result.exit_code) == (Verdict.FELL_SHORT, 1)


def test_a_flip_to_a_ca_that_no_client_leads_to_would_not_hold(world: World) -> None:
    world.listeners[1] |= {"caEnabled": True, "caCertificates": [{"CertificateId": "ca-a"}]}
    first = before(world)
    done = world.rehearse(authority=B)
    assert (done.result.verdict, done.result.purpose) == (Verdict.FELL_SHORT, Purpose.FLIP)
    assert done.result.report is not None
    wrong = [check.case for check in done.result.report.checks if check.verdict is Verdict.FELL_SHORT]
    assert set(wrong) == {"client alice"}
    world.unharmed(first)


def test_what_is_on_already_is_rehearsed_as_it_is(world: World) -> None:
    world.listeners[1] |= {"caEnabled": True, "caCertificates": [{"CertificateId": "ca-a"}]}
    assert world.rehearse().result.purpose is Purpose.AS_IT_IS


def test_a_client_whose_key_is_elsewhere_is_judged_by_its_chain(world: World) -> None:
    stack = component(client("alice", CLIENT), client("csr", CLIENT, key=False))
    done = world.rehearse(stack)
    assert done.result.report is not None
    assert [
        (check.verdict, check.why) for check in done.result.report.checks if check.case == "client csr"
    ] == [(Verdict.NOT_CHECKED, probes.KEY_ELSEWHERE)]
    assert done.result.verdict is Verdict.HELD
    assert (
        world.rehearse(stack, authority=B, given=forged.good("given", ISSUER_B, NOW)).result.verdict
        is Verdict.HELD
    )
    done = world.rehearse(
        component(client("bob", forged.good("bob", ISSUER_B, NOW)), client("csr", CLIENT, key=False)),
        authority=B,
    )
    assert done.result.report is not None
    assert {check.case for check in done.result.report.checks if check.verdict is Verdict.FELL_SHORT} == {
        "client csr"
    }
    assert done.result.verdict is Verdict.FELL_SHORT


# --- chain depth


@pytest.mark.parametrize(
    ("clients", "issuing", "authority", "needs"),
    [
        ((CLIENT,), "a", A, {1: Need.CLIENTS, 2: Need.ROTATION}),
        ((CLIENT, TWO), "a", A, {1: Need.CLIENTS, 2: Need.CLIENTS, 3: Need.ROTATION}),
        (
            (CLIENT, TWO),
            "b",
            A,
            {1: Need.CLIENTS, 2: Need.CLIENTS},
        ),  # in a rotation, with the cross certificate
        ((CLIENT,), "b", B, {1: Need.CLIENTS, 2: Need.ROTATION}),
    ],
)
def test_the_length_of_chains_that_a_stack_needs(
    clients: tuple[ClientCredential, ...], issuing: str, authority: DeployedAuthority, needs: dict[int, Need]
) -> None:
    stack = component(*(client(f"c{number}", one) for number, one in enumerate(clients)), issuing=issuing)
    assert probes.needed_lengths(stack, authority, NOW) == needs


@pytest.mark.parametrize(
    ("deepest", "answers", "verdict"),
    [
        (3, [Verdict.HELD, Verdict.HELD, Verdict.HELD], Verdict.HELD),
        (2, [Verdict.HELD, Verdict.HELD, Verdict.FELL_SHORT], Verdict.HELD),
        (1, [Verdict.HELD, Verdict.FELL_SHORT, Verdict.FELL_SHORT], Verdict.FELL_SHORT),
    ],
)
def test_only_the_lengths_that_the_stack_needs_decide(
    deepest: int, answers: list[Verdict], verdict: Verdict
) -> None:
    done = World(deepest=deepest).rehearse(with_authority_key=True)
    assert [(depth.length, depth.verdict) for depth in done.result.depths] == list(enumerate(answers, 1))
    assert done.result.verdict is verdict
    assert done.result.report is not None
    assert all(not check.case.startswith("chain of") for check in done.result.report.checks)


def test_without_the_key_of_the_ca_no_chain_is_made_and_it_says_so(world: World) -> None:
    done = world.rehearse()
    assert done.result.depths == ()
    assert (
        "how long a chain ALB accepts was not tried, only the CA itself can sign such chains:"
        " --with-authority-key" in done.result.notes
    )
    done = world.rehearse(authority=replace(A, private_key_pem=None), with_authority_key=True)
    assert any(
        "the private key of authority a is not in the stack's state" in note for note in done.result.notes
    )


# --- refused before anything is written


def test_another_cluster_is_refused(world: World) -> None:
    world.cluster.identity = "cluster-2"
    assert "is another cluster than the stack's" in raised(WrongPlace, world.rehearsal().prepare)
    nowhere = replace(component(), listeners=(replace(LISTENER, cluster=None),))
    assert "the state does not say in which cluster listener https is" in raised(
        UserError, world.rehearsal(nowhere).prepare
    )
    assert world.cluster.patches == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"spec": {"config": {"edition": "Basic"}}}, "which has no client authentication"),
        ({"quic": True}, "shares its port with a QUIC listener"),
    ],
)
def test_a_listener_that_cannot_have_client_authentication_is_refused(
    change: dict[str, Any], sentence: str, world: World
) -> None:
    if "quic" in change:
        world.listeners.append({"port": 443, "protocol": "QUIC"})
    else:
        world.cluster.documents["alb"]["spec"] |= change["spec"]
    assert sentence in refused(world)


@pytest.mark.parametrize(
    "outcome", [ConnectionFailed("no answer in time"), ServerCertificateInvalid("self-signed certificate")]
)
def test_from_where_the_real_listener_cannot_be_tried_nothing_is_added(outcome: Outcome) -> None:
    world = World(real=outcome)
    assert "listener https itself cannot be tried at 127.0.0.1 port 1443" in refused(world)
    assert world.cluster.patches == []


def test_a_port_that_cannot_be_reached_through_the_configured_address_is_refused(world: World) -> None:
    told = "verify.address moves ports by 1000, so port 65000 cannot be reached there: give another --port"
    assert told in refused(world, port=65000)
    assert "which listener 80/HTTP has" in refused(world, port=80)


def test_the_question_says_what_will_be_done(world: World) -> None:
    assert (
        world.rehearsal().prepare()
        == "In AlbConfig alb in the cluster cluster-1: add a temporary listener 8443/HTTPS, which asks for"
        " client certificates of authority a (ca-a), try it, and take it away again?"
    )


def test_the_listener_and_the_authority_are_chosen() -> None:
    stack = component()
    assert chosen_listener([stack], None) == (stack, LISTENER)
    two = replace(stack, listeners=(LISTENER, replace(LISTENER, name="admin", port=8443)))
    assert chosen_listener([two], "admin")[1].port == 8443
    assert "choose one with --listener" in raised(UserError, lambda: chosen_listener([two], None))
    assert "the stack declares no listener" in raised(
        UserError, lambda: chosen_listener([replace(stack, listeners=())], None)
    )
    assert chosen_authority(stack, None) == A
    assert chosen_authority(stack, "b") == B
    assert "--authority c is none of this stack's authorities: it has a, b" in raised(
        UserError, lambda: chosen_authority(stack, "c")
    )
    older = replace(stack, authorities=(A, replace(B, ca_certificate_id=None)))
    assert "run `pulumi up` once" in raised(UserError, lambda: chosen_authority(older, "b"))
