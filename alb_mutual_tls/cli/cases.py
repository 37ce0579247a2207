"""Who comes to the door: nobody's certificate, the stack's clients, and imposters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.cli.stack import Client, Component
from alb_mutual_tls.cli.verdict import Role
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from alb_mutual_tls.pki.imposters import Credential

NO_CERTIFICATE: Final = "no certificate"
FOREIGN: Final = "foreign CA"
SELF_SIGNED: Final = "self-signed with the CA's name"
TAMPERED: Final = "tampered signature"
EXPIRED: Final = "expired"
SERVER_ONLY: Final = "serverAuth only"
NOT_YET_VALID: Final = "not yet valid"


@dataclass(frozen=True)
class Case:
    """Somebody with a credential (None = no certificate)."""

    name: str
    role: Role
    credential: Credential | None


@dataclass(frozen=True)
class Missing:
    """A case that could not be made, and why; it says nothing about the listener."""

    name: str
    reason: str


def cases(component: Component, given: Credential | None, *, with_authority_key: bool, now: datetime) -> list[Case | Missing]:
    """All cases for the listeners of a component, clients first.

    `given` (from --cert and --key) stands in for the stack's clients. `with_authority_key` adds those that only the real
    CA can sign, where the component holds its key.
    """
    clients = _clients(component.clients, given)
    made: list[Case | Missing] = [*clients, Case(NO_CERTIFICATE, Role.NOBODY, None)]
    made += _imposters(component, clients, now)
    return made + _signed_by_the_authority(component, with_authority_key=with_authority_key, now=now)


def given_credential(certificate: Path | None, key: Path | None) -> Credential | None:
    """The credential of --cert and --key (PEM files); raises UserError when one is missing or cannot be read."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UserError("--cert and --key go together: give both, the client's certificate with its chain and its private key")
    from alb_mutual_tls.pki import bundle
    from alb_mutual_tls.pki.imposters import Credential
    from alb_mutual_tls.pki.keys import load_private_key, same_key

    given = Credential(f"of {certificate.name}", _read(certificate, "--cert"), _read(key, "--key"))
    chain = bundle.load(given.certificate_pem)
    if not chain:
        raise UserError(f"--cert {certificate} holds no PEM certificate: give the client's certificate, leaf first")
    if not same_key(load_private_key(given.private_key_pem).public_key(), chain[0].public_key()):
        raise UserError(f"--key {key} is not the key of the first certificate in --cert {certificate}: give the two that belong together")
    return given


def _read(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise UserError(f"{option} {path} cannot be read: {error.strerror}; give a PEM file") from None
    except UnicodeDecodeError:
        raise UserError(f"{option} {path} is no PEM file: convert it with openssl, for instance `openssl pkcs12 -in FILE`") from None


def _clients(clients: Sequence[Client], given: Credential | None) -> list[Case | Missing]:
    if given is not None:
        return [Case(f"client {given.name}", Role.CLIENT, given)]
    from alb_mutual_tls.pki.imposters import Credential

    cases: list[Case | Missing] = []
    for client in clients:
        name = f"client {client.name}"
        if client.private_key_pem is None:
            cases.append(Missing(name, "it brought a CSR, so its private key is not in the stack: give it with --cert and --key"))
        else:
            cases.append(Case(name, Role.CLIENT, Credential(client.name, client.chain_pem, client.private_key_pem)))
    return cases


def _imposters(component: Component, clients: Sequence[Case | Missing], now: datetime) -> list[Case | Missing]:
    from alb_mutual_tls.pki import imposters

    good = next((one.credential for one in clients if isinstance(one, Case) and one.credential is not None), None)
    return [
        Case(FOREIGN, Role.IMPOSTER, imposters.foreign(now)),
        Case(SELF_SIGNED, Role.IMPOSTER, imposters.self_signed(component.ca_certificate_pem, now)),
        Missing(TAMPERED, "there is no client with a private key to tamper with: give one with --cert and --key")
        if good is None
        else Case(TAMPERED, Role.IMPOSTER, imposters.tampered(good)),
    ]


def _signed_by_the_authority(component: Component, *, with_authority_key: bool, now: datetime) -> list[Case | Missing]:
    names = (EXPIRED, SERVER_ONLY, NOT_YET_VALID)
    if not with_authority_key:
        return [Missing(name, "only the CA itself can sign it: --with-authority-key") for name in names]
    if component.authority_private_key_pem is None:
        reason = f"the private key of authority {component.trusted_authority} is not in the stack's state"
        return [Missing(name, reason) for name in names]
    from alb_mutual_tls.pki import imposters
    from alb_mutual_tls.pki.signing import Issuer

    issuer = Issuer.load(component.ca_certificate_pem, component.authority_private_key_pem)
    made = (imposters.expired(issuer, now), imposters.server_only(issuer, now), imposters.not_yet_valid(issuer, now))
    return [Case(name, Role.IMPOSTER, credential) for name, credential in zip(names, made, strict=True)]
