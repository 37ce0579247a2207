"""Repositories, CA certificates, client certificates, and the provider itself."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from unittest import mock

import grpc

from alb_mutual_tls.alibaba.cas import Cas
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.alibaba.warehouse import LISTED_TYPE, Repository, choose_repository
from alb_mutual_tls.listener.enforced import CaReference, ListenerState
from alb_mutual_tls.plugin import servicer
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.properties import to_struct
from alb_mutual_tls.plugin.protocol import provider_pb2, provider_pb2_grpc
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.plugin.server import start_server
from alb_mutual_tls.provider.__main__ import AlbMtls
from alb_mutual_tls.provider.authority_certificate import AuthorityCertificate
from alb_mutual_tls.provider.ca_certificate import CaCertificate
from alb_mutual_tls.provider.ca_certificate_inputs import unfit
from alb_mutual_tls.provider.certificate_repository import CertificateRepository
from alb_mutual_tls.provider.configuration import Configuration
from alb_mutual_tls.provider.existing_ca_certificate import ExistingCaCertificate
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
from alb_mutual_tls.provider.signed_certificate_inputs import check_inputs
from alb_mutual_tls.provider.stack_identity import StackIdentity
from alb_mutual_tls.wire import Properties
from tests.unit.errors.case import Case
from tests.unit.pki.material import authority, pem

_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
_EXPIRED = pem(authority("ended", end=datetime(2026, 11, 23, tzinfo=UTC)).certificate)
_STATE = {"warehouseId": "17", "account": "1", "cluster": "uid-1", "owned": True, "fingerprint": "f"}
_ISSUER = {"issuerCertificatePem": _CERTIFICATE, "issuerPrivateKeyPem": ""}
_CLIENT = {
    "publicKeyPem": "",
    "subject": {"commonName": "web"},
    "uris": ["urn:x"],
    "validityDays": 90,
    "renewBeforeDays": 30,
}
_GROUP = {
    "names": ["a"],
    "keyAlgorithm": "ECDSA-P256",
    "subject": {},
    "uriPrefix": "urn:",
    "validityDays": 90,
    "renewBeforeDays": 30,
}
_CROSS = {"kind": "cross", **_ISSUER, "subjectCertificatePem": "", "sign": True}


def request(timeout: float = 0.0) -> Request:
    return Request(
        urn="u", name="it", preview=False, timeout=timeout, cancelled=threading.Event(), log=lambda *_: None
    )


class _Api:
    """CAS that does what it is asked and shows nothing of it."""

    def read(self, action: str, query: Mapping[str, Any]) -> dict[str, Any]:
        return {"TotalCount": 0}

    def write(self, action: str, query: Mapping[str, Any], body: Any = None) -> dict[str, Any]:
        return {}

    def attempts(self) -> Iterator[AbstractContextManager[None]]:
        return iter([nullcontext()])


def cas() -> Cas:
    return Cas(cast(OpenApi, _Api()), pause=lambda _: None)


@dataclass
class _World:
    """A cluster, an ALB and CAS in which a CA certificate is used."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    listeners: list[ListenerState] = field(default_factory=list)
    serving: list[dict[str, Any]] = field(default_factory=list)
    described_as: str | None = ""
    """What CAS has under any id; None: nothing."""

    def require_account(self, recorded: str, what: str) -> str:
        return recorded

    def require_cluster(self, recorded: str, what: str) -> _World:
        return self

    def cas(self, request: Request) -> _World:
        return self

    def alb(self) -> _World:
        return self

    def account_id(self) -> str:
        return "1234567890123456"

    def content(self, identifier: str, warehouse_id: str) -> str:
        return ""

    def ca_certificate(self, identifier: str) -> str | None:
        return self.described_as

    def albconfigs(self) -> list[dict[str, Any]]:
        return self.documents

    def services(self) -> list[dict[str, Any]]:
        return self.serving

    def listeners_naming(self, identifier: str) -> list[ListenerState]:
        return self.listeners

    def listener(self, listener_id: str) -> ListenerState:
        return self.listeners[0]

    def handler(self) -> Handler:
        return CaCertificate(cast(Configuration, self))


def _still_named(_: Path) -> None:
    listener = {"port": 443, "protocol": "HTTPS", "caCertificates": [{"CertificateId": "ca-1"}]}
    world = _World(documents=[{"metadata": {"name": "alb"}, "spec": {"listeners": [listener]}}])
    world.handler().delete(request(), "ca-1", {}, _STATE)


