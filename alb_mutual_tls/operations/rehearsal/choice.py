"""Which listener is rehearsed, and with which authority."""

from __future__ import annotations

from collections.abc import Sequence

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.stack.deployed import (
    DeployedAuthority,
    DeployedComponent,
    DeployedListener,
    chosen_listeners,
)
from alb_mutual_tls.text import did_you_mean


def chosen_listener(
    components: Sequence[DeployedComponent], name: str | None
) -> tuple[DeployedComponent, DeployedListener]:
    """The listener to rehearse, the only one where none is named; raises UserError."""
    listeners = chosen_listeners(components, [name] if name else None)
    if not listeners:
        raise UserError(
            "the stack declares no listener, so there is nothing to rehearse: add one under listeners"
        )
    if len(listeners) > 1:
        names = ", ".join(f"{listener.name} of {component.name}" for component, listener in listeners)
        raise UserError(
            f"the stack has {len(listeners)} listeners: choose one with --listener (and --component), of"
            f" {names}"
        )
    return listeners[0]


def chosen_authority(component: DeployedComponent, name: str | None) -> DeployedAuthority:
    """Return the authority to rehearse with.

    This is the trusted one where none is named. Raises UserError when the stack has no such
    authority, or its state no CAS id for it.
    """
    wanted = name or component.trusted_authority
    for authority in component.authorities:
        if authority.name == wanted:
            if authority.ca_certificate_id is None:
                raise UserError(
                    f"the state does not say under which id CAS has authority {wanted}: run `pulumi up` once,"
                    " then rehearse"
                )
            return authority
    known = [authority.name for authority in component.authorities]
    raise UserError(
        f"--authority {wanted} is none of this stack's authorities: it has {', '.join(known)}; add it under"
        f" authorities and run `pulumi up`{did_you_mean(wanted, known)}"
    )
