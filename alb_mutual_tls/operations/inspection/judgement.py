"""What `mtls inspect` finds: files, their items, and what would become of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cryptography import x509

from alb_mutual_tls.operations.inspection.facts import Facts
from alb_mutual_tls.operations.inspection.piece import Certificate, CertificateRequest, Contents
from alb_mutual_tls.pki.issuance import public_key

READABLE_BY_OTHERS: Final = 0o077


RECIPE: Final = (
    "openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj '/O=example/CN=example client CA' "
    "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out ca.crt"
)


class Basis(StrEnum):
    """What a reason stands on."""

    PROGRAM = "rule of this program"
    OPENSSL = "OpenSSL refuses it"
    SANDBOX = "seen on the sandbox"
    DOCUMENTED = "documented by Alibaba Cloud"
    TLS = "no client can use it"


class JudgedAs(StrEnum):
    """What a certificate is judged as."""

    CLIENT = "client"
    CA = "ca"


class InspectionVerdict(StrEnum):
    """What all of it comes to."""

    NOTHING = "nothing against it"
    REFUSED = "would be refused"
    NOT_DECIDED = "not decided"


@dataclass(frozen=True)
class Refusal:
    """Why it would be refused, with the remedy."""

    sentence: str
    basis: Basis


@dataclass(frozen=True)
class Source:
    """A file: its name, its contents, its mode and its encryption.

    `mode`: None where the source has none. `encryptions`: how the file is encrypted.
    """

    name: str
    contents: Contents
    mode: int | None = None
    encryptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Anchor:
    """The CA certificate that a listener trusts, and what to call it."""

    name: str
    certificate: x509.Certificate


@dataclass(frozen=True)
class Item:
    """One piece of a file, and what can be said of it.

    `what`: what it is.
    `facts`: what it says of itself.
    `reasons`: what speaks against it.
    `notes`: what is worth knowing.
    `undecided`: what could not be decided.
    """

    what: str
    facts: Facts
    reasons: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True)
class InspectedFile:
    """A file, piece by piece."""

    name: str
    form: str
    items: tuple[Item, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """Whether a listener that trusts `anchor` would let the client in."""

    client: str
    anchor: str
    reasons: tuple[Refusal, ...]
    undecided: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> InspectionVerdict:
        """The verdict on this client at this CA."""
        return _verdict(bool(self.reasons), bool(self.undecided))


@dataclass(frozen=True)
class InspectionReport:
    """Everything that is said about some files.

    `fit`: how the pieces belong together, a sentence each.
    """

    files: tuple[InspectedFile, ...]
    fit: tuple[str, ...]
    judgements: tuple[Judgement, ...]

    @property
    def verdict(self) -> InspectionVerdict:
        """The verdict on all files.

        Refused when anything speaks against any piece. Otherwise not decided when something could
        not be read or told.
        """
        parts: list[Item | Judgement] = [
            *(item for file in self.files for item in file.items),
            *self.judgements,
        ]
        return _verdict(any(part.reasons for part in parts), any(part.undecided for part in parts))


def _verdict(refused: bool, undecided: bool) -> InspectionVerdict:
    return (
        InspectionVerdict.REFUSED
        if refused
        else InspectionVerdict.NOT_DECIDED
        if undecided
        else InspectionVerdict.NOTHING
    )


def certificates_of(source: Source) -> list[x509.Certificate]:
    """The certificates of a file, in its order."""
    return [piece.certificate for piece in source.contents.pieces if isinstance(piece, Certificate)]


def public_keys_of(source: Source) -> list[Any]:
    """The public keys of a file's certificates and requests, as far as they can be read."""
    return [
        key
        for piece in source.contents.pieces
        if isinstance(piece, Certificate | CertificateRequest)
        for key in public_key_of(piece)
    ]


def public_key_of(piece: Certificate | CertificateRequest) -> list[Any]:
    """The public key, if it can be read."""
    key = public_key(piece.certificate if isinstance(piece, Certificate) else piece.request)
    return [] if key is None else [key]
