"""The cases of `mtls verify`: who connects, and with which credential.

They are no certificate, the stack's clients, forged credentials, and clients of every authority. In
every phase of a rotation one rule holds for whoever is signed by an authority of the stack: who
presents a chain to the CA that the stack gave the listener is let in. docs/verify.md says of each
case what it proves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.verification.judgement import Caller
from alb_mutual_tls.stack.deployed import DeployedAuthority, DeployedComponent

if TYPE_CHECKING:
    from alb_mutual_tls.pki.forged import ClientCredential
    from alb_mutual_tls.pki.signing import Issuer

ONLY_THE_CA: Final = "only the CA itself can sign it: --with-authority-key"
NO_CERTIFICATE: Final = "no certificate"
FOREIGN: Final = "foreign CA"
SELF_SIGNED: Final = "self-signed with the CA's name"
TAMPERED: Final = "tampered signature"
EXPIRED: Final = "expired"
SERVER_ONLY: Final = "serverAuth only"
NOT_YET_VALID: Final = "not yet valid"
WRONG_NAME: Final = "wrong server name"
RESUMED: Final = "resumed session"
RESUMED_FROM_WRONG_NAME: Final = "resumed session of another server name"
RESUMED_FROM_BEFORE: Final = "resumed session from before"
BYPASSES: Final = "bypasses"
ALL: Final = "all cases"


def client_case(name: str) -> str:
    """With all that a client of the stack presents."""
    return f"client {name}"


def cut_case(name: str, kept: int, of: int) -> str:
    """With the first `kept` certificates of what a client presents."""
    return f"client {name} with {kept} of {of} certificates"


def authority_case(name: str) -> str:
    """A client that an authority of the stack has signed, without cross certificates."""
    return f"client of authority {name}"


def resumed_from(port: object) -> str:
    """With a session of another listener of the ALB."""
    return f"resumed session of HTTPS {port}"


def bypass_case(protocol: str, port: object) -> str:
    """Another listener that serves the same hosts."""
    return f"bypass {protocol} {port}"


EVERY: Final = (
    client_case("NAME"),
    "client NAME with N of M certificates",
    authority_case("NAME"),
    NO_CERTIFICATE,
    FOREIGN,
    SELF_SIGNED,
    TAMPERED,
    EXPIRED,
    SERVER_ONLY,
    NOT_YET_VALID,
    WRONG_NAME,
    RESUMED,
    RESUMED_FROM_WRONG_NAME,
    resumed_from("PORT"),
    RESUMED_FROM_BEFORE,
    bypass_case("HTTP", "PORT"),
    bypass_case("HTTPS", "PORT"),
    bypass_case("QUIC", "PORT"),
    BYPASSES,
    ALL,
)
"""Every case that there is, in the order of docs/verify.md."""


@dataclass(frozen=True)
class Case:
    """Who connects, with which credential (None = no certificate).

    `refused_for`: why a listener would refuse a client, as far as its chain tells.
    """

    name: str
    role: Caller
    credential: ClientCredential | None
    refused_for: str = ""


@dataclass(frozen=True)
class Missing:
    """A case that could not be made, and why; it says nothing about the listener."""

    name: str
    reason: str


def cases(
    component: DeployedComponent, given: ClientCredential | None, *, with_authority_key: bool, now: datetime
) -> list[Case | Missing]:
    """All cases for the listeners of a component, clients first.

    `given` (from --cert and --key) stands in for the stack's clients. `with_authority_key` adds
    those that only the real CA can sign, where the component holds its key.
    """
    clients = [
        *_clients(component, given, now),
        *_of_authorities(component, with_authority_key=with_authority_key, now=now),
    ]
    every: list[Case | Missing] = [*clients, Case(NO_CERTIFICATE, Caller.ANONYMOUS, None)]
    every += _cut_chains(component.ca_certificate_pem, clients, now)
    every += _forged(component, clients, now)
    return every + _signed_by_the_authority(component, with_authority_key=with_authority_key, now=now)


def given_credential(certificate: Path | None, key: Path | None) -> ClientCredential | None:
    """The credential of --cert and --key (PEM files).

    Raises UserError when one is missing or cannot be read.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UserError(
            "--cert and --key go together: give both, the client's certificate with its chain and its"
            " private key"
        )
    from alb_mutual_tls.pki import bundle
    from alb_mutual_tls.pki.forged import ClientCredential
    from alb_mutual_tls.pki.keys import load_private_key, same_key

    given = ClientCredential(f"of {certificate.name}", _read(certificate, "--cert"), _read(key, "--key"))
    chain = bundle.load(given.certificate_pem)
    if not chain:
        raise UserError(
            f"--cert {certificate} holds no PEM certificate: give the client's certificate, leaf first"
        )
    if not same_key(load_private_key(given.private_key_pem).public_key(), chain[0].public_key()):
        raise UserError(
            f"--key {key} is not the key of the first certificate in --cert {certificate}: give the two that"
            " belong together"
        )
    return given


