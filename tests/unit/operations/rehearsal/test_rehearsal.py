"""A rehearsal from its first look to its last, with cluster, ALB and network in memory: what it
writes, what it concludes, that it cleans up.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives import serialization
from rich.console import Console

from alb_mutual_tls.alibaba.alb import Alb
from alb_mutual_tls.cluster.api import Forbidden, KubernetesError
from alb_mutual_tls.cluster.cluster import Conflict, Event
from alb_mutual_tls.errors import Unreachable, UserError, WrongPlace
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.rehearsal_claim import LeftBehind, left_behind
from alb_mutual_tls.operations.printing import error_as_json
from alb_mutual_tls.operations.rehearsal import probes, runner
from alb_mutual_tls.operations.rehearsal import rehearsal as rehearsals
from alb_mutual_tls.operations.rehearsal.choice import chosen_authority, chosen_listener
from alb_mutual_tls.operations.rehearsal.cleaning import Cleaning
from alb_mutual_tls.operations.rehearsal.rehearsal import Rehearsal
from alb_mutual_tls.operations.rehearsal.report import (
    NOTHING,
    as_json,
    cleaning_as_json,
    print_for_people,
)
from alb_mutual_tls.operations.rehearsal.result import Need, Purpose
from alb_mutual_tls.operations.verification.outcome import (
    Alert,
    Answered,
    ConnectionFailed,
    Destination,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
)
from alb_mutual_tls.operations.verification.probe import Probe
from alb_mutual_tls.pki import bundle, forged
from alb_mutual_tls.pki.certification_path import length_to
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.pki.signing import Issuer, to_pem
from alb_mutual_tls.stack.cluster import StackCluster
from alb_mutual_tls.stack.deployed import (
    DeployedAuthority,
    DeployedClient,
    DeployedComponent,
    DeployedListener,
)
from alb_mutual_tls.verdict import Verdict
from tests.unit.provider.fakes import FakeAlb, FakeCluster, alb, raised

HOST = "demo.alb.ingress.top"
NOW = dt.datetime.now(dt.UTC)
OK = Answered(200)
BAD = (
    "foreign CA",
    "self-signed with the CA's name",
    "tampered signature",
    "expired",
    "serverAuth only",
    "not yet valid",
)


def _pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    return cast(
        bytes, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    ).decode()


def _authority(name: str) -> tuple[DeployedAuthority, Issuer]:
    issuer = forged._authority(rehearsals_name(name), NOW)
    return DeployedAuthority(name, to_pem(issuer.certificate), f"ca-{name}", _pem(issuer.private_key)), issuer


def rehearsals_name(name: str) -> Any:
    from alb_mutual_tls.pki.names import to_name

    return to_name({"organizationName": "test", "commonName": name})


A, ISSUER_A = _authority("a")
B, ISSUER_B = _authority("b")
CLIENT = forged.good("alice", ISSUER_A, NOW)
TWO = forged.probe(ISSUER_A, 2, NOW)
LISTENER = DeployedListener(
    "https", "alb", 443, False, "127.0.0.1:1443", HOST, cluster="cluster-1", ca_certificate_id="ca-a"
)


def client(name: str, credential: ClientCredential, *, key: bool = True) -> DeployedClient:
    return DeployedClient(
        name,
        bundle.split(credential.certificate_pem)[0],
        credential.certificate_pem,
        "2026-03-01T00:00:00Z",
        credential.private_key_pem if key else None,
    )


def component(
    *clients: DeployedClient, issuing: str = "a", trusted: DeployedAuthority = A
) -> DeployedComponent:
    return DeployedComponent(
        "mtls",
        (LISTENER,),
        clients or (client("alice", CLIENT),),
        trusted.name,
        trusted.ca_certificate_pem,
        trusted.private_key_pem,
        identity="0a1b2c3d",
        issuing_authority=issuing,
        authorities=(A, B),
    )


@dataclass(frozen=True)
class Town(Probe):
    """A right ALB: the temporary listener lets in whose chain leads to the CA it names and is no
    longer than `deepest`.
    """

    cluster: FakeCluster = field(default_factory=lambda: FakeCluster({}))
    timeout: float = 1
    deepest: int = 9
    enforces: bool = True
    real: Outcome = OK
    during: Callable[[], object] = lambda: None
    tried: list[tuple[int, str]] = field(default_factory=list)

    def over_tls(self, to: Destination, version: TlsVersion, credential: ClientCredential | None) -> Outcome:
        who = credential.name if credential else "nobody"
        self.tried.append((to.port, who))
        if to.port in (1443, 1444):
            return self.real
        self.during()
        listeners = self.cluster.documents["alb"]["spec"]["listeners"]
        found = [item for item in listeners if item["port"] == to.port - 1000]
        if not found:
            return ConnectionFailed("connection refused", refused=True)
        (trusted,) = (
            one for one in (A, B) if one.ca_certificate_id == found[0]["caCertificates"][0]["CertificateId"]
        )
        if not self.enforces:
            return Answered(503)
        if credential is None or who in BAD:
            return Alert("certificate_required")
        length = length_to(credential.certificate_pem, trusted.ca_certificate_pem, NOW)
        return Answered(503) if length is not None and length <= self.deepest else Alert("unknown_ca")


class World:
    """A stack's listener, and everything that a rehearsal of it meets."""

    def __init__(self, *listeners: Any, **town: Any) -> None:
        real = {"port": 443, "protocol": "HTTPS", "certificates": [{"CertificateId": "1", "IsDefault": True}]}
        document = alb(*(listeners or ({"port": 80, "protocol": "HTTP"}, real)))
        self.cluster = FakeCluster({"alb": document})
        self.alb = FakeAlb(self.cluster)
        self.town = Town(cluster=self.cluster, **town)
        self.said: list[str] = []
        self.asks: Callable[[], Alb] = lambda: cast(Alb, self.alb)

    def rehearsal(
        self, stack: DeployedComponent | None = None, authority: DeployedAuthority = A, **more: Any
    ) -> Rehearsal:
        stack = stack or component()
        neighbourhood = StackCluster(stack, Path("/"))
        neighbourhood.__dict__["_cluster"] = self.cluster
        more = {"wait": 0.0, "pause": lambda _: None, **more}
        return Rehearsal(
            stack,
            stack.listeners[0],
            authority,
            neighbourhood,
            self.asks,
            self.town,
            say=self.said.append,
            **more,
        )

    def rehearse(self, *arguments: Any, **more: Any) -> Rehearsal:
        rehearsal = self.rehearsal(*arguments, **more)
        rehearsal.prepare()
        rehearsal.run()
        return rehearsal

    @property
    def listeners(self) -> list[Any]:
        found: list[Any] = self.cluster.documents["alb"]["spec"]["listeners"]
        return found

    def left(self) -> list[LeftBehind]:
        return left_behind(self.cluster.documents["alb"])

    def unharmed(self, before: Document) -> None:
        assert self.cluster.documents["alb"]["spec"] == before["spec"]
        assert self.left() == []


