"""The one answer to whether a client's certificate leads to a trusted CA. OpenSSL is the judge;
what it says is explained here.

OpenSSL is what the sandbox's nginx verifies with; what a real ALB verifies with is not known. Asked
is the OpenSSL that the package cryptography bundles, by pyOpenSSL, for the purpose `sslclient`, as
a TLS server asks: it builds the path (and never turns back), and gives verdict, error and depth.
Our own rules say more where a server does: keys and signatures too weak for TLS, kinds of key that
ALB does not document, and the depth of a chain. docs/chains.md holds its verdicts beside those of
`openssl verify` and nginx. Sources: RFC 5280 section 6.1, OpenSSL's crypto/x509/x509_vfy.c.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.authority_faults import UNDERSTOOD, extension, extensions
from alb_mutual_tls.pki.keys import WEAK_HASHES, factorable, key_fault, only_for_pss
from alb_mutual_tls.pki.profile import normalized
from alb_mutual_tls.pki.renewal import to_text
from alb_mutual_tls.pki.signing import to_pem

_RSA_BITS: Final = 2048
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_NETSCAPE_TYPE: Final = "2.16.840.1.113730.1.1"
_NAME_CONSTRAINTS: Final = bytes.fromhex("0603551d1e")
"""The DER of their object identifier: they are looked for where the package cryptography cannot
read them, too.
"""
DEPTH_SEEN: Final = 3
"""The sandbox's ssl_verify_depth: authorities between a client and its root that a listener was
seen to follow.
"""

Path = tuple[x509.Certificate, ...]
"""Leaf first; each was issued by the one after it."""


# --- the judge


class _Error:
    """Errors of OpenSSL that are explained (include/openssl/x509_vfy.h)."""

    NO_ISSUER = 2
    NOT_YET_VALID = 9
    EXPIRED = 10
    SIGNATURE = 7
    SELF_SIGNED_LEAF = 18
    OTHER_ROOT = 19
    NO_LOCAL_ISSUER = 20
    LEAF_ALONE = 21
    PATH_LENGTH = 25
    PURPOSE = 26
    UNKNOWN_CRITICAL = 34
    NOT_PERMITTED = 47
    EXCLUDED = 48
    NO_AUTHORITY = 79


_LEADS_NOWHERE: Final = (
    _Error.NO_ISSUER,
    _Error.SELF_SIGNED_LEAF,
    _Error.OTHER_ROOT,
    _Error.NO_LOCAL_ISSUER,
    _Error.LEAF_ALONE,
)
_ODD_CONSTRAINTS: Final = range(49, 54)
_UNREADABLE: Final = -1
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Judged:
    """OpenSSL's verdict: the path as it built it, its first error (`code` 0: accepted), the place
    of that in the path, and its words.

    `refusals`: the same explained, a sentence each with the remedy; empty exactly where it accepts.
    """

    path: Path
    code: int
    depth: int
    words: str
    refusals: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether OpenSSL lets the client in."""
        return self.code == 0

    @property
    def depth_needed(self) -> int:
        """The verification depth that a listener needs, as nginx counts it: authorities between the
        client and its root.
        """
        return sum(not looks_self_signed(one) for one in self.path[1:])


def judge(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], anchor: x509.Certificate | None, now: datetime
) -> Judged:
    """What OpenSSL says of a client at a listener that trusts `anchor` alone, at a moment.

    `others` is what the client presents beside its own certificate, in this order. Without an
    anchor whatever the path ends at is trusted.
    """
    if anchor is None:
        path = _ask(leaf, others, None, now).path
        found = _ask(leaf, path[1:], path[-1], now, partial=True)
    else:
        found = _ask(leaf, others, anchor, now)
    return (
        found
        if found.accepted
        else replace(found, refusals=tuple(dict.fromkeys(_refusals(found, others, anchor, now))))
    )


