"""What every verifier decides about every kind of chain, as data: test_pki_verifiers.py asks them,
docs/pki.md shows it (table.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from cryptography import x509

from alb_mutual_tls.pki import bundle, forged
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.pki.profile import BACKDATE, CLIENT_PROFILE
from alb_mutual_tls.pki.signing import Issuer, below, sign
from tests.contract.pki import stacks
from tests.contract.pki.issued import AUTHORITIES, CLIENTS, DAY, NOW, Stack, issuer
from tests.contract.pki.stacks import DEFAULT
from tests.contract.pki.verdict import Verdict
from tests.contract.pki.verifiers import (
    CERTTOOL,
    CRYPTOGRAPHY,
    GNUTLS_SERV,
    NGINX,
    NGINX_DEPTH_1,
    OPENSSL,
    OPENSSL_SERVER,
    SERVERS,
    STRICT,
    VERIFIERS,
)
from tests.unit.pki.material import key, key_pem, name_of, pem

Presented = tuple[str, ClientCredential | None]
"""The PEM of the root that is trusted, and what a client presents."""


@dataclass(frozen=True)
class Reason:
    """Why a chain is refused, and a part of how each verifier says so, as far as it says."""

    words: str
    said: Mapping[str, str]


def _reason(
    words: str, openssl: str, *, nginx: str = "", certtool: str = "", cryptography: str = ""
) -> Reason:
    """nginx goes on after OpenSSL's first error, and reports the last."""
    said = dict.fromkeys((OPENSSL, STRICT, OPENSSL_SERVER), openssl) | dict.fromkeys(
        (NGINX, NGINX_DEPTH_1), nginx or openssl
    )
    return Reason(words, said | {CERTTOOL: certtool, CRYPTOGRAPHY: cryptography})


NO_CERTIFICATE: Final = _reason("there is none", "PEER_DID_NOT_RETURN_A_CERTIFICATE", nginx="NONE")
NO_PATH: Final = _reason(
    "no path to the trusted root",
    "unable to get local issuer certificate",
    nginx="unable to",
    certtool="issuer is unknown",
    cryptography="candidates exhausted",
)
OTHER_ROOT: Final = _reason(
    "another root",
    "self-signed certificate in certificate chain",
    certtool="issuer is unknown",
    cryptography="candidates exhausted",
)
OTHER_KEY: Final = _reason(
    "signed with a key of another kind",
    "unable to get local issuer certificate",
    nginx="unable to",
    certtool="violates the signer's constraints",
    cryptography="candidates exhausted",
)
SIGNATURE: Final = _reason(
    "signature",
    "certificate signature failure",
    certtool="signature in the certificate is invalid",
    cryptography="signature does not match",
)
EXPIRED: Final = _reason(
    "expired",
    "certificate has expired",
    certtool="expired certificate",
    cryptography="not valid at validation time",
)
NOT_YET: Final = _reason(
    "not yet valid",
    "certificate is not yet valid",
    certtool="not yet valid certificate",
    cryptography="not valid at validation time",
)
PURPOSE: Final = _reason(
    "not for clients",
    "unsuitable certificate purpose",
    certtool="intended purpose",
    cryptography="EKU not found",
)
AUTHORITY: Final = _reason("not for clients", "unsuitable certificate purpose", cryptography="EE")
NO_AUTHORITY: Final = _reason(
    "issuer is no CA",
    "invalid CA certificate",
    nginx="key usage does not include certificate signing",
    certtool="issuer is not a CA",
    cryptography="cA must be asserted",
)

