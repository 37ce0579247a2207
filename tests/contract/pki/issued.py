"""What stacks issue: the real component on Pulumi's mocks, with the tls stand-in and the handlers
that sign behind it.

So keys, roots, clients, cross certificates and the order of a chain are those of a stack; only
brought authorities and requests come from elsewhere. Each key and each root is made once per
process.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.pki.keys import signature_hash
from alb_mutual_tls.pki.profile import KEY_ALGORITHMS
from alb_mutual_tls.pki.signing import Issuer, key_identifier
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.authority_certificate import AuthorityCertificate
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
from alb_mutual_tls.wire import Properties
from components.arguments import AlbMutualTlsArgs
from components.models import AuthorityArgs, ClientArgs
from dev.toolchain.plugins.tls.private_key import PrivateKey
from tests.event_loops import event_loops
from tests.unit.pki.material import CA_USAGE, authority, key_pem, name_of, pem

NOW: Final = datetime.now(UTC)
DAY: Final = timedelta(days=1)
AGE: Final = 30 * DAY
"""Of every authority, so that its clients and itself can have expired."""
GENERATED: Final = tuple(KEY_ALGORITHMS)
AUTHORITIES: Final = (*GENERATED, "ECDSA-P521")
"""The key algorithms of authorities; the last comes only with brought ones."""
CLIENTS: Final = (*GENERATED, "ECDSA-P521", "RSA-8192")
"""The key algorithms of clients; the last two come only in requests that clients bring."""

_REQUESTED: Final = {
    "ECDSA-P521": ("EC", "ec_paramgen_curve:P-521"),
    # Five primes are found in 2 seconds and two in 20; only the key's owner sees a difference.
    "RSA-8192": ("RSA", "rsa_keygen_bits:8192", "rsa_keygen_primes:5"),
}
_ANSWERS: Final[Mapping[str, Properties]] = {
    "albmtls:index:StackIdentity": {"identity": "0a1b2c3d"},
    "albmtls:index:CertificateRepository": {"warehouseId": "1000"},
    "albmtls:index:CaCertificate": {"caCertificateId": "2000"},
}
_made_once: dict[str, Properties] = {}


class _Engine(Mocks):
    """Lets the handlers make what is declared: keys and roots at their age, the rest so many days
    ago.
    """

    def __init__(self, days_ago: int) -> None:
        self._once: dict[str, Handler] = {PrivateKey.token: PrivateKey()}
        self._once[AuthorityCertificate.token] = AuthorityCertificate(lambda: NOW - AGE)
        day = NOW - days_ago * DAY
        self._signed: dict[str, Handler] = {
            kind.token: kind(lambda: day) for kind in (SignedCertificate, IssuedCertificates)
        }

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ in self._signed:
            return "id", _create(self._signed[args.typ], args)
        if args.typ in self._once:
            place = f"{args.typ}::{args.name}"
            if place not in _made_once:
                _made_once[place] = _create(self._once[args.typ], args)
            return "id", _made_once[place]
        return "id", {**args.inputs, **_ANSWERS.get(args.typ, {})}

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(args.token)


def _create(handler: Handler, args: MockResourceArgs) -> Properties:
    request = Request(args.name, args.name, False, 0.0, threading.Event(), lambda *_: None)
    inputs, failures = handler.check(request, {}, from_struct(to_struct(args.inputs)))
    assert not failures, failures
    return dict(handler.create(request, inputs)[1])


# --- authorities


@dataclass(frozen=True)
class Wanted:
    """An authority as the configuration has it; the private key is that of a brought one."""

    name: str
    authority: AuthorityArgs
    private_key_pem: str | None = None


def root(role: str, algorithm: str) -> Wanted:
    """A root, generated where the stack can; roles tell two of one algorithm apart."""
    return (
        generated(role, algorithm)
        if algorithm in GENERATED
        else brought(f"{role}-{algorithm}", issuer(role, algorithm))
    )


def generated(role: str, algorithm: str, **more: Any) -> Wanted:
    """A root that the stack makes."""
    return Wanted(f"{role}-{algorithm}", AuthorityArgs(key_algorithm=algorithm, **more))


def brought(name: str, *chain: Issuer) -> Wanted:
    """An authority that somebody brings: what signs first, its root last."""
    return Wanted(
        name,
        AuthorityArgs(certificate="".join(pem(one.certificate) for one in chain)),
        key_pem(chain[0].private_key),
    )


@cache
def issuer(role: str, algorithm: str) -> Issuer:
    """The certificate and private key of `root(role, algorithm)`."""
    if algorithm in GENERATED:
        wanted = generated(role, algorithm)
        certificate = stack(wanted, clients={}).trusted_pem
        return Issuer.load(
            certificate, _made_once[f"{PrivateKey.token}::mtls-authority-{wanted.name}"]["privateKeyPem"]
        )
    return company_root(f"{role} {algorithm}", ec.generate_private_key(ec.SECP521R1()))


def company_root(name: str, private_key: Any) -> Issuer:
    """A root that a company has already."""
    return authority(name, private_key, start=NOW - AGE, end=NOW + 3650 * DAY)


@cache
def subordinate(
    above: Issuer, algorithm: str, *, path_length: int | None = 0, identified: bool = True
) -> Issuer:
    """An authority that a company has below its root, with the path length that is usual where
    clients alone are signed.
    """
    private_key = issuer("subordinate", algorithm).private_key
    name, public_key = name_of(f"subordinate {algorithm}"), private_key.public_key()
    builder = x509.CertificateBuilder(
        above.certificate.subject, name, public_key, x509.random_serial_number()
    )
    builder = builder.not_valid_before(NOW - AGE).not_valid_after(NOW + 1000 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(True, path_length), critical=True).add_extension(
        CA_USAGE, critical=True
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    if identified:
        issuers = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            key_identifier(above.certificate)
        )
        builder = builder.add_extension(issuers, critical=False)
    return Issuer(
        builder.sign(above.private_key, signature_hash(above.private_key.public_key())), private_key
    )


# --- clients


@cache
def client(algorithm: str) -> ClientArgs:
    """A client whose key the stack makes, or one with a request where the stack makes no
    such key.
    """
    if algorithm in GENERATED:
        return ClientArgs(key_algorithm=algorithm)
    return ClientArgs(
        csr=_openssl(
            "req", "-new", "-key", "/dev/stdin", "-subj", "/CN=asked for", text=_requested_key(algorithm)
        )
    )


@cache
def _requested_key(algorithm: str) -> str:
    kind, *options = _REQUESTED[algorithm]
    return _openssl(
        "genpkey", "-algorithm", kind, *(word for option in options for word in ("-pkeyopt", option))
    )


def _openssl(*arguments: str, text: str = "") -> str:
    return subprocess.run(
        ["openssl", *arguments], input=text, check=True, capture_output=True, text=True
    ).stdout


# --- stacks


@dataclass(frozen=True)
class Stack:
    """What a stack hands out: the root that its listeners trust, and what each client presents."""

    trusted_pem: str
    clients: Mapping[str, ClientCredential]


def stack(
    issuing: Wanted, trusted: Wanted | None = None, *, clients: Mapping[str, ClientArgs], days_ago: int = 0
) -> Stack:
    """Deploy a configuration so many days ago; a client that brings a request is named by its
    algorithm.

    The listeners trust the issuing authority where no other is given.
    """
    authorities = {one.name: one for one in (issuing, trusted or issuing)}
    state = _deploy(
        days_ago,
        listeners={},
        authorities={name: one.authority for name, one in authorities.items()},
        authority_private_keys={
            name: one.private_key_pem for name, one in authorities.items() if one.private_key_pem is not None
        },
        issuing_authority=issuing.name,
        trusted_authority=(trusted or issuing).name,
        clients=dict(clients),
    )
    keys: Mapping[str, str] = state["clientPrivateKeys"]
    presented = {
        name: ClientCredential(name, found["chainPem"], keys[name] if name in keys else _requested_key(name))
        for name, found in state["clientCertificates"].items()
    }
    return Stack(state["caCertificatePem"], presented)


def _deploy(days_ago: int, **arguments: Any) -> dict[str, Any]:
    """What the component gives to whoever has declared it."""
    seen: dict[str, Any] = {}
    with event_loops():
        pulumi.runtime.set_mocks(_Engine(days_ago), preview=False)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def program() -> pulumi.Output[None]:
            from components.mutual_tls import AlbMutualTls

            component = AlbMutualTls("mtls", AlbMutualTlsArgs(**arguments))
            return pulumi.Output.all(**component.packaged_outputs()).apply(lambda values: seen.update(values))

        program()
    return seen
