"""OpenSSL, asked whether a certification path may be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from cryptography import x509

from alb_mutual_tls.pki.issuance import signed

Path = tuple[x509.Certificate, ...]
"""Leaf first; each was issued by the one after it."""


class PathError:
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


LEADS_NOWHERE: Final = (
    PathError.NO_ISSUER,
    PathError.SELF_SIGNED_LEAF,
    PathError.OTHER_ROOT,
    PathError.NO_LOCAL_ISSUER,
    PathError.LEAF_ALONE,
)


_UNREADABLE: Final = -1


@dataclass(frozen=True)
class Judged:
    """OpenSSL's verdict on a certification path.

    It holds the path as OpenSSL built it, its first error (`code` 0: accepted), the place of that
    in the path, and its words.

    `refusals` explains the same, one sentence each with the remedy. It is empty exactly where
    OpenSSL accepts.
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
        """The verification depth that a listener needs, as nginx counts it.

        It is the number of authorities between the client and its root.
        """
        return sum(not looks_self_signed(authority) for authority in self.path[1:])


def ask(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchor: x509.Certificate | None,
    now: datetime,
    *,
    partial: bool = False,
) -> Judged:
    """Return OpenSSL's verdict on a client's certificate for an anchor.

    `others` holds what else OpenSSL is given. With `partial`, the anchor need not be a root.
    """
    from OpenSSL import crypto  # costs time and is needed by few commands
    from OpenSSL._util import ffi, lib

    store, given = crypto.X509Store(), [leaf, *others, *([] if anchor is None else [anchor])]
    try:
        known = {certificate: _as_openssl(certificate) for certificate in given}
        if anchor is not None:
            store.add_cert(known[anchor])
        asked = crypto.X509StoreContext(store, known[leaf], [known[certificate] for certificate in others])
    except crypto.Error:
        return Judged((leaf,), _UNREADABLE, 0, "a certificate cannot be read")
    store.set_time(now.astimezone(UTC))
    if partial:
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    # pyOpenSSL has no word for the purpose, nor for the path of a refused client.
    context = ffi.gc(lib.X509_STORE_CTX_new(), lib.X509_STORE_CTX_free)
    status = lib.X509_STORE_set_purpose(store._store, lib.X509_PURPOSE_SSL_CLIENT)
    status &= lib.X509_STORE_CTX_init(context, store._store, asked._cert._x509, asked._chain)
    if status != 1:
        raise MemoryError("OpenSSL gives no context")
    lib.X509_verify_cert(context)
    code, depth = lib.X509_STORE_CTX_get_error(context), lib.X509_STORE_CTX_get_error_depth(context)
    words = ffi.string(lib.X509_verify_cert_error_string(code)).decode()
    path = tuple(
        next(certificate for certificate, own in known.items() if own._x509 == place)
        for place in _places(context)
    ) or (leaf,)
    lib.ERR_clear_error()  # what it noted is not an error of those who use OpenSSL next
    return Judged(path, code, min(depth, len(path) - 1), words)


@lru_cache(maxsize=500)
def _as_openssl(certificate: x509.Certificate) -> Any:
    from OpenSSL import crypto

    return crypto.X509.from_cryptography(certificate)


def _places(context: Any) -> list[Any]:
    """Return the addresses of the certificates in the path that OpenSSL built.

    They are the very certificates that OpenSSL was given.
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


_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=20_000)
def names_issuer(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Return whether OpenSSL takes `upper` for the issuer of `lower`.

    It goes by name, key identifier and kind of key, without a look at the signature.
    """
    return ask(lower, (upper,), None, _ANY_TIME).path[1:2] == (upper,)


def issued(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Return whether `upper` issued `lower`, by what `lower` says and its signature."""
    return names_issuer(upper, lower) and signed(upper, lower)


@lru_cache(maxsize=20_000)
def looks_self_signed(certificate: x509.Certificate) -> bool:
    """Return whether OpenSSL takes a certificate for a self-signed one.

    The signature is not checked.
    """
    return ask(certificate, (), None, _ANY_TIME).code == PathError.SELF_SIGNED_LEAF


def self_signed(certificate: x509.Certificate) -> bool:
    """Return whether a certificate is a root.

    A root bears its own name as its issuer's and is signed with its own key.
    """
    return looks_self_signed(certificate) and signed(certificate, certificate)
