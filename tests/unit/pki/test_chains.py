"""How long the way from a client to an authority is, and probe clients below chains of a chosen length."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.chains import length_to, probe
from alb_mutual_tls.pki.signing import Issuer
from tests.unit.pki.material import NOW, authority, client, cross, key, pem, subordinate

A, B = authority("root a"), authority("root b", key("b"))
ROOT_A, ROOT_B = pem(A.certificate), pem(B.certificate)


def test_the_way_is_as_long_as_it_has_certificates_below_the_authority() -> None:
    assert length_to(pem(client(A)), ROOT_A) == 1
    assert length_to(pem(client(A)) + ROOT_A, ROOT_A) == 1
    sub = subordinate(A)
    assert length_to(pem(client(sub)) + pem(sub.certificate), ROOT_A) == 2
    assert length_to(pem(client(sub)), ROOT_A) is None
    assert length_to(pem(client(A)), ROOT_B) is None


def test_in_a_rotation_it_is_one_longer_to_the_old_authority_than_to_the_new_one() -> None:
    presented = pem(client(B)) + pem(cross(A, B))
    assert (length_to(presented, ROOT_A), length_to(presented, ROOT_B)) == (2, 1)
    sub = subordinate(B)
    presented = pem(client(sub)) + pem(cross(A, B)) + pem(sub.certificate)  # in any order
    assert (length_to(presented, ROOT_A), length_to(presented, ROOT_B)) == (3, 2)


def test_authorities_that_sign_each_other_lead_nowhere_else() -> None:
    presented = pem(client(B)) + pem(cross(A, B)) + pem(cross(B, A))
    assert length_to(presented, ROOT_A) == 2
    assert length_to(presented, pem(authority("root c", key("c")).certificate)) is None


@pytest.mark.parametrize("issuer", [A, authority("rsa", key("RSA2048"))], ids=["ECDSA", "RSA"])
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_probe_is_a_good_client_below_a_chain_of_that_length(length: int, issuer: Issuer) -> None:
    credential = probe(issuer, length, NOW)
    leaf, *above = bundle.load(credential.certificate_pem)
    assert (len(above), credential.name) == (length - 1, f"chain of {length}")
    assert length_to(credential.certificate_pem, pem(issuer.certificate)) == length
    private_key = serialization.load_pem_private_key(credential.private_key_pem.encode(), None)
    assert private_key.public_key() == leaf.public_key()
    verifier = PolicyBuilder().store(Store([issuer.certificate])).time(NOW).max_chain_depth(length - 1).build_client_verifier()
    verifier.verify(leaf, above)
    assert "PRIVATE" not in repr(credential)
    if length > 1:
        with pytest.raises(VerificationError):
            PolicyBuilder().store(Store([issuer.certificate])).time(NOW).max_chain_depth(length - 2).build_client_verifier().verify(
                leaf, above
            )