def _ask(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchor: x509.Certificate | None,
    now: datetime,
    *,
    partial: bool = False,
) -> Judged:
    from OpenSSL import crypto  # costs time and is needed by few commands
    from OpenSSL._util import ffi, lib

    store, given = crypto.X509Store(), [leaf, *others, *([] if anchor is None else [anchor])]
    try:
        known = {one: _as_openssl(one) for one in given}
        if anchor is not None:
            store.add_cert(known[anchor])
        asked = crypto.X509StoreContext(store, known[leaf], [known[one] for one in others])
    except crypto.Error:
        return Judged((leaf,), _UNREADABLE, 0, "a certificate cannot be read")
    store.set_time(now.astimezone(UTC))
    if partial:
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    # pyOpenSSL has no word for the purpose, nor for the path of a refused client.
    context = ffi.gc(lib.X509_STORE_CTX_new(), lib.X509_STORE_CTX_free)
    made = lib.X509_STORE_set_purpose(store._store, lib.X509_PURPOSE_SSL_CLIENT)
    made &= lib.X509_STORE_CTX_init(context, store._store, asked._cert._x509, asked._chain)
    if made != 1:
        raise MemoryError("OpenSSL gives no context")
    lib.X509_verify_cert(context)
    code, depth = lib.X509_STORE_CTX_get_error(context), lib.X509_STORE_CTX_get_error_depth(context)
    words = ffi.string(lib.X509_verify_cert_error_string(code)).decode()
    path = tuple(
        next(one for one, own in known.items() if own._x509 == place) for place in _places(context)
    ) or (leaf,)
    lib.ERR_clear_error()  # what it noted on the way is no error of those who use OpenSSL next
    return Judged(path, code, min(depth, len(path) - 1), words)


@lru_cache(maxsize=500)
def _as_openssl(certificate: x509.Certificate) -> Any:
    from OpenSSL import crypto

    return crypto.X509.from_cryptography(certificate)


def _places(context: Any) -> list[Any]:
    """Where the certificates of the path lie that OpenSSL built; they are the very ones that it was
    given.
    """
    from OpenSSL._util import ffi, lib

    stack = lib.X509_STORE_CTX_get1_chain(context)
    if stack == ffi.NULL:
        return []
    places = [lib.sk_X509_value(stack, place) for place in range(lib.sk_X509_num(stack))]
    for place in places:
        lib.X509_free(place)  # the path's own hold on it
    lib.sk_X509_free(stack)
    return places


def judge_pem(chain_pem: str, root_pem: str, now: datetime, others_pem: str = "") -> Judged:
    """The same of PEM: what a client presents, leaf first.

    Raises `UserError` when a certificate cannot be read.
    """
    presented = bundle.load(chain_pem + others_pem)
    if not presented:
        raise UserError(bundle.without_certificate(chain_pem))
    return judge(presented[0], presented[1:], bundle.load_one(root_pem), now)


def refused_for(chain_pem: str, root_pem: str, now: datetime) -> str:
    """Why a listener that trusts this root may refuse a client, as far as the chain tells; empty
    where it tells nothing.
    """
    judged = judge_pem(chain_pem, root_pem, now)
    return "; ".join([*against(judged), *filter(None, [deep(judged.depth_needed)])])


def way(chain_pem: str, root_pem: str, now: datetime, others_pem: str = "") -> Path | None:
    """The path that OpenSSL takes from the first certificate of a PEM up to a root, whatever is
    wrong on it; None where it leads elsewhere.

    `others_pem`: more certificates to go by. Raises `UserError` when a certificate cannot be read.
    """
    path = judge_pem(chain_pem, root_pem, now, others_pem).path
    return path if path[-1] == bundle.load_one(root_pem) else None


def between(lower_pem: str, root_pem: str, others_pem: str, now: datetime) -> str | None:
    """PEM of the certificates that lead from one up to a root, both left out, taken from a bundle;
    None where nothing leads there.
    """
    found = way(lower_pem, root_pem, now, others_pem)
    return None if found is None else "".join(map(to_pem, found[1:-1]))


def length_to(chain_pem: str, root_pem: str, now: datetime) -> int | None:
    """How many certificates lead from a client's own to a root, that one not counted; None when
    they do not lead there.
    """
    found = way(chain_pem, root_pem, now)
    return None if found is None else len(found) - 1


# --- what it says


def _refusals(
    judged: Judged, others: Sequence[x509.Certificate], anchor: x509.Certificate | None, now: datetime
) -> Iterator[str]:
    """OpenSSL stops at its first error.

    Said beside it: what else is wrong with a path that leads nowhere, and what of it has ended.
    """
    yield from _explained(judged, anchor)
    if anchor is not None and judged.code in _LEADS_NOWHERE:
        yield from judge(judged.path[0], others, None, now).refusals
    for one in judged.path:
        yield from (
            _of(one, judged.path, f"{fault}; {_renew(one, judged.path)}") for fault in _time_faults(one, now)
        )


