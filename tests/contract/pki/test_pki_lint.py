"""Every kind of certificate under pkilint, an independent reading of RFC 5280.

What it does not see (a CA without basicConstraints, a client without key usage) is asserted in tests/unit/pki/test_signing.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from alb_mutual_tls.pki import bundle, imposters
from alb_mutual_tls.pki.names import to_name
from tests.unit.pki.material import DAY, FIELDS, authority, client, cross, key, name_of

# pkilint reads URIs with a library that knows only schemes of the web: every spiffe:// and urn: is an error to it (facts: docs/pki.md).
ALLOWED: Final = frozenset({"pkix.invalid_uri_syntax"})
NOW: Final = datetime.now(UTC)
EVERY_FIELD: Final = {
    "countryName": "CN",
    "stateOrProvinceName": "北京",
    "localityName": "Beijing",
    "organizationName": "alibaba",
    "organizationalUnitName": "test",
    "commonName": "a client of the documentation",
    "emailAddress": "client@example.com",
}


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

    found = {(item.finding.code, item.finding.severity) for result in results for item in result.finding_descriptions}
    return {code for code, severity in found if severity <= ValidationFindingSeverity.NOTICE and code not in ALLOWED}


def lint(certificate: x509.Certificate) -> set[str]:
    """The codes of everything from a notice upwards."""
    from pkilint import loader

    document = loader.RFC5280CertificateDocumentLoader().load_der_document(
        certificate.public_bytes(serialization.Encoding.DER), "certificate"
    )
    return _findings(_certificate_linter().validate(document.root))


def lint_pair(issuer: x509.Certificate, subject: x509.Certificate) -> set[str]:
    """What does not fit between a certificate and its issuer: names, key identifiers, signature."""
    from pkilint import loader
    from pkilint.bin import lint_pkix_signer_signee_cert_chain as chain

    documents: dict[str, Any] = {}
    for role, certificate in (("issuer", issuer), ("subject", subject)):
        der = certificate.public_bytes(serialization.Encoding.DER)
        documents[role] = loader.RFC5280CertificateDocumentLoader().load_der_document(der, role, role, documents)
    decoding = chain.create_decoder_validation_container()
    results = [*decoding.validate(documents["issuer"].root), *decoding.validate(documents["subject"].root)]
    results += chain.create_issuer_validation_container().validate(documents["issuer"].root)
    results += chain.create_subject_validation_container().validate(documents["subject"].root)
    return _findings(results)


ROOTS: Final = {
    kind: authority(to_name({**FIELDS, "commonName": f"root {kind}"}), key(f"{kind}"), start=NOW - DAY, end=NOW + 3650 * DAY)
    for kind in ("P256", "P384", "RSA2048", "RSA4096")
}


@pytest.mark.parametrize("client_kind", ["P256 of a client", "RSA3072"])
@pytest.mark.parametrize("kind", ROOTS)
def test_a_client_certificate_has_no_finding(kind: str, client_kind: str) -> None:
    certificate = client(ROOTS[kind], key(client_kind), subject=EVERY_FIELD, now=NOW)
    assert lint(certificate) == set()
    assert lint_pair(ROOTS[kind].certificate, certificate) == set()


@pytest.mark.parametrize("uris", [[], ["https://example.com/one"], ["spiffe://a.example/one", "urn:x:y"]])
def test_a_client_certificate_has_no_finding_whatever_its_names(uris: list[str]) -> None:
    assert lint(client(ROOTS["P256"], subject={"commonName": "一"}, uris=uris, now=NOW)) == set()


@pytest.mark.parametrize(("old", "new"), [("P256", "RSA2048"), ("RSA4096", "P384")])
def test_a_cross_certificate_has_no_finding(old: str, new: str) -> None:
    certificate = cross(ROOTS[old], ROOTS[new], NOW)
    assert lint(certificate) == set()
    assert lint_pair(ROOTS[old].certificate, certificate) == set()
    assert lint_pair(certificate, client(ROOTS[new], now=NOW)) == set()


def test_a_cross_certificate_between_authorities_of_one_name_has_no_finding() -> None:
    old, new = authority("root", key("root, old"), start=NOW - DAY), authority("root", key("root, new"), start=NOW - DAY)
    certificate = cross(old, new, NOW)
    assert lint(certificate) == set()
    assert lint_pair(old.certificate, certificate) == set()


@pytest.mark.parametrize(
    "make",
    [
        lambda: imposters.foreign(NOW),
        lambda: imposters.expired(ROOTS["P256"], NOW),
        lambda: imposters.server_only(ROOTS["P256"], NOW),
        lambda: imposters.not_yet_valid(ROOTS["P256"], NOW),
    ],
)
def test_an_imposter_has_no_finding_so_that_it_is_refused_for_what_it_is(make: Callable[[], imposters.Credential]) -> None:
    for certificate in bundle.load(make().certificate_pem):
        assert lint(certificate) == set()


def test_the_linter_does_find_what_is_wrong() -> None:
    """Else all of the above would prove nothing."""
    private_key, root = key("bare"), ROOTS["P256"].certificate
    builder = x509.CertificateBuilder(root.subject, name_of("bare"), private_key.public_key(), 1)
    bare = builder.not_valid_before(NOW).not_valid_after(NOW + DAY).sign(private_key, hashes.SHA256())
    assert lint(bare) == {"pkix.certificate_skid_end_entity_missing", "pkix.authority_key_identifier_extension_absent"}
    assert lint_pair(root, bare) == {"pkix.signature_verification_failed", "pkix.authority_key_id_extension_missing"}
    other = ROOTS["P384"].certificate
    assert "pkix.issuer_and_subject_dn_not_binary_equal" in lint_pair(other, client(ROOTS["P256"], now=NOW))
