"""Why OpenSSL refuses a certification path, in one sentence each. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from alb_mutual_tls.pki.authority_faults import UNDERSTOOD, extension, extensions
from alb_mutual_tls.pki.issuance import public_key, signed
from alb_mutual_tls.pki.keys import WEAK_HASHES
from alb_mutual_tls.pki.names import comparable, name, text
from alb_mutual_tls.pki.openssl_path import LEADS_NOWHERE, Judged, Path, PathError, self_signed
from alb_mutual_tls.pki.renewal import to_text

_RSA_BITS: Final = 2048


_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")


_NETSCAPE_TYPE: Final = "2.16.840.1.113730.1.1"


_NAME_CONSTRAINTS: Final = bytes.fromhex("0603551d1e")
"""The DER of their object identifier: they are looked for where the package cryptography cannot
read them, too.
"""


_ODD_CONSTRAINTS: Final = range(49, 54)


def explained(judged: Judged, anchor: x509.Certificate | None) -> Iterator[str]:
    path, certificate = judged.path, judged.path[judged.depth]
    is_leaf = judged.depth == 0
    match judged.code:
        case PathError.SELF_SIGNED_LEAF:
            yield self_signed_leaf(certificate)
        case PathError.NO_ISSUER if anchor is not None and path[-1] == anchor:
            yield (
                f"{name(anchor)}, which is trusted, is not a root but was issued by {text(anchor.issuer)};"
                " trust the root above it"
            )
        case _ if judged.code in LEADS_NOWHERE and anchor is not None:
            yield _missing(path[-1], anchor)
        case PathError.SIGNATURE if len(path) > judged.depth + 1:
            yield _forged(certificate, path[judged.depth + 1])
        case PathError.EXPIRED:
            yield placed(certificate, path, f"{_expired(certificate)}; {renewal_advice(certificate, path)}")
        case PathError.NOT_YET_VALID:
            yield placed(certificate, path, f"{_not_begun(certificate)}; {renewal_advice(certificate, path)}")
        case PathError.PURPOSE if is_leaf:
            yield from _wrong_purpose(certificate)
        case PathError.PURPOSE if _lacks_client_authentication(certificate):
            yield placed(
                certificate,
                path,
                "has an extended key usage without clientAuth; make the authority anew without that"
                " extension",
            )
        case PathError.NO_AUTHORITY:
            usage = extension(certificate, x509.KeyUsage)
            if usage is not None and not usage.key_cert_sign:
                yield placed(
                    certificate, path, "lacks the key usage keyCertSign; make the authority anew with it"
                )
            else:
                yield placed(
                    certificate,
                    path,
                    "is not a certificate authority: basicConstraints lacks CA:TRUE; make the authority anew"
                    " with it",
                )
        case PathError.PATH_LENGTH:
            yield placed(certificate, path, _path_length(path, judged.depth))
        case PathError.UNKNOWN_CRITICAL:
            which = " and ".join(_unknown_critical(certificate)) or "an extension that is critical"
            yield placed(
                certificate,
                path,
                f"has {which}, which verifiers do not know and so refuse; {_anew(is_leaf)} without",
            )
        case PathError.NOT_PERMITTED | PathError.EXCLUDED:
            what = "it has a name" if is_leaf else f"{name(certificate)}, which stands above it, has a name"
            yield (
                f"{what} that the name constraints of {_constraining(path, judged.depth)} do not allow"
                f" (OpenSSL: {judged.words}); have it issued with names that they allow"
            )
        case code if code in _ODD_CONSTRAINTS:
            yield (
                f"the name constraints of {_constraining(path, judged.depth)} are of a kind or form that"
                f" OpenSSL does not take ({judged.words}), so it refuses whoever has such a name below; make"
                " the authority anew without them"
            )
        case _:
            yield placed(
                certificate,
                path,
                f"is refused by OpenSSL ({judged.words}, error {judged.code}); {_anew(is_leaf)}",
            )


def _anew(is_leaf: bool) -> str:
    return "have it issued" if is_leaf else "make the authority anew"


def _wrong_purpose(leaf: x509.Certificate) -> Iterator[str]:
    usage = extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.key_agreement):
        yield (
            "its key usage lacks digitalSignature, with which a client proves that it has the key; have it"
            " issued with that"
        )
    elif _lacks_client_authentication(leaf):
        yield "its extended key usage lacks clientAuth; have it issued with that"
    elif any(entry.oid.dotted_string == _NETSCAPE_TYPE for entry in extensions(leaf) or ()):
        yield "its Netscape certificate type does not name clients; have it issued without that extension"
    else:
        yield (
            "it is not for clients (OpenSSL: unsuitable certificate purpose); have it issued with"
            " digitalSignature and clientAuth"
        )


def _lacks_client_authentication(certificate: x509.Certificate) -> bool:
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    return purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes


def _path_length(path: Path, depth: int) -> str:
    constraints = extension(path[depth], x509.BasicConstraints)
    # self-issued ones do not count
    below = sum(authority.subject != authority.issuer for authority in path[1:depth])
    allowed = constraints.path_length if constraints is not None else "too short"
    return (
        f"has path length {allowed} and does not allow the {below} authorities below it; have the certificate"
        " issued further up"
    )


def _constraining(path: Path, depth: int) -> str:
    return " and ".join(
        name(authority)
        for authority in path[depth + 1 :]
        if _NAME_CONSTRAINTS in authority.tbs_certificate_bytes
    )


def _missing(top: x509.Certificate, anchor: x509.Certificate) -> str:
    if self_signed(top):
        return (
            f"its chain ends at the root {name(top)}, and trusted is another one, {name(anchor)}; use a"
            " certificate below that"
        )
    if comparable(top.issuer) == comparable(anchor.subject):
        if not signed(anchor, top):
            return _forged(top, anchor)
        return (
            f"{name(top)} was issued by {name(anchor)}, but names another key identifier or serial number of"
            " its issuer, or has an extension that cannot be read, so OpenSSL does not put the two together;"
            " have it issued anew"
        )
    return (
        f"{name(top)} was issued by {text(top.issuer)}, which is neither the trusted CA {name(anchor)} nor in"
        " the file; put the certificate of that intermediate authority behind the client's, if the trusted"
        " CA issued it"
    )


def _forged(lower: x509.Certificate, upper: x509.Certificate) -> str:
    return (
        f"{name(lower)} says that {name(upper)} issued it, but that was not with the key of the {name(upper)}"
        " that is known here: that CA was made anew, or a file was changed; use certificates that belong"
        " together"
    )


def time_refusals(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    # a moment that Python has no word for, such as the year 0
    with contextlib.suppress(ValueError):
        if now > certificate.not_valid_after_utc:
            yield _expired(certificate)
        if now < certificate.not_valid_before_utc:
            yield _not_begun(certificate)


def _expired(certificate: x509.Certificate) -> str:
    return f"expired on {_moment(lambda: certificate.not_valid_after_utc)}"


def _not_begun(certificate: x509.Certificate) -> str:
    return f"is not valid before {_moment(lambda: certificate.not_valid_before_utc)}"


def _moment(read: Callable[[], datetime]) -> str:
    try:
        return to_text(read())
    except ValueError:
        return "a day that Python has no word for"


def _unknown_critical(certificate: x509.Certificate) -> list[str]:
    return [
        f"the critical extension {entry.oid.dotted_string}"
        for entry in extensions(certificate) or ()
        if entry.critical and entry.oid not in UNDERSTOOD
    ]


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


def weak_signature(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    return (
        f"is signed with {algorithm.name.upper()}, which can be forged"
        if isinstance(algorithm, WEAK_HASHES)
        else None
    )


def self_signed_leaf(leaf: x509.Certificate) -> str:
    """Why a client's certificate that OpenSSL takes for a self-signed one is refused."""
    if self_signed(leaf):
        return "it is self-signed, so no CA vouches for it; have it issued by the CA that the listener trusts"
    return (
        f"its subject is that of its issuer ({name(leaf)}), so OpenSSL takes it for a self-signed one (error"
        " 18), as happens with the documentation's sample answers; make it anew with a name of its own, for"
        " instance another commonName"
    )


def placed(certificate: x509.Certificate, path: Path, words: str) -> str:
    """What is said of a certificate, with its place in the path."""
    return f"it {words}" if certificate == path[0] else f"{name(certificate)}, which stands above it, {words}"


def renewal_advice(certificate: x509.Certificate, path: Path) -> str:
    """What to do about a certificate that has to be another one."""
    return "have a new certificate issued" if certificate == path[0] else "use another authority"
