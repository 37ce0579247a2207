"""Chains of certificates: how long the way is from a client to an authority, and probe clients below chains of a chosen length."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.imposters import Credential, good
from alb_mutual_tls.pki.names import to_name
from alb_mutual_tls.pki.profile import BACKDATE, CA_PROFILE
from alb_mutual_tls.pki.signing import Issuer, below, sign, to_pem

_HOUR: Final = timedelta(hours=1)
_LONGEST: Final = 10
"""Nobody presents a longer chain; it also ends the search where certificates sign each other."""


def length_to(chain_pem: str, authority_pem: str) -> int | None:
    """How many certificates lead from a client's own to the authority, that one not counted; `None` when they do not lead there.

    `chain_pem` is what the client presents, leaf first. Only signatures and names are looked at, not validity.
    """
    leaf, *above = bundle.load(chain_pem)
    (authority,) = bundle.load(authority_pem)
    ways = [[leaf]]
    for length in range(1, _LONGEST):
        if any(_issued(way[-1], authority) for way in ways):
            return length
        ways = [[*way, issuer] for way in ways for issuer in above if issuer not in way and _issued(way[-1], issuer)]
    return None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def probe(authority: Issuer, length: int, now: datetime) -> Credential:
    """A good client for an hour whose chain has `length` certificates below the authority; all keys are made here and live in memory only."""
    issuer, above = authority, ""
    for number in range(1, length):
        key = ec.generate_private_key(ec.SECP256R1())
        name = to_name({"organizationName": "alb-mutual-tls", "commonName": f"mtls rehearse, intermediate {number}"})
        builder = below(issuer.certificate, CA_PROFILE, name, key.public_key()).not_valid_before(now - BACKDATE)
        issuer = Issuer(sign(builder.not_valid_after(now + _HOUR), issuer), key)
        above = to_pem(issuer.certificate) + above
    return good(f"chain of {length}", issuer, now, above)
