"""A plugin kubernetes as the engine meets it: a process, and the calls that Secrets need.

The calls are those for the stand-in and for the real one.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import provider_pb2, struct_pb2
from alb_mutual_tls.wire import Properties
from tests.plugin_process import running

TOKEN = "kubernetes:core/v1:Secret"
PROVIDER = "urn:pulumi:dev::project::pulumi:providers:kubernetes::name"
URN = f"urn:pulumi:dev::project::my:index:Component${TOKEN}::name"
SIGNATURE = "4dabf18193072939515e22adb298388d"
CONFIGURATION = {
    "enableSecretMutable": "true",
    "upsertExistingObjects": "true",
    "clusterIdentifier": "x",
    "deleteUnreachable": "false",
}
STRICT = {"enableSecretMutable": "false"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def wanted(
    name: str,
    *,
    force: bool = False,
    labels: dict[str, str] | None = None,
    data: dict[str, str] | None = None,
) -> Properties:
    metadata: Properties = {"namespace": "default", "name": name}
    if labels:
        metadata["labels"] = labels
    if force:
        metadata["annotations"] = {"pulumi.com/patchForce": "true"}
    content = {"tls.crt": "certificate", "tls.key": "key", **(data or {})}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "kubernetes.io/tls",
        "data": {key: encoded(value) for key, value in content.items()},
    }


def secrets(struct: struct_pb2.Struct) -> set[str]:
    """The properties that are marked as secret."""
    return {name for name, value in struct.fields.items() if SIGNATURE in value.struct_value.fields}


@dataclass
class Plugin:
    """The started plugin; calls are those of the engine."""

    stub: Any

    def configure(self, configuration: Properties) -> Plugin:
        checked = self.stub.CheckConfig(
            provider_pb2.CheckRequest(urn=PROVIDER, news=to_struct(configuration))
        )
        assert not checked.failures, checked.failures
        variables = {f"kubernetes:config:{key}": value for key, value in configuration.items()}
        request = provider_pb2.ConfigureRequest(
            args=to_struct(configuration), variables=variables, acceptSecrets=True
        )
        self.stub.Configure(request)
        return self

    def diff_config(self, old: Properties, new: Properties) -> Any:
        request = provider_pb2.DiffRequest(
            urn=PROVIDER, olds=to_struct(old), old_inputs=to_struct(old), news=to_struct(new)
        )
        return self.stub.DiffConfig(request)

    def check(self, inputs: Properties) -> list[str]:
        return [
            failure.reason
            for failure in self.stub.Check(
                provider_pb2.CheckRequest(urn=URN, news=to_struct(inputs))
            ).failures
        ]

    def create(self, inputs: Properties, preview: bool = False) -> Any:
        return self.stub.Create(
            provider_pb2.CreateRequest(urn=URN, properties=to_struct(inputs), preview=preview)
        )

    def make(self, inputs: Properties) -> Properties:
        return from_struct(self.create(inputs).properties)

    def read(self, state: Properties) -> Any:
        place = "{namespace}/{name}".format(**state["metadata"])
        inputs = to_struct(state["__inputs"])
        return self.stub.Read(
            provider_pb2.ReadRequest(id=place, urn=URN, inputs=inputs, properties=to_struct(state))
        )

    def refreshed(self, state: Properties) -> Properties:
        return from_struct(self.read(state).properties)

    def diff(self, state: Properties, inputs: Properties) -> Any:
        old = to_struct(state["__inputs"])
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id="x", urn=URN, olds=to_struct(state), old_inputs=old, news=to_struct(inputs)
            )
        )

    def changes(self, state: Properties, inputs: Properties) -> dict[str, str]:
        found = self.diff(state, inputs).detailedDiff
        return {path: provider_pb2.PropertyDiff.Kind.Name(change.kind) for path, change in found.items()}

    def change(self, state: Properties, inputs: Properties, preview: bool = False) -> Any:
        place = "{namespace}/{name}".format(**state["metadata"])
        request = provider_pb2.UpdateRequest(
            id=place, urn=URN, olds=to_struct(state), news=to_struct(inputs), preview=preview
        )
        return self.stub.Update(request)

    def update(self, state: Properties, inputs: Properties, preview: bool = False) -> Properties:
        return from_struct(self.change(state, inputs, preview).properties)

    def delete(self, state: Properties) -> None:
        place = "{namespace}/{name}".format(**state["metadata"])
        self.stub.Delete(provider_pb2.DeleteRequest(id=place, urn=URN, properties=to_struct(state)))

    def refused(self, act: Callable[[], Any]) -> str:
        """What the engine would show, on one line."""
        said = refusal(act)
        assert "\n" not in said and "internal error" not in said
        return said


def refusal(act: Callable[[], Any]) -> str:
    """What a call that must fail says."""
    try:
        act()
    except grpc.RpcError as error:
        return str(error.details())
    raise AssertionError("it was not refused")


@contextmanager
def started(environment: Mapping[str, str]) -> Iterator[Plugin]:
    """The stand-in."""
    with running((sys.executable, "-P", "-m", "dev.toolchain.plugins.kubernetes"), environment) as stub:
        yield Plugin(stub)
