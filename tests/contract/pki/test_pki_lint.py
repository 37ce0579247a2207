"""Every kind of certificate by itself: under pkilint, and against our own reading of its
profile.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from alb_mutual_tls.pki import bundle, forged
from tests.contract.pki.certificates import KINDS, Kind
from tests.contract.pki.issued import DAY, NOW, issuer
from tests.contract.pki.linter import lint, lint_pair
from tests.contract.pki.mixes import cells
from tests.unit.pki.material import client, key, name_of
from tests.unit.pki.profiles import assert_is_client_certificate

ROOT = "ECDSA-P256"


@pytest.mark.parametrize(("kind", "mix"), cells(KINDS, lambda kind: kind.name))
def test_every_certificate_fits_its_profile_and_the_linter_finds_nothing_that_is_not_explained(
    kind: Kind, mix: tuple[str, ...]
) -> None:
    certificate, issued_by = kind.make(*mix)
    kind.check(certificate, issued_by)
    assert lint(certificate) == set(kind.findings)
    if (
        certificate != issued_by
    ):  # a self-signed certificate may leave its issuer's key identifier out (RFC 5280 section 4.2.1.1)
        assert lint_pair(issued_by, certificate) == set()


@pytest.mark.parametrize(
    "make",
    [
        lambda: forged.foreign(NOW),
        lambda: forged.expired(issuer("root", ROOT), NOW),
        lambda: forged.server_only(issuer("root", ROOT), NOW),
        lambda: forged.not_yet_valid(issuer("root", ROOT), NOW),
    ],
    ids=["foreign", "expired", "serverAuth only", "not yet valid"],
)
def test_a_forged_credential_has_no_finding_so_that_it_is_refused_for_what_it_is(
    make: Callable[[], forged.ClientCredential],
) -> None:
    for certificate in bundle.load(make().certificate_pem):
        assert lint(certificate) <= {"pkix.invalid_uri_syntax"}


def test_the_linter_does_find_what_is_wrong() -> None:
    """Else all of the above would prove nothing."""
    private_key, root = key("bare"), issuer("root", ROOT).certificate
    builder = x509.CertificateBuilder(root.subject, name_of("bare"), private_key.public_key(), 1)
    bare = builder.not_valid_before(NOW).not_valid_after(NOW + DAY).sign(private_key, hashes.SHA256())
    assert lint(bare) == {
        "pkix.certificate_skid_end_entity_missing",
        "pkix.authority_key_identifier_extension_absent",
    }
    assert lint_pair(root, bare) == {
        "pkix.signature_verification_failed",
        "pkix.authority_key_id_extension_missing",
    }
    other = issuer("root", "ECDSA-P384").certificate
    assert "pkix.issuer_and_subject_dn_not_binary_equal" in lint_pair(
        other, client(issuer("root", ROOT), now=NOW)
    )


def test_our_own_reading_does_find_what_is_wrong() -> None:
    server = bundle.load(forged.server_only(issuer("root", ROOT), NOW).certificate_pem)[0]
    with pytest.raises(AssertionError):
        assert_is_client_certificate(server, issuer("root", ROOT).certificate)
