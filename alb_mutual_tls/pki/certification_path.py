"""The way from a client's certificate up to a trusted CA, as OpenSSL goes it, and what breaks it.

OpenSSL is what the sandbox's nginx verifies with; what a real ALB verifies with is not known. The rules were compared with it, certificate by
certificate (tests/contract/pki/test_pki_explanations.py). Sources: RFC 5280 section 6.1, OpenSSL 3.0's crypto/x509/x509_vfy.c and v3_purp.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from alb_mutual_tls.pki.profile import normalized
from alb_mutual_tls.pki.renewal import to_text

_LONGEST: Final = 10
_RSA_BITS: Final = 2048
_WEAK_HASHES: Final = (hashes.MD5, hashes.SHA1)
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_SIGNATURES: Final = {rsa.RSAPublicKey: "1.2.840.113549.1.1.", ec.EllipticCurvePublicKey: "1.2.840.10045.4."}
"""Where the object identifiers of a kind of key's signatures begin (RFC 4055, RFC 5758)."""
_UNDERSTOOD: Final = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.POLICY_MAPPINGS,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.INHIBIT_ANY_POLICY,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
}
_LIMITING: Final = (x509.NameConstraints, x509.PolicyConstraints, x509.InhibitAnyPolicy)
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

Path = tuple[x509.Certificate, ...]
"""Leaf first; each was issued by the one after it."""


def walk(leaf: x509.Certificate, others: Sequence[x509.Certificate], anchor: x509.Certificate | None, now: datetime) -> Path:
    """The way up from `leaf` to the anchor, or as far as `others` lead.

    As OpenSSL, it never turns back: of two certificates that may be the issuer's the first one that is valid at the time counts, be it the wrong one.
    """
    path: Path = (leaf,)
    while path[-1] != anchor and len(path) < _LONGEST:
        top = path[-1]
        if anchor is not None and names_issuer(anchor, top):
            return (*path, anchor)
        if looks_self_signed(top):
            break
        above = [one for one in others if one not in path and names_issuer(one, top)]
        if not above:
            break
        path = (*path, next((one for one in above if not any(_time_faults(one, now))), above[0]))
    return path


