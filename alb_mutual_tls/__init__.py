"""HTTPS mutual authentication on ALB Ingress listeners of Alibaba Cloud ACK.

In a program of your own:

    from alb_mutual_tls import AlbMtls, AlbMutualTls, AlbMutualTlsArgs, ClientArgs, ListenerArgs

    place = AlbMtls("albmtls", {"region": "cn-hangzhou", "context": "my-ack-cluster"})
    mutual_tls = AlbMutualTls(
        "tls",
        AlbMutualTlsArgs(
            listeners={"https": ListenerArgs(alb_config="alb", port=443)},
            clients={"partner": ClientArgs(validity_days=90)},
        ),
        pulumi.ResourceOptions(providers=[place]),
    )

docs/package.md says more. What is named here is imported when it is first used: `./mtls` and the
provider start without the Pulumi SDK.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # as installed, for editors and mypy; in a checkout the components stand elsewhere
    from .components.albmtls import AlbMtls  # type: ignore[import-not-found]
    from .components.arguments import AlbMutualTlsArgs  # type: ignore[import-not-found]
    from .components.client_secret import kubernetes_provider  # type: ignore[import-not-found]
    from .components.models import (  # type: ignore[import-not-found]
        AuthorityArgs,
        ClientArgs,
        ClientSecretArgs,
        ListenerArgs,
        VerifyArgs,
    )
    from .components.mutual_tls import AlbMutualTls  # type: ignore[import-not-found]
    from .components.provider_arguments import AlbMtlsArgs  # type: ignore[import-not-found]

__all__ = [
    "AlbMtls",
    "AlbMtlsArgs",
    "AlbMutualTls",
    "AlbMutualTlsArgs",
    "AuthorityArgs",
    "ClientArgs",
    "ClientSecretArgs",
    "ListenerArgs",
    "VerifyArgs",
    "kubernetes_provider",
]
_MODULES: Final = {
    "AlbMtls": "albmtls",
    "AlbMtlsArgs": "provider_arguments",
    "AlbMutualTls": "mutual_tls",
    "AlbMutualTlsArgs": "arguments",
    "kubernetes_provider": "client_secret",
}
"""The modules of the components, where it is not `models`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    installed = Path(__file__).with_name("components").is_dir()
    components = f"{__name__}.components" if installed else "components"
    return getattr(import_module(f"{components}.{_MODULES.get(name, 'models')}"), name)
