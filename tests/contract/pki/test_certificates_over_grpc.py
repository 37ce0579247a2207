"""The register of clients and cross certificates over real gRPC, as the engine calls them: wire
forms of unknowns, numbers, secrets and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import provider_pb2, provider_pb2_grpc
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.plugin.server import start_server
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties
from tests.unit.pki.material import DAY, FIELDS, NOW, URIS, authority, key, key_pem, pem, request

COMPONENT = "urn:pulumi:dev::alb-mutual-tls::alb-mutual-tls:index:AlbMutualTls"
URN = f"{COMPONENT}${IssuedCertificates.token}::mtls-issued"
CROSS = f"{COMPONENT}${SignedCertificate.token}::mtls-b-by-a"
SECRET_MARK = "4dabf18193072939515e22adb298388d"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
ROOT, OTHER = authority("root a"), authority("root b", end=NOW + 50 * DAY)
CSR = request()


class Provider:
    name = "albmtls"
    version = "0.1.0"

    def __init__(self) -> None:
        self.now = NOW

    def clock(self) -> datetime:
        return self.now

    def check_config(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        return inputs, []

    def configure(self, properties: Properties) -> None:
        pass

    def handler(self, token: str) -> Handler:
        kinds: tuple[Any, ...] = (IssuedCertificates, SignedCertificate)
        made: Handler = {kind.token: kind for kind in kinds}[token](self.clock)
        return made


class Resource:
    """One resource and the provider's answers to the engine's calls."""

    def __init__(self, stub: Any, provider: Provider, urn: str) -> None:
        self.stub = stub
        self.urn = urn
        self.provider = provider
        self.id = ""
        self.state: Properties = {}

    def check(self, **inputs: Any) -> list[tuple[str, str]]:
        found = self.stub.Check(provider_pb2.CheckRequest(urn=self.urn, news=to_struct(inputs)))
        return [(failure.property, failure.reason) for failure in found.failures]

    def create(self, preview: bool = False, **inputs: Any) -> Any:
        found = self.stub.Create(
            provider_pb2.CreateRequest(urn=self.urn, properties=to_struct(inputs), preview=preview)
        )
        self.id, self.state = found.id, from_struct(found.properties)
        return found

    def diff(self, **inputs: Any) -> dict[str, str]:
        state = to_struct(self.state)
        found = self.stub.Diff(
            provider_pb2.DiffRequest(
                urn=self.urn, id=self.id, olds=state, old_inputs=to_struct(inputs), news=to_struct(inputs)
            )
        )
        assert list(found.replaces) == []
        return {
            path: provider_pb2.PropertyDiff.Kind.Name(item.kind) for path, item in found.detailedDiff.items()
        }

    def update(self, preview: bool = False, **inputs: Any) -> Properties:
        state, news = to_struct(self.state), to_struct(inputs)
        found = self.stub.Update(
            provider_pb2.UpdateRequest(
                urn=self.urn, id=self.id, olds=state, old_inputs=news, news=news, preview=preview
            )
        )
        return from_struct(found.properties)

    def read(self, **inputs: Any) -> Any:
        return self.stub.Read(
            provider_pb2.ReadRequest(
                urn=self.urn, id=self.id, properties=to_struct(self.state), inputs=to_struct(inputs)
            )
        )


@pytest.fixture
def serve() -> Iterator[Callable[[str], Resource]]:
    provider = Provider()
    server, port, _ = start_server(provider)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        yield lambda urn: Resource(stub, provider, urn)
    server.stop(grace=None).wait()


@pytest.fixture
def resource(serve: Callable[[str], Resource]) -> Resource:
    return serve(URN)


@pytest.fixture
def cross(serve: Callable[[str], Resource]) -> Resource:
    return serve(CROSS)


def inputs(**changed: Any) -> Properties:
    client = {
        "csrPem": CSR,
        "subject": dict(FIELDS),
        "uris": list(URIS),
        "validityDays": 90,
        "renewBeforeDays": 30,
    }
    members = {
        "names": ["a", "b"],
        "keyAlgorithm": "ECDSA-P256",
        "subject": {},
        "uriPrefix": "urn:x:",
        "validityDays": 90,
        "renewBeforeDays": 30,
    }
    return {
        "issuerCertificatePem": pem(ROOT.certificate),
        "issuerPrivateKeyPem": key_pem(ROOT.private_key),
        "clients": {"one": client | {name: value for name, value in changed.items() if name in client}},
        "groups": {"fleet": members},
        "rootCertificatePems": [pem(ROOT.certificate)],
        **{name: value for name, value in changed.items() if name not in client},
    }


def test_up_then_refresh_and_preview_change_nothing(resource: Resource) -> None:
    wish = inputs()
    assert resource.check(**wish) == []
    resource.create(**wish)
    issued = dict(resource.state)
    assert resource.id == "mtls-issued"
    assert bundle.fingerprint(issued["client:one"]["certificatePem"]) == issued["client:one"]["fingerprint"]
    assert sorted(issued["group:fleet"]) == ["a", "b"]
    resource.provider.now += 59 * DAY
    read = resource.read(**wish)
    assert (read.id, from_struct(read.properties), from_struct(read.inputs)) == (resource.id, issued, wish)
    assert resource.diff(**wish) == {}


def test_private_keys_are_marked_secret_wherever_they_are_answered_and_nothing_else_is(
    resource: Resource,
) -> None:
    wish = inputs()
    answers = [
        resource.create(**wish).properties,
        resource.read(**wish).properties,
        resource.read(**wish).inputs,
    ]
    for answer in answers:
        marked = [name for name, value in answer.fields.items() if SECRET_MARK in value.struct_value.fields]
        keys = ["issuerPrivateKeyPem", "privateKeys"] if "privateKeys" in answer.fields else None
        assert sorted(marked) == (keys or ["issuerPrivateKeyPem"])


def test_unknown_values_pass_and_leave_the_outputs_unknown(resource: Resource) -> None:
    wish = inputs(csrPem=UNKNOWN, issuerCertificatePem=UNKNOWN, issuerPrivateKeyPem=UNKNOWN, uris=[UNKNOWN])
    assert resource.check(**wish) == []
    found = resource.create(preview=True, **wish)
    assert found.id == ""
    assert found.properties.fields["client:one"].string_value == UNKNOWN_TEXT
    assert resource.state["group:fleet"] == {"a": UNKNOWN, "b": UNKNOWN}


def test_a_renewal_is_shown_as_a_change_of_the_end_and_done_in_place(resource: Resource) -> None:
    wish = inputs()
    resource.create(**wish)
    before = dict(resource.state)
    resource.provider.now += 60 * DAY
    assert resource.diff(**wish) == {
        "client:one.notAfter": "UPDATE",
        "group:fleet.a.notAfter": "UPDATE",
        "group:fleet.b.notAfter": "UPDATE",
    }
    assert resource.update(preview=True, **wish)["client:one"] is UNKNOWN
    renewed = resource.update(**wish)
    assert renewed["client:one"]["notAfter"] == "2027-04-22T12:00:00Z"
    assert renewed["client:one"]["fingerprint"] != before["client:one"]["fingerprint"]
    assert renewed["privateKeys"] == before["privateKeys"]
    resource.state = renewed
    assert resource.diff(**wish) == {}


def test_a_rotation_issues_below_the_other_authority(resource: Resource) -> None:
    resource.create(**inputs())
    wish = inputs(issuerCertificatePem=pem(OTHER.certificate), issuerPrivateKeyPem=key_pem(OTHER.private_key))
    assert resource.diff(**wish) == {"issuerCertificatePem": "UPDATE", "issuerPrivateKeyPem": "UPDATE"}
    renewed = resource.update(**wish)
    bundle.load_one(renewed["client:one"]["certificatePem"]).verify_directly_issued_by(OTHER.certificate)
    assert renewed["client:one"]["notAfter"] == "2027-01-12T12:00:00Z"  # where that authority ends
    resource.state = renewed
    resource.provider.now += 45 * DAY
    assert resource.diff(**wish) == {}


def test_failures_come_as_sentences_and_never_name_the_property_of_a_key(resource: Resource) -> None:
    foreign = key_pem(key("foreign"))
    (failure,) = resource.check(**inputs(issuerPrivateKeyPem=foreign))
    assert failure == (
        "",
        (
            "issuerPrivateKeyPem: the private key is not the key of the authority CN=root a; give the two"
            " that belong together"
        ),
    )
    assert resource.check(**inputs(validityDays=9999.0)) == [
        ("", "client one: validityDays 9999 is outside 1 to 3650; give a number of days in that range")
    ]


def test_an_error_is_one_sentence_without_a_key(resource: Resource) -> None:
    ended = authority("root a", end=NOW - timedelta(hours=1))
    for preview in (True, False):
        with pytest.raises(grpc.RpcError) as caught:
            resource.create(preview=preview, **inputs(issuerCertificatePem=pem(ended.certificate)))
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert (
            caught.value.details()
            == "client one: the authority CN=root a cannot sign: it expired on 2026-11-23T11:00:00Z;"
            " make a new authority and rotate to it"
        )


def test_deleting_is_forgetting(resource: Resource) -> None:
    resource.create(**inputs())
    state = to_struct(resource.state)
    resource.stub.Delete(
        provider_pb2.DeleteRequest(urn=URN, id=resource.id, properties=state, old_inputs=to_struct(inputs()))
    )


def test_a_cross_certificate_is_signed(cross: Resource) -> None:
    wish: Properties = {
        "kind": "cross",
        "issuerCertificatePem": pem(ROOT.certificate),
        "issuerPrivateKeyPem": key_pem(ROOT.private_key),
        "subjectCertificatePem": pem(OTHER.certificate),
    }
    assert cross.check(**wish) == []
    cross.create(**wish)
    assert bundle.fingerprint(cross.state["certificatePem"]) == cross.id
    bundle.load_one(cross.state["certificatePem"]).verify_directly_issued_by(ROOT.certificate)
    assert cross.state["notAfter"] == "2027-01-12T12:00:00Z"
    cross.provider.now += 5000 * DAY
    assert cross.diff(**wish) == {}
