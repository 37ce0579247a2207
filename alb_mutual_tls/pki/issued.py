"""What was issued and is still accepted, though no client of the configuration has it any more:
pure, with the clock as an argument.

ALB knows no revocation: a certificate that was handed out is let in until it ends, whatever became
of its client. So what a client had is remembered until then. `IssuedCertificate` and `Outstanding`
stand in users' state; their names are a persisted contract.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypedDict

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.renewal import from_text, to_text

if TYPE_CHECKING:
    from cryptography import x509


class OutstandingReason(StrEnum):
    """Why a certificate is not a client's current one any more."""

    REMOVED = "removed"  # the client is gone from the configuration
    RENEWED = "renewed"  # its successor is of the same key, names and authority
    REPLACED = "replaced"  # its successor is of another key, name or authority


class IssuedCertificate(TypedDict):
    """The certificate that a client has.

    `serialNumber` and `fingerprint` (SHA-256) in lower-case hex; `notAfter` in RFC 3339; `holder`:
    SHA-256 of its key, names and issuer; `acceptedBy`: the identities (`authority_identity`) of the
    roots under which what the client presents is accepted.
    """

    serialNumber: str
    notAfter: str
    fingerprint: str
    holder: str
    acceptedBy: list[str]


class Outstanding(TypedDict):
    """A certificate that a client once had; `since`: when another one took its place, or the client
    went (RFC 3339).
    """

    client: str
    serialNumber: str
    notAfter: str
    fingerprint: str
    acceptedBy: list[str]
    reason: str
    since: str


def authority_identity(certificate: x509.Certificate) -> str:
    """What a verifier knows an authority by, its name and its key (RFC 5280 section 6.1.1 (d)), as
    SHA-256 in lower-case hex.

    Another certificate of the same authority, one that lasts longer for instance, has the same
    identity and accepts the same clients.
    """
    return _digest([certificate.subject.public_bytes(), _public_key(certificate)])


def identities(roots: Iterable[str]) -> set[str]:
    """The identities of certificates in PEM; raises `UserError` when one is none."""
    return {authority_identity(bundle.load_one(root)) for root in roots}


def entry(certificate_pem: str, roots: Iterable[str]) -> IssuedCertificate:
    """What is remembered of a client's certificate; `roots`: the PEM of the roots that accept it.

    Raises `UserError` when a PEM is none.
    """
    certificate = bundle.load_one(certificate_pem)
    return IssuedCertificate(
        serialNumber=f"{certificate.serial_number:x}",
        notAfter=to_text(certificate.not_valid_after_utc),
        fingerprint=bundle.fingerprint(certificate_pem),
        holder=_holder(certificate),
        acceptedBy=sorted(identities(roots)),
    )


def kept(
    known: Mapping[str, IssuedCertificate], current: Mapping[str, IssuedCertificate]
) -> dict[str, IssuedCertificate]:
    """The current certificates, with the roots that once accepted them: who got a cross certificate
    in a rotation may still present it.
    """
    return {
        client: _with_roots_of(known[client], now) if client in known else now
        for client, now in current.items()
    }


def _with_roots_of(before: IssuedCertificate, now: IssuedCertificate) -> IssuedCertificate:
    if before["fingerprint"] != now["fingerprint"]:
        return now
    return {**now, "acceptedBy": sorted({*before["acceptedBy"], *now["acceptedBy"]})}


def outstanding(
    known: Mapping[str, IssuedCertificate],
    before: Sequence[Outstanding],
    current: Mapping[str, IssuedCertificate],
    now: datetime,
) -> list[Outstanding]:
    """The certificates that were issued, are no longer current and have not ended at `now`, by
    client and end.

    `known` and `before`: what was current and outstanding the last time. A certificate that is
    current again is not outstanding.
    """
    gone = known.keys() - current.keys()
    found = [
        Outstanding({**one, "reason": OutstandingReason.REMOVED.value}) if one["client"] in gone else one
        for one in before
    ]
    for client, last in known.items():
        successor = current.get(client)
        if successor is None or successor["fingerprint"] != last["fingerprint"]:
            found.append(_left_behind(client, last, successor, now))
    standing = {one["fingerprint"] for one in current.values()}
    lasting = {
        one["fingerprint"]: one
        for one in found
        if one["fingerprint"] not in standing and from_text(one["notAfter"]) > now
    }
    return sorted(lasting.values(), key=lambda one: (one["client"], one["notAfter"], one["fingerprint"]))


def _left_behind(
    client: str, last: IssuedCertificate, successor: IssuedCertificate | None, now: datetime
) -> Outstanding:
    return Outstanding(
        client=client,
        serialNumber=last["serialNumber"],
        notAfter=last["notAfter"],
        fingerprint=last["fingerprint"],
        acceptedBy=last["acceptedBy"],
        reason=_reason(last, successor).value,
        since=to_text(now),
    )


def _reason(last: IssuedCertificate, successor: IssuedCertificate | None) -> OutstandingReason:
    if successor is None:
        return OutstandingReason.REMOVED
    return OutstandingReason.RENEWED if successor["holder"] == last["holder"] else OutstandingReason.REPLACED


def accepted_until(
    client: str, known: Mapping[str, IssuedCertificate], before: Sequence[Outstanding], now: datetime
) -> str | None:
    """Until when somebody with a certificate of this client is accepted (RFC 3339); None when all
    of them have ended.
    """
    ends = [one["notAfter"] for one in before if one["client"] == client]
    ends += [known[client]["notAfter"]] if client in known else []
    last = max(ends, default=None)
    return last if last is not None and from_text(last) > now else None


def _holder(certificate: x509.Certificate) -> str:
    from cryptography import x509

    from alb_mutual_tls.pki.authority_faults import extension

    names = extension(certificate, x509.SubjectAlternativeName)
    alternative = b"" if names is None else names.public_bytes()
    return _digest(
        [
            _public_key(certificate),
            certificate.subject.public_bytes(),
            alternative,
            certificate.issuer.public_bytes(),
        ]
    )


def _public_key(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _digest(parts: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()
