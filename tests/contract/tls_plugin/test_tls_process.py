"""The tls stand-in as the engine meets it: a process that prints a port and speaks the Pulumi
protocol.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509

from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import empty_pb2, provider_pb2, provider_pb2_grpc, struct_pb2
from alb_mutual_tls.wire import UNKNOWN, Properties

REPOSITORY = Path(__file__).resolve().parents[3]
SIGNATURE = "4dabf18193072939515e22adb298388d"
PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
REQUEST = "tls:index/certRequest:CertRequest"
CLIENT: Properties = {"subject": {"commonName": "client"}}


def urn(token: str) -> str:
    return f"urn:pulumi:dev::project::my:index:Component${token}::name"


def secrets(struct: struct_pb2.Struct) -> set[str]:
    """The properties that are marked as secret."""
    return {name for name, value in struct.fields.items() if SIGNATURE in value.struct_value.fields}


def said(error: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    """What the engine would show."""
    return str(error.value.details())


@dataclass
class Plugin:
    """The started plugin; calls are those of the engine, with its numbers as doubles and its
    sentinels.
    """

    stub: Any

    def configure(self) -> Any:
        return self.stub.Configure(
            provider_pb2.ConfigureRequest(args=to_struct({"version": "5.6.2"}), acceptSecrets=True)
        )

    def check(self, token: str, inputs: Properties) -> Any:
        return self.stub.Check(provider_pb2.CheckRequest(urn=urn(token), news=to_struct(inputs)))

    def create(self, token: str, inputs: Properties, preview: bool = False) -> Any:
        checked = self.check(token, inputs)
        assert not checked.failures
        return self.stub.Create(
            provider_pb2.CreateRequest(urn=urn(token), properties=checked.inputs, preview=preview)
        )

    def make(self, token: str, inputs: Properties) -> Properties:
        return from_struct(self.create(token, inputs).properties)

    def diff(
        self, token: str, state: Properties, old: Properties, new: Properties, ignore: list[str] | None = None
    ) -> Any:
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id=state["id"],
                urn=urn(token),
                olds=to_struct(state),
                old_inputs=to_struct(old),
                news=to_struct(new),
                ignoreChanges=ignore or [],
            )
        )

    def read(self, token: str, id: str, inputs: Properties, state: Properties) -> Any:
        return self.stub.Read(
            provider_pb2.ReadRequest(
                id=id, urn=urn(token), inputs=to_struct(inputs), properties=to_struct(state)
            )
        )


@contextmanager
def started(environment: dict[str, str]) -> Iterator[Plugin]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "dev.toolchain.plugins.tls"],
        cwd="/",
        env=environment | {"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Plugin(provider_pb2_grpc.ResourceProviderStub(channel))
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=10)
    assert complaints == ""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("sandbox")
    (directory / "sandbox.json").write_text("{}")
    return {"ALB_MUTUAL_TLS_SANDBOX": str(directory), "PULUMI_BACKEND_URL": f"file://{directory}/state"}


@pytest.fixture(scope="module")
def plugin(environment: dict[str, str]) -> Iterator[Plugin]:
    with started(environment) as plugin:
        plugin.configure()
        yield plugin


@pytest.fixture(scope="module")
def key(plugin: Plugin) -> str:
    return str(plugin.make(PRIVATE_KEY, {"algorithm": "ECDSA", "ecdsaCurve": "P256"})["privateKeyPem"])


def test_it_says_which_version_it_stands_in_for(plugin: Plugin) -> None:
    assert plugin.stub.GetPluginInfo(empty_pb2.Empty()).version == "5.6.2"


def test_it_accepts_the_configuration_of_a_default_provider(plugin: Plugin) -> None:
    news = to_struct({"version": "5.6.2"})
    checked = plugin.stub.CheckConfig(
        provider_pb2.CheckRequest(urn="urn:pulumi:dev::project::pulumi:providers:tls::default", news=news)
    )
    assert not checked.failures
    assert checked.inputs == news


@pytest.mark.parametrize("missing", ["ALB_MUTUAL_TLS_SANDBOX", "PULUMI_BACKEND_URL"])
def test_outside_the_sandbox_it_refuses_in_one_sentence_and_makes_nothing(
    environment: dict[str, str], missing: str
) -> None:
    sentence = (
        f"the tls stand-in serves only the sandbox, and {missing} is not set: run `. .sandbox/env` first"
    )
    with started({name: value for name, value in environment.items() if name != missing}) as plugin:
        checked = plugin.stub.CheckConfig(
            provider_pb2.CheckRequest(urn="urn:pulumi:dev::project::pulumi:providers:tls::default")
        )
        assert [failure.reason.startswith(sentence) for failure in checked.failures] == [True]
        with pytest.raises(grpc.RpcError) as refused:
            plugin.configure()
        assert said(refused).startswith(sentence)
        with pytest.raises(grpc.RpcError) as served:
            plugin.create(PRIVATE_KEY, {"algorithm": "ED25519"})
        assert said(served).startswith(sentence)


def test_a_key_crosses_with_its_private_forms_marked_as_secret(plugin: Plugin) -> None:
    answer = plugin.create(PRIVATE_KEY, {"algorithm": "RSA", "rsaBits": 2048})
    state = from_struct(answer.properties)
    assert answer.id == state["id"]
    assert secrets(answer.properties) == {"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"}
    assert state["privateKeyPem"].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    assert state["__meta"] == '{"schema_version":"1"}'


def test_a_request_is_made_of_the_key_that_comes_back(plugin: Plugin, key: str) -> None:
    asked = plugin.create(REQUEST, CLIENT | {"privateKeyPem": key})
    assert secrets(asked.properties) == {"privateKeyPem"}
    request = x509.load_pem_x509_csr(from_struct(asked.properties)["certRequestPem"].encode())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=client"


def test_a_preview_plans_with_what_is_not_known(plugin: Plugin) -> None:
    planned = plugin.create(REQUEST, CLIENT | {"privateKeyPem": UNKNOWN}, preview=True)
    state = from_struct(planned.properties)
    assert planned.id == ""
    assert state["certRequestPem"] is UNKNOWN
    assert state["privateKeyPem"] is UNKNOWN
    assert state["subject"] == {"commonName": "client"}
    key = plugin.create(PRIVATE_KEY, {"algorithm": "ED25519"}, preview=True)
    assert from_struct(key.properties)["rsaBits"] == 2048


def test_no_change_is_none(plugin: Plugin, key: str) -> None:
    inputs = CLIENT | {"privateKeyPem": key}
    diff = plugin.diff(REQUEST, plugin.make(REQUEST, inputs), inputs, inputs)
    assert diff.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert (list(diff.replaces), dict(diff.detailedDiff)) == ([], {})


def test_a_change_that_replaces_creates_before_it_deletes(plugin: Plugin, key: str) -> None:
    inputs = CLIENT | {"privateKeyPem": key}
    diff = plugin.diff(
        REQUEST, plugin.make(REQUEST, inputs), inputs, inputs | {"subject": {"commonName": "other"}}
    )
    assert diff.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(diff.replaces) == ["subject"]
    assert not diff.deleteBeforeReplace
    assert diff.detailedDiff["subject"].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE


def test_a_key_that_will_be_replaced_replaces_what_is_made_with_it(plugin: Plugin, key: str) -> None:
    inputs = CLIENT | {"privateKeyPem": key}
    diff = plugin.diff(REQUEST, plugin.make(REQUEST, inputs), inputs, inputs | {"privateKeyPem": UNKNOWN})
    assert list(diff.replaces) == ["privateKeyPem"]


def test_ignored_changes_are_none(plugin: Plugin, key: str) -> None:
    inputs = CLIENT | {"privateKeyPem": key}
    changed = inputs | {"subject": {"commonName": "other"}}
    diff = plugin.diff(REQUEST, plugin.make(REQUEST, inputs), inputs, changed, ["subject"])
    assert diff.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_certificate_of_an_earlier_version_is_marked_by_a_refresh_when_expired_and_can_be_deleted(
    plugin: Plugin, key: str
) -> None:
    inputs: Properties = {"privateKeyPem": key, "validityPeriodHours": 24}
    state = inputs | {"id": "1", "validityEndTime": "2026-01-01T00:00:00.5Z", "readyForRenewal": False}
    answer = plugin.read(SELF_SIGNED, state["id"], inputs, state)
    assert from_struct(answer.properties) == state | {"readyForRenewal": True}
    assert from_struct(answer.inputs) == inputs
    assert secrets(answer.properties) == {"privateKeyPem"}
    request = provider_pb2.DeleteRequest(id=state["id"], urn=urn(SELF_SIGNED), properties=to_struct(state))
    assert plugin.stub.Delete(request) == empty_pb2.Empty()


def test_a_refresh_returns_the_state_with_its_secrets(plugin: Plugin) -> None:
    inputs = {"algorithm": "ED25519"}
    state = plugin.make(PRIVATE_KEY, inputs)
    answer = plugin.read(PRIVATE_KEY, state["id"], inputs, state)
    assert answer.id == state["id"]
    assert from_struct(answer.properties) == state
    assert secrets(answer.properties) == {"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"}


def test_a_delete_is_nothing_but_an_answer(plugin: Plugin) -> None:
    state = plugin.make(PRIVATE_KEY, {"algorithm": "ED25519"})
    request = provider_pb2.DeleteRequest(id=state["id"], urn=urn(PRIVATE_KEY), properties=to_struct(state))
    assert plugin.stub.Delete(request) == empty_pb2.Empty()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda plugin: plugin.read(PRIVATE_KEY, "abc", {}, {}),
            "name: a tls:index/privateKey:PrivateKey cannot be imported",
        ),
        (
            lambda plugin: plugin.check("tls:index/locallySignedCert:LocallySignedCert", {}),
            "the plugin tls 5.6.2 has no resource type tls:index/locallySignedCert:LocallySignedCert",
        ),
        (
            lambda plugin: plugin.check("tls:index/publicKey:PublicKey", {}),
            "the plugin tls 5.6.2 has no resource type tls:index/publicKey:PublicKey",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(plugin: Plugin, call: Callable[[Plugin], Any], sentence: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(plugin)
    assert said(refused).startswith(sentence)
    assert "\n" not in said(refused)


def test_a_wrong_input_is_a_check_failure_that_names_no_property_that_may_hold_a_key(plugin: Plugin) -> None:
    failures = plugin.check(REQUEST, CLIENT | {"privateKeyPem": "hunter2"}).failures
    assert [(failure.property, failure.reason) for failure in failures] == [
        (
            "",
            "privateKeyPem cannot be used: the private key is not PEM of an RSA or ECDSA key;"
            " give the key as it was generated",
        )
    ]
    assert [
        failure.property
        for failure in plugin.check(PRIVATE_KEY, {"algorithm": "RSA", "rsaBits": 512}).failures
    ] == ["rsaBits"]


@pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")
def test_a_long_name_is_no_noise_in_the_users_terminal(plugin: Plugin, key: str) -> None:
    """cryptography warns on standard error about names that Go writes as they are; `started`
    asserts that nothing was said.
    """
    state = plugin.make(REQUEST, {"privateKeyPem": key, "subject": {"commonName": "x" * 65}})
    request = x509.load_pem_x509_csr(state["certRequestPem"].encode())
    assert request.subject.rfc4514_string() == f"CN={'x' * 65}"