@pytest.fixture(name="world")
def usual_world() -> World:
    return World()


def before(world: World) -> Document:
    found = world.cluster.albconfig("alb")
    assert found is not None
    return found


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


def refused(world: World, **more: Any) -> str:
    return raised(UserError, world.rehearsal(**more).prepare)


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
    assert "port 65000 moved by 1000, as verify.address moves its listener, is 66000 and no port" in refused(
        world, port=65000
    )
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


# --- what goes wrong in between


def test_somebody_else_who_writes_at_the_same_moment_is_planned_around(world: World) -> None:
    other = {"port": 8443, "protocol": "HTTPS"}
    world.cluster.before_patch.append(lambda document: document["spec"]["listeners"].insert(0, other))
    done = world.rehearse()
    assert (done.result.verdict, done.result.port) == (Verdict.HELD, 8444)
    assert [item["port"] for item in world.listeners] == [8443, 80, 443]


def test_a_listener_that_is_appended_with_the_same_port_at_the_same_moment_is_given_way(world: World) -> None:
    world.cluster.before_patch.append(
        lambda document: document["spec"]["listeners"].append({"port": 8443, "protocol": "HTTP"})
    )
    done = world.rehearse()
    assert (done.result.verdict, done.result.port) == (Verdict.HELD, 8444)
    assert [item["port"] for item in world.listeners] == [80, 443, 8443]


