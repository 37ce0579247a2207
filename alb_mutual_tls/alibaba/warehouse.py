"""Repositories and certificates in CAS's lists, and which one is meant.

Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.bundle import split

MADE_TYPE = (  # what CreateWarehouse calls the console's data source "Uploaded CA Certificates"
    "uploadedAuthorityCertificate"
)


LISTED_TYPE = "uploadCA"  # what ListCertWarehouse calls the same


@dataclass(frozen=True)
class Repository:
    """A certificate application repository; `warehouse_id` is its long WhId as text."""

    instance_id: str
    warehouse_id: str
    name: str
    type: str


@dataclass(frozen=True)
class ListedCertificate:
    """A certificate as a list shows it.

    `not_after` is in milliseconds since the epoch, or None where the list does not say.
    """

    identifier: str
    common_name: str
    not_after: int | None

    def describe(self) -> str:
        """For sentences."""
        return f"{self.identifier} ({self.common_name})" if self.common_name else self.identifier


def choose_repository(listed: list[Repository], name: str, *, configured: bool) -> Repository | None:
    """Which of the listed repositories is the one of this name; pure.

    CAS's filter is fuzzy and names are not unique. A name with the stack's random id in it can only
    be ours, so of several the oldest (smallest WhId) is taken; of several with a `configured` name
    none is, since only the user knows which is meant.
    """
    same_name = [item for item in listed if item.name == name]
    fitting = sorted(
        (item for item in same_name if item.type == LISTED_TYPE),
        key=lambda item: (len(item.warehouse_id), item.warehouse_id),
    )
    if len(fitting) > 1 and configured:
        ids = ", ".join(item.instance_id for item in fitting)
        raise UserError(
            f"{len(fitting)} repositories are named {name} ({ids}): rename all but one, or set the key"
            " repository to another name"
        )
    if fitting:
        return fitting[0]
    return usable(same_name[0]) if same_name else None


def usable(repository: Repository) -> Repository:
    """Return the repository itself if this program can upload to it.

    Raises `UserError` when the repository is of another type.
    """
    if repository.type != LISTED_TYPE:
        raise UserError(
            f"the repository {repository.name} ({repository.instance_id}) is of type {repository.type}, and"
            " this program uploads "
            f'CA certificates to one of type {LISTED_TYPE} (data source "Uploaded CA Certificates"): set the'
            " key repository to another name"
        )
    return repository


def of_private_ca(answer: Mapping[str, Any]) -> str:
    """Return a CA certificate and its chain from a private CA's answer; pure.

    The answer is that of DescribeCACertificate. The text is empty where the answer has no
    certificate.

    `CaCertChain` is "the complete certificate chain". Whether it begins with the certificate itself
    is not documented.
    """
    certificate = answer.get("Certificate")
    fields = certificate if isinstance(certificate, Mapping) else {}
    blocks = [
        block for name in ("X509Certificate", "CaCertChain") for block in split(str(fields.get(name) or ""))
    ]
    return "".join(dict.fromkeys(blocks))


def may_be(item: ListedCertificate, end: int | None) -> bool:
    """Tell whether a listed certificate may be the one that expires at `end`.

    `end` is in milliseconds. Time zones are allowed for with one day of tolerance.
    """
    return (
        item.not_after is None
        or item.not_after < 10**11
        or end is None
        or abs(item.not_after - end) <= 86_400_000
    )


def not_after(pem: str) -> int | None:
    """Return when the first certificate of a PEM text expires.

    The time is in milliseconds since the epoch, or None when the certificate cannot be read.
    """
    from cryptography import x509

    try:
        return int(
            x509.load_pem_x509_certificate(split(pem)[0].encode()).not_valid_after_utc.timestamp() * 1000
        )
    except (UserError, ValueError, IndexError):
        return None