NOT_ASKED: Final = "Without a certificate there is nothing to ask about: only a server can refuse."
# Why some verifiers decide otherwise than one would wish, and a part of what they say.
DEPTH: Final = Reason(
    "nginx allows one certificate between the client's and the root unless `ssl_verify_depth` says otherwise;"
    " the sandbox says 3. How many ALB allows is not known.",
    {NGINX_DEPTH_1: "unable to get local issuer certificate"},
)
LAST: Final = Reason(
    "GnuTLS looks for a trusted root only above the last certificate of a chain, and here that leads to the"
    " old one. Where GnuTLS verifies, a rotation away from a brought subordinate would shut its clients out"
    " from the flip until they present their chain without the cross certificate.",
    {CERTTOOL: "issuer is unknown", GNUTLS_SERV: ""},
)
NO_PURPOSE: Final = Reason(
    "gnutls-serv verifies for no purpose in particular (`cert_verify(session, NULL, NULL)` in its source). "
    "GnuTLS that is told the purpose refuses, as certtool shows.",
    {GNUTLS_SERV: ""},
)
NO_USAGE: Final = Reason(
    "certtool does not look at the key usage of the first certificate. GnuTLS does in a handshake, as"
    " gnutls-serv shows; besides, only who has the CA's private key could do this.",
    {CERTTOOL: ""},
)
NO_NAMES: Final = Reason(
    "The package cryptography refuses client certificates without alternative names. Therefore the default"
    " has one: keep it.",
    {CRYPTOGRAPHY: "2.5.29.17: Certificate is missing required extension"},
)
BARE_ROOT: Final = Reason(
    "RFC 5280 section 4.2.1.3 wants a CA to have a key usage, and few verifiers insist. "
    "`openssl req -x509` writes none, so such roots are common and not refused here.",
    dict.fromkeys((STRICT, OPENSSL_SERVER), "CA cert does not include key usage extension")
    | {CRYPTOGRAPHY: "2.5.29.15: Certificate is missing required extension"},
)
BARE_SUBORDINATE: Final = Reason(
    "RFC 5280 section 4.2.1.1 wants an authority key identifier in all but self-signed certificates; "
    "without it only strict OpenSSL refuses.",
    dict.fromkeys((STRICT, OPENSSL_SERVER), "Missing Authority Key Identifier"),
)


@dataclass(frozen=True)
class Row:
    """A kind of chain under a kind of trusted root, in several mixes of key algorithms.

    `make` takes a mix. `refused`: None where the chain is to be accepted. `otherwise`: why some
    verifiers decide otherwise, all others not. `asked`: the verifiers that have something to
    decide.
    """

    presented: str
    trusted: str
    mixes: Sequence[tuple[str, ...]]
    make: Callable[..., Presented]
    refused: Reason | None = None
    otherwise: Reason | None = None
    asked: tuple[str, ...] = VERIFIERS

    def decides_otherwise(self, verifier: str) -> bool:
        return self.otherwise is not None and verifier in self.otherwise.said

    def accepted(self, verifier: str) -> bool:
        return (self.refused is None) != self.decides_otherwise(verifier)

    def fits(self, verifier: str, verdict: Verdict) -> bool:
        """Whether the verifier decided as it should, and for the right reason."""
        reason = self.otherwise if self.decides_otherwise(verifier) else self.refused
        said = "" if reason is None else reason.said.get(verifier, "")
        return verdict.accepted == self.accepted(verifier) and (verdict.accepted or said in verdict.reason)


# --- mixes of key algorithms


def turns(width: int, algorithms: Sequence[str] = AUTHORITIES) -> list[tuple[str, ...]]:
    """Every algorithm in every position of a chain, but none twice in one."""
    return [
        tuple(algorithms[(start + place) % len(algorithms)] for place in range(width))
        for start in range(len(algorithms))
    ]


def pairs(first: Sequence[str]) -> list[tuple[str, ...]]:
    return list(product(first, AUTHORITIES))


# --- what stacks hand out


def _client(algorithm: str, root: str) -> Presented:
    made = stacks.simple(root)
    return made.trusted_pem, made.clients[algorithm]


def _named(name: str) -> Callable[[str], Presented]:
    def presented(algorithm: str) -> Presented:
        made = stacks.named(algorithm)
        return made.trusted_pem, made.clients[name]

    return presented


def _of(make: Callable[..., Stack], *places: int) -> Callable[..., Presented]:
    """What the client of a stack presents, or only what stands in some places of it: its own
    certificate in place 0.
    """

    def presented(*algorithms: str) -> Presented:
        made = make(*algorithms)
        return made.trusted_pem, _some(made, *places)

    return presented


def _some(made: Stack, *places: int) -> ClientCredential:
    (whole,) = made.clients.values()
    blocks = bundle.split(whole.certificate_pem)
    return ClientCredential(
        whole.name, "".join(blocks[place] for place in places or range(len(blocks))), whole.private_key_pem
    )


def _flipped(make: Callable[..., Stack], place: int) -> Callable[..., Presented]:
    """What the client of a rotation presents where the new root is trusted already, whose algorithm
    stands in a place of the mix.
    """
    return lambda *algorithms: (_new_root(algorithms[place]), _some(make(*algorithms)))


def _new_root(algorithm: str) -> str:
    return pem(issuer("next", algorithm).certificate)