def test_whoever_writes_again_and_again_ends_it_with_nothing_added(world: World) -> None:
    world.cluster.before_patch = [lambda document: document["spec"]["listeners"].reverse()] * 9
    first = before(world)
    done = world.rehearse()
    assert "could not be added, 8 times in a row" in done.result.reason
    assert (done.result.exit_code, done.result.port, world.cluster.patches) == (2, None, [])
    assert sorted(map(str, world.listeners)) == sorted(map(str, first["spec"]["listeners"]))


def lose_the_answer() -> None:
    raise Unreachable("the answer got lost")


def test_an_answer_that_is_lost_adds_it_once_and_takes_it_away(world: World) -> None:
    first = before(world)
    world.cluster.after_patch = [lose_the_answer, lose_the_answer]
    done = world.rehearse()
    assert done.result.verdict is Verdict.HELD
    assert len(world.cluster.patches) == 2
    world.unharmed(first)


def test_a_warning_of_the_controller_ends_it(world: World) -> None:
    first = before(world)
    world.cluster.events = [Event("FailedBuildModel", "an old one", "2026-01-01T00:00:00Z")]
    new = Event("FailedApplyModel", "apply failed. listenerPort: 8443", "2026-03-01T00:00:00Z")
    world.cluster.after_patch = [lambda: world.cluster.events.append(new)]
    done = world.rehearse()
    assert (
        "the controller does not take the temporary listener: FailedApplyModel: apply failed. listenerPort:"
        " 8443" in done.result.reason
    )
    assert done.result.exit_code == 2
    world.unharmed(first)


def test_an_alb_that_is_slow_is_waited_for_and_one_that_is_too_slow_is_not_decided(world: World) -> None:
    first = before(world)
    world.alb.slow = 3
    assert world.rehearse(wait=60.0).result.verdict is Verdict.HELD
    world.alb.slow = 10**6
    done = world.rehearse()
    assert (
        "ALB did not show the temporary listener within 0 s: load balancer alb-of-alb shows status Running"
        in done.result.reason
    )
    world.unharmed(first)


def test_where_alb_may_not_be_asked_the_port_itself_tells(world: World) -> None:
    def asks() -> Alb:
        raise UserError("grant the RAM action alb:ListListeners")

    world.asks = asks
    done = world.rehearse()
    assert done.result.verdict is Verdict.HELD
    assert (
        "whether ALB itself shows the temporary listener was not looked at: grant the RAM action"
        " alb:ListListeners" in done.result.notes
    )


def test_where_events_may_not_be_read_it_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: str) -> list[Event]:
        raise Forbidden("grant the verb list on events", 403, "")

    monkeypatch.setattr(world.cluster, "warning_events", forbidden)
    done = world.rehearse()
    assert done.result.verdict is Verdict.HELD
    assert len([note for note in done.result.notes if "grant the verb list on events" in note]) == 1


