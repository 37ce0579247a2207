"""What a deployed stack holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.text import did_you_mean


@dataclass(frozen=True)
class DeployedListener:
    """A listener as the stack desires it.

    Address, server name and path are as configured under `verify`. Address and server name are None
    where they are not configured.
    """

    name: str
    alb_config: str
    port: int
    ca_enabled: bool
    address: str | None = None
    server_name: str | None = None
    path: str = "/"
    cluster: str | None = None
    """UID of the namespace kube-system of the cluster that the AlbConfig is in."""
    ca_certificate_id: str | None = None


@dataclass(frozen=True)
class DeployedClient:
    """A client certificate of the stack.

    `chain_pem`: leaf first, then cross and intermediate certificates, without the root.
    """

    name: str
    certificate_pem: str
    chain_pem: str
    not_after: str
    private_key_pem: str | None = field(repr=False)
    """None when the client brought a CSR: its key never was in the stack."""

    @property
    def group(self) -> str:
        """The group that it is a member of, or nothing."""
        return self.name.rpartition("/")[0]

    @property
    def member(self) -> str:
        """Its name in the group."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class DeployedSigner:
    """A certificate that signs clients, with its private key.

    It is an authority's root, or a subordinate certificate that the user brought.
    """

    certificate_pem: str
    private_key_pem: str = field(repr=False)


@dataclass(frozen=True)
class DeployedAuthority:
    """An authority of the stack as listeners can trust it.

    It has the root certificate and the id of that certificate in CAS.
    """

    name: str
    ca_certificate_pem: str
    ca_certificate_id: str | None
    """None where an older version deployed the stack, which did not note it."""
    private_key_pem: str | None = field(repr=False, default=None)
    """The root's. None when not asked for, or not in the state."""
    signer: DeployedSigner | None = None
    """None when not asked for, or where its private key is not in the state."""


@dataclass(frozen=True)
class DeployedComponent:
    """One `AlbMutualTls` of the stack."""

    name: str
    listeners: tuple[DeployedListener, ...]
    clients: tuple[DeployedClient, ...]
    trusted_authority: str
    ca_certificate_pem: str
    authority_private_key_pem: str | None = field(repr=False, default=None)
    """Key of the trusted authority; None when not asked for, or not in the state (a CA that was
    brought).
    """
    kubeconfig: str | None = None
    context: str | None = None
    identity: str = ""
    """8 hexadecimal digits that tell this component from those of other stacks."""
    issuing_authority: str = ""
    authorities: tuple[DeployedAuthority, ...] = ()

    @property
    def roots(self) -> dict[str, str]:
        """The root certificate (PEM) of each authority.

        The trusted authority comes first. During a rotation there are several.
        """
        trusted_first = sorted(
            self.authorities, key=lambda authority: authority.name != self.trusted_authority
        )
        return {authority.name: authority.ca_certificate_pem for authority in trusted_first}


def named(components: tuple[DeployedComponent, ...], component: str | None) -> tuple[DeployedComponent, ...]:
    """All of these components, or the one asked for by name.

    Raises UserError where none has that name.
    """
    if component is None:
        return components
    chosen = tuple(candidate for candidate in components if candidate.name == component)
    if not chosen:
        raise UserError(
            f"the stack has no AlbMutualTls named {component!r}: it has"
            f" {listed(candidate.name for candidate in components)}"
            f"{did_you_mean(component, [candidate.name for candidate in components])}"
        )
    return chosen


def chosen_listeners(
    components: Sequence[DeployedComponent], names: Sequence[str] | None
) -> list[tuple[DeployedComponent, DeployedListener]]:
    """Return all listeners, or those named, each with its component.

    Raises UserError where none of the listeners has a given name.
    """
    known = sorted({listener.name for component in components for listener in component.listeners})
    if unknown := sorted(set(names or ()) - set(known)):
        raise UserError(
            f"--listener {unknown[0]} is none of this stack's listeners: it has {', '.join(known) or 'none'}"
            f"{did_you_mean(unknown[0], known)}"
        )
    return [
        (component, listener)
        for component in components
        for listener in component.listeners
        if not names or listener.name in names
    ]


def chosen_client(
    components: Sequence[DeployedComponent], name: str
) -> tuple[DeployedComponent, DeployedClient]:
    """Return the client of this name, with its component.

    Raises UserError where there is none, or where several components have one.
    """
    matches = [
        (component, client) for component in components for client in component.clients if client.name == name
    ]
    if not matches:
        names = sorted({client.name for component in components for client in component.clients})
        raise UserError(
            f"the stack has no client named {name!r}: it has {listed(names)}{did_you_mean(name, names)}"
        )
    if len(matches) > 1:
        raise UserError(
            f"{len(matches)} components have a client named {name!r}: choose one with --component, of "
            f"{', '.join(component.name for component, _ in matches)}"
        )
    return matches[0]


def chosen_group(
    components: Sequence[DeployedComponent], group: str
) -> tuple[DeployedComponent, tuple[DeployedClient, ...]]:
    """Return the members of the group of this name, with its component.

    Raises UserError where there is none, or where several components have one.
    """
    matches = [
        (component, members)
        for component in components
        if (members := tuple(client for client in component.clients if client.group == group != ""))
    ]
    if not matches:
        known = {client.group for component in components for client in component.clients} - {""}
        raise UserError(
            f"the stack has no group of clients named {group!r}: it has {listed(known)}"
            f"{did_you_mean(group, known)}"
        )
    if len(matches) > 1:
        raise UserError(
            f"{len(matches)} components have a group named {group!r}: choose one with --component, of"
            f" {', '.join(component.name for component, _ in matches)}"
        )
    return matches[0]


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
