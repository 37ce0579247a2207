"""Serves a resource provider on the Pulumi protocol (pulumi/pulumi, proto/pulumi/provider.proto).

The engine starts a provider as a process, reads a port from its standard output and calls it over
gRPC. This module turns those calls into calls of one `Handler` per resource type, and what a
handler raises into what the engine shows: one sentence, never a traceback. The SDK's experimental
provider base answers every error with a traceback, hence this one (ADR 0002).
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from concurrent import futures
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn, Protocol

import grpc

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import (
    any_pb2,
    empty_pb2,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)
from alb_mutual_tls.wire import CheckFailure, Properties

__all__ = [
    "Cancelled",
    "Difference",
    "Function",
    "Handler",
    "Kind",
    "PartiallyMade",
    "Provider",
    "Reading",
    "Request",
    "serve",
    "start_server",
]

_WORKERS = (
    # one AlbConfig may carry dozens of listeners, each of which waits for ALB in a thread of its
    # own
    64
)
_MESSAGE_BYTES = 400 * 1024 * 1024  # the engine's own limit
_GRACE = 3.0  # seconds after Ctrl-C in which a call may still end by itself
_LOOK = 0.2  # seconds between looks at whether Ctrl-C was pressed


class Kind(StrEnum):
    """What happens to a property (`PropertyDiff.Kind`); the `_REPLACE` kinds make the engine
    replace the resource.
    """

    ADD = "ADD"
    ADD_REPLACE = "ADD_REPLACE"
    DELETE = "DELETE"
    DELETE_REPLACE = "DELETE_REPLACE"
    UPDATE = "UPDATE"
    UPDATE_REPLACE = "UPDATE_REPLACE"

    @property
    def replaces(self) -> bool:
        return self.name.endswith("_REPLACE")


@dataclass(frozen=True)
class Difference:
    """What a change of inputs does: property path -> kind (empty: nothing); `stables` are outputs
    that the change is known to keep.
    """

    changes: dict[str, Kind] = field(default_factory=dict)
    delete_before_replace: bool = False
    stables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The live state of a resource, in the form of its outputs and of the inputs that would make
    it.
    """

    id: str
    state: Properties
    inputs: Properties