def test_a_port_that_stays_closed_is_not_decided(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = before(world)
    closed = ConnectionFailed("no answer in time")
    monkeypatch.setattr(Town, "over_tls", lambda town, to, *_: town.real if to.port == 1443 else closed)
    done = world.rehearse()
    assert "could not be reached at 127.0.0.1 port 9443 within 0 s (no answer in time)" in done.result.reason
    assert done.result.exit_code == 2
    world.unharmed(first)


def test_a_listener_that_somebody_takes_away_in_between_decides_nothing() -> None:
    def taken() -> None:
        world.cluster.documents["alb"]["spec"]["listeners"] = world.listeners[:2]

    world: World = World(during=taken)
    first = before(world)
    done = world.rehearse()
    assert (
        "somebody has changed the temporary listener 8443/HTTPS, or taken it away, during the rehearsal"
        in done.result.reason
    )
    assert done.result.exit_code == 2
    world.unharmed(first)


@pytest.mark.parametrize("anew", [True, False])
def test_an_albconfig_that_is_deleted_or_made_anew_in_between_leaves_nothing_behind(
    anew: bool, world: World
) -> None:
    def gone() -> None:
        document = world.cluster.documents.pop("alb")
        if anew:
            world.cluster.documents["alb"] = {
                **alb(),
                "metadata": {**document["metadata"], "uid": "u-2", "annotations": {}},
            }

    world.cluster.after_patch = [gone]
    done = world.rehearse()
    assert "was deleted or made anew meanwhile" in done.result.reason
    assert (done.result.exit_code, done.result.left) == (2, [])


# --- interruptions


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["in the patch", "while trying"])
def test_ctrl_c_takes_it_away_and_decides_nothing(place: str) -> None:
    world = World(during=interrupt) if place == "while trying" else World()
    first = before(world)
    if place == "in the patch":
        world.cluster.after_patch = [interrupt]
    done = world.rehearse()
    assert done.result.reason == "interrupted: run the command again"
    assert (done.result.exit_code, done.result.left) == (2, [])
    world.unharmed(first)


def test_a_second_ctrl_c_ends_the_cleaning_and_says_what_is_left(world: World) -> None:
    world.cluster.after_patch = [interrupt]
    world.cluster.before_patch = [lambda _: None, lambda _: interrupt()]
    done = world.rehearse()
    assert done.result.left == [
        "the temporary listener 8443/HTTPS of AlbConfig alb and its annotation albmtls/8443-https-rehearsal"
        " could not be taken away (interrupted): run ./mtls rehearse --clean as soon as the cluster can be"
        " written"
    ]
    assert (done.result.exit_code, len(world.left())) == (2, 1)


def test_a_cluster_that_is_gone_at_the_end_is_tried_for_a_while_and_then_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsals, "CLEANING", 0.2)
    patch = world.cluster.patch_albconfig

    def gone(name: str, wanted: Any) -> Document:
        if world.cluster.patches:
            raise Unreachable("the cluster cannot be reached")
        return patch(name, wanted)

    monkeypatch.setattr(world.cluster, "patch_albconfig", gone)
    done = world.rehearse()
    assert done.result.report is not None
    assert done.result.report.verdict is Verdict.HELD
    assert (done.result.verdict, done.result.exit_code) == (Verdict.NOT_DECIDED, 2)
    (left,) = done.result.left
    assert "could not be taken away (the cluster cannot be reached): run ./mtls rehearse --clean" in left


