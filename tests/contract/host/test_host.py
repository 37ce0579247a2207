"""The host over real gRPC, as the engine calls it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin import servicer
from alb_mutual_tls.plugin.handler import Construction, Difference, Kind, PartiallyMade, Reading
from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import empty_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.plugin.server import start_server
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties

URN = "urn:pulumi:dev::project::test:index:Thing::thing"
SECRET = "4dabf18193072939515e22adb298388d"


class Thing:
    """A resource that does what its input `do` says."""

    token = "test:index:Thing"
    secret_outputs = frozenset({"key"})

    def __init__(self) -> None:
        self.waiting = threading.Event()
        self.all_waiting = threading.Event()
        self._waiting = threading.Semaphore(servicer.WORKERS - 1)
        self.answered = threading.Event()

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        failures = (
            [CheckFailure("port", "444 is not a listener; use 443")] if inputs.get("port") == 444 else []
        )
        if "key" in inputs:
            failures.append(CheckFailure("key", "key is not PEM text"))
        return {"size": 1, **inputs}, failures

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        changes = {key: Kind.UPDATE for key in ("on", "other") if state.get(key) != inputs.get(key)}
        changes |= dict.fromkeys(inputs.get("inside", ()), Kind.DELETE)
        if state.get("name") != inputs.get("name"):
            changes["name"] = Kind.UPDATE_REPLACE
        return Difference(changes, stables=("id",))

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        match inputs.get("do"):
            case "refuse":
                raise UserError("AlbConfig 'x' does not exist; it is one of alb")
            case "break":
                raise ValueError("hush: a secret")
            case "half":
                raise PartiallyMade("half-id", {**inputs, "key": "hush"}, ["ALB has not confirmed it"])
            case "wait":
                self.waiting.set()
                if not self._waiting.acquire(blocking=False):
                    self.all_waiting.set()
                request.wait(60)
            case "hang":
                self.waiting.set()
                assert self.answered.wait(60)
        return "made", {**inputs, "key": UNKNOWN if request.preview else "hush"}

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        return None if state.get("gone") else Reading(id, {**state, "on": True}, inputs)

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        return {**inputs, "key": state["key"]}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        if state.get("held"):
            raise UserError("the CA is still named by alb; remove it there")


class OneThing:
    name = "test"
    version = "1.2.3"

    def __init__(self) -> None:
        self.thing = Thing()
        self.configured: Properties = {}

    def check_config(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        return {**inputs, "found": "out"}, (
            [CheckFailure("region", "is not set")] if "region" not in inputs else []
        )

    def configure(self, properties: Properties) -> None:
        self.configured = properties

    def handler(self, token: str) -> Thing:
        return {"test:index:Thing": self.thing}[token]


@pytest.fixture
def provider() -> OneThing:
    return OneThing()


@pytest.fixture
def stub(provider: OneThing) -> Iterator[Any]:
    server, port, _ = start_server(provider)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(grace=None).wait()


def create(stub: Any, preview: bool = False, **inputs: Any) -> Any:
    return stub.Create(provider_pb2.CreateRequest(urn=URN, properties=to_struct(inputs), preview=preview))


def test_the_plugin_tells_its_version(stub: Any) -> None:
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_the_configuration_arrives_and_its_faults_are_told(stub: Any, provider: OneThing) -> None:
    stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({"region": "cn-hangzhou", "port": 1})))
    assert provider.configured == {"region": "cn-hangzhou", "port": 1}
    checked = stub.CheckConfig(provider_pb2.CheckRequest(urn=URN, news=to_struct({})))
    assert from_struct(checked.inputs) == {"found": "out"}
    (failure,) = checked.failures
    assert failure.reason == "is not set"


def test_another_configuration_never_replaces_resources(stub: Any) -> None:
    found = stub.DiffConfig(
        provider_pb2.DiffRequest(urn=URN, old_inputs=to_struct({"a": "1"}), news=to_struct({"a": "2"}))
    )
    assert list(found.diffs) == ["a"]
    assert list(found.replaces) == []


def test_a_change_within_a_property_is_told_of_the_property_too(stub: Any) -> None:
    """Else the engine's table has an empty `[diff: ]` for it."""
    news = to_struct({"inside": ["clients.a", "clients.b.uris", "list[0]"]})
    found = stub.Diff(provider_pb2.DiffRequest(urn=URN, id="made", olds=to_struct({}), news=news))
    assert list(found.diffs) == ["clients", "list"]
    assert sorted(found.detailedDiff) == ["clients.a", "clients.b.uris", "list[0]"]


