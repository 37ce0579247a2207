"""Certificates as PEM text: taken apart, and told apart by their content."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from alb_mutual_tls.pem_blocks import blocks

_LABELS: Final = ("CERTIFICATE", "X509 CERTIFICATE")


def ders_of(pem: str) -> list[bytes]:
    """The DER bytes of every certificate in a PEM text, in order; raises `ValueError` when one is
    no base64.
    """
    try:
        texts = ["".join(body.split()) for _, body in blocks(pem, _LABELS)]
        return [base64.b64decode(text, validate=True) for text in texts if text]
    except binascii.Error as error:
        raise ValueError(f"a certificate is no base64 text, {error}") from None


def certificates_of(pem: str) -> list[str]:
    """Every certificate of a PEM text in one spelling (64 characters a line), without anything that
    stands between them.
    """
    return [
        "-----BEGIN CERTIFICATE-----\n"
        + "".join(f"{text[i : i + 64]}\n" for i in range(0, len(text), 64))
        + "-----END CERTIFICATE-----\n"
        for text in (base64.b64encode(der).decode() for der in ders_of(pem))
    ]


def digests(pem: str) -> list[str]:
    """The SHA-256 of the DER of every certificate in a PEM text, in lower-case hex."""
    return [hashlib.sha256(der).hexdigest() for der in ders_of(pem)]


def digest(pem: str) -> str:
    """The SHA-256 of the first certificate's DER; raises `ValueError` when there is no
    certificate.
    """
    found = digests(pem)
    if not found:
        raise ValueError("there is no certificate")
    return found[0]
