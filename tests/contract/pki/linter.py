"""pkilint, an independent reading of RFC 5280.

It does not see a CA without basicConstraints or a client without key usage:
tests/unit/pki/profiles.py does.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def lint(certificate: x509.Certificate) -> set[str]:
    """The codes of everything from a notice upwards."""
    from pkilint import loader

    der = certificate.public_bytes(serialization.Encoding.DER)
    document = loader.RFC5280CertificateDocumentLoader().load_der_document(der, "certificate")
    return _findings(_certificate_linter().validate(document.root))


def lint_pair(issuer: x509.Certificate, subject: x509.Certificate) -> set[str]:
    """What does not fit between a certificate and its issuer: names, key identifiers, signature."""
    from pkilint import loader
    from pkilint.bin import lint_pkix_signer_signee_cert_chain as chain

    documents: dict[str, Any] = {}
    for role, certificate in (("issuer", issuer), ("subject", subject)):
        der = certificate.public_bytes(serialization.Encoding.DER)
        documents[role] = loader.RFC5280CertificateDocumentLoader().load_der_document(
            der, role, role, documents
        )
    decoding = chain.create_decoder_validation_container()
    results = [*decoding.validate(documents["issuer"].root), *decoding.validate(documents["subject"].root)]
    results += chain.create_issuer_validation_container().validate(documents["issuer"].root)
    results += chain.create_subject_validation_container().validate(documents["subject"].root)
    return _findings(results)


@cache
def _certificate_linter() -> Any:
    from pkilint.pkix import certificate, extension, name

    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


def _findings(results: Any) -> set[str]:
    from pkilint.validation import ValidationFindingSeverity

    found = {
        (item.finding.code, item.finding.severity)
        for result in results
        for item in result.finding_descriptions
    }
    return {code for code, severity in found if severity <= ValidationFindingSeverity.NOTICE}