def _still_of_a_service(_: Path) -> None:
    annotations = {"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cacert-id": "ca-1"}
    world = _World(serving=[{"metadata": {"name": "mq", "namespace": "shop", "annotations": annotations}}])
    world.handler().delete(request(), "ca-1", {}, _STATE)


def _still_held(_: Path) -> None:
    world = _World(
        listeners=[
            ListenerState("lsn-1", "alb-1", 443, "Running", True, (CaReference("ca-1", "Associated"),))
        ]
    )
    world.handler().delete(request(timeout=0.01), "ca-1", {}, _STATE)


def _existing(described_as: str | None, identifier: str = "ca-1") -> Case:
    """A CA certificate that is in CAS already is looked up."""
    configuration = cast(Configuration, _World(described_as=described_as))
    return lambda _: ExistingCaCertificate(configuration).create(
        request(), {"caCertificateId": identifier, "demanded": True}
    )


def _ended(_: Path) -> object:
    inputs = {"warehouseId": "17", "name": "corp", "certificatePem": _EXPIRED, "generated": False}
    return _World().handler().create(request(), inputs)


def _repositories(*types: str) -> Case:
    listed = [Repository(f"cas-wh-{index}", str(index), "mine", type) for index, type in enumerate(types)]
    return lambda _: choose_repository(listed, "mine", configured=True)


def _ca(**inputs: Any) -> Case:
    return lambda _: CaCertificate(Configuration()).check(request(), {}, inputs)[1]


def _repository(**inputs: Any) -> Case:
    return lambda _: CertificateRepository(Configuration()).check(request(), {}, inputs)[1]


def register(**inputs: Any) -> Case:
    wanted = {**_ISSUER, "clients": {}, "rootCertificatePems": [], **inputs}
    return lambda _: IssuedCertificates().check(request(), {}, wanted)[1]


def client(**inputs: Any) -> Case:
    return register(clients={"web": {**_CLIENT, **inputs}})


def group(**inputs: Any) -> Case:
    return register(groups={"fleet": {**_GROUP, **inputs}})


def cross(**inputs: Any) -> Case:
    return lambda _: check_inputs(
        {key: value for key, value in {**_CROSS, **inputs}.items() if value is not None}
    )


# --- the provider itself


def over_grpc(token: str, inputs: dict[str, Any]) -> str:
    """What the engine shows when the provider is to make such a resource, and cannot."""
    create = provider_pb2.CreateRequest(
        urn=f"urn:pulumi:dev::project::{token}::it", properties=to_struct(inputs)
    )
    return _answered(lambda stub: stub.Create(create))


def _answered(call: Callable[[Any], object]) -> str:
    """What the engine shows of a call that the provider refuses."""
    server, port, _ = start_server(AlbMtls())
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call(provider_pb2_grpc.ResourceProviderStub(channel))
    except grpc.RpcError as error:
        return str(cast(grpc.Call, error).details())
    finally:
        server.stop(grace=None).wait()
    raise AssertionError("it was done")


class _Hanging:
    """A resource type whose cloud never answers."""

    token = "albmtls:index:StackIdentity"

    def __init__(self) -> None:
        self.called, self.answered = threading.Event(), threading.Event()

    def create(self, request: Request, inputs: Properties) -> None:
        self.called.set()
        self.answered.wait(60)


def _given_up(_: Path) -> list[str]:
    hanging, provider = _Hanging(), AlbMtls()
    with (
        mock.patch.object(provider, "handler", lambda token: hanging),
        mock.patch.object(servicer, "_GRACE", 0.01),
    ):
        server, port, cancel = start_server(provider)
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                call = stub.Create.future(
                    provider_pb2.CreateRequest(urn=f"urn:pulumi:dev::project::{hanging.token}::it")
                )
                assert hanging.called.wait(10)
                cancel()
                return [str(cast(grpc.Call, call.exception(timeout=10)).details())]
        finally:
            hanging.answered.set()
            server.stop(grace=None).wait()


def _without_packages(directory: Path) -> list[str]:
    command = [sys.executable, "-S", "-m", "alb_mutual_tls.provider"]
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[4])}
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    return [done.stderr.removesuffix("\n")]


def _cancelled(_: Path) -> None:
    waiting = request()
    waiting.cancelled.set()
    waiting.wait(60)


def _imported(handler: Handler, id: str) -> Case:
    return lambda _: handler.read(request(), id, {}, {})


