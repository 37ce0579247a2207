"""AlbConfigs, listeners, claims, and the resource ListenerClientAuthentication."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import claim
from alb_mutual_tls.listener.claim import Claim, Owner
from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.fitness import doubtful, unfit
from alb_mutual_tls.listener.temporary import free_port, temporary
from alb_mutual_tls.provider.listener_inputs import check_inputs
from tests.unit.errors.case import Case
from tests.unit.provider.fakes import CA_1, CA_2, A, B, C, World, alb, wanted

_OTHERS = Claim("1", Owner("99999999", "urn:other"), A, A, CA_1, "{}")


def rehearsed(*listeners: Any, port: int | None = None) -> Case:
    """What `mtls rehearse` would add."""
    document = alb(*listeners)
    return lambda _: temporary(document, find_listener(document, 443), free_port(document, (), port), CA_1)


def found(document: Any, port: int = 443) -> Case:
    return lambda _: find_listener(document, port)


def spoiled(**fields: Any) -> Case:
    """Why a listener with such fields cannot have client authentication."""
    document = alb({"port": 443, "protocol": "HTTPS", **fields}, {"port": 8443})
    return lambda _: list(unfit(document, find_listener(document, 443)))


_EXTENSIBLE = alb(config={"edition": "Extensible"})


def switched_on(**spec: Any) -> Case:
    def case(_: Path) -> object:
        return World(alb(**spec)).create(wanted())

    return case


def _quic(_: Path) -> object:
    return World(alb({"port": 443, "protocol": "HTTPS"}, {"port": 443, "protocol": "QUIC"})).create(wanted())


def _missing(_: Path) -> object:
    return World(alb(name="other")).create(wanted())


def _annotated(text: str) -> World:
    world = World()
    world.cluster.documents["alb"]["metadata"]["annotations"] = {"albmtls/443-https": text}
    return world


def _claimed(_: Path) -> object:
    return _annotated(claim.render(_OTHERS)).create(wanted())


def _claimed_at_home(_: Path) -> object:
    world = World()
    state = world.create(wanted())
    own = replace(_OTHERS, owner=Owner("1a2b3c4d", "urn:other"))
    world.cluster.documents["alb"]["metadata"]["annotations"] = {"albmtls/443-https": claim.render(own)}
    return world.update(state, wanted(caCertificateId=CA_2))


def _unreadable(_: Path) -> object:
    return _annotated("{}").create(wanted())


def _locked_out(_: Path) -> object:
    world = World()
    state = world.create(wanted(issuingFingerprint=B))
    return world.update(state, wanted(trustedFingerprint=C, caCertificateId=CA_2))


def _taken_with_another_ca(_: Path) -> object:
    world = World()
    world.create(wanted())
    return world.create(
        wanted(
            owner="99999999", takeOver=True, trustedFingerprint=C, issuingFingerprint=C, caCertificateId=CA_2
        )
    )


def _disturbed(disturb: Callable[[World], None]) -> Case:
    """Somebody who writes our listener each time that we do."""

    def case(_: Path) -> object:
        world = World()
        disturb(world)
        with mock.patch("random.uniform", return_value=0.0):
            return world.create(wanted())

    return case


def _before(world: World) -> None:
    values = iter([False, None] * 4)
    world.cluster.before_patch = [
        lambda document: document["spec"]["listeners"][1].update(caEnabled=next(values))
    ] * 8


def _after(world: World) -> None:
    world.cluster.after_patch = [lambda: world.listener().update(caEnabled=False)] * 8


def _made_anew(_: Path) -> object:
    world = World()
    state = world.create(wanted())
    return world.update({**state, "albConfigUid": "former"}, wanted(caCertificateId=CA_2))


def _impatient(world: World) -> object:
    return world.handler.create(replace(world.request(), timeout=0.01), wanted())


def _unconfirmed(_: Path) -> object:
    world = World()
    world.alb.answer = lambda: None
    return _impatient(world)


def _not_found_out(_: Path) -> object:
    def refuses() -> None:
        raise UserError("ALB refused")

    world = World()
    world.alb.answer = refuses
    return _impatient(world)


def _cancelled(_: Path) -> object:
    world = World()
    world.alb.answer = lambda: None
    world.cluster.after_patch.append(world.cancelled.set)
    return world.create(wanted())


def _ended(_: Path) -> object:
    return World().create(wanted(trustedNotAfter="2026-11-22T12:00:00Z"))


def _imported(_: Path) -> object:
    return World().handler.read(World().request(), "alb/443", {}, {})


CASES: dict[str, Case] = {
    "no AlbConfig": _missing,
    "no such port": found(alb(), 8443),
    "no listeners": found({"metadata": {"name": "alb"}, "spec": {}}),
    "an HTTP port": found(alb(), 80),
    "one listener twice": found(
        alb({"port": 443, "protocol": "HTTPS"}, {"port": "443", "protocol": "HTTPS"})
    ),
    "a spec that is text": found({"metadata": {"name": "alb"}, "spec": "x"}),
    "listeners that are text": found({"metadata": {"name": "alb"}, "spec": {"listeners": "x"}}),
    "an item that is text": found(alb("x")),
    "an item without port": found(alb({"protocol": "HTTPS"})),
    "an item without protocol": spoiled(),
    "a key in two spellings": found(alb({"port": 443, "Port": 443, "protocol": "HTTPS"})),
    "caEnabled in quotes": spoiled(caEnabled="true"),
    "caCertificates that are text": spoiled(caCertificates="x"),
    "a temporary listener on a port that is taken": rehearsed(port=80),
    "a temporary listener without a server certificate": rehearsed({"port": 443, "protocol": "HTTPS"}),
    "an edition that is not documented": lambda _: list(
        doubtful(_EXTENSIBLE, find_listener(_EXTENSIBLE, 443))
    ),
    "the edition Basic": switched_on(config={"edition": "Basic"}),
    "QUIC": _quic,
    "a CA that has ended": _ended,
    "another stack": _claimed,
    "another resource": _claimed_at_home,
    "an annotation of somebody's": _unreadable,
    "everybody locked out": _locked_out,
    "everybody locked out by taking over": _taken_with_another_ca,
    "overtaken again and again": _disturbed(_before),
    "undone again and again": _disturbed(_after),
    "made anew": _made_anew,
    "not confirmed": _unconfirmed,
    "not found out": _not_found_out,
    "cancelled": _cancelled,
    "imported": _imported,
    "a property that is none": lambda _: check_inputs({"caenabled": True, "port": 0}),
}