def weaknesses(path: Path) -> list[str]:
    """Keys and signatures that OpenSSL does not mind in a path, but TLS servers do (its security
    level 2), a sentence each.
    """
    leaf, *above = path
    weak = weak_key(leaf) or _weak_signature(leaf)
    said = (
        [f"it {weak}; have it issued with RSA of 2048 bits or more, or ECDSA-P256, and SHA-256"]
        if weak
        else []
    )
    for one in above:
        if weak := weak_key(one) or (None if looks_self_signed(one) else _weak_signature(one)):
            said.append(_of(one, path, f"{weak}; make the authority anew"))
    return said


def undocumented(leaf: x509.Certificate) -> str | None:
    """Why a client's key is of a kind that ALB does not document, though OpenSSL may take it, or
    None.
    """
    encoded = leaf.tbs_certificate_bytes
    documented = isinstance(
        public_key(leaf), rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None
    ) and not only_for_pss(encoded)
    return None if documented else key_fault(encoded)


def computable(leaf: x509.Certificate) -> str | None:
    """Why anybody can compute the private key of a client, which no verifier looks at, or None."""
    key = public_key(leaf)
    return factorable(key.public_numbers().n) if isinstance(key, rsa.RSAPublicKey) else None


def against(judged: Judged) -> list[str]:
    """All that speaks against a client: OpenSSL's refusal, and our own rules."""
    leaf = judged.path[0]
    return [*judged.refusals, *weaknesses(judged.path), *filter(None, [undocumented(leaf), computable(leaf)])]


def deep(depth: int, *, beyond: int = 1) -> str | None:
    """What a chain with so many authorities between a client and its root needs, where that is more
    than `beyond` (nginx's own is 1); else None.
    """
    if depth <= beyond:
        return None
    return (
        f"its chain has {depth + 2} certificates, {depth} of them between it and its root, so its listener"
        f" needs a verification depth of {depth}; ALB's is not documented (nginx has 1 by default, the"
        f" sandbox {DEPTH_SEEN}): try it with ./mtls rehearse"
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


def _explained(judged: Judged, anchor: x509.Certificate | None) -> Iterator[str]:
    path, one = judged.path, judged.path[judged.depth]
    is_leaf = judged.depth == 0
    match judged.code:
        case _Error.SELF_SIGNED_LEAF:
            yield self_signed_leaf(one)
        case _Error.NO_ISSUER if anchor is not None and path[-1] == anchor:
            yield (
                f"{name(anchor)}, which is trusted, is no root but was issued by {text(anchor.issuer)}; trust"
                " the root above it"
            )
        case _ if judged.code in _LEADS_NOWHERE and anchor is not None:
            yield _missing(path[-1], anchor)
        case _Error.SIGNATURE if len(path) > judged.depth + 1:
            yield _forged(one, path[judged.depth + 1])
        case _Error.EXPIRED:
            yield _of(one, path, f"{_expired(one)}; {_renew(one, path)}")
        case _Error.NOT_YET_VALID:
            yield _of(one, path, f"{_not_begun(one)}; {_renew(one, path)}")
        case _Error.PURPOSE if is_leaf:
            yield from _wrong_purpose(one)
        case _Error.PURPOSE if _lacks_client_authentication(one):
            yield _of(
                one,
                path,
                "has an extended key usage without clientAuth; make the authority anew without that"
                " extension",
            )
        case _Error.NO_AUTHORITY:
            usage = extension(one, x509.KeyUsage)
            if usage is not None and not usage.key_cert_sign:
                yield _of(one, path, "lacks the key usage keyCertSign; make the authority anew with it")
            else:
                yield _of(
                    one,
                    path,
                    "is no certificate authority: basicConstraints lacks CA:TRUE; make the authority anew"
                    " with it",
                )
        case _Error.PATH_LENGTH:
            yield _of(one, path, _path_length(path, judged.depth))
        case _Error.UNKNOWN_CRITICAL:
            which = " and ".join(_unknown_critical(one)) or "an extension that is critical"
            yield _of(
                one, path, f"has {which}, which verifiers do not know and so refuse; {_anew(is_leaf)} without"
            )
        case _Error.NOT_PERMITTED | _Error.EXCLUDED:
            what = "it has a name" if is_leaf else f"{name(one)}, which stands above it, has a name"
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
            yield _of(
                one, path, f"is refused by OpenSSL ({judged.words}, error {judged.code}); {_anew(is_leaf)}"
            )


def _of(one: x509.Certificate, path: Path, words: str) -> str:
    return f"it {words}" if one == path[0] else f"{name(one)}, which stands above it, {words}"


def _anew(is_leaf: bool) -> str:
    return "have it issued" if is_leaf else "make the authority anew"


def _renew(one: x509.Certificate, path: Path) -> str:
    return "have a new certificate issued" if one == path[0] else "use another authority"


def _wrong_purpose(leaf: x509.Certificate) -> Iterator[str]:
    usage = extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.key_agreement):
        yield (
            "its key usage lacks digitalSignature, with which a client proves that it has the key; have it"
            " issued with that"
        )
    elif _lacks_client_authentication(leaf):
        yield "its extended key usage lacks clientAuth; have it issued with that"
    elif any(one.oid.dotted_string == _NETSCAPE_TYPE for one in extensions(leaf) or ()):
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
    below = sum(one.subject != one.issuer for one in path[1:depth])  # self-issued ones do not count
    allowed = constraints.path_length if constraints is not None else "too short"
    return (
        f"has path length {allowed} and does not allow the {below} authorities below it; have the certificate"
        " issued further up"
    )