CASES: dict[str, Case] = {
    "a repository of another type": _repositories("uploadPCA"),
    "two repositories": _repositories(LISTED_TYPE, LISTED_TYPE),
    "a repository that is not listed": lambda _: cas().make_repository("mine"),
    "an imported repository": _imported(CertificateRepository(Configuration()), "cas-wh-1"),
    "an upload without id": lambda _: cas().upload("17", "root", _CERTIFICATE),
    "a private key": lambda _: cas().upload("17", "root", "-----BEGIN PRIVATE KEY-----"),
    "still named": _still_named,
    "still of a Service": _still_of_a_service,
    "still held": _still_held,
    "an imported CA certificate": _imported(_World().handler(), "ca-1"),
    "a brought CA certificate that has ended": _ended,
    "a CA certificate that is not in CAS": _existing(None),
    "a server certificate in place of a CA certificate": _existing(None, "1234567-cn-hangzhou"),
    "a CA certificate in CAS that has ended": _existing(_EXPIRED),
    "a CA certificate in CAS without content": _existing(""),
    "an imported existing CA certificate": _imported(ExistingCaCertificate(Configuration()), "ca-1"),
    "inputs of an existing CA certificate": (
        lambda _: ExistingCaCertificate(Configuration()).check(
            request(), {}, {"caCertificateId": "", "name": "x"}
        )[1]
    ),
    "inputs of an authority's certificate": (
        lambda _: AuthorityCertificate().check(request(), {}, {"subject": {}})[1]
    ),
    "days of an authority's certificate": (
        lambda _: AuthorityCertificate().check(
            request(), {}, {"privateKeyPem": "", "subject": {"commonName": "root"}, "validityDays": 0}
        )[1]
    ),
    "an imported certificate of an authority": _imported(AuthorityCertificate(), "1"),
    "an authority's certificate from a key that is none": (
        lambda _: AuthorityCertificate().create(
            request(), {"privateKeyPem": "", "subject": {"commonName": "root"}, "validityDays": 1}
        )
    ),
    "an empty PEM": lambda _: [unfit("")],
    "a private key in the PEM": lambda _: [unfit("-----BEGIN PRIVATE KEY-----")],
    "a PEM that is none": lambda _: [unfit("x")],
    "inputs of a CA certificate": _ca(warehouseID="17", generated="yes", certificatePem=_CERTIFICATE),
    "inputs of a repository": _repository(nane="mine", name=7, configured="no"),
    "an imported certificate": _imported(SignedCertificate(), "f"),
    "a kind that is none": cross(kind="server"),
    "a property that is none": cross(color="red"),
    "a property that is missing": cross(subjectCertificatePem=None),
    "sign yes": cross(sign="yes"),
    "a client that is a number": register(clients={"web": 7}),
    "a property of a client that is none": client(color="red"),
    "a client without a validity": register(clients={"web": {"publicKeyPem": "", "subject": {}, "uris": []}}),
    "a client with two keys": client(csrPem=""),
    "a PEM that is a number": client(publicKeyPem=7),
    "a subject that is text": client(subject="CN=x"),
    "an empty subject": client(subject={}),
    "uris that are text": client(uris="urn:x"),
    "a URI twice": client(uris=["urn:x", "urn:x"]),
    "half a day": client(validityDays=1.5),
    "no day": client(validityDays=0),
    "names that are text": group(names="a"),
    "a name twice": group(names=["a", "a"]),
    "a key of a group": group(keyAlgorithm="Ed25519"),
    "a common name of a group": group(subject={"commonName": "a"}),
    "clients without an issuer": (
        lambda _: IssuedCertificates().check(
            request(), {}, {"clients": {}, "groups": {"fleet": _GROUP}, "rootCertificatePems": []}
        )[1]
    ),
    "an imported record": _imported(IssuedCertificates(), "x"),
    "inputs of a record": register(
        color="red",
        clients=7,
        groups=7,
        listeners=[],
        rootCertificatePems=[7],
        existingAuthorityPems=[7],
    ),
    "cancelled": _cancelled,
    "cancelled without an answer": _given_up,
    "a Python without packages": _without_packages,
    "an imported identity": _imported(StackIdentity(), "production"),
    "an input of StackIdentity": lambda _: StackIdentity().check(request(), {}, {"seed": 1})[1],
    "a resource type that is none": lambda _: [over_grpc("albmtls:index:Thing", {})],
    "a function that is none": lambda _: [
        _answered(lambda stub: stub.Invoke(provider_pb2.InvokeRequest(tok="albmtls:index:f")))
    ],
    "an unforeseen error": lambda _: [over_grpc("albmtls:index:ListenerClientAuthentication", {})],
}
