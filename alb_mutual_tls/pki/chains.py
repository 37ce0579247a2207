"""Chains of certificates: how long the way is from a client to an authority, and probe clients below chains of a chosen length."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.imposters import Credential, good
from alb_mutual_tls.pki.names import to_name
from alb_mutual_tls.pki.path import way
from alb_mutual_tls.pki.profile import BACKDATE, CA_PROFILE
from alb_mutual_tls.pki.signing import Issuer, below, sign, to_pem

_HOUR: Final = timedelta(hours=1)


def length_to(chain_pem: str, authority_pem: str) -> int | None:
    """How many certificates lead from a client's own to the authority, that one not counted; `None` when they do not lead there.

    `chain_pem` is what the client presents, leaf first. Only names, key identifiers and signatures are looked at, not validity.
    """
    leaf, *above = bundle.load(chain_pem)
    found = way(leaf, above, bundle.load_one(authority_pem))
    return None if found is None else len(found) - 1


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