def test_check_fills_in_defaults_and_names_the_faulty_property(stub: Any) -> None:
    found = stub.Check(provider_pb2.CheckRequest(urn=URN, news=to_struct({"port": 444})))
    assert from_struct(found.inputs) == {"port": 444, "size": 1}
    assert [(failure.property, failure.reason) for failure in found.failures] == [
        ("port", "444 is not a listener; use 443")
    ]


def test_a_failure_of_a_secret_names_no_property_because_the_engine_would_print_its_value(stub: Any) -> None:
    (failure,) = stub.Check(provider_pb2.CheckRequest(urn=URN, news=to_struct({"key": "hush"}))).failures
    assert (failure.property, failure.reason) == ("", "key is not PEM text")


def test_diff_names_the_properties_and_which_of_them_replace(stub: Any) -> None:
    old, new = to_struct({"on": True, "name": "a"}), to_struct({"on": False, "name": "b"})
    found = stub.Diff(provider_pb2.DiffRequest(urn=URN, id="made", olds=old, old_inputs=old, news=new))
    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(found.replaces) == ["name"]
    assert {
        path: provider_pb2.PropertyDiff.Kind.Name(item.kind) for path, item in found.detailedDiff.items()
    } == {
        "on": "UPDATE",
        "name": "UPDATE_REPLACE",
    }


def test_ignored_changes_are_no_changes(stub: Any) -> None:
    old, new = to_struct({"on": True}), to_struct({"on": False})
    found = stub.Diff(
        provider_pb2.DiffRequest(urn=URN, id="made", olds=old, old_inputs=old, news=new, ignoreChanges=["on"])
    )
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_preview_of_a_create_has_no_id_and_unknown_outputs(stub: Any) -> None:
    found = create(stub, preview=True, size=1)
    assert found.id == ""
    assert from_struct(found.properties)["key"] is UNKNOWN


def test_secret_outputs_are_marked_for_the_state(stub: Any) -> None:
    found = create(stub, size=1)
    assert found.id == "made"
    assert SECRET in str(found.properties)


def test_a_resource_that_is_gone_is_told_by_an_empty_answer(stub: Any) -> None:
    request = provider_pb2.ReadRequest(
        urn=URN, id="made", properties=to_struct({"gone": True}), inputs=to_struct({})
    )
    assert stub.Read(request).id == ""


def test_read_answers_live_state(stub: Any) -> None:
    request = provider_pb2.ReadRequest(
        urn=URN, id="made", properties=to_struct({"on": False}), inputs=to_struct({"on": False})
    )
    assert from_struct(stub.Read(request).properties) == {"on": True}


