"""Whether ALB shows what an AlbConfig asks for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import member
from alb_mutual_tls.listener.patch import Desired

if TYPE_CHECKING:
    from alb_mutual_tls.listener.exact_json import Document


def shows(state: ListenerState | None, desired: Desired) -> bool:
    """Whether ALB reports what is desired.

    On means this one CA certificate, associated, on a listener at rest.
    """
    if state is None or state.status in ("Provisioning", "Configuring"):
        return False
    if not desired.ca_enabled:
        return not state.ca_enabled
    associated = [item.certificate_id for item in state.ca_certificates if item.status in ("Associated", "")]
    return state.ca_enabled and associated == [desired.ca_certificate_id] and len(state.ca_certificates) == 1


def load_balancer_id(document: object) -> str | None:
    """The ALB instance in an AlbConfig's status; `None` until there is one."""
    identifier = member(member(member(document, "status"), "loadBalancer"), "id")
    return identifier if isinstance(identifier, str) and identifier else None


def words(ca_enabled: bool, ca_certificate_ids: Sequence[str | None]) -> str:
    """A listener in words."""
    named = ", ".join(identifier for identifier in ca_certificate_ids if identifier)
    return ("on" if ca_enabled else "off") + (f", CA {named}" if named else "")


@dataclass(frozen=True)
class CaReference:
    """A CA certificate on a listener: its CAS identifier and its association.

    The state is `Associated`, `Associating`, ...
    """

    certificate_id: str
    status: str


@dataclass(frozen=True)
class ListenerState:
    """Client authentication of one HTTPS listener as ALB reports it.

    `status` is `Provisioning`, `Configuring`, `Running` or `Stopped`.
    """

    listener_id: str
    load_balancer_id: str
    port: int
    status: str
    ca_enabled: bool
    ca_certificates: tuple[CaReference, ...]

    @property
    def ca_certificate_id(self) -> str | None:
        """The id of the CA certificate; ALB knows only one per listener."""
        return self.ca_certificates[0].certificate_id if self.ca_certificates else None

    def describe(self) -> str:
        """For sentences: what ALB shows."""
        names = ", ".join(
            f"{item.certificate_id} ({item.status})" if item.status else item.certificate_id
            for item in self.ca_certificates
        )
        return (
            f"status {self.status}, CaEnabled {str(self.ca_enabled).lower()}, CA certificate"
            f" {names or 'none'}"
        )


def names(state: ListenerState, ca_certificate_id: str) -> bool:
    """Whether a listener names a CA certificate."""
    return any(item.certificate_id == ca_certificate_id for item in state.ca_certificates)


@dataclass(frozen=True)
class Shown:
    """A listener as AlbConfig or ALB shows it; `changing`: ALB is at work on it."""

    ca_enabled: bool
    ca_certificate_ids: tuple[str, ...]
    changing: bool = False


@dataclass(frozen=True)
class Absent:
    """There is no such listener; `why` is a sentence."""

    why: str


@dataclass(frozen=True)
class NotKnown:
    """AlbConfig or ALB could not be asked; `why` is a sentence."""

    why: str


View = Shown | Absent | NotKnown


def declared(document: Document, port: int) -> View:
    """What an AlbConfig says of its HTTPS listener on a port."""
    from alb_mutual_tls.listener.declared import ListenerMissing, find_listener

    try:
        listener = find_listener(document, port)
    except ListenerMissing as error:
        return Absent(str(error))
    except UserError as error:
        return NotKnown(str(error))
    return Shown(listener.ca_enabled, listener.ca_certificate_ids)


def reported(state: ListenerState | None, load_balancer: str, port: int) -> View:
    """What ALB reports of a listener.

    It is changing also while a CA certificate is being associated or dissociated.
    """
    if state is None:
        return Absent(f"load balancer {load_balancer} has no HTTPS listener on port {port}")
    changing = state.status in ("Provisioning", "Configuring") or any(
        reference.status not in ("Associated", "") for reference in state.ca_certificates
    )
    return Shown(
        state.ca_enabled, tuple(reference.certificate_id for reference in state.ca_certificates), changing
    )
