"""Every kind of certificate that a stack makes, as data: test_pki_lint.py checks each by itself,
docs/pki.md shows it (table.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509

from alb_mutual_tls.pki import bundle
from tests.contract.pki import stacks
from tests.contract.pki.issued import AUTHORITIES, CLIENTS, GENERATED, Stack, issuer
from tests.contract.pki.matrix import SOME, pairs, turns
from tests.contract.pki.stacks import DEFAULT
from tests.unit.pki.profiles import assert_is_client_certificate, assert_is_cross_certificate, assert_is_root

Made = tuple[x509.Certificate, x509.Certificate]
"""A certificate and its issuer's."""

FALSE_URI: Final = (
    "A false positive: pkilint knows only the schemes of the web, so every `spiffe://` and `urn:` is an error"
    " to it. An `https://` name is none."
)
NO_EMAIL_NAME: Final = (
    "True of a CA that was configured with an emailAddress: RFC 5280 section 4.1.2.6 wants it as an"
    " alternative name too. No verifier minds. Client certificates have it."
)
_URI: Final = {"pkix.invalid_uri_syntax": FALSE_URI}


@dataclass(frozen=True)
class Kind:
    """A kind of certificate in several mixes of key algorithms: `make` takes a mix.

    `findings`: what pkilint reports, by code, and why that is no fault.
    """

    name: str
    mixes: Sequence[tuple[str, ...]]
    make: Callable[..., Made]
    check: Callable[[x509.Certificate, x509.Certificate], None]
    findings: Mapping[str, str] = field(default_factory=dict)


def _root(algorithm: str) -> Made:
    root = issuer("root", algorithm).certificate
    return root, root


def _named_root(algorithm: str) -> Made:
    root = bundle.load_one(stacks.named(algorithm).trusted_pem)
    return root, root


def _client(algorithm: str, root: str) -> Made:
    made = stacks.simple(root)
    return _first(made, algorithm), bundle.load_one(made.trusted_pem)


def _named(name: str) -> Callable[[str], Made]:
    def make(algorithm: str) -> Made:
        made = stacks.named(algorithm)
        return _first(made, name), bundle.load_one(made.trusted_pem)

    return make


def _first(made: Stack, client: str = DEFAULT) -> x509.Certificate:
    return bundle.load(made.clients[client].certificate_pem)[0]


def _below(lower: str, upper: str) -> Made:
    own, subordinate = bundle.load(stacks.below(lower, upper).clients[DEFAULT].certificate_pem)
    return own, subordinate


def _cross(make: Callable[..., Stack]) -> Callable[[str, str], Made]:
    def crossed(new: str, old: str) -> Made:
        made = make(new, old)
        return bundle.load(made.clients[DEFAULT].certificate_pem)[1], bundle.load_one(made.trusted_pem)

    return crossed


def _check_root(certificate: x509.Certificate, _: x509.Certificate) -> None:
    assert_is_root(certificate)


KINDS: Final = (
    Kind("root CA", turns(1, GENERATED), _root, _check_root),
    Kind(
        "root CA with every subject field",
        SOME,
        _named_root,
        _check_root,
        {"pkix.subject_email_address_not_in_san": NO_EMAIL_NAME},
    ),
    Kind("client", pairs(CLIENTS), _client, assert_is_client_certificate, _URI),
    Kind(
        "client below a brought subordinate", pairs(AUTHORITIES), _below, assert_is_client_certificate, _URI
    ),
    Kind("client with every subject field", SOME, _named("every-field"), assert_is_client_certificate, _URI),
    Kind("client with `uris: []`", SOME, _named("no-names"), assert_is_client_certificate),
    Kind("client with a URI of the web", SOME, _named("https"), assert_is_client_certificate),
    Kind("cross", pairs(AUTHORITIES), _cross(stacks.rotation), assert_is_cross_certificate),
    Kind(
        "cross of a root of the same name",
        turns(2),
        _cross(stacks.rotation_of_namesakes),
        assert_is_cross_certificate,
    ),
)
