"""The arguments of an `AlbMutualTls`.

The same models serve the stack configuration (camelCase keys, see `settings.py`) and other Pulumi
programs (snake_case arguments). Defaults are immutable once released: a changed one would re-issue
certificates in every stack.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from .client_group import ClientGroups
from .fields import ComputedText
from .models import (
    Authorities,
    AuthorityArgs,
    Clients,
    ClientSecretArgs,
    ListenerArgs,
    Listeners,
    Model,
)
from .rules import broken_rules

if TYPE_CHECKING:
    from alb_mutual_tls.pki.brought import BroughtAuthority


class AlbMutualTlsArgs(Model):
    """The arguments of `AlbMutualTls`.

    Every default is that of the stack configuration key of the same name (docs/configuration.md).
    """

    ca_enabled: bool = Field(
        default=False,
        description=(
            "master switch: a listener demands client certificates when this and its own caEnabled are true."
            " false still uploads the CA and writes caCertificates, so a first rollout is safe, and it is the"
            " way to let everybody in again"
        ),
    )
    listeners: Listeners = Field(
        default_factory=lambda: {"https": ListenerArgs(alb_config="alb", port=443)},
        description=(
            "the HTTPS listeners by names of your own; default: https, port 443 of AlbConfig alb; {} declares"
            " none"
        ),
    )
    authorities: Authorities = Field(
        default_factory=lambda: {"root": AuthorityArgs()},
        min_length=1,
        description=(
            "the certificate authorities by names of your own: generated, brought, or in CAS already;"
            " default: root, generated"
        ),
    )
    authority_private_keys: dict[str, ComputedText] = Field(
        default_factory=dict,
        repr=False,
        description=(
            "the private keys (PEM) of brought authorities that are to sign clients: "
            "pulumi config set --secret --path authorityPrivateKeys.NAME < key.pem"
        ),
    )
    issuing_authority: str | None = Field(
        default=None, description="the authority that signs clients; default: the only one"
    )
    trusted_authority: str | None = Field(
        default=None,
        description=(
            "the authority that the listeners trust; default: the only one. It differs from issuingAuthority"
            " only during a rotation"
        ),
    )
    clients: Clients = Field(
        default_factory=dict,
        description="the client certificates that the stack issues, by names of your own",
    )
    client_groups: ClientGroups = Field(
        default_factory=dict,
        description=(
            "client certificates for many names at once, by names of groups of your own; keys and"
            " certificates stand in one resource, so that a thousand cost seconds"
        ),
    )
    repository: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description=(
            "the certificate application repository; default alb-mutual-tls-<id>. One that exists under a"
            " configured name is used and never deleted"
        ),
    )
    await_listener: bool = Field(
        default=True, description="whether pulumi up waits until ALB itself reports the wanted state"
    )
    await_timeout_seconds: int = Field(
        default=180, ge=1, le=3600, description="how many seconds it waits for that"
    )
    cut_off: bool = Field(
        default=False,
        description=(
            "emergency: let the trusted authority change to one that has not been issuing, so that everybody"
            " with an old bundle is locked out"
        ),
    )
    take_over: bool = Field(default=False, description="take a listener over that another stack has claimed")
    deletion_protection: bool = Field(
        default=True,
        description="Pulumi's protect on the trusted and issuing authority, their uploads and the listeners",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = broken_rules(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def issuing(self) -> str:
        """The name of the authority that signs clients."""
        return self.issuing_authority or next(iter(self.authorities))

    @property
    def trusted(self) -> str:
        """The name of the authority that the listeners trust."""
        return self.trusted_authority or next(iter(self.authorities))

    @property
    def issues(self) -> bool:
        """Whether there are clients."""
        return bool(self.clients or self.client_groups)

    def subjects(self) -> Iterator[tuple[str, dict[str, str], list[str]]]:
        """Of every client its place in the configuration, its subject and its URI names."""
        for name, client in self.clients.items():
            yield f"clients.{name}", client.subject_fields(name), client.uri_names(name, "0" * 8)
        for name, group in self.client_groups.items():
            prefix = group.uri_prefix(name, "0" * 8)
            for member in group.members:
                yield f"clientGroups.{name}.{member}", group.subject_fields(member), [f"{prefix}{member}"]

    @property
    def secrets(self) -> dict[str, ClientSecretArgs]:
        """Per client that is delivered into the cluster: its Secret."""
        return {name: client.secret for name, client in self.clients.items() if client.secret is not None}

    def demands(self, listener: ListenerArgs) -> bool:
        """Whether a listener asks for client certificates."""
        return self.ca_enabled and listener.ca_enabled

    def protects(self, authority: str) -> bool:
        """Whether an authority and its upload cannot be deleted."""
        return self.deletion_protection and authority in (self.issuing, self.trusted)

    def signs(self, authority: str) -> bool:
        """Whether the stack has an authority's private key."""
        return self.authorities[authority].generated or authority in self.authority_private_keys

    def brought(self, authority: str) -> BroughtAuthority | None:
        """A brought authority taken apart; None where it is generated or in CAS already.

        Raises `UserError` when it cannot be used.
        """
        certificate = self.authorities[authority].certificate
        if certificate is None:
            return None
        # imports cryptography, which takes 0.1 s
        from alb_mutual_tls.pki.brought import BroughtAuthority

        return BroughtAuthority.load(certificate)

    @property
    def certifiers(self) -> tuple[str, ...]:
        """The other authorities that can certify the issuing one, the trusted one first.

        Clients need a cross certificate by the trusted one. One by another authority is never
        signed, but kept as long as that authority is here: it was trusted before, and may be again.
        """
        if not self.issues:
            return ()
        others = [
            name
            for name in self.authorities
            if name != self.issuing and self.signs(name) and not self._one_root(name, self.issuing)
        ]
        return tuple(sorted(others, key=lambda name: (name != self.trusted, name)))

    @property
    def depth(self) -> int:
        """How many authorities stand between a client and the root of the listeners.

        The client is one of the issuing authority; the cross certificate counts.
        """
        above = [self.issuing, *(name for name in self.certifiers if name == self.trusted)]
        return sum(len(brought.certificates) if (brought := self.brought(name)) else 1 for name in above) - 1

    def _one_root(self, authority: str, other: str) -> bool:
        first, second = self.brought(authority), self.brought(other)
        return first is not None and second is not None and first.root_pem == second.root_pem