def _flipped_namesakes(new: str, old: str) -> Presented:
    return pem(stacks.namesake("next", new).certificate), _some(stacks.rotation_of_namesakes(new, old))


def _client_of_the_old_root(old: str, new: str) -> Presented:
    return _new_root(new), stacks.simple(old).clients[DEFAULT]


# --- what nobody should be let in with


def _with_its_root(new: str, old: str) -> Presented:
    made = stacks.rotation(new, old)
    own = _some(made, 0)
    return made.trusted_pem, ClientCredential(
        own.name, own.certificate_pem + _new_root(new), own.private_key_pem
    )


def _tampered(make: Callable[..., Presented]) -> Callable[..., Presented]:
    def presented(*algorithms: str) -> Presented:
        trusted, good = make(*algorithms)
        assert good is not None
        return trusted, forged.tampered(good)

    return presented


def _tampered_cross(new: str, old: str) -> Presented:
    made = stacks.rotation(new, old)
    own, cross = _some(made, 0), forged.tampered(_some(made, 1))
    return made.trusted_pem, ClientCredential(
        own.name, own.certificate_pem + cross.certificate_pem, own.private_key_pem
    )


def _forged(make: Callable[[Issuer], ClientCredential]) -> Callable[[str], Presented]:
    def presented(algorithm: str) -> Presented:
        trusted = issuer("root", algorithm)
        return pem(trusted.certificate), make(trusted)

    return presented


def _signed_by_a_client(algorithm: str, root: str) -> Presented:
    trusted, signer = _client(algorithm, root)
    assert signer is not None
    own, private_key = (
        Issuer.load(bundle.split(signer.certificate_pem)[0], signer.private_key_pem),
        key("made by a client"),
    )
    builder = below(own.certificate, CLIENT_PROFILE, name_of("made by a client"), private_key.public_key())
    builder = builder.not_valid_before(NOW - BACKDATE).not_valid_after(NOW + DAY)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName("client.example.com")]), critical=False
    )
    return trusted, ClientCredential(
        "made by a client", pem(sign(builder, own)) + signer.certificate_pem, key_pem(private_key)
    )


def _root_itself(algorithm: str) -> Presented:
    root = issuer("root", algorithm)
    return pem(root.certificate), ClientCredential("root", pem(root.certificate), key_pem(root.private_key))


def _cross_itself(new: str, old: str) -> Presented:
    made = stacks.rotation(new, old)
    return made.trusted_pem, ClientCredential(
        "cross", _some(made, 1).certificate_pem, key_pem(issuer("next", new).private_key)
    )


# --- the matrix

_ITS, _OLD, _NEW = "its root", "the old root", "the new root"
SOME: Final = turns(1, ("RSA-2048", "ECDSA-P256", "ECDSA-P384"))
_FEW: Final = [("RSA-2048", "ECDSA-P256"), ("ECDSA-P384", "RSA-3072")]
_RSA: Final = [mix for mix in turns(1) if mix[0].startswith("RSA")]
_ECDSA: Final = [mix for mix in turns(1) if mix[0].startswith("ECDSA")]