class PartiallyMade(Exception):
    """A create or update did its work but could not confirm it: the resource goes into state,
    together with the `reasons` (sentences).
    """

    def __init__(self, id: str, state: Properties, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.id = id
        self.state = state
        self.reasons = reasons


class Cancelled(UserError):
    """The user pressed Ctrl-C, or the engine is gone."""


@dataclass
class Request:
    """What a handler knows of the call it serves.

    `timeout` is in seconds, 0 when none was given; `preview` says that nothing may be changed.
    """

    urn: str
    name: str
    preview: bool
    timeout: float
    cancelled: threading.Event
    log: Callable[[str, str, str], None]

    def warn(self, sentence: str) -> None:
        """Show a warning on the resource, in the preview and in the update."""
        self.log("WARNING", sentence, self.urn)

    def info(self, sentence: str) -> None:
        """Show a line on the resource."""
        self.log("INFO", sentence, self.urn)

    def status(self, sentence: str) -> None:
        """Show a line that the next one replaces, for instance what a wait is waiting for."""
        self.log("STATUS", sentence, self.urn)

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Pause for `seconds`; raises `Cancelled` at once when the user presses Ctrl-C."""
        if self.cancelled.wait(seconds):
            raise Cancelled(f"{self.name}: cancelled while waiting; run pulumi up again to go on")


class Handler(Protocol):
    """One resource type. `check` and `diff` decide, the others act; all may raise `UserError`."""

    token: str
    secret_outputs: frozenset[str]

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Validate inputs; returns them with defaults filled in, and everything that is wrong with
        them.
        """

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        """Compare the state (refreshed by `read`) with the wanted inputs."""

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        """Make the resource; returns its id and outputs.

        In a preview only plan: unknown outputs are `UNKNOWN`.
        """

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        """Read the live state; `None` only when the resource is really gone, anything doubtful
        raises.
        """

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        """Change the resource in place; returns its outputs. In a preview only plan."""

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Remove the resource; removing what is gone is no error."""


Function = Callable[[Properties], Properties]
"""A function of a provider: arguments -> result; may raise `UserError`."""


class Provider(Protocol):
    """A package of resource types with its configuration; one with functions has a mapping
    `functions` besides (token -> `Function`).
    """

    name: str
    version: str

    def check_config(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """Validate the configuration; returns it with what was found out about it, and everything
        that is wrong with it.
        """

    def configure(self, properties: Properties) -> None:
        """Take the configuration; raises `UserError` when nothing may be done with it."""

    def handler(self, token: str) -> Handler:
        """The handler of a resource type; raises `KeyError` when there is none."""


class _Engine:
    """The engine's own service, for diagnostics."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._stub: Any = None
        self._lock = threading.Lock()

    def attach(self, address: str) -> None:
        with self._lock:
            self._address, self._stub = address, None

    def log(self, severity: str, message: str, urn: str) -> None:
        from alb_mutual_tls.plugin.protocol import engine_pb2, engine_pb2_grpc

        with self._lock:
            if self._stub is None and self._address:
                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
            stub = self._stub
        if stub is None:
            print(f"{severity.lower()}: {message}", file=sys.stderr, flush=True)
            return
        ephemeral = severity == "STATUS"
        number = engine_pb2.LogSeverity.Value("INFO" if ephemeral else severity)
        stub.Log(engine_pb2.LogRequest(severity=number, message=message, urn=urn, ephemeral=ephemeral))


class _Servicer(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, provider: Provider, engine: _Engine) -> None:
        self._provider = provider
        self._engine = engine
        self._cancelled = threading.Event()
        self._workers = futures.ThreadPoolExecutor(_WORKERS)

    # --- the plugin itself

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def Handshake(self, request: Any, context: Any) -> Any:
        if request.engine_address:
            self._engine.attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine.attach(request.address)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self.cancel()
        return empty_pb2.Empty()

    # The calls that it is to end may hold every thread of the server, so it has one of its own
    # (grpc, _select_thread_pool_for_behavior).
    Cancel.experimental_thread_pool = futures.ThreadPoolExecutor(1)  # type: ignore[attr-defined]

    def cancel(self) -> None:
        self._cancelled.set()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        olds, news = from_struct(request.olds), from_struct(request.news)
        inputs, failures = self._guard(
            context,
            "the configuration",
            lambda: self._provider.check_config(self._request(request), olds, news),
        )
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs), failures=_failures(failures, inputs.keys())
        )

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = from_struct(request.old_inputs), from_struct(request.news)
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        # Credentials, endpoints and clusters may be named anew at any time; whether it is the same
        # place is for the handlers to find out.
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=[],
        )

    def Configure(self, request: Any, context: Any) -> Any:
        self._guard(context, "the configuration", lambda: self._provider.configure(from_struct(request.args)))
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptOutputs=False)

    def Invoke(self, request: Any, context: Any) -> Any:
        functions: Mapping[str, Function] = getattr(self._provider, "functions", {})
        if request.tok not in functions:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"the plugin {self._provider.name} {self._provider.version} has no function {request.tok}:"
                " correct its name, or use another plugin version",
            )
        result = self._guard(context, request.tok, lambda: functions[request.tok](from_struct(request.args)))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(result))  # a word of Python's
        return response

    # --- resources

    def Check(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        inputs, failures = self._guard(
            context,
            handler.token,
            lambda: handler.check(
                self._request(request), from_struct(request.olds), from_struct(request.news)
            ),
        )
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs), failures=_failures(failures, handler.secret_outputs)
        )

    def Diff(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        olds, old_inputs, news = (
            from_struct(request.olds),
            from_struct(request.old_inputs),
            from_struct(request.news),
        )
        found = self._guard(
            context,
            handler.token,
            lambda: handler.diff(self._request(request), request.id, olds, old_inputs, news),
        )
        changes = {
            path: kind
            for path, kind in found.changes.items()
            if path.split(".")[0].split("[")[0] not in set(request.ignoreChanges)
        }
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted(changes),
            replaces=sorted(path for path, kind in changes.items() if kind.replaces),
            deleteBeforeReplace=found.delete_before_replace,
            stables=list(found.stables),
            detailedDiff={
                # what is shown as old is the state, which read keeps true, and not the inputs of
                # the last update
                path: provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind.value))
                for path, kind in changes.items()
            },
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        id, outputs = self._guard(
            context,
            handler.token,
            lambda: handler.create(self._request(request), from_struct(request.properties)),
            handler,
            request.properties,
        )
        return provider_pb2.CreateResponse(
            id="" if request.preview else id, properties=to_struct(outputs, handler.secret_outputs)
        )

    def Read(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        inputs, state = from_struct(request.inputs), from_struct(request.properties)
        found = self._guard(
            context,
            handler.token,
            lambda: handler.read(self._request(request), request.id, inputs, state),
            handler,
            request.inputs,
        )
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.id,
            properties=to_struct(found.state, handler.secret_outputs),
            inputs=to_struct(found.inputs, handler.secret_outputs),
        )

    def Update(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        olds, old_inputs, news = (
            from_struct(request.olds),
            from_struct(request.old_inputs),
            from_struct(request.news),
        )
        outputs = self._guard(
            context,
            handler.token,
            lambda: handler.update(self._request(request), request.id, olds, old_inputs, news),
            handler,
            request.news,
        )
        return provider_pb2.UpdateResponse(properties=to_struct(outputs, handler.secret_outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        inputs, state = from_struct(request.old_inputs), from_struct(request.properties)
        self._guard(
            context, handler.token, lambda: handler.delete(self._request(request), request.id, inputs, state)
        )
        return empty_pb2.Empty()

    # --- the ground under them

    def _request(self, request: Any) -> Request:
        return Request(
            urn=request.urn,
            name=request.urn.rsplit("::", 1)[-1],
            preview=bool(getattr(request, "preview", False)),
            timeout=float(getattr(request, "timeout", 0.0)),
            cancelled=self._cancelled,
            log=self._engine.log,
        )

    def _handler(self, urn: str, context: Any) -> Handler:
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        try:
            return self._provider.handler(token)
        except KeyError:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"the plugin {self._provider.name} {self._provider.version} has no resource type {token}:"
                " correct the type, or use another plugin version",
            )
            raise

    def _guard(
        self,
        context: Any,
        subject: str,
        act: Callable[[], Any],
        handler: Handler | None = None,
        inputs: Any = None,
    ) -> Any:
        try:
            return self._unless_cancelled(act)
        except PartiallyMade as error:
            assert handler is not None
            self._abort_partially_made(context, error, handler, inputs)
        except Cancelled as error:
            context.abort(grpc.StatusCode.CANCELLED, str(error))
        except UserError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except Exception as error:
            # The message of an unforeseen error may hold what it worked on, so only its type and
            # place are shown.
            place = traceback.extract_tb(error.__traceback__)[-1]
            if os.environ.get("ALB_MUTUAL_TLS_DEBUG"):
                traceback.print_exc(file=sys.stderr)
            context.abort(
                grpc.StatusCode.INTERNAL,
                f"internal error in {subject}: {type(error).__name__} at {os.path.basename(place.filename)}:{place.lineno}; "  # noqa: PTH119
                "set ALB_MUTUAL_TLS_DEBUG=1 to see the traceback, and please report it",
            )
        raise AssertionError("abort raises")

    def _unless_cancelled(self, act: Callable[[], Any]) -> Any:
        """The result of a call, which is given up when it hangs in the network after Ctrl-C: what
        it did is found by the next `pulumi up`.
        """
        working = self._workers.submit(act)
        while not futures.wait([working], _LOOK).done:
            if self._cancelled.is_set() and not futures.wait([working], _GRACE).done:
                raise Cancelled(
                    f"given up {_GRACE:.0f} s after the cancellation, while an answer was still to come: "
                    "run pulumi up again, which looks at what was done before it goes on"
                )
        return working.result()

    @staticmethod
    def _abort_partially_made(context: Any, error: PartiallyMade, handler: Handler, inputs: Any) -> NoReturn:
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=error.id,
                properties=to_struct(error.state, handler.secret_outputs),
                reasons=error.reasons,
                inputs=inputs,
            )
        )
        status = status_pb2.Status(
            code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail]
        )
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
        raise AssertionError("abort raises")