def _read(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise UserError(f"{option} {path} cannot be read: {error.strerror}; give a PEM file") from None
    except UnicodeDecodeError:
        raise UserError(
            f"{option} {path} is not a PEM file: convert it with openssl, for instance"
            " `openssl pkcs12 -in FILE`"
        ) from None


def _clients(
    component: DeployedComponent, given: ClientCredential | None, now: datetime
) -> list[Case | Missing]:
    if given is not None:
        return [_client(component, given, now)]
    from alb_mutual_tls.pki.forged import ClientCredential

    cases: list[Case | Missing] = []
    members = Counter(client.group for client in component.clients if client.group)
    tried: set[str] = set()
    for client in component.clients:
        if client.group in tried:
            continue
        if client.group and members[client.group] > 1:
            tried.add(client.group)
            others = members[client.group] - 1
            cases.append(
                Missing(f"other clients of group {client.group}", f"{client.name} stands for {others} more")
            )
        name = client_case(client.name)
        if client.private_key_pem is None:
            cases.append(
                Missing(
                    name,
                    "it brought a CSR, so its private key is not in the stack: give it with --cert and --key",
                )
            )
        else:
            cases.append(
                _client(
                    component, ClientCredential(client.name, client.chain_pem, client.private_key_pem), now
                )
            )
    return cases


def _client(component: DeployedComponent, credential: ClientCredential, now: datetime) -> Case:
    from alb_mutual_tls.pki.certification_path import refused_for

    why = refused_for(credential.certificate_pem, component.ca_certificate_pem, now)
    return Case(client_case(credential.name), Caller.CLIENT, credential, why)


def _forged(
    component: DeployedComponent, clients: Sequence[Case | Missing], now: datetime
) -> list[Case | Missing]:
    from alb_mutual_tls.pki import forged

    good = next(
        (case.credential for case in clients if isinstance(case, Case) and case.role is Caller.CLIENT), None
    )
    return [
        Case(FOREIGN, Caller.FORGED, forged.foreign(now)),
        Case(SELF_SIGNED, Caller.FORGED, forged.self_signed(component.ca_certificate_pem, now)),
        (
            Missing(
                TAMPERED,
                "there is no client with a private key to tamper with: give one with --cert and --key",
            )
            if good is None
            else Case(TAMPERED, Caller.FORGED, forged.tampered(good))
        ),
    ]


def _cut_chains(
    ca_certificate_pem: str, clients: Sequence[Case | Missing], now: datetime
) -> list[Case | Missing]:
    """Clients without the last certificates of their chains, where that leads nowhere."""
    from alb_mutual_tls.pki import bundle
    from alb_mutual_tls.pki.certification_path import way
    from alb_mutual_tls.pki.forged import ClientCredential

    cut_cases: list[Case | Missing] = []
    for case in clients:
        if isinstance(case, Missing) or case.role is not Caller.CLIENT or case.credential is None:
            continue
        blocks, who = bundle.split(case.credential.certificate_pem), case.credential
        for kept in range(1, len(blocks)):
            cut = "".join(blocks[:kept])
            if way(cut, ca_certificate_pem, now) is None:
                name = cut_case(who.name, kept, len(blocks))
                cut_cases.append(Case(name, Caller.CUT, ClientCredential(name, cut, who.private_key_pem)))
    return cut_cases


def _of_authorities(
    component: DeployedComponent, *, with_authority_key: bool, now: datetime
) -> list[Case | Missing]:
    """A client of each authority: an outsider unless the listener trusts its root."""
    from alb_mutual_tls.pki import forged
    from alb_mutual_tls.pki.authority_faults import time_faults

    authority_cases: list[Case | Missing] = []
    for authority in component.authorities:
        name = authority_case(authority.name)
        if not with_authority_key:
            authority_cases.append(Missing(name, ONLY_THE_CA))
        elif (signer := _signer(component, authority, now)) is None:
            authority_cases.append(
                Missing(name, f"the private key of authority {authority.name} is not in the stack's state")
            )
        elif faults := list(time_faults(signer.issuer.certificate, now)):
            authority_cases.append(
                Missing(name, f"authority {authority.name} can sign nothing good: {faults[0]}")
            )
        else:
            role = (
                Caller.CLIENT
                if authority.ca_certificate_pem == component.ca_certificate_pem
                else Caller.OUTSIDER
            )
            authority_cases.append(Case(name, role, forged.good(name, signer.issuer, now, signer.above_pem)))
    return authority_cases


def _signed_by_the_authority(
    component: DeployedComponent, *, with_authority_key: bool, now: datetime
) -> list[Case | Missing]:
    names = (EXPIRED, SERVER_ONLY, NOT_YET_VALID)
    if not with_authority_key:
        return [Missing(name, ONLY_THE_CA) for name in names]
    signer = _trusted_signer(component, now)
    if signer is None:
        reason = f"the private key of authority {component.trusted_authority} is not in the stack's state"
        return [Missing(name, reason) for name in names]
    from alb_mutual_tls.pki import forged

    credentials = (
        make(signer.issuer, now, signer.above_pem)
        for make in (forged.expired, forged.server_only, forged.not_yet_valid)
    )
    return [
        Case(name, Caller.FORGED, credential) for name, credential in zip(names, credentials, strict=True)
    ]


@dataclass(frozen=True)
class _Signer:
    """Who can sign for an authority.

    `above_pem`: what leads from there to its root. It includes the signer's own certificate unless
    that is the root.
    """

    issuer: Issuer
    above_pem: str


def _trusted_signer(component: DeployedComponent, now: datetime) -> _Signer | None:
    from alb_mutual_tls.pki.signing import Issuer

    for authority in component.authorities:
        if authority.name == component.trusted_authority and authority.signer is not None:
            return _signer(component, authority, now)
    key = component.authority_private_key_pem
    return None if key is None else _Signer(Issuer.load(component.ca_certificate_pem, key), "")


def _signer(component: DeployedComponent, authority: DeployedAuthority, now: datetime) -> _Signer | None:
    from alb_mutual_tls.pki.certification_path import between
    from alb_mutual_tls.pki.signing import Issuer

    signer = authority.signer
    if signer is None:
        return None
    presented = "".join(client.chain_pem for client in component.clients)
    above = between(signer.certificate_pem, authority.ca_certificate_pem, presented, now)
    if above is None:  # an earlier one, of an update that was left half-way
        return None
    own = signer.certificate_pem if signer.certificate_pem != authority.ca_certificate_pem else ""
    return _Signer(Issuer.load(signer.certificate_pem, signer.private_key_pem), own + above)
