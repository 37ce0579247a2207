"""The chains with which a rehearsal probes the depth that a listener verifies."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from alb_mutual_tls.operations.rehearsal.result import Need
from alb_mutual_tls.stack.deployed import DeployedAuthority, DeployedComponent

KEY_ELSEWHERE: Final = (
    "its certificate leads to this CA, but its private key is not in the stack, so no handshake was tried:"
    " give it with --cert and --key"
)


LEADS_ELSEWHERE: Final = (
    "its certificate does not lead to this CA, so it will be refused (its private key is not in the stack,"
    " hence no handshake): let it have a certificate of the new CA first"
)


def needed_lengths(
    component: DeployedComponent, authority: DeployedAuthority, now: datetime
) -> dict[int, Need]:
    """The lengths of chains that the stack needs under an authority: those of its clients, and one
    more while a rotation is still to come.

    In a rotation clients present a cross certificate beside their own (docs/pki.md): it adds one,
    unless they do so already.
    """
    from alb_mutual_tls.pki.certification_path import length_to

    lengths = [length_to(client.chain_pem, authority.ca_certificate_pem, now) for client in component.clients]
    longest = max((length for length in lengths if length is not None), default=1)
    needs = dict.fromkeys(range(1, longest + 1), Need.CLIENTS)
    return needs if component.issuing_authority != authority.name else {**needs, longest + 1: Need.ROTATION}