@pytest.mark.parametrize(
    "errors",
    [
        [Unreachable("away")],
        [Conflict("overtaken"), Unreachable("away")],
        [KubernetesError("busy", 503, "")] * 3,
    ],
)
def test_a_cluster_that_comes_back_lets_it_be_taken_away(
    errors: list[UserError], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, pending, patch = before(world), list(errors), world.cluster.patch_albconfig

    def shaky(name: str, wanted: Any) -> Document:
        if world.cluster.patches and pending:
            raise pending.pop()
        return patch(name, wanted)

    monkeypatch.setattr(world.cluster, "patch_albconfig", shaky)
    assert world.rehearse().result.verdict is Verdict.HELD
    world.unharmed(first)


def test_one_that_somebody_changes_is_left_and_told() -> None:
    def change() -> None:
        world.listeners[-1]["caEnabled"] = False

    world: World = World(during=change)
    done = world.rehearse()
    assert (done.result.exit_code, len(world.listeners)) == (2, 3)
    (left,) = done.result.left
    assert "is no longer what was added, so it is left" in left


# --- what an earlier one has left behind


def abandoned(world: World, **changes: Any) -> None:
    """What a rehearsal that was killed leaves; `changes` to its claim."""
    rehearsal = world.rehearsal(**changes)
    rehearsal.prepare()
    rehearsal._temporary.add(rehearsal._new_claim)


GONE = replace(runner.this_runner(), pid=2**22 + 1)
ELSEWHERE = replace(GONE, host="elsewhere")


def test_what_a_killed_one_has_left_is_taken_away_first(world: World) -> None:
    first = before(world)
    abandoned(world, runner=GONE)
    again = world.rehearsal()
    assert (
        "take away the temporary listener 8443/HTTPS that was left behind, add a temporary listener, which"
        in again.prepare()
    )
    again.run()
    assert (again.result.verdict, again.result.port) == (Verdict.HELD, 8443)
    (sentence,) = again.result.cleaned
    assert f"(process {GONE.pid} on {GONE.host}, since " in sentence
    assert sentence.endswith("was left behind and has been taken away")
    world.unharmed(first)


def test_one_that_may_still_run_elsewhere_is_not_disturbed_until_its_time_is_up(world: World) -> None:
    abandoned(world, runner=ELSEWHERE)
    told = refused(world)
    assert f"is in progress (process {GONE.pid} on elsewhere, until " in told
    assert "or take its temporary listener away with ./mtls rehearse --clean" in told
    (left,) = world.left()
    assert left.claim is not None
    assert dt.timedelta(minutes=14) < left.claim.until - dt.datetime.now(dt.UTC) < dt.timedelta(minutes=16)
    overdue = world.cluster.documents["alb"]["metadata"]["annotations"]
    overdue[left.key] = overdue[left.key].replace('"until":"2', '"until":"1')
    assert world.rehearse().result.verdict is Verdict.HELD
    assert world.left() == []


def test_one_of_another_listener_or_another_stack_is_not_disturbed(world: World) -> None:
    world.listeners.append({"port": 444, "protocol": "HTTPS", "certificates": [{"CertificateId": "1"}]})
    other = replace(
        component(), listeners=(replace(LISTENER, name="admin", port=444, address="127.0.0.1:1444"),)
    )
    abandoned(world, stack=other, runner=ELSEWHERE)
    abandoned(world, stack=replace(component(), identity="ffffffff"), runner=GONE)
    done = world.rehearse()
    assert (done.result.verdict, done.result.port) == (Verdict.HELD, 8445)
    assert [one.claim.port for one in world.left() if one.claim] == [444, 443]
    assert any(
        "has the temporary listener 8444/HTTPS of a rehearsal of listener 443/HTTPS" in note
        for note in done.result.notes
    )


def test_one_that_was_changed_is_left_and_another_port_is_taken(world: World) -> None:
    abandoned(world, runner=GONE)
    world.listeners[-1]["description"] = "mine now"
    done = world.rehearse()
    assert (done.result.verdict, done.result.port) == (Verdict.HELD, 8444)
    assert any("is no longer what was added, so it is left" in note for note in done.result.notes)
    assert [item["port"] for item in world.listeners] == [80, 443, 8443]


def cleaning(world: World, *, only: bool = False, port: int = 443) -> Cleaning:
    stack = component()
    neighbourhood = StackCluster(stack, Path("/"))
    neighbourhood.__dict__["_cluster"] = world.cluster
    made = Cleaning()
    for _ in range(2):  # two listeners of one AlbConfig
        made.look(stack, replace(LISTENER, port=port), neighbourhood, only=only)
    return made


def test_clean_takes_away_what_may_still_run_too(world: World) -> None:
    first = before(world)
    abandoned(world, runner=ELSEWHERE)
    assert cleaning(world, only=True, port=444).found == []
    made = cleaning(world)
    assert (
        made.question()
        == "Take away the temporary listener 8443/HTTPS of AlbConfig alb, also where its rehearsal still"
        " runs?"
    )
    made.run()
    world.unharmed(first)
    assert (made.exit_code, made.left) == (0, [])
    document = json.loads(cleaning_as_json(made))
    assert (document["version"], document["summary"], len(document["cleaned"])) == (
        1,
        "1 taken away, nothing is left",
        1,
    )
    assert (
        json.loads(cleaning_as_json(cleaning(world)))["summary"]
        == "there is no temporary listener to take away"
    )


def test_clean_leaves_and_tells_what_is_not_its_own(world: World) -> None:
    abandoned(world, stack=replace(component(), identity="ffffffff"))
    world.cluster.documents["alb"]["metadata"]["annotations"]["albmtls/9999-https-rehearsal"] = "{}"
    made = cleaning(world)
    made.run()
    assert (len(made.notes), len(made.left), made.exit_code, len(world.listeners)) == (1, 1, 2, 3)
    assert "annotation albmtls/9999-https-rehearsal of AlbConfig alb cannot be read" in made.left[0]


def test_clean_says_what_the_cluster_did_not_let_it_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(name: str, patch: Any) -> Document:
        raise Forbidden("grant the verb patch on albconfigs", 403, "")

    abandoned(world)
    made = cleaning(world)
    monkeypatch.setattr(world.cluster, "patch_albconfig", forbidden)
    made.run()
    assert (made.left, made.exit_code) == (["grant the verb patch on albconfigs"], 2)


# --- the report


def test_gitops_tools_and_bypasses_are_noted(world: World) -> None:
    metadata = world.cluster.documents["alb"]["metadata"]
    metadata["managedFields"] = [
        {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:listeners": {}}}}
    ]
    world.cluster.classes = [
        {
            "metadata": {"name": "alb"},
            "spec": {
                "controller": "ingress.k8s.alibabacloud/alb",
                "parameters": {"kind": "AlbConfig", "name": "alb"},
            },
        }
    ]
    listen = {"alb.ingress.kubernetes.io/listen-ports": '[{"HTTP":80},{"HTTPS":443},{"HTTPS":8443}]'}
    world.cluster.members = [
        {
            "metadata": {"name": "shop", "annotations": listen},
            "spec": {"ingressClassName": "alb", "rules": [{"host": HOST}]},
        }
    ]
    done = world.rehearse()
    assert done.result.port == 8444  # the Ingress would be served on 8443
    assert any(
        note.startswith("argocd-controller also writes spec.listeners of AlbConfig alb and may take")
        for note in done.result.notes
    )
    assert any(
        f"{HOST} can be reached without a client certificate on 80/HTTP" in note for note in done.result.notes
    )


def test_the_report_says_the_same_to_people_and_machines(world: World) -> None:
    result = world.rehearse(with_authority_key=True).result
    document = json.loads(as_json(result))
    assert document["version"] == 1
    assert (document["verdict"], document["exitCode"]) == ("would hold", 0)
    assert document["rehearsed"] == {
        "purpose": "enabling client authentication",
        "authority": "a",
        "caCertificateId": "ca-a",
        "port": 8443,
        "seconds": document["rehearsed"]["seconds"],
    }
    assert [(one["certificates"], one["need"], one["result"]) for one in document["depths"]] == [
        (1, "clients", "accepted"),
        (2, "a rotation", "accepted"),
        (3, "nothing yet", "accepted"),
    ]
    assert {check["port"] for check in document["checks"] if check["port"]} == {9443}
    shown = StringIO()
    print_for_people(result, Console(file=shown, width=200, color_system=None))
    assert "CA > 2 intermediates > client" in shown.getvalue()
    assert shown.getvalue().splitlines()[-1] == document["summary"]
    assert document["summary"].startswith(
        "would hold: enabling client authentication on listener 443/HTTPS of AlbConfig alb with authority a;"
        " the temporary listener 8443/HTTPS stood for "
    )
    for text in (as_json(result), shown.getvalue(), repr(result)):
        assert "PRIVATE KEY" not in text


def test_what_is_left_and_why_nothing_was_decided_stand_in_the_report(world: World) -> None:
    world.cluster.after_patch = [interrupt]
    world.cluster.before_patch = [lambda _: None, lambda _: interrupt()]
    result = world.rehearse().result
    document = json.loads(as_json(result))
    assert (document["verdict"], document["error"], document["left"]) == (
        "not decided",
        "interrupted: run the command again",
        result.left,
    )
    shown = StringIO()
    print_for_people(result, Console(file=shown, width=400, color_system=None))
    assert f"LEFT: {result.left[0]}" in shown.getvalue()
    assert "1 NOT TAKEN AWAY" in document["summary"]
    assert json.loads(error_as_json("no", NOTHING))["summary"] == "not decided: no"
