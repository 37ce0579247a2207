"""Each forged credential is wrong in the one point that its name says, and right in every other."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from alb_mutual_tls.pki import bundle, forged
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.pki.signing import Issuer
from tests.unit.pki.material import DAY, NOW, authority, client, cross, key, key_pem, pem

ROOT = authority()
RSA_ROOT = authority("rsa root", key("RSA2048"))


def certificates(credential: ClientCredential) -> list[x509.Certificate]:
    found = bundle.load(credential.certificate_pem)
    private_key = serialization.load_pem_private_key(credential.private_key_pem.encode(), None)
    assert private_key.public_key() == found[0].public_key(), "the client could not even shake hands"
    return found


def purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def valid(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_before_utc <= NOW <= certificate.not_valid_after_utc


def test_the_foreign_one_is_good_below_an_authority_that_nobody_knows() -> None:
    leaf, root = certificates(forged.foreign(NOW))
    leaf.verify_directly_issued_by(root)
    assert (valid(leaf), valid(root), purposes(leaf)) == (True, True, [ExtendedKeyUsageOID.CLIENT_AUTH])
    assert root.subject != ROOT.certificate.subject
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_self_signed_one_bears_the_name_of_the_ca_and_needs_no_key_of_it() -> None:
    (leaf,) = certificates(forged.self_signed(pem(ROOT.certificate), NOW))
    assert (
        leaf.subject.public_bytes() == leaf.issuer.public_bytes() == ROOT.certificate.subject.public_bytes()
    )
    leaf.verify_directly_issued_by(leaf)
    with pytest.raises(InvalidSignature):
        leaf.verify_directly_issued_by(ROOT.certificate)
    assert (valid(leaf), purposes(leaf)) == (True, [ExtendedKeyUsageOID.CLIENT_AUTH])


@pytest.mark.parametrize("issuer", [ROOT, RSA_ROOT], ids=["ECDSA", "RSA"])
def test_the_tampered_one_is_a_good_client_with_another_signature(issuer: Issuer) -> None:
    good = ClientCredential(
        "one", pem(client(issuer)) + pem(cross(authority("root b"), issuer)), key_pem(key("client"))
    )
    leaf, above = certificates(forged.tampered(good))
    genuine, genuine_above = certificates(good)
    assert leaf.tbs_certificate_bytes == genuine.tbs_certificate_bytes
    assert leaf.signature != genuine.signature
    assert above == genuine_above
    with pytest.raises(InvalidSignature):
        leaf.verify_directly_issued_by(issuer.certificate)


def test_the_expired_the_servers_and_the_early_one_are_signed_by_the_real_ca() -> None:
    above = pem(cross(authority("root b"), ROOT))
    for made, is_valid, purpose in (
        (forged.expired(ROOT, NOW, above), False, ExtendedKeyUsageOID.CLIENT_AUTH),
        (forged.server_only(ROOT, NOW, above), True, ExtendedKeyUsageOID.SERVER_AUTH),
        (forged.not_yet_valid(ROOT, NOW, above), False, ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        leaf, sent_along = certificates(made)
        leaf.verify_directly_issued_by(ROOT.certificate)
        assert (valid(leaf), purposes(leaf), pem(sent_along)) == (is_valid, [purpose], above)
    (expired,) = certificates(forged.expired(ROOT, NOW))
    assert NOW - DAY <= expired.not_valid_before_utc < expired.not_valid_after_utc < NOW
    (early,) = certificates(forged.not_yet_valid(ROOT, NOW))
    assert NOW < early.not_valid_before_utc < early.not_valid_after_utc


def test_no_two_runs_knock_with_the_same_key() -> None:
    assert forged.foreign(NOW).private_key_pem != forged.foreign(NOW).private_key_pem


def test_a_credential_does_not_show_its_key() -> None:
    assert "PRIVATE" not in repr(forged.foreign(NOW))
