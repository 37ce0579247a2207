"""The explicit providers of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pulumi

from .albmtls import AlbMtls
from .settings import Settings

if TYPE_CHECKING:
    from .provider_arguments import AlbMtlsArgs


def providers(settings: Settings) -> list[pulumi.ProviderResource]:
    """What the stack's resources are made with.

    The provider of Kubernetes is made only where a client has a Secret, the one of tls only where
    its default provider is forbidden: else each deployed stack would show a change (ADR 0010).
    """
    properties = {
        key: pulumi.Output.secret(value) if key in settings.secrets else value
        for key, value in settings.provider.items()
    }
    resources: list[pulumi.ProviderResource] = [AlbMtls("albmtls", cast("AlbMtlsArgs", properties))]
    if settings.arguments.secrets:
        from .client_secret import kubernetes_provider

        resources.append(kubernetes_provider("kubernetes", properties))
    if settings.needs_explicit("tls"):
        import pulumi_tls as tls

        resources.append(tls.Provider("tls"))
    return resources
