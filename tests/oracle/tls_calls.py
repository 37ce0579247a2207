"""The calls to a plugin tls that are made side by side, each with what it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import provider_pb2
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.oracle.answers import changes, marked, outcome
from tests.oracle.comparison import Answer

KEY: Final = "tls:index/privateKey:PrivateKey"
REQUEST: Final = "tls:index/certRequest:CertRequest"


def urn(token: str) -> str:
    return f"urn:pulumi:dev::project::{token}::name"


@cache
def _wanted() -> Properties:
    """A request of an RSA key, whose signature is the same each time."""
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return {"privateKeyPem": pem.decode(), "subject": {"commonName": "client"}}


def _create(stub: Any, token: str, inputs: Properties, *, preview: bool = False) -> Any:
    checked = stub.Check(provider_pb2.CheckRequest(urn=urn(token), news=to_struct(inputs)))
    assert not checked.failures, checked.failures
    return stub.Create(provider_pb2.CreateRequest(urn=urn(token), properties=checked.inputs, preview=preview))


def _key(stub: Any, **inputs: Any) -> Answer:
    """The form of a key: of what is random, the first line alone."""
    try:
        answer = _create(stub, KEY, inputs)
    except grpc.RpcError as error:
        return {"refused": str(error.details())}
    state = from_struct(answer.properties)
    lines = {key: value.split("\n")[0] for key, value in state.items() if str(value).startswith("-----")}
    random = ("id", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")
    lengths = {key: len(state[key]) for key in random if key in state}
    same = {"id is that of the state": answer.id == state["id"], "marked": marked(answer.properties)}
    return {**state, **lines, **lengths, **same}


def _diff(stub: Any, new: Properties) -> Answer:
    state = _create(stub, REQUEST, _wanted()).properties
    request = provider_pb2.DiffRequest(
        id=state["id"],
        urn=urn(REQUEST),
        olds=state,
        old_inputs=to_struct(_wanted()),
        news=to_struct(_wanted() | new),
    )
    return changes(partial(stub.Diff, request))


def _read(stub: Any) -> Answer:
    state = _create(stub, REQUEST, _wanted()).properties
    inputs = to_struct(_wanted())
    request = provider_pb2.ReadRequest(id=state["id"], urn=urn(REQUEST), inputs=inputs, properties=state)
    return outcome(partial(stub.Read, request))


CALLS: Final[Mapping[str, Callable[[Any], Answer]]] = {
    "key, RSA": lambda stub: _key(stub, algorithm="RSA", rsaBits=2048),
    "key, ECDSA": lambda stub: _key(stub, algorithm="ECDSA", ecdsaCurve="P256"),
    "key, ED25519": lambda stub: _key(stub, algorithm="ED25519"),
    "preview of a key": lambda stub: outcome(
        partial(_create, stub, KEY, {"algorithm": "ED25519"}, preview=True)
    ),
    "request": lambda stub: outcome(partial(_create, stub, REQUEST, _wanted())),
    "preview of a request": lambda stub: outcome(partial(_create, stub, REQUEST, _wanted(), preview=True)),
    "preview of a request, unknown key": lambda stub: outcome(
        partial(_create, stub, REQUEST, _wanted() | {"privateKeyPem": UNKNOWN}, preview=True)
    ),
    "diff, nothing": lambda stub: _diff(stub, {}),
    "diff, subject": lambda stub: _diff(stub, {"subject": {"commonName": "other"}}),
    "diff, unknown key": lambda stub: _diff(stub, {"privateKeyPem": UNKNOWN}),
    "read": _read,
}