def test_an_error_is_one_sentence(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(stub, do="refuse")
    assert caught.value.details() == "AlbConfig 'x' does not exist; it is one of alb"


def test_an_unforeseen_error_tells_its_place_and_nothing_it_worked_on(
    stub: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALB_MUTUAL_TLS_DEBUG", raising=False)
    with pytest.raises(grpc.RpcError) as caught:
        create(stub, do="break")
    sentence = str(caught.value.details())
    assert sentence.startswith("internal error in test:index:Thing: ValueError at test_host.py:")
    assert "hush" not in sentence
    assert "\n" not in sentence
    assert capfd.readouterr() == ("", "")


def test_the_traceback_of_an_unforeseen_error_is_for_those_who_ask_for_it(
    stub: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALB_MUTUAL_TLS_DEBUG", "1")
    with pytest.raises(grpc.RpcError) as caught:
        create(stub, do="break")
    assert "Traceback" not in str(caught.value.details())
    assert "Traceback" in capfd.readouterr().err


def test_a_half_made_resource_comes_back_with_its_state_and_the_reasons(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(stub, do="half")
    trailer = next(
        item.value for item in caught.value.trailing_metadata() or () if item.key == "grpc-status-details-bin"
    )
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(trailer).details[0].Unpack(detail)
    assert detail.id == "half-id"
    assert list(detail.reasons) == ["ALB has not confirmed it"]
    assert SECRET in str(detail.properties)
    assert from_struct(detail.inputs) == {"do": "half"}


def test_ctrl_c_ends_a_wait_at_once(stub: Any, provider: OneThing) -> None:
    call = stub.Create.future(provider_pb2.CreateRequest(urn=URN, properties=to_struct({"do": "wait"})))
    assert provider.thing.waiting.wait(10)
    stub.Cancel(empty_pb2.Empty())
    with pytest.raises(grpc.RpcError) as caught:
        call.result(timeout=5)
    assert caught.value.code() == grpc.StatusCode.CANCELLED
    assert caught.value.details() == "thing: cancelled while waiting; run pulumi up again to go on"


def test_ctrl_c_gives_a_call_up_that_hangs_in_the_network(
    stub: Any, provider: OneThing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servicer, "_GRACE", 0.2)
    call = stub.Create.future(provider_pb2.CreateRequest(urn=URN, properties=to_struct({"do": "hang"})))
    assert provider.thing.waiting.wait(10)
    stub.Cancel(empty_pb2.Empty())
    with pytest.raises(grpc.RpcError) as caught:
        call.result(timeout=5)
    provider.thing.answered.set()
    assert caught.value.code() == grpc.StatusCode.CANCELLED
    assert "while an answer was still to come: run pulumi up again" in str(caught.value.details())


def test_ctrl_c_is_heard_while_a_call_waits_in_each_thread(stub: Any, provider: OneThing) -> None:
    calls = [
        stub.Create.future(provider_pb2.CreateRequest(urn=URN, properties=to_struct({"do": "wait"})))
        for _ in range(servicer.WORKERS)
    ]
    assert provider.thing.all_waiting.wait(30)
    stub.Cancel(empty_pb2.Empty(), timeout=5)
    for call in calls:
        with pytest.raises(grpc.RpcError) as caught:
            call.result(timeout=5)
        assert caught.value.code() == grpc.StatusCode.CANCELLED


def test_an_unknown_resource_type_is_named(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(provider_pb2.CreateRequest(urn="urn:pulumi:dev::project::test:index:Other::x"))
    assert (
        caught.value.details()
        == "the plugin test 1.2.3 has no resource type test:index:Other: correct its name, or use another"
        " plugin version"
    )


def test_a_function_answers_or_says_in_one_sentence_why_not(
    stub: Any, provider: OneThing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(arguments: Properties) -> Properties:
        if "number" not in arguments:
            raise UserError("number is not set: give it")
        return {"number": 2 * arguments["number"]}

    def invoke(token: str, **arguments: Any) -> Properties:
        answer = stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=to_struct(arguments)))
        return from_struct(getattr(answer, "return"))

    unknown = (
        "the plugin test 1.2.3 has no function test:index:twice: correct its name, or use another plugin"
        " version"
    )
    with pytest.raises(grpc.RpcError) as caught:
        invoke("test:index:twice", number=2)
    assert caught.value.details() == unknown
    monkeypatch.setattr(provider, "functions", {"test:index:twice": twice}, raising=False)
    assert invoke("test:index:twice", number=2) == {"number": 4}
    with pytest.raises(grpc.RpcError) as caught:
        invoke("test:index:twice")
    assert caught.value.details() == "number is not set: give it"


def test_a_delete_that_must_not_be_says_why(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Delete(
            provider_pb2.DeleteRequest(
                urn=URN, id="made", properties=to_struct({"held": True}), old_inputs=to_struct({})
            )
        )
    assert caught.value.details() == "the CA is still named by alb; remove it there"


def secret(value: Any) -> dict[str, Any]:
    return {SECRET: "1b47061264138c4ac30d75fd1eb44270", "value": value}


def test_what_is_secret_in_inputs_is_secret_in_outputs(stub: Any) -> None:
    """As the engine does it for plugins that take no secrets (`annotateSecrets`)."""
    inputs = {
        "name": secret("hush"),
        "subject": {"commonName": secret("hush"), "country": "CN"},
        "names": ["a", secret("hush")],
        "whole": secret({"a": 1}),
        "plain": {"a": 1},
        "gone": secret("hush"),
    }
    marked = {
        "name": secret("hush"),
        "subject": {"commonName": secret("hush"), "country": "CN"},
        "names": secret(["a", "hush"]),
        "whole": secret({"a": 1}),
        "plain": {"a": 1},
    }
    given = to_struct({key: value for key, value in inputs.items() if key != "gone"})
    checked = stub.Check(provider_pb2.CheckRequest(urn=URN, news=given)).inputs
    assert dict(checked) == dict(to_struct({"size": 1, **marked}))
    made = stub.Create(provider_pb2.CreateRequest(urn=URN, properties=given)).properties
    assert dict(made) == dict(to_struct({**marked, "key": secret("hush")}))
    updated = stub.Update(
        provider_pb2.UpdateRequest(urn=URN, olds=to_struct({"key": "hush"}), news=given)
    ).properties
    assert dict(updated) == dict(to_struct({**marked, "key": secret("hush")}))
    read = stub.Read(
        provider_pb2.ReadRequest(urn=URN, id="it", properties=to_struct({"on": secret(False)}), inputs=given)
    )
    assert dict(read.properties) == dict(to_struct({"on": secret(True)}))
    assert dict(read.inputs) == dict(to_struct(marked))


def test_a_half_made_resource_keeps_its_secrets_too(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(
            provider_pb2.CreateRequest(urn=URN, properties=to_struct({"do": "half", "name": secret("hush")}))
        )
    trailer = next(
        item.value for item in caught.value.trailing_metadata() or () if item.key == "grpc-status-details-bin"
    )
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(trailer).details[0].Unpack(detail)
    assert dict(detail.properties)["name"] == to_struct({"name": secret("hush")})["name"]


def test_a_component_gets_its_inputs_read_and_its_errors_are_sentences(
    stub: Any, provider: OneThing, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Construction] = []

    def construct(wanted: Construction) -> Any:
        seen.append(wanted)
        if "name" not in wanted.inputs:
            raise UserError("name: not set; give it")
        return provider_pb2.ConstructResponse(urn="urn of it")

    def ask(**inputs: Any) -> Any:
        return stub.Construct(provider_pb2.ConstructRequest(type="test:index:Many", inputs=to_struct(inputs)))

    with pytest.raises(grpc.RpcError) as caught:
        ask(name="it")
    assert "has no component test:index:Many: correct its name" in str(caught.value.details())
    monkeypatch.setattr(provider, "construct", construct, raising=False)
    assert ask(name=secret("it"), days=90, later=UNKNOWN).urn == "urn of it"
    assert seen[0].inputs == {"name": "it", "days": 90, "later": UNKNOWN}
    assert seen[0].secrets == {"name"}
    with pytest.raises(grpc.RpcError) as caught:
        ask()
    assert caught.value.details() == "name: not set; give it"


def test_a_schema_is_handed_out(stub: Any, provider: OneThing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "schema", lambda: '{"name": "test"}', raising=False)
    assert stub.GetSchema(provider_pb2.GetSchemaRequest()).schema == '{"name": "test"}'
