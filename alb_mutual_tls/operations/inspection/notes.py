"""What else there is to know of a certificate that would be accepted. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from alb_mutual_tls.operations.inspection.judgement import RECIPE, Basis, Refusal
from alb_mutual_tls.pki.authority_faults import extension, extensions
from alb_mutual_tls.pki.certification_path import DEPTH_SEEN, deep
from alb_mutual_tls.pki.keys import weakness
from alb_mutual_tls.pki.openssl_path import Judged, looks_self_signed, self_signed


def client_notes(certificate: x509.Certificate) -> Iterator[str]:
    if certificate.version is not x509.Version.v3:
        yield (
            "it is X.509 v1, as the documentation's commands make it with OpenSSL 3.0: strict verifiers"
            " refuse it, the sandbox does not"
        )
    elif extensions(certificate) is None:
        yield (
            "the Python package cryptography cannot read its extensions, so nothing is noted of them beside"
            " the verdict of OpenSSL"
        )
        return
    elif extension(certificate, x509.ExtendedKeyUsage) is None:
        yield "it names no purpose (extended key usage), so whoever has its key can also be a server with it"
    constraints, usage = extension(certificate, x509.BasicConstraints), extension(certificate, x509.KeyUsage)
    if constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign):
        yield (
            "it is itself a certificate authority, so whoever has its key can make more clients that are"
            " let in"
        )
    if certificate.subject == certificate.issuer and not looks_self_signed(certificate):
        yield (
            "its subject is that of its issuer, and some verifiers take such a certificate for a"
            " self-signed one"
        )
    if extension(certificate, x509.SubjectAlternativeName) is None:
        yield (
            "it has no subject alternative name: the Python package cryptography refuses such clients, the"
            " sandbox does not"
        )


def depth_notes(judged: Judged) -> Iterator[str]:
    if judged.depth_needed <= DEPTH_SEEN and (words := deep(judged.depth_needed)):
        yield words


def too_deep(judged: Judged) -> Iterator[str]:
    if words := deep(judged.depth_needed, beyond=DEPTH_SEEN):
        yield words


def authority_notes(certificate: x509.Certificate) -> Iterator[str]:
    constraints = extension(certificate, x509.BasicConstraints)
    if certificate.version is x509.Version.v1 or (constraints is None and self_signed(certificate)):
        yield (
            "such a CA is what `openssl x509 -req -signkey` of the documentation makes: version 1 with"
            " OpenSSL 3.0, which strict verifiers refuse, and version 3 without basicConstraints with"
            " OpenSSL 3.5, below which every client is refused; whether CAS and ALB take it is not known."
            f" Let the stack generate one (authorities.NAME: {{}}), or make it with: {RECIPE}"
        )
    if (
        constraints is not None
        and constraints.ca
        and constraints.path_length is not None
        and self_signed(certificate)
    ):
        yield (
            f"it has path length {constraints.path_length}: a rotation puts a cross certificate between it"
            " and a client, which with an intermediate authority is two"
        )


def key_reason(own_key: object) -> Refusal | None:
    weak = weakness(own_key)
    if weak is None:
        return None
    known = isinstance(own_key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    return Refusal(weak, Basis.PROGRAM if known else Basis.DOCUMENTED)