@lru_cache(maxsize=20_000)
def names_issuer(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Whether one certificate names the other as its issuer's: by name, key identifier and kind of key, without a look at the signature."""
    return _comparable(lower.issuer) == _comparable(upper.subject) and _names_key_of(lower, upper) and _signed_by_such_a_key(upper, lower)


def issued(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Whether one certificate was issued by the other: by what it says, and by its signature."""
    return names_issuer(upper, lower) and signed(upper, lower)


def looks_self_signed(certificate: x509.Certificate) -> bool:
    """Whether OpenSSL takes a certificate for a self-signed one."""
    return names_issuer(certificate, certificate)


@lru_cache(maxsize=20_000)
def signed(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Whether the signature of one certificate is that of the other's key; weak ones count, else they would be called forged."""
    try:
        key, algorithm = public_key(upper), lower.signature_hash_algorithm
        match key:
            case rsa.RSAPublicKey():
                parameters = lower.signature_algorithm_parameters
                scheme = parameters if isinstance(parameters, padding.PSS) else padding.PKCS1v15()
                key.verify(lower.signature, lower.tbs_certificate_bytes, scheme, algorithm or hashes.SHA256())
            case ec.EllipticCurvePublicKey():
                key.verify(lower.signature, lower.tbs_certificate_bytes, ec.ECDSA(algorithm or hashes.SHA256()))
            case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
                key.verify(lower.signature, lower.tbs_certificate_bytes)
            case _:
                return False
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate is a root: of its own name, and signed with its own key."""
    return looks_self_signed(certificate) and signed(certificate, certificate)


def _comparable(distinguished: x509.Name) -> list[tuple[str, str]]:
    """As verifiers compare names (RFC 5280 section 7.1): kinds of text, case and white space do not count."""
    return [
        (one.oid.dotted_string, normalized(one.value) if isinstance(one.value, str) else one.value.hex())
        for rdn in distinguished.rdns
        for one in rdn
    ]


def _names_key_of(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    """RFC 5280 section 4.2.1.1; what either does not say does not speak against it."""
    named = extension(lower, x509.AuthorityKeyIdentifier)
    if named is None:
        return True
    identifier = extension(upper, x509.SubjectKeyIdentifier)
    if named.key_identifier is not None and identifier is not None and named.key_identifier != identifier.digest:
        return False
    return named.authority_cert_serial_number in (None, upper.serial_number)


def _signed_by_such_a_key(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    key = public_key(upper)
    signature = lower.signature_algorithm_oid.dotted_string
    return all(isinstance(key, kind) == signature.startswith(beginning) for kind, beginning in _SIGNATURES.items())


# --- what breaks a path


def path_faults(path: Path, anchor: x509.Certificate | None, now: datetime) -> list[str]:
    """Why a path does not hold above its leaf, a sentence each; without an anchor it may end anywhere, and a root at its end is trusted."""
    root = anchor or (path[-1] if looks_self_signed(path[-1]) else None)
    faults = [_forged(lower, upper) for lower, upper in pairwise(path) if not signed(upper, lower)]
    faults += [
        f"{name(one)}, which stands above it, {fault}" for one in path[1:] for fault in _authority_faults(one, now, trusted=one == root)
    ]
    faults += _path_length_faults(path)
    if anchor is not None and path[-1] != anchor:
        faults.append(_missing(path[-1], anchor))
    if anchor is not None and path[-1] == anchor and not looks_self_signed(anchor):
        faults.append(f"{name(anchor)}, which is trusted, is no root but was issued by {text(anchor.issuer)}; trust the root above it")
    return faults


def leaf_faults(leaf: x509.Certificate, now: datetime) -> list[str]:
    """Why a certificate cannot be that of a client, whoever issued it, a sentence each."""
    try:
        leaf.extensions  # noqa: B018  # reading them all is the check
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ["its extensions cannot be read; have the certificate made anew"]
    faults = [f"it {fault}; have a new certificate issued" for fault in _time_faults(leaf, now)]
    usage = extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.key_agreement):
        faults.append("its key usage lacks digitalSignature, with which a client proves that it has the key; have it issued with that")
    purposes = extension(leaf, x509.ExtendedKeyUsage)
    if purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        faults.append("its extended key usage lacks clientAuth; have it issued with that")
    faults += [f"it {fault}; have it issued without" for fault in _unknown_critical(leaf)]
    weak = weak_key(leaf) or _weak_signature(leaf)
    return [*faults, f"it {weak}; have it issued with RSA of 2048 bits or more, or ECDSA-P256, and SHA-256"] if weak else faults


def limits(path: Path) -> list[str]:
    """What in a path limits it in a way that is not looked at here: constraints of names and policies."""
    found = [(one, kind) for one in path[1:] for kind in _LIMITING if extension(one, kind) is not None]
    return [f"{name(one)} has {kind.oid._name}, and whether they allow it is not looked at here" for one, kind in found]


def weak_key(certificate: x509.Certificate) -> str | None:
    """Why the sandbox refuses a key, as the rest of a sentence."""
    key = public_key(certificate)
    if key is None:
        return "has a key of a kind that cannot be read"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _RSA_BITS:
        return f"has an RSA key of {key.key_size} bits, which is too short"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        return f"has a key on the curve {key.curve.name}, which TLS servers do not take"
    return None


def _weak_signature(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    return f"is signed with {algorithm.name.upper()}, which can be forged" if isinstance(algorithm, _WEAK_HASHES) else None


def _authority_faults(certificate: x509.Certificate, now: datetime, *, trusted: bool) -> Iterator[str]:
    try:
        certificate.extensions  # noqa: B018
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        yield "has extensions that cannot be read; use another authority"
        return
    yield from (f"{fault}; use another authority" for fault in _time_faults(certificate, now))
    usage, constraints = extension(certificate, x509.KeyUsage), extension(certificate, x509.BasicConstraints)
    old_root = certificate.version is x509.Version.v1 and looks_self_signed(certificate)
    unspoken = constraints is None and trusted and (old_root or (usage is not None and usage.key_cert_sign))
    if not unspoken and (constraints is None or not constraints.ca):
        yield "is no certificate authority: basicConstraints lacks CA:TRUE; make the authority anew with it"
    if usage is not None and not usage.key_cert_sign:
        yield "lacks the key usage keyCertSign; make the authority anew with it"
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    if purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        yield "has an extended key usage without clientAuth; make the authority anew without that extension"
    yield from (f"{fault}; make the authority anew without" for fault in _unknown_critical(certificate))
    weak = weak_key(certificate) or (None if trusted else _weak_signature(certificate))
    if weak:
        yield f"{weak}; make the authority anew"


def _path_length_faults(path: Path) -> Iterator[str]:
    below = 0  # authorities that count: self-issued ones do not
    for one in path[1:]:
        constraints = extension(one, x509.BasicConstraints)
        if constraints is not None and constraints.path_length is not None and below > constraints.path_length:
            yield (
                f"{name(one)}, which stands above it, has path length {constraints.path_length} and does not allow the {below} authorities below it; "
                "have the certificate issued further up"
            )
        below += one.subject != one.issuer


def _missing(top: x509.Certificate, anchor: x509.Certificate) -> str:
    if self_signed(top):
        return f"its chain ends at the root {name(top)}, and trusted is another one, {name(anchor)}; use a certificate below that"
    if _comparable(top.issuer) == _comparable(anchor.subject):
        return _forged(top, anchor)
    return (
        f"{name(top)} was issued by {text(top.issuer)}, which is neither the trusted CA {name(anchor)} nor in the file; "
        "put the certificate of that intermediate authority behind the client's, if the trusted CA issued it"
    )


def _forged(lower: x509.Certificate, upper: x509.Certificate) -> str:
    return (
        f"{name(lower)} says that {name(upper)} issued it, but that was not with the key of the {name(upper)} that is known here: that CA was made "
        "anew, or a file was changed; use certificates that belong together"
    )


def _time_faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    if now > certificate.not_valid_after_utc:
        yield f"expired on {to_text(certificate.not_valid_after_utc)}"
    if now < certificate.not_valid_before_utc:
        yield f"is not valid before {to_text(certificate.not_valid_before_utc)}"


def _unknown_critical(certificate: x509.Certificate) -> list[str]:
    unknown = [one.oid.dotted_string for one in certificate.extensions if one.critical and one.oid not in _UNDERSTOOD]
    return [f"has the critical extension {oid}, which verifiers do not know and so refuse" for oid in unknown]


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The value of an extension, None when the certificate has none or its extensions cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


def public_key(one: x509.Certificate | x509.CertificateSigningRequest) -> Any:
    """The public key; None when it cannot be read."""
    try:
        return one.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def name(certificate: x509.Certificate) -> str:
    """A certificate's subject in words."""
    return text(certificate.subject)


def text(distinguished: x509.Name) -> str:
    """A distinguished name in words."""
    return distinguished.rfc4514_string({NameOID.EMAIL_ADDRESS: "emailAddress"}) or "somebody without a name"
