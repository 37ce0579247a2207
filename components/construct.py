"""Makes an `AlbMutualTls` for a program in any language: `Construct` of the plugin protocol.

The plugin imports this when the first component is asked for; until then its process has no Pulumi
SDK. What of the SDK is used is what it publishes for programs that serve components
(`pulumi.provider`); how errors are answered is the plugin's own way (ADR 0011).
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Mapping
from typing import Any, Final, NoReturn

import pulumi
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.tokens import KUBERNETES_SECRET, PACKAGE, PACKAGED_COMPONENT, VERSION

from .mutual_tls import AlbMutualTls
from .packaged_arguments import checked

_KUBERNETES: Final = KUBERNETES_SECRET.partition(":")[0]


def construct(
    request: Any,
    inputs: Mapping[str, Any],
    secrets: frozenset[str],
    *,
    engine: str | None,
    provider: Mapping[str, Any],
) -> Any:
    """Make the component of a `ConstructRequest`; returns the `ConstructResponse`.

    `inputs`: what the request holds, with `UNKNOWN` for what is not known yet; `secrets`: which of
    them hold a secret; `engine`: its address; `provider`: the properties of the provider that
    serves this. Raises `UserError`.
    """
    if request.type != PACKAGED_COMPONENT:
        raise UserError(
            f"the package {PACKAGE} has no component {request.type}: declare {PACKAGED_COMPONENT}"
        )
    # Values are read from the request itself: the SDK would wrap secrets so that nobody can look at
    # them. So what they come from has to be named as a dependency.
    request.dependencies.extend(
        sorted({urn for one in request.inputDependencies.values() for urn in one.urns})
    )
    servicer = ProviderServicer(_Maker(inputs, secrets, provider), [], engine or "")
    # The SDK keeps in context variables which engine it speaks with: each component has its own.
    return contextvars.Context().run(asyncio.run, _made(servicer.Construct(request, _Call())))


async def _made(construction: Awaitable[Any]) -> Any:
    """What comes of it; errors that have a sentence for the user become that sentence."""
    try:
        return await construction
    except pulumi.RunError as error:
        raise UserError(str(error)) from None
    except Exception as error:
        cause = error.__context__ or error  # the SDK puts a traceback around it
        if isinstance(cause, UserError | pulumi.RunError):
            raise UserError(str(cause)) from None
        raise cause from None


class _Maker(Provider):
    """What the SDK calls when its side of the component is ready."""

    def __init__(
        self, inputs: Mapping[str, Any], secrets: frozenset[str], provider: Mapping[str, Any]
    ) -> None:
        super().__init__(VERSION)
        self._inputs = inputs
        self._secrets = secrets
        self._provider = provider

    def construct(
        self,
        name: str,
        resource_type: str,  # noqa: ARG002
        inputs: pulumi.Inputs,  # noqa: ARG002
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        opts = options or pulumi.ResourceOptions()
        arguments = checked(self._inputs)
        if arguments.secrets and _KUBERNETES not in (opts.providers or {}):
            from .client_secret import kubernetes_provider

            # It works where this component's provider works, so nobody has to say it twice.
            kubernetes = kubernetes_provider(f"{name}-kubernetes", self._provider)
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[kubernetes]))
        made = AlbMutualTls(name, arguments, opts, secret_arguments=self._secrets)
        return ConstructResult(urn=made.urn, state=made.packaged_outputs())


class _Call:
    """The call of the engine, as far as the SDK ends it."""

    async def abort_with_status(self, status: Any) -> NoReturn:
        raise UserError(str(status.details))
