"""Turns calls of the Pulumi protocol into calls of the handlers.

What a handler raises becomes what the engine shows: one sentence, never a traceback. The SDK's
experimental provider base answers every error with a traceback, hence this one (ADR 0002).
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any, NoReturn

import grpc

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.engine_log import EngineLog
from alb_mutual_tls.plugin.handler import (
    Construct,
    Construction,
    Difference,
    Function,
    Handler,
    Kind,
    PartiallyMade,
    Provider,
)
from alb_mutual_tls.plugin.properties import from_struct, keep_secrets, secret_keys, to_struct
from alb_mutual_tls.plugin.protocol import (
    any_pb2,
    empty_pb2,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)
from alb_mutual_tls.plugin.request import Cancelled, Request
from alb_mutual_tls.wire import CheckFailure, Properties

WORKERS = 64
"""One AlbConfig may carry dozens of listeners, and each waits for ALB in a thread of its own."""
_GRACE = 3.0  # seconds after Ctrl-C in which a call may still end by itself
_LOOK = 0.2  # seconds between looks at whether Ctrl-C was pressed


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine's calls, for one provider."""

    def __init__(self, provider: Provider, log: EngineLog) -> None:
        self._provider = provider
        self._log = log
        self._cancelled = threading.Event()
        self._workers = futures.ThreadPoolExecutor(WORKERS)

    # --- the plugin itself

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        schema: Callable[[], str] | None = getattr(self._provider, "schema", None)
        if schema is None:
            return super().GetSchema(request, context)  # the protocol's own answer
        return provider_pb2.GetSchemaResponse(schema=schema())

    def Handshake(self, request: Any, context: Any) -> Any:
        if request.engine_address:
            self._log.attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._log.attach(request.address)
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
        decide: Callable[[Properties, Properties], Difference] = getattr(
            self._provider, "diff_config", _changed_in_place
        )
        changes = self._guard(context, "the configuration", lambda: decide(old, new).changes)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted(changes),
            replaces=sorted(key for key, kind in changes.items() if kind.replaces),
        )

    def Configure(self, request: Any, context: Any) -> Any:
        self._guard(context, "the configuration", lambda: self._provider.configure(from_struct(request.args)))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptOutputs=False)

    def Invoke(self, request: Any, context: Any) -> Any:
        functions: Mapping[str, Function] = getattr(self._provider, "functions", {})
        if request.tok not in functions:
            self._without(context, f"function {request.tok}")
        result = self._guard(context, request.tok, lambda: functions[request.tok](from_struct(request.args)))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(result))  # a word of Python's
        return response

    def Construct(self, request: Any, context: Any) -> Any:
        construct: Construct | None = getattr(self._provider, "construct", None)
        if construct is None:
            self._without(context, f"component {request.type}")
        inputs, secrets = from_struct(request.inputs), secret_keys(request.inputs)
        wanted = Construction(request, inputs, secrets, self._log.address)
        return self._guard(context, request.type, lambda: construct(wanted))

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
            inputs=keep_secrets(to_struct(inputs), request.news),
            failures=_failures(failures, handler.secret_outputs),
        )

    def Diff(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        state, old_inputs, inputs = map(from_struct, (request.olds, request.old_inputs, request.news))
        difference = self._guard(
            context,
            handler.token,
            lambda: handler.diff(self._request(request), request.id, state, old_inputs, inputs),
        )
        changes = {
            path: kind
            for path, kind in difference.changes.items()
            if _property(path) not in set(request.ignoreChanges)
        }
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
            # of whole properties, else the engine shows an empty `[diff: ]` for a path within one
            diffs=sorted(set(map(_property, changes))),
            replaces=sorted(path for path, kind in changes.items() if kind.replaces),
            deleteBeforeReplace=difference.delete_before_replace,
            stables=list(difference.stables),
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
        properties = keep_secrets(to_struct(outputs, handler.secret_outputs), request.properties)
        return provider_pb2.CreateResponse(id="" if request.preview else id, properties=properties)

    def Read(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        inputs, state = from_struct(request.inputs), from_struct(request.properties)
        reading = self._guard(
            context,
            handler.token,
            lambda: handler.read(self._request(request), request.id, inputs, state),
            handler,
            request.inputs,
        )
        if reading is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=reading.id,
            properties=keep_secrets(to_struct(reading.state, handler.secret_outputs), request.properties),
            inputs=keep_secrets(to_struct(reading.inputs, handler.secret_outputs), request.inputs),
        )

    def Update(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn, context)
        state, old_inputs, inputs = map(from_struct, (request.olds, request.old_inputs, request.news))
        outputs = self._guard(
            context,
            handler.token,
            lambda: handler.update(self._request(request), request.id, state, old_inputs, inputs),
            handler,
            request.news,
        )
        properties = keep_secrets(to_struct(outputs, handler.secret_outputs), request.news)
        return provider_pb2.UpdateResponse(properties=properties)

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
            log=self._log.say,
        )

    def _handler(self, urn: str, context: Any) -> Handler:
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        try:
            return self._provider.handler(token)
        except KeyError:
            self._without(context, f"resource type {token}")

    def _without(self, context: Any, what: str) -> NoReturn:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the plugin {self._provider.name} {self._provider.version} has no {what}: correct its name,"
            " or use another plugin version",
        )
        raise AssertionError("abort raises")

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
            frame = traceback.extract_tb(error.__traceback__)[-1]
            if os.environ.get("ALB_MUTUAL_TLS_DEBUG"):
                traceback.print_exc(file=sys.stderr)
            context.abort(
                grpc.StatusCode.INTERNAL,
                f"internal error in {subject}: {type(error).__name__} at"
                f" {Path(frame.filename).name}:{frame.lineno}; set ALB_MUTUAL_TLS_DEBUG=1 to see the"
                " traceback, and please report it",
            )
        raise AssertionError("abort raises")

    def _unless_cancelled(self, act: Callable[[], Any]) -> Any:
        """The result of a call, which is given up when it hangs after Ctrl-C.

        The next `pulumi up` finds what it did.
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
                properties=keep_secrets(to_struct(error.state, handler.secret_outputs), inputs),
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


def _changed_in_place(old: Properties, new: Properties) -> Difference:
    """No configuration replaces anything.

    Credentials, endpoints and clusters may be named anew at any time; whether it is the same place
    is for the handlers to find out.
    """
    return Difference({key: Kind.UPDATE for key in old.keys() | new.keys() if old.get(key) != new.get(key)})


def _property(path: str) -> str:
    """The property that a path begins with."""
    return path.split(".")[0].split("[")[0]


def _failures(failures: list[CheckFailure], secrets: Collection[str]) -> list[Any]:
    # Of a failure that names a property the engine prints the property's value too, also when it is
    # a secret.
    return [
        provider_pb2.CheckFailure(
            property="" if failure.property in secrets else failure.property, reason=failure.reason
        )
        for failure in failures
    ]
