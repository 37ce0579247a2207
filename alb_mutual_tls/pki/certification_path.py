"""Judge whether a client's certificate leads to a trusted CA.

Only this module answers that question. OpenSSL is the judge, and what it says is explained here.

The sandbox's nginx verifies with OpenSSL. What a real ALB verifies with is unknown. The OpenSSL
asked is the one that the package cryptography bundles, through pyOpenSSL. It is asked for the
purpose `sslclient`, as a TLS server asks. It builds the path, never turns back, and gives verdict,
error and depth.

Our own rules say more where a server does: keys and signatures too weak for TLS, kinds of key that
ALB does not document, and the depth of a chain. docs/chains.md holds the verdicts of this module
beside those of `openssl verify` and nginx.

Sources: RFC 5280 section 6.1, OpenSSL's crypto/x509/x509_vfy.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.issuance import public_key
from alb_mutual_tls.pki.keys import factorable, key_fault, only_for_pss
from alb_mutual_tls.pki.openssl_path import LEADS_NOWHERE, Judged, Path, ask, looks_self_signed
from alb_mutual_tls.pki.path_refusals import (
    explained,
    placed,
    renewal_advice,
    time_refusals,
    weak_key,
    weak_signature,
)
from alb_mutual_tls.pki.signing import to_pem

DEPTH_SEEN: Final = 3
"""The sandbox's ssl_verify_depth: authorities between a client and its root that a listener was
seen to follow.
"""


# --- the judge


def judge(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], anchor: x509.Certificate | None, now: datetime
) -> Judged:
    """Return OpenSSL's verdict on a client at a listener that trusts only `anchor`.

    The verdict is for the moment `now`. `others` is what the client presents beside its own
    certificate, in this order. Without an anchor, whatever the path ends at is trusted.
    """
    if anchor is None:
        path = ask(leaf, others, None, now).path
        judged = ask(leaf, path[1:], path[-1], now, partial=True)
    else:
        judged = ask(leaf, others, anchor, now)
    return (
        judged
        if judged.accepted
        else replace(judged, refusals=tuple(dict.fromkeys(_refusals(judged, others, anchor, now))))
    )


def judge_pem(chain_pem: str, root_pem: str, now: datetime, others_pem: str = "") -> Judged:
    """The same of PEM: what a client presents, leaf first.

    Raises `UserError` when a certificate cannot be read.
    """
    presented = bundle.load(chain_pem + others_pem)
    if not presented:
        raise UserError(bundle.without_certificate(chain_pem))
    return judge(presented[0], presented[1:], bundle.load_one(root_pem), now)


def refused_for(chain_pem: str, root_pem: str, now: datetime) -> str:
    """Return why a listener that trusts this root may refuse a client.

    Only the reasons that the chain shows are given. The text is empty where it shows none.
    """
    judged = judge_pem(chain_pem, root_pem, now)
    return "; ".join([*against(judged), *filter(None, [deep(judged.depth_needed)])])


def way(chain_pem: str, root_pem: str, now: datetime, others_pem: str = "") -> Path | None:
    """Return OpenSSL's path from the first certificate of a PEM up to a root.

    The path is returned whatever is wrong on it, and None where it leads elsewhere. `others_pem`
    holds more certificates to go by. Raises `UserError` when a certificate cannot be read.
    """
    path = judge_pem(chain_pem, root_pem, now, others_pem).path
    return path if path[-1] == bundle.load_one(root_pem) else None


def between(lower_pem: str, root_pem: str, others_pem: str, now: datetime) -> str | None:
    """Return the PEM of the certificates that lead from one certificate up to a root.

    Both ends are left out. The certificates are taken from the bundle `others_pem`. None means that
    nothing leads there.
    """
    path = way(lower_pem, root_pem, now, others_pem)
    return None if path is None else "".join(map(to_pem, path[1:-1]))


def length_to(chain_pem: str, root_pem: str, now: datetime) -> int | None:
    """Return how many certificates lead from a client's own to a root.

    The root is not counted. None means that they do not lead there.
    """
    path = way(chain_pem, root_pem, now)
    return None if path is None else len(path) - 1


# --- what it says


def _refusals(
    judged: Judged, others: Sequence[x509.Certificate], anchor: x509.Certificate | None, now: datetime
) -> Iterator[str]:
    """OpenSSL stops at its first error.

    Said beside it: what else is wrong with a path that leads nowhere, and what of it has ended.
    """
    yield from explained(judged, anchor)
    if anchor is not None and judged.code in LEADS_NOWHERE:
        yield from judge(judged.path[0], others, None, now).refusals
    for certificate in judged.path:
        yield from (
            placed(certificate, judged.path, f"{fault}; {renewal_advice(certificate, judged.path)}")
            for fault in time_refusals(certificate, now)
        )


def weaknesses(path: Path) -> list[str]:
    """Return the keys and signatures of a path that are too weak for TLS servers.

    OpenSSL accepts them in a path, but TLS servers do not (its security level 2). Each is described
    in one sentence.
    """
    leaf, *above = path
    weak = weak_key(leaf) or weak_signature(leaf)
    said = (
        [f"it {weak}; have it issued with RSA of 2048 bits or more, or ECDSA-P256, and SHA-256"]
        if weak
        else []
    )
    for authority in above:
        if weak := weak_key(authority) or (
            None if looks_self_signed(authority) else weak_signature(authority)
        ):
            said.append(placed(authority, path, f"{weak}; make the authority anew"))
    return said


def undocumented(leaf: x509.Certificate) -> str | None:
    """Return why a client's key is of a kind that ALB does not document, or None.

    OpenSSL may still accept such a key.
    """
    encoded = leaf.tbs_certificate_bytes
    documented = isinstance(
        public_key(leaf), rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None
    ) and not only_for_pss(encoded)
    return None if documented else key_fault(encoded)


def computable(leaf: x509.Certificate) -> str | None:
    """Return why anybody can compute a client's private key, or None.

    No verifier looks at this.
    """
    key = public_key(leaf)
    return factorable(key.public_numbers().n) if isinstance(key, rsa.RSAPublicKey) else None


def against(judged: Judged) -> list[str]:
    """All that speaks against a client: OpenSSL's refusal, and our own rules."""
    leaf = judged.path[0]
    return [*judged.refusals, *weaknesses(judged.path), *filter(None, [undocumented(leaf), computable(leaf)])]


def deep(depth: int, *, beyond: int = 1) -> str | None:
    """Return what a chain deeper than `beyond` needs of its listener, or None.

    `depth` counts the authorities between a client and its root. nginx's own limit is 1.
    """
    if depth <= beyond:
        return None
    return (
        f"its chain has {depth + 2} certificates, {depth} of them between it and its root, so its listener"
        f" needs a verification depth of {depth}; ALB's is not documented (nginx has 1 by default, the"
        f" sandbox {DEPTH_SEEN}): try it with ./mtls rehearse"
    )


# --- what two certificates are to each other


# --- what a certificate says