def _failures(failures: list[CheckFailure], secrets: Collection[str]) -> list[Any]:
    # Of a failure that names a property the engine prints the property's value too, also when it is
    # a secret.
    return [
        provider_pb2.CheckFailure(
            property="" if failure.property in secrets else failure.property, reason=failure.reason
        )
        for failure in failures
    ]


def start_server(
    provider: Provider, engine_address: str | None = None
) -> tuple[Any, int, Callable[[], None]]:
    """Start serving on a free loopback port; returns the gRPC server, the port, and what cancels
    every wait.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(_WORKERS),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ],
    )
    servicer = _Servicer(provider, _Engine(engine_address))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port, servicer.cancel


def serve(provider: Provider) -> None:
    """Serve until killed; prints the port, as the engine expects.

    The engine's address may be the first argument.
    """
    server, port, cancel = start_server(provider, sys.argv[1] if len(sys.argv) > 1 else None)
    parent = os.getppid()
    with suppress(
        KeyboardInterrupt
    ):  # SIGINT is how the engine ends its plugins; it kills them after 5 seconds
        print(port, flush=True)
        # A killed engine leaves its plugins behind: one that went on working would meet the next
        # pulumi up.
        while os.getppid() == parent:
            time.sleep(0.5)
    cancel()
    server.stop(grace=2).wait()
    os._exit(0)  # threads that hang in the network would keep the process