def _constraining(path: Path, depth: int) -> str:
    return " and ".join(
        name(one) for one in path[depth + 1 :] if _NAME_CONSTRAINTS in one.tbs_certificate_bytes
    )


def _missing(top: x509.Certificate, anchor: x509.Certificate) -> str:
    if self_signed(top):
        return (
            f"its chain ends at the root {name(top)}, and trusted is another one, {name(anchor)}; use a"
            " certificate below that"
        )
    if _comparable(top.issuer) == _comparable(anchor.subject):
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


def _time_faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
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
        f"the critical extension {one.oid.dotted_string}"
        for one in extensions(certificate) or ()
        if one.critical and one.oid not in UNDERSTOOD
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


def _weak_signature(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    return (
        f"is signed with {algorithm.name.upper()}, which can be forged"
        if isinstance(algorithm, WEAK_HASHES)
        else None
    )


# --- what two certificates are to each other


@lru_cache(maxsize=20_000)
def names_issuer(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Whether OpenSSL takes one certificate for the issuer's of another: by name, key identifier
    and kind of key, without a look at the signature.
    """
    return _ask(lower, (upper,), None, _ANY_TIME).path[1:2] == (upper,)


def issued(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Whether one certificate was issued by the other: by what it says, and by its signature."""
    return names_issuer(upper, lower) and signed(upper, lower)


@lru_cache(maxsize=20_000)
def looks_self_signed(certificate: x509.Certificate) -> bool:
    """Whether OpenSSL takes a certificate for a self-signed one, without a look at the
    signature.
    """
    return _ask(certificate, (), None, _ANY_TIME).code == _Error.SELF_SIGNED_LEAF


@lru_cache(maxsize=20_000)
def signed(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Whether the signature of one certificate is that of the other's key; weak ones count, else
    they would be called forged.
    """
    try:
        key, algorithm = public_key(upper), lower.signature_hash_algorithm
        match key:
            case rsa.RSAPublicKey():
                parameters = lower.signature_algorithm_parameters
                scheme = parameters if isinstance(parameters, padding.PSS) else padding.PKCS1v15()
                key.verify(lower.signature, lower.tbs_certificate_bytes, scheme, algorithm or hashes.SHA256())
            case ec.EllipticCurvePublicKey():
                key.verify(
                    lower.signature, lower.tbs_certificate_bytes, ec.ECDSA(algorithm or hashes.SHA256())
                )
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
    """As verifiers compare names (RFC 5280 section 7.1): kinds of text, case and white space do not
    count.
    """
    return [
        (one.oid.dotted_string, normalized(one.value) if isinstance(one.value, str) else one.value.hex())
        for rdn in distinguished.rdns
        for one in rdn
    ]


# --- what a certificate says


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
