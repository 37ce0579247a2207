"""A town of one ALB and its cluster, in which rehearsals run without waiting."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives import serialization

from alb_mutual_tls.alibaba.alb import Alb
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.rehearsal_claim import LeftBehind, left_behind
from alb_mutual_tls.operations.rehearsal import runner
from alb_mutual_tls.operations.rehearsal.cleaning import Cleaning
from alb_mutual_tls.operations.rehearsal.rehearsal import Rehearsal
from alb_mutual_tls.operations.verification.outcome import (
    Alert,
    Answered,
    ConnectionFailed,
    Destination,
    Outcome,
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


def before(world: World) -> Document:
    found = world.cluster.albconfig("alb")
    assert found is not None
    return found


def refused(world: World, **more: Any) -> str:
    return raised(UserError, world.rehearsal(**more).prepare)


def lose_the_answer() -> None:
    raise Unreachable("the answer got lost")


def interrupt() -> None:
    raise KeyboardInterrupt


def abandoned(world: World, **changes: Any) -> None:
    """What a rehearsal that was killed leaves; `changes` to its claim."""
    rehearsal = world.rehearsal(**changes)
    rehearsal.prepare()
    rehearsal._temporary.add(rehearsal._new_claim)


GONE = replace(runner.this_runner(), pid=2**22 + 1)


ELSEWHERE = replace(GONE, host="elsewhere")


def cleaning(world: World, *, only: bool = False, port: int = 443) -> Cleaning:
    stack = component()
    neighbourhood = StackCluster(stack, Path("/"))
    neighbourhood.__dict__["_cluster"] = world.cluster
    made = Cleaning()
    for _ in range(2):  # two listeners of one AlbConfig
        made.look(stack, replace(LISTENER, port=port), neighbourhood, only=only)
    return made
