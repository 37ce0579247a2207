"""One thing that a file holds, and how it is read from its DER."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from alb_mutual_tls.pki import unreadable

SIZE_LIMIT: Final = 1 << 20
"""Octets of a file: a thousand certificates would fit."""


CERTIFICATE_LIMIT: Final = 100


ROUND_LIMIT: Final = 5_000_000
"""Rounds of key derivation, as Java's limit: about two seconds. A file can ask for hours."""


Unlock = Callable[[], str | None]
"""Gives the password of a file, None when there is none to be had; called only where one is needed.
"""


@dataclass(frozen=True)
class Certificate:
    """An X.509 certificate."""

    certificate: x509.Certificate


@dataclass(frozen=True)
class CertificateRequest:
    """A certificate signing request (PKCS#10)."""

    request: x509.CertificateSigningRequest


@dataclass(frozen=True)
class Key:
    """A private key, of which only the public half is kept.

    `locked`: why the key stayed locked, as a clause; `public_key` is None then.
    """

    public_key: Any
    encrypted: bool
    locked: str | None = None


@dataclass(frozen=True)
class Other:
    """Something that is known, and about which there is no more to say."""

    what: str


@dataclass(frozen=True)
class Unreadable:
    """Something that cannot be read: what, why, the remedy."""

    why: str


Piece = Certificate | CertificateRequest | Key | Other | Unreadable


@dataclass(frozen=True)
class Contents:
    """What a file is (its form) and the pieces in it, in its order."""

    form: str
    pieces: tuple[Piece, ...]


def nothing(why: str) -> Contents:
    return Contents("unknown", (Unreadable(why),))


def once(unlock: Unlock) -> Unlock:
    asked: list[str | None] = []

    def ask() -> str | None:
        if not asked:
            asked.append(unlock())
        return asked[0]

    return ask


def safe(label: str) -> str:
    return label if label.replace(" ", "").isalnum() else "block"


def key_piece(load: Callable[[bytes | None], Any], encrypted: bool, unlock: Unlock) -> Piece:
    password = unlock() if encrypted else None
    if encrypted and not password:
        return Key(None, True, "it is encrypted, and no password was given; give it with --password-file")
    try:
        return Key(load(password.encode() if password else None).public_key(), encrypted)
    except (ValueError, TypeError, UnsupportedAlgorithm, AttributeError):
        if encrypted:
            return Key(None, True, "the password is not its password, or it is damaged; try another password")
        return Unreadable("its private key cannot be read; give the file as it was generated")


def certificate_piece(der: bytes) -> Piece:
    try:
        certificate = x509.load_der_x509_certificate(der)
        # It is parsed only as far as it is asked, and without these nothing can be said of it.
        (  # noqa: B018
            certificate.subject,
            certificate.issuer,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        )
        return Certificate(certificate)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        clause = unreadable.of_certificate(der)
        return Unreadable(
            f"its certificate {clause or 'is not an X.509 certificate; give the file as it was issued'}"
        )


def request_piece(der: bytes) -> Piece:
    try:
        request = x509.load_der_x509_csr(der)
        request.subject  # noqa: B018
        return CertificateRequest(request)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        clause = unreadable.of_request(der)
        return Unreadable(
            f"its certificate signing request {clause or 'is not PKCS#10; give what openssl req -new writes'}"
        )