ACCEPTED: Final = (
    Row("client", _ITS, pairs(CLIENTS), _client),
    Row("client with every subject field", _ITS, SOME, _named("every-field")),
    Row("client with `uris: []`", _ITS, SOME, _named("no-names"), otherwise=NO_NAMES),
    Row("client, subordinate", _ITS, pairs(AUTHORITIES), _of(stacks.below)),
    Row("client, cross", _OLD, pairs(AUTHORITIES), _of(stacks.rotation)),
    Row("client, cross", _NEW, turns(2), _flipped(stacks.rotation, 0)),
    Row("client, cross of a root of the same name", _OLD, turns(2), _of(stacks.rotation_of_namesakes)),
    Row("client, cross of a root of the same name", _NEW, turns(2), _flipped_namesakes),
    Row("client, cross that has ended", _NEW, _FEW, _flipped(stacks.rotation_that_lasted, 0)),
    Row("client, subordinate, cross", _OLD, turns(3), _of(stacks.rotation_to_subordinate), otherwise=DEPTH),
    Row("client, subordinate, cross", _NEW, turns(3), _flipped(stacks.rotation_to_subordinate, 1)),
    Row(
        "client, cross, old subordinate",
        _OLD,
        turns(3),
        _of(stacks.rotation_from_subordinate),
        otherwise=DEPTH,
    ),
    Row(
        "client, cross, old subordinate",
        _NEW,
        turns(3),
        _flipped(stacks.rotation_from_subordinate, 0),
        otherwise=LAST,
    ),
    Row(
        "client, subordinate, cross, old subordinate",
        _OLD,
        turns(4),
        _of(stacks.rotation_between_subordinates),
        otherwise=DEPTH,
    ),
    Row(
        "client, subordinate, cross, old subordinate",
        _NEW,
        turns(4),
        _flipped(stacks.rotation_between_subordinates, 1),
        otherwise=LAST,
    ),
    Row(
        "client of a brought root without key usage",
        _ITS,
        turns(1),
        _of(stacks.without_key_usage),
        otherwise=BARE_ROOT,
    ),
    Row(
        "client, subordinate without authority key id",
        _ITS,
        turns(2),
        _of(stacks.without_identifier),
        otherwise=BARE_SUBORDINATE,
    ),
)
REFUSED: Final = (
    Row(
        "nothing",
        _ITS,
        turns(1),
        lambda algorithm: (stacks.simple(algorithm).trusted_pem, None),
        NO_CERTIFICATE,
        asked=SERVERS,
    ),
    Row("client, its subordinate left out", _ITS, turns(2), _of(stacks.below, 0), NO_PATH),
    Row("client, its cross left out", _OLD, turns(2), _of(stacks.rotation, 0), NO_PATH),
    Row("client, its root instead of the cross", _OLD, turns(2), _with_its_root, OTHER_ROOT),
    Row(
        "client, cross, its subordinate left out",
        _OLD,
        turns(3),
        _of(stacks.rotation_to_subordinate, 0, 2),
        NO_PATH,
    ),
    Row(
        "client, subordinate, the cross left out",
        _OLD,
        turns(3),
        _of(stacks.rotation_to_subordinate, 0, 1),
        NO_PATH,
    ),
    Row("client of the old root", _NEW, turns(2), _client_of_the_old_root, NO_PATH),
    Row(
        "client of a foreign CA, that CA",
        _ITS,
        turns(1),
        _forged(lambda _: forged.foreign(NOW)),
        OTHER_ROOT,
    ),
    Row(
        "self-signed, named as an ECDSA root",
        _ITS,
        _ECDSA,
        _forged(lambda root: forged.self_signed(pem(root.certificate), NOW)),
        SIGNATURE,
    ),
    Row(
        "self-signed, named as an RSA root",
        _ITS,
        _RSA,
        _forged(lambda root: forged.self_signed(pem(root.certificate), NOW)),
        OTHER_KEY,
    ),
    Row("client, its signature tampered with", _ITS, turns(2), _tampered(_client), SIGNATURE),
    Row(
        "client, its signature tampered with, cross",
        _OLD,
        turns(2),
        _tampered(_of(stacks.rotation)),
        SIGNATURE,
    ),
    Row("client, cross, its signature tampered with", _OLD, turns(2), _tampered_cross, SIGNATURE),
    Row("expired client", _ITS, turns(2), _of(stacks.expired), EXPIRED),
    Row(
        "expired client that `mtls verify` makes",
        _ITS,
        turns(1),
        _forged(lambda root: forged.expired(root, NOW)),
        EXPIRED,
    ),
    Row(
        "client, cross that has ended", "the old root, ended", _FEW, _of(stacks.rotation_that_lasted), EXPIRED
    ),
    Row(
        "client that ended with its root",
        "its root, ended",
        turns(1, ("RSA-3072", "ECDSA-P256")),
        _of(stacks.ended),
        EXPIRED,
    ),
    Row(
        "client, not yet valid",
        _ITS,
        turns(1),
        _forged(lambda root: forged.not_yet_valid(root, NOW)),
        NOT_YET,
    ),
    Row(
        "serverAuth only",
        _ITS,
        turns(1),
        _forged(lambda root: forged.server_only(root, NOW)),
        PURPOSE,
        NO_PURPOSE,
    ),
    Row("certificate signed by a client, that client", _ITS, turns(2), _signed_by_a_client, NO_AUTHORITY),
    Row("the root itself", _ITS, turns(1), _root_itself, AUTHORITY, NO_USAGE),
    Row("the cross itself", _OLD, turns(2), _cross_itself, AUTHORITY, NO_USAGE),
)
ROWS: Final = (*ACCEPTED, *REFUSED)
