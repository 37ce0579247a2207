"""Read and check a certificate authority that a user brings.

The user gives its certificate, or a subordinate's certificate with the chain up to its root.

ALB trusts one CA certificate, and the verifiers that were tried (docs/pki.md) need a self-signed
one. So the root is uploaded, the first certificate signs, and clients present all below the root.
Others judge whether a certificate is valid today. A stack whose authority has expired must still be
able to switch its listeners off.

Source: RFC 5280 sections 4.2.1.9 (path length) and 6.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography import x509

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.authority_faults import extension, lasting_faults, strength_faults, time_faults
from alb_mutual_tls.pki.constraints import forbidden_names
from alb_mutual_tls.pki.keys import load_private_key, same_key
from alb_mutual_tls.pki.names import same_name, to_name
from alb_mutual_tls.pki.openssl_path import looks_self_signed, names_issuer
from alb_mutual_tls.pki.profile import Subject


@dataclass(frozen=True)
class BroughtAuthority:
    """An authority, brought by a user, that can be used.

    It holds the PEM of what signs, of what clients present above their own certificate, and of the
    root that is trusted.
    """

    signer_pem: str
    intermediates_pem: str
    """The signer and what stands above it, without the root; empty when the root itself signs."""
    root_pem: str

    @classmethod
    def load(cls, certificate_pem: str) -> BroughtAuthority:
        """From a PEM with the signing certificate first and its root last.

        Raises `UserError` with everything that speaks against it.
        """
        blocks = list(dict.fromkeys(bundle.split(certificate_pem)))
        if not blocks:
            raise UserError(bundle.without_certificate(certificate_pem))
        chain = [bundle.load_one(block) for block in blocks]
        faults = list(_faults(chain)) or list(_chain_faults(chain))
        if faults:
            raise UserError("; ".join(faults))
        return cls(blocks[0], "".join(blocks[:-1]), blocks[-1])

    def fault_of_key(self, private_key_pem: str) -> str | None:
        """Why a private key is not the one to sign with, without a word of it, or None."""
        signer = bundle.load_one(self.signer_pem)
        try:
            private_key = load_private_key(private_key_pem)
        except UserError as error:
            return str(error)
        if same_key(private_key.public_key(), signer.public_key()):
            return None
        return f"the private key is not the key of {_name(signer)}; give the two that belong together"

    @property
    def certificates(self) -> list[x509.Certificate]:
        """What signs first, the root last."""
        return [
            bundle.load_one(block)
            for block in dict.fromkeys(bundle.split(self.intermediates_pem + self.root_pem))
        ]

    def named_like(self, subject: Subject) -> bool:
        """Return whether a client's subject is that of one of its certificates."""
        return any(same_name(to_name(subject), certificate.subject) for certificate in self.certificates)

    def forbids(self, subject: Subject, uris: Sequence[str]) -> Iterator[str]:
        """What its name constraints have against a client's names, a clause each."""
        for certificate in self.certificates:
            for words in forbidden_names(certificate, subject, uris):
                yield f"{words} is not allowed by the name constraints of {_name(certificate)}"

    def too_short_for(self, below: int) -> str | None:
        """Return a clause when path lengths allow too few authorities, or None.

        Too few means fewer than `below` authorities below the certificate that signs.
        """
        return next(_path_faults(self.certificates, below), None)

    def ends(self, now: datetime) -> Iterator[str]:
        """Which of its certificates is not valid at a moment, a sentence each."""
        for certificate in self.certificates:
            yield from (f"{_name(certificate)}: {fault}" for fault in time_faults(certificate, now))


def trust_faults(certificate_pem: str, now: datetime) -> list[str]:
    """Return why a listener cannot trust the authority that CAS has.

    CAS has a root, or an authority with the chain up to its root. Each fault is one sentence. The
    result is empty when a listener can trust it.

    Unlike an authority that is to sign, a root alone may be of version 1, as the documentation's
    commands make it. Verifiers take the certificate that they trust as it is (RFC 5280 section
    6.1.1, d).
    """
    try:
        if is_root_of_version_1(certificate_pem):
            root = bundle.load_one(certificate_pem)
            return [*strength_faults(root), *time_faults(root, now)]
        return list(BroughtAuthority.load(certificate_pem).ends(now))
    except UserError as error:
        return [str(error)]


def is_root_of_version_1(certificate_pem: str) -> bool:
    """Return whether a PEM is one self-signed certificate of X.509 version 1.

    Raises `UserError` when it cannot be read.
    """
    certificates = bundle.load(certificate_pem)
    return (
        len(certificates) == 1
        and certificates[0].version is x509.Version.v1
        and bundle.issued_by(certificates[0], certificates[0])
    )


def _faults(chain: Sequence[x509.Certificate]) -> Iterator[str]:
    for place, certificate in enumerate(chain, 1):
        which = f"certificate {place} ({_name(certificate)}): " if len(chain) > 1 else ""
        if (
            place < len(chain)
            and certificate.subject == certificate.issuer
            and bundle.issued_by(chain[place], certificate)
        ):
            yield (
                f"{which}it has the name of the authority that issued it, so verifiers take the one for the"
                " other; make one with another name"
            )
        else:
            yield from (f"{which}{fault}" for fault in lasting_faults(certificate))


def _chain_faults(chain: Sequence[x509.Certificate]) -> Iterator[str]:
    if len(chain) > 1 and all(bundle.issued_by(certificate, certificate) for certificate in chain):
        yield (
            f"there are {len(chain)} roots ({', '.join(map(_name, chain))}), and a listener trusts one; give"
            " that one alone"
        )
        return
    for place, (lower, upper) in enumerate(pairwise(chain), 1):
        if not bundle.issued_by(upper, lower):
            yield (
                f"certificate {place} ({_name(lower)}) was not issued by the one after it ({_name(upper)});"
                " give the authority that signs first, then the one that issued it, and so on up to the root"
            )
            return
    root = chain[-1]
    if not bundle.issued_by(root, root):
        yield (
            f"the chain ends with {_name(root)}, which was issued by {_text(root.issuer)} and is not a root;"
            " add the certificates above it, the self-signed one last, because that is what a listener can"
            " trust"
        )
        return
    for place, (lower, upper) in enumerate(pairwise([*chain, root]), 1):
        if not (looks_self_signed(lower) if lower is upper else names_issuer(upper, lower)):
            issuer = "it" if lower is upper else _name(upper)
            yield (
                f"certificate {place} ({_name(lower)}) names another key identifier or serial number of its"
                f" issuer than {issuer} has, so OpenSSL does not put the two together; give the certificate"
                " that issued it, or have it issued again"
            )
    yield from (
        f"{fault}; let a subordinate authority be made that it allows" for fault in _path_faults(chain, 0)
    )


def _path_faults(chain: Sequence[x509.Certificate], below: int) -> Iterator[str]:
    """`below`: how many authorities stand below the chain's first one."""
    for depth, certificate in enumerate(chain, below):
        constraints = extension(certificate, x509.BasicConstraints)
        if (
            constraints is not None
            and constraints.path_length is not None
            and constraints.path_length < depth
        ):
            there = f"{depth} stands" if depth == 1 else f"{depth} stand"
            yield (
                f"{_name(certificate)} allows {constraints.path_length} authorities below it (its path"
                f" length), and {there} there"
            )


def _name(certificate: x509.Certificate) -> str:
    return _text(certificate.subject)


def _text(name: x509.Name) -> str:
    return name.rfc4514_string() or "without a name"
