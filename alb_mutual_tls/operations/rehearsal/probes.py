"""The chains with which a rehearsal probes the depth that a listener verifies."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from alb_mutual_tls.operations.rehearsal.result import Need
from alb_mutual_tls.operations.verification.cases import Case
from alb_mutual_tls.operations.verification.judgement import Caller, Expected
from alb_mutual_tls.operations.verification.result import Check
from alb_mutual_tls.stack.deployed import DeployedAuthority, DeployedComponent
from alb_mutual_tls.verdict import Verdict

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
    """Return the lengths of chains that the stack needs under an authority.

    They are the lengths of its clients' chains, and one more while a rotation is still to come. In
    a rotation clients present a cross certificate beside their own (docs/pki.md). It adds one,
    unless they do so already.
    """
    from alb_mutual_tls.pki.certification_path import length_to

    lengths = [length_to(client.chain_pem, authority.ca_certificate_pem, now) for client in component.clients]
    longest = max((length for length in lengths if length is not None), default=1)
    needs = dict.fromkeys(range(1, longest + 1), Need.CLIENTS)
    return needs if component.issuing_authority != authority.name else {**needs, longest + 1: Need.ROTATION}


def probes(authority: DeployedAuthority, longest: int, now: datetime) -> list[Case]:
    """Return a client for each length of a chain up to `longest`.

    The authority's key signs them.
    """
    assert authority.private_key_pem is not None
    from alb_mutual_tls.pki import forged
    from alb_mutual_tls.pki.signing import Issuer

    issuer = Issuer.load(authority.ca_certificate_pem, authority.private_key_pem)
    forged_probes = (forged.probe(issuer, length, now) for length in range(1, longest + 1))
    return [Case(probe.name, Caller.CLIENT, probe) for probe in forged_probes]


def by_chain(component: DeployedComponent, authority: DeployedAuthority, now: datetime) -> list[Check]:
    """Check the clients whose private keys are not in the stack.

    All that can be said is whether their chains lead to the wanted authority.
    """
    from alb_mutual_tls.pki.certification_path import length_to

    checks = []
    for client in component.clients:
        if client.private_key_pem is None:
            leads = length_to(client.chain_pem, authority.ca_certificate_pem, now) is not None
            checks.append(
                Check(f"client {client.name}", Verdict.NOT_CHECKED, KEY_ELSEWHERE, Expected.LET_IN)
                if leads
                else Check(f"client {client.name}", Verdict.FELL_SHORT, LEADS_ELSEWHERE, Expected.LET_IN)
            )
    return checks
