"""A file of CA certificates, as the program would take it for an authority."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.inspection.judgement import Basis, Refusal, Source
from alb_mutual_tls.operations.inspection.piece import Key
from alb_mutual_tls.pki.authority_faults import lasting_faults
from alb_mutual_tls.pki.brought import BroughtAuthority
from alb_mutual_tls.pki.openssl_path import self_signed


def bundle_refusals(certificates: list[x509.Certificate], source: Source) -> Iterator[Refusal]:
    """Why the program would not take a file as an authority, beside faults of a certificate."""
    if any(isinstance(piece, Key) for piece in source.contents.pieces):
        yield Refusal(
            "the file contains a private key, which must never leave its place; give the certificate"
            " alone (and the key, where it is to sign, as authorityPrivateKeys)",
            Basis.PROGRAM,
        )
    roots = [certificate for certificate in certificates if self_signed(certificate)]
    if len(roots) > 1:
        yield Refusal(
            f"the file holds {len(roots)} roots, and ALB takes one CA certificate per listener; give each"
            " authority a file of its own",
            Basis.DOCUMENTED,
        )
    elif not any(lasting_faults(certificate) for certificate in certificates):
        try:
            BroughtAuthority.load("".join(_pem(certificate) for certificate in certificates))
        except UserError as error:
            yield Refusal(str(error), Basis.PROGRAM)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
