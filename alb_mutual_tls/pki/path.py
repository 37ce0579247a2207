"""Whether what a client presents leads to a root, by the rules of a verifier that trusts that root alone (RFC 5280 section 6.1).

What is decided here is what OpenSSL, and so nginx and its relatives, decide: issuers are found by name, key identifier and signature, and what the
client presents is all there is. `second_opinion` asks the verifier of the package cryptography, which knows name constraints and nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.inspection import certificate_faults, extension, strength_faults, time_faults
from alb_mutual_tls.pki.signing import to_pem

_CLIENT_USAGES: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
_LONGEST: Final = 8
"""Certificates above a leaf that the second verifier may use; nginx's default ssl_verify_depth allows 1, ALB's is not known."""


def refusals(chain_pem: str, root_pem: str, now: datetime) -> list[str]:
    """Why a listener that trusts this root alone would refuse a client that presents this chain (leaf first), a sentence each; empty: it would not.

    Raises `UserError` when a certificate cannot be read.
    """
    presented, root = bundle.load(chain_pem), bundle.load_one(root_pem)
    if not presented:
        return ["there is no certificate in what it presents"]
    leaf, *above = presented
    found = way(leaf, [one for one in above if not certificate_faults(one, now)], root) or way(leaf, above, root)
    if found is None:
        return [_broken(leaf, above, root), *_leaf_faults(leaf, now)]
    return [*_leaf_faults(leaf, now), *_authority_faults(found, now)]


def between(lower_pem: str, root_pem: str, others_pem: str) -> str | None:
    """PEM of the certificates that lead from one up to a root, both left out, taken from a bundle; None where nothing leads there."""
    found = way(bundle.load(lower_pem)[0], bundle.load(others_pem), bundle.load_one(root_pem))
    return None if found is None else "".join(to_pem(one) for one in found[1:-1])


def second_opinion(chain_pem: str, root_pem: str, now: datetime) -> str | None:
    """Why the verifier of the package cryptography refuses the chain below this root, or None. Our own profile is not asked for."""
    leaf, *above = bundle.load(chain_pem)
    policy = verification.ExtensionPolicy.permit_all()
    authority_policy = policy.require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, None)
    builder = (
        verification.PolicyBuilder()
        .store(verification.Store([bundle.load_one(root_pem)]))
        .time(now)
        .max_chain_depth(_LONGEST)
        .extension_policies(ca_policy=authority_policy, ee_policy=policy)
    )
    try:
        builder.build_client_verifier().verify(leaf, above)
    except verification.VerificationError as error:
        return str(error)
    return None


def way(leaf: x509.Certificate, above: Sequence[x509.Certificate], root: x509.Certificate) -> list[x509.Certificate] | None:
    """The shortest way from a certificate up to a root, both included, whether anything on it has ended or not; None where none leads there."""
    ways: list[list[x509.Certificate]] = [[leaf]]
    seen = {leaf}
    while ways:
        reached = ways.pop(0)
        if reached[-1] == root:
            return reached
        for upper in (root, *above):
            if upper not in seen and _issued(upper, reached[-1]):
                seen.add(upper)
                ways.append([*reached, upper])
    return None


def _issued(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    try:
        named, own = extension(lower, x509.AuthorityKeyIdentifier), extension(upper, x509.SubjectKeyIdentifier)
        if named is not None and named.key_identifier is not None and own is not None and named.key_identifier != own.digest:
            return False
        lower.verify_directly_issued_by(upper)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return False
    return True


def _broken(leaf: x509.Certificate, above: Sequence[x509.Certificate], root: x509.Certificate) -> str:
    top = leaf
    seen = {leaf}
    while upper := next((one for one in above if one not in seen and _issued(one, top)), None):
        seen.add(upper)
        top = upper
    return f"what it presents ends at {_name(top.subject)}, which {_name(top.issuer)} issued, and does not lead to {_name(root.subject)}"


def _leaf_faults(leaf: x509.Certificate, now: datetime) -> Iterator[str]:
    for fault in (*time_faults(leaf, now), *strength_faults(leaf)):
        yield f"its own certificate: {fault}"
    try:
        purposes, usage = extension(leaf, x509.ExtendedKeyUsage), extension(leaf, x509.KeyUsage)
    except (ValueError, x509.DuplicateExtension):
        yield "its own certificate: its extensions cannot be read; let it be made anew"
        return
    if purposes is not None and not _CLIENT_USAGES & set(purposes):
        yield "its own certificate: its extended key usage does not allow clientAuth"
    if usage is not None and not usage.digital_signature:
        yield "its own certificate: its key usage lacks digitalSignature"


def _authority_faults(found: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    below = 0  # authorities, self-issued ones not counted (RFC 5280 section 6.1.4, step l)
    for authority in found[1:]:
        for fault in certificate_faults(authority, now):
            yield f"{_name(authority.subject)}: {fault}"
        constraints = extension(authority, x509.BasicConstraints)
        if constraints is not None and constraints.path_length is not None and constraints.path_length < below:
            yield f"{_name(authority.subject)}: its path length is {constraints.path_length}, and {below} authorities stand below it"
        below += authority.subject != authority.issuer


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "somebody without a name"
