"""Remember issued certificates that are still accepted but no longer current.

No client of the configuration has them any more. The module is pure, with the clock as an argument.

ALB has no revocation. It lets an issued certificate in until it ends, whatever became of its
client. So what a client had is remembered until then. `IssuedCertificate` and `Outstanding` are
stored in users' state, so their names are a persisted contract.
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

    `serialNumber` and `fingerprint` (SHA-256) in lower-case hex; `notBefore` and `notAfter` in RFC
    3339; `holder`: SHA-256 of its key, names and issuer; `acceptedBy`: the identities
    (`authority_identity`) of the roots under which what the client presents is accepted.
    """

    certificatePem: str
    serialNumber: str
    notBefore: str
    notAfter: str
    fingerprint: str
    holder: str
    acceptedBy: list[str]


class Outstanding(TypedDict):
    """A certificate that a client once had.

    `since` is when another one took its place, or the client went (RFC 3339).
    """

    client: str
    serialNumber: str
    notAfter: str
    fingerprint: str
    acceptedBy: list[str]
    reason: str
    since: str


def authority_identity(certificate: x509.Certificate) -> str:
    """Return the identity by which a verifier knows an authority.

    It is the SHA-256 of its name and its key (RFC 5280 section 6.1.1 (d)) in lower-case hex.
    Another certificate of the same authority, such as one that lasts longer, has the same identity.
    It accepts the same clients.
    """
    return _digest([certificate.subject.public_bytes(), _public_key(certificate)])


def identities(roots: Iterable[str]) -> list[str]:
    """Return the identities of certificates in PEM, sorted.

    Raises `UserError` when one is not a certificate.
    """
    return sorted({authority_identity(bundle.load_one(root)) for root in roots})


def entry(certificate_pem: str, accepted_by: Sequence[str]) -> IssuedCertificate:
    """Return what is remembered of a client's certificate.

    `accepted_by` holds the identities of the roots that accept it. Raises `UserError` when the PEM
    is not a certificate.
    """
    certificate = bundle.load_one(certificate_pem)
    return IssuedCertificate(
        certificatePem=certificate_pem,
        serialNumber=f"{certificate.serial_number:x}",
        notBefore=to_text(certificate.not_valid_before_utc),
        notAfter=to_text(certificate.not_valid_after_utc),
        fingerprint=bundle.fingerprint(certificate_pem),
        holder=_holder(certificate),
        acceptedBy=[*accepted_by],
    )


def kept(
    known: Mapping[str, IssuedCertificate], current: Mapping[str, IssuedCertificate]
) -> dict[str, IssuedCertificate]:
    """Return the current certificates with the roots that once accepted them.

    Whoever got a cross certificate in a rotation may still present it.
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
    """Return the issued certificates that are not current and have not ended at `now`.

    They are sorted by client and end. `known` and `before` are what was current and outstanding the
    last time. A certificate that is current again is not outstanding.
    """
    gone = known.keys() - current.keys()
    certificates = [
        Outstanding({**certificate, "reason": OutstandingReason.REMOVED.value})
        if certificate["client"] in gone
        else certificate
        for certificate in before
    ]
    for client, last in known.items():
        successor = current.get(client)
        if successor is None or successor["fingerprint"] != last["fingerprint"]:
            certificates.append(_left_behind(client, last, successor, now))
    standing = {certificate["fingerprint"] for certificate in current.values()}
    lasting = {
        certificate["fingerprint"]: certificate
        for certificate in certificates
        if certificate["fingerprint"] not in standing and from_text(certificate["notAfter"]) > now
    }
    return sorted(
        lasting.values(),
        key=lambda certificate: (certificate["client"], certificate["notAfter"], certificate["fingerprint"]),
    )


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
    """Return until when a certificate of this client is accepted (RFC 3339).

    None means that all of them have ended.
    """
    ends = [certificate["notAfter"] for certificate in before if certificate["client"] == client]
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
